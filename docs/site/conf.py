"""Settings of Sphinx, which `build.py` runs. Nothing here is fetched from another host."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any, ClassVar

from docutils import nodes
from sphinx.addnodes import pending_xref
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment
from sphinx.util.docutils import SphinxDirective

SITE = Path(__file__).resolve().parent
sys.path.insert(0, str(SITE))

import api  # noqa: E402
import pages  # noqa: E402

import convalias  # noqa: E402, F401

PROJECT = SITE.parents[1]
PUBLIC = api.canonical(pages.public_modules(PROJECT))

project = "convalias"
html_title = "convalias"
extensions = ["myst_parser", "sphinx.ext.autodoc"]
source_suffix = {".md": "markdown", ".rst": "restructuredtext"}
# Pages are GitHub's Markdown: anchors are made of headings as there.
myst_heading_anchors = 4
myst_fence_as_directive = ["diagram"]
# Code of docstrings stands in single backticks, as in Markdown.
default_role = "code"
autodoc_typehints_format = "short"
autodoc_class_signature = "mixed"
python_use_unqualified_type_names = True
maximum_signature_line_length = 90
add_module_names = False
toc_object_entries_show_parents = "hide"
# Console sessions and JSON with an ellipsis in it are not always of the language that their fence names.
suppress_warnings = ["misc.highlighting_failure"]
html_theme = "furo"
html_static_path = ["static"]
html_css_files = ["site.css"]
html_show_sourcelink = False
html_copy_source = False
html_show_sphinx = False
copyright = "the convalias authors"  # noqa: A001 - the name that Sphinx asks for


class Diagram(SphinxDirective):
    """A picture of a diagram inside the page, so that it follows the page's light and dark scheme."""

    required_arguments: ClassVar[int] = 1

    def run(self) -> list[nodes.Node]:
        """Put the SVG into the page as it is."""
        _, path = self.env.relfn2path(self.arguments[0])
        self.env.note_dependency(path)
        return [nodes.raw("", f'<div class="diagram">{Path(path).read_text(encoding="utf-8")}</div>', format="html")]


def resolve(_app: Sphinx, env: BuildEnvironment, node: pending_xref, text: nodes.TextElement) -> nodes.Element | None:
    """Lead a name to the place where it is public; a type of ours that is not public stays text."""
    name: Any = node.get("reftarget", "")
    public = PUBLIC.get(name)
    if node.get("refdomain") != "py" or public is None or public == name:
        return None
    shown = nodes.inline("", public.rpartition(".")[2]) if text.astext() == name else text
    builder = env.app.builder
    python = env.domains["py"]
    return python.resolve_xref(env, node["refdoc"], builder, "obj", public, node, shown)


def plainly(_app: Sphinx, _what: str, _name: str, _obj: object, _options: object, lines: list[str]) -> None:
    """Docstrings are prose with code in backticks: whatever else would be markup is meant as it stands."""
    lines[:] = api.prose(lines)


def unlisted(_app: Sphinx, _domain: str, kind: str, content: nodes.Element) -> None:
    """Leave members of classes out of the contents of a page: the list of its names stays short, and the build quick."""
    if kind in {"attribute", "method", "property"} and isinstance(content.parent, nodes.Element):
        content.parent["no-contents-entry"] = True


def setup(app: Sphinx) -> dict[str, bool]:
    """Register what is above."""
    app.add_directive("diagram", Diagram)
    app.connect("missing-reference", resolve)
    app.connect("object-description-transform", unlisted)
    app.connect("autodoc-process-docstring", plainly)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
