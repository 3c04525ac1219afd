"""Pages as the site has them: the same text, with links that lead to pages of the site where it has them.

A page of `docs/` works on a git host as it is. Here `README.md` becomes `index.md`, a link to a file that is no page leads
to the git host, and each diagram becomes the picture that was drawn of it.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final

from attrs import field, frozen

BESIDE_THE_README: Final = ("CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md")
HOME: Final = Path("docs/README.md")
DECISIONS: Final = Path("docs/explanation/decisions")
"""Their index names each, as a test checks; the side bar of every page need not."""
MODULES: Final = Path("docs/reference/public-modules.md")
DIAGRAMS: Final = Path("docs/explanation/pictures/diagrams")

_FENCE: Final = re.compile(r"^( *)(`{3,})([^\n`]*)\n(.*?)^\1\2 *$\n?", re.MULTILINE | re.DOTALL)
_LINK_OR_CODE: Final = re.compile(
    r"(?P<before>!?\[(?:[^\[\]]|\[[^\]]*\])*\]\()(?P<target>[^)\s]+)\)"
    # Code is passed over: a program may well index a list and call what it finds.
    r"|(?P<code>(?P<ticks>`+)(?!`)(?:(?!\n\n).)*?(?<!`)(?P=ticks)(?!`))",
    re.DOTALL,
)
_GROUP: Final = re.compile(r"^## (.+)$", re.MULTILINE)
_LISTED: Final = re.compile(r"^- \[[^\]]*\]\(([^)#:]+)\.md\)", re.MULTILINE)
_MODULE: Final = re.compile(r"^\| `(convalias[a-z0-9.]*)` \|", re.MULTILINE)


class BrokenPageError(Exception):
    """Pages that cannot be on the site; an argument for each fault, which names the page."""


def stage(project: Path, out: Path) -> None:
    """Write each page and picture into a folder. Raises `BrokenPageError`."""
    writer = Writer(project, url_of(project), {page: staged(page) for page in found(project)})
    for page, place in writer.places.items():
        (out / place).parent.mkdir(parents=True, exist_ok=True)
        (out / place).write_text(writer.rewritten(page), encoding="utf-8")
    if writer.faults:
        raise BrokenPageError(*writer.faults)
    shutil.copytree(project / "docs" / "explanation" / "pictures", out / "explanation" / "pictures")


def found(project: Path) -> Iterator[Path]:
    """Every page of the site, by its path in the project."""
    yield from (Path(name) for name in BESIDE_THE_README)
    yield from sorted(page.relative_to(project) for page in (project / "docs").rglob("*.md"))


def staged(page: Path) -> Path:
    """Return the place of a page among those of the site."""
    inside = page.relative_to("docs") if page.parts[0] == "docs" else Path("project") / page.name.lower()
    return inside.with_name("index.md") if inside.name == "README.md" else inside


def url_of(project: Path) -> str:
    """Return the address of the project on its git host."""
    configured = tomllib.loads((project / "pyproject.toml").read_text(encoding="utf-8"))
    return str(configured["project"]["urls"]["Source"])


def public_modules(project: Path) -> list[str]:
    """Return the public modules, as the page about them lists them."""
    return _MODULE.findall((project / MODULES).read_text(encoding="utf-8"))


def navigation(home: str) -> str:
    """Return the trees of the side bar: what the home page lists below each heading."""
    _, *groups = _GROUP.split(home)
    return "".join(_tree(title, _LISTED.findall(text)) for title, text in zip(groups[::2], groups[1::2], strict=True))


def digest(diagram: str) -> str:
    """Return the name under which the picture of a diagram is kept."""
    return hashlib.sha256(diagram.encode()).hexdigest()[:16]


def diagrams(text: str) -> list[str]:
    """Return the Mermaid texts of a page."""
    return [fence[4] for fence in _FENCE.finditer(text) if fence[3] == "mermaid"]


def _tree(caption: str, pages: Sequence[str]) -> str:
    titled = f":caption: {caption}\n" if caption else ""
    return "".join(f"{line}\n" for line in ("", f"```{{toctree}}\n:hidden:\n{titled}", *pages, "```"))


@frozen
class Writer:
    """Rewrites pages for the site, and notes what is wrong with them."""

    project: Path
    source: str
    """The address of the project on its git host."""
    places: Mapping[Path, Path]
    """By the path of a page in the project, its place among those of the site."""
    faults: list[str] = field(factory=list)

    def rewritten(self, page: Path) -> str:
        """Return a page as the site has it."""
        text = self._linked(page)
        if page == HOME:
            return text + navigation(text)
        if page == MODULES:
            listed = [f"api/{module}" for module in public_modules(self.project)]
            return _MODULE.sub(r"| [`\1`](api/\1.rst) |", text) + _tree("", listed)
        if page.parent == DECISIONS and page.name != "README.md":
            return f"---\norphan: true\n---\n{text}"
        return text

    def _linked(self, page: Path) -> str:
        """Return a page with other links and diagrams."""
        text = (self.project / page).read_text(encoding="utf-8")
        parts: list[str] = []
        at = 0
        for fence in _FENCE.finditer(text):
            parts += [self._between(page, text[at : fence.start()]), self._fenced(page, fence)]
            at = fence.end()
        return "".join([*parts, self._between(page, text[at:])])

    def _between(self, page: Path, text: str) -> str:
        """Return a text without blocks of code, with other links."""
        return _LINK_OR_CODE.sub(lambda match: match["code"] or self._link(page, match), text)

    def _link(self, page: Path, match: re.Match[str]) -> str:
        target, _, anchor = match["target"].partition("#")
        there = target.removeprefix(f"{self.source}/blob/main/")
        if not target or (there == target and re.match(r"[a-z]+:", target)):
            return match[0]
        file = Path(there) if there != target else Path(os.path.normpath(page.parent / target))
        if not (self.project / file).exists():
            self.faults.append(f"{page}: {match['target']} leads nowhere")
        return f"{match['before']}{self._place(page, file)}{'#' + anchor if anchor else ''})"

    def _place(self, page: Path, file: Path) -> str:
        """Return where a page of the site finds a file: on the site if that is a page or a picture."""
        if file in self.places:
            return os.path.relpath(self.places[file], self.places[page].parent)
        if file.suffix in {".png", ".svg"}:
            return os.path.relpath(file, page.parent)
        return f"{self.source}/{'tree' if (self.project / file).is_dir() else 'blob'}/main/{file}"

    def _fenced(self, page: Path, fence: re.Match[str]) -> str:
        """Return a block as it is, or the picture of a diagram."""
        if fence[3] != "mermaid":
            return fence[0]
        picture = DIAGRAMS / f"{digest(fence[4])}.svg"
        if not (self.project / picture).exists():
            self.faults.append(f"{page}: a diagram has no picture; make pictures draws it")
        return f"```{{diagram}} /{picture.relative_to('docs')}\n```\n"
