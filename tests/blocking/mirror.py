"""Writes `convalias.blocking.parts`, the services of the façade without `await`, from their own source.

A program: `python tests/blocking/mirror.py` writes the module. A test compares.
"""

from __future__ import annotations

import ast
import builtins
import inspect
import subprocess
import sys
import textwrap
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import ModuleType
from typing import Final

from convalias.app.own_loops import InboundLoop, OutboundLoop
from convalias.services.approvals.approvals import Approvals
from convalias.services.conversations.aliasing import Aliasing
from convalias.services.conversations.messaging import Messaging
from convalias.services.inbound.receiver import Receiver
from convalias.services.migration.rollout import RolloutControl
from convalias.services.operations.operations import Operations
from convalias.services.operations.replay import Replay
from convalias.services.outbound.attachment_links import AttachmentLinks
from convalias.services.outbound.notifier import OutboundWorker
from convalias.services.outbound.redriving import Redriving
from convalias.services.outbound.suppressing import Suppressing
from convalias.services.outbound.unsubscribing import Unsubscribing

PROJECT: Final = Path(__file__).resolve().parents[2]
PLACE: Final = PROJECT / "src" / "convalias" / "blocking" / "parts.py"
PARTS: Final[tuple[type, ...]] = (
    Aliasing,
    Approvals,
    AttachmentLinks,
    InboundLoop,
    Messaging,
    Operations,
    OutboundLoop,
    OutboundWorker,
    Receiver,
    Redriving,
    Replay,
    RolloutControl,
    Suppressing,
    Unsubscribing,
)
"""The services that a host reaches from the façade. One that reaches another of them has it as a property."""
HEAD: Final = '''\
"""The services of the façade without `await`: their own names, arguments, types and docstrings.

Written by `python tests/blocking/mirror.py` from the source of the services; a test compares. Do not edit.
"""

from __future__ import annotations

'''
BUILT_IN: Final = frozenset(dir(builtins))


def imports_of(module: ModuleType) -> Mapping[str, str]:
    """The names that a module imports or defines, each with the module that it can be imported from."""
    found: dict[str, str] = {}
    for node in ast.walk(ast.parse(inspect.getsource(module))):
        match node:
            case ast.ImportFrom(module=str(origin), names=names):
                found |= {one.asname or one.name: origin for one in names}
            case _:
                pass
    for node in ast.parse(inspect.getsource(module)).body:
        match node:
            case ast.ClassDef(name=name) | ast.FunctionDef(name=name):
                found[name] = module.__name__
            case ast.Assign(targets=[ast.Name(id=name)]) | ast.AnnAssign(target=ast.Name(id=name)):
                found[name] = module.__name__
            case _:
                pass
    return found


def names_in(node: ast.AST) -> Iterator[str]:
    """The names that an annotation or a default is written with; annotations in quotes are looked into."""
    for one in ast.walk(node):
        match one:
            case ast.Name(id=name):
                yield name
            case _:
                pass


def without_defaults_of(arguments: ast.arguments) -> str:
    """The arguments of a call that hands over each parameter under its own name."""
    given = [one.arg for one in (*arguments.posonlyargs, *arguments.args)][1:]
    if arguments.vararg is not None:
        given.append(f"*{arguments.vararg.arg}")
    given += [f"{one.arg}={one.arg}" for one in arguments.kwonlyargs]
    if arguments.kwarg is not None:
        given.append(f"**{arguments.kwarg.arg}")
    return ", ".join(given)


def is_entered(node: ast.AsyncFunctionDef | ast.FunctionDef) -> bool:
    return any(isinstance(one, ast.Name) and one.id == "asynccontextmanager" for one in node.decorator_list)


def is_property(node: ast.AsyncFunctionDef | ast.FunctionDef) -> bool:
    return any(isinstance(one, ast.Name) and one.id == "property" for one in node.decorator_list)


class Writer:
    """Collects the text of the classes, and what they import."""

    def __init__(self) -> None:
        self.imports: dict[str, set[str]] = {"convalias.blocking.part": {"Part"}}

    def need(self, node: ast.AST | None, known: Mapping[str, str]) -> None:
        for name in names_in(node) if node is not None else ():
            if name not in BUILT_IN:
                self.imports.setdefault(known[name], set()).add(name)

    def one(self, part: type) -> str:
        """The class for a service. Raises `TypeError` for a method that it cannot write."""
        module = inspect.getmodule(part)
        assert module is not None
        known = imports_of(module)
        (node,) = ast.parse(textwrap.dedent(inspect.getsource(part))).body
        assert isinstance(node, ast.ClassDef)
        served = f"_{part.__name__}"
        self.imports.setdefault(module.__name__, set()).add(f"{part.__name__} as {served}")
        lines = [f"class {part.__name__}(Part[{served}]):", *quoted(ast.get_docstring(node))]
        for member in node.body:
            match member:
                case ast.AnnAssign(target=ast.Name(id=name), annotation=ast.Name(id=kind)) if kind in REACHED:
                    lines += self.reached(name, kind)
                case ast.FunctionDef(name=name, returns=ast.Name(id=kind)) if is_property(member) and kind in REACHED:
                    lines += self.reached(name, kind)
                case ast.FunctionDef() | ast.AsyncFunctionDef() if not member.name.startswith("_"):
                    lines += self.method(member, served, known)
                case _:
                    pass
        return "\n".join(lines)

    def reached(self, name: str, kind: str) -> list[str]:
        return [
            "",
            "    @property",
            f"    def {name}(self) -> {kind}:",
            f'        """Return the part of that name: `{kind}`."""',
            "        find = self._find",
            f"        return {kind}(self._opening, lambda cv: find(cv).{name})",
        ]

    def method(self, node: ast.AsyncFunctionDef | ast.FunctionDef, served: str, known: Mapping[str, str]) -> list[str]:
        for argument in (
            *node.args.posonlyargs,
            *node.args.args,
            *node.args.kwonlyargs,
            node.args.vararg,
            node.args.kwarg,
        ):
            self.need(argument and argument.annotation, known)
        for default in (*node.args.defaults, *node.args.kw_defaults):
            self.need(default, known)
        returned = node.returns
        assert returned is not None
        how = "_wait" if isinstance(node, ast.AsyncFunctionDef) else "_do"
        if is_entered(node):
            match returned:
                case ast.Subscript(value=ast.Name(id="AsyncGenerator"), slice=inside):
                    pass
                case _:
                    raise TypeError(f"{served}.{node.name}: no context manager of a known type")
            self.need(inside, known)
            self.imports.setdefault("contextlib", set()).add("AbstractContextManager")
            shown, how = f"AbstractContextManager[{ast.unparse(inside)}]", "_enter"
        elif node.decorator_list or "Async" in ast.unparse(returned) or "Awaitable" in ast.unparse(returned):
            raise TypeError(f"{served}.{node.name}: decorated, or returns what is to be awaited; no rule says how")
        else:
            self.need(returned, known)
            shown = ast.unparse(returned)
        return [
            "",
            f"    def {node.name}({ast.unparse(node.args)}) -> {shown}:",
            *(f"    {line}" if line else "" for line in quoted(ast.get_docstring(node))),
            f"        return self.{how}(lambda service: service.{node.name}({without_defaults_of(node.args)}))",
        ]


def parsed(source: str) -> ast.FunctionDef:
    """The first method of the class in a source."""
    (node,) = ast.parse(source).body
    assert isinstance(node, ast.ClassDef)
    (method,) = node.body
    assert isinstance(method, ast.FunctionDef)
    return method


REACHED: Final = frozenset(part.__name__ for part in PARTS)


def quoted(docstring: str | None) -> list[str]:
    """The docstring of a class, indented for it."""
    assert docstring
    lines = docstring.splitlines()
    text = f'"""{docstring}"""' if len(lines) == 1 else f'"""{docstring}\n"""'
    return [f"    {line}" if line else "" for line in text.splitlines()]


def written() -> str:
    """The whole module, formatted as the project is."""
    writer = Writer()
    classes = [writer.one(part) for part in PARTS]
    lines = [f"from {origin} import {', '.join(sorted(names))}" for origin, names in sorted(writer.imports.items())]
    text = HEAD + "\n".join(lines) + "\n\n\n" + "\n\n\n".join(classes) + "\n"
    ruff = [str(Path(sys.executable).with_name("ruff"))]
    place = ["--stdin-filename", str(PLACE), "-"]
    for command in (["check", "--quiet", "--select", "I", "--fix"], ["format", "--quiet"]):
        done = subprocess.run(
            [*ruff, *command, *place], input=text, capture_output=True, text=True, check=True, cwd=PROJECT
        )
        text = done.stdout
    return text


if __name__ == "__main__":
    PLACE.write_text(written(), encoding="utf-8")
