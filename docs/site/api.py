"""The reference of the API: a page for each public module, made from its `__all__` and the docstrings behind it.

A name that two public modules offer is described in the first of them; the second says where.
"""

from __future__ import annotations

import ast
import inspect
import re
import sys
import types
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from enum import Enum
from functools import cache
from importlib import import_module
from itertools import pairwise
from pathlib import Path
from typing import Final, NamedTuple

_SHOWN: Final = (int, str, timedelta, datetime)
"""Types of constants whose value says something."""
_ENOUGH: Final = 60


class UndocumentedError(Exception):
    """Public names without a docstring; an argument for each."""


class Name(NamedTuple):
    """One name of a public module."""

    module: str
    name: str
    what: object

    @property
    def full(self) -> str:
        """Return the name as a program writes it."""
        return f"{self.module}.{self.name}"


def names(modules: Sequence[str]) -> Iterator[Name]:
    """Every name of these modules, in their order."""
    for module in modules:
        loaded = import_module(module)
        yield from (Name(module, name, getattr(loaded, name)) for name in loaded.__all__)


def undocumented(modules: Sequence[str]) -> list[str]:
    """Return the names that say nothing about themselves."""
    return [one.full for one in names(modules) if not documentation(one).strip()]


def documentation(name: Name) -> str:
    """Return the docstring of a name: of what is no class, function or module, the one behind its definition."""
    if inspect.isclass(name.what) or inspect.isroutine(name.what) or inspect.ismodule(name.what):
        return inspect.getdoc(name.what) or ""
    for module, text in _constants().get(name.name, ()):
        if getattr(sys.modules.get(module), name.name, None) is name.what:
            return text
    return ""


def canonical(modules: Sequence[str]) -> Mapping[str, str]:
    """Return the public name of each public class and function, by the place where it is defined."""
    found: dict[str, str] = {}
    for one in names(modules):
        if inspect.isclass(one.what) or inspect.isroutine(one.what):
            found.setdefault(f"{one.what.__module__}.{one.what.__qualname__}", one.full)
    return found


def write(modules: Sequence[str], folder: Path) -> None:
    """Write a page for each module into a folder. Raises `UndocumentedError`."""
    missing = undocumented(modules)
    if missing:
        raise UndocumentedError(*(f"{name} has no docstring" for name in missing))
    folder.mkdir(parents=True, exist_ok=True)
    first: dict[tuple[str, int], str] = {}
    for module in modules:
        there = [*names([module])]
        new = [one for one in there if first.setdefault((one.name, id(one.what)), one.full) == one.full]
        again = [first[one.name, id(one.what)] for one in there if one not in new]
        (folder / f"{module}.rst").write_text(_page(module, new, again), encoding="utf-8")


def prose(lines: Sequence[str]) -> list[str]:
    """Return a docstring as reStructuredText: code in backticks, indented programs, and all else as it stands."""
    ends = [*lines[1:], ""], [*lines[2:], "", ""]
    return [
        f"{_escaped(line)}:" if line.endswith(":") and not after.strip() and far.startswith("    ") else _escaped(line)
        for line, after, far in zip(lines, *ends, strict=False)
    ]


def _escaped(line: str) -> str:
    """Return a line in which stars, bars and trailing underscores are no markup, unless in code."""
    if line.startswith("    "):
        return line
    parts = re.split(r"(`[^`]+`)", line)
    return "".join(
        f"`{part.strip('` ')}`" if part.startswith("`") else re.sub(r"([*|]|_\b)", r"\\\1", part) for part in parts
    )


def _page(module: str, new: Sequence[Name], again: Sequence[str]) -> str:
    kinds = {
        "Classes": [_class(one) for one in new if inspect.isclass(one.what)],
        "Functions": [_block("autofunction", one.full) for one in new if inspect.isroutine(one.what)],
        "Modules": [_module(one) for one in new if inspect.ismodule(one.what)],
        "Types and constants": [_constant(one) for one in new if not _is_code(one.what)],
        "Described elsewhere": ["".join(f"- :py:obj:`{name}`\n" for name in again)] if again else [],
    }
    parts = [f"{module}\n{'=' * len(module)}\n\n.. automodule:: {module}\n   :no-members:\n"]
    for title, blocks in kinds.items():
        if blocks:
            parts += [f"{title}\n{'-' * len(title)}\n", *blocks]
    return "\n".join(parts)


def _is_code(what: object) -> bool:
    return inspect.isclass(what) or inspect.isroutine(what) or inspect.ismodule(what)


def _block(directive: str, argument: str, *lines: str) -> str:
    return f".. {directive}:: {argument}\n" + "".join(f"   {line}".rstrip() + "\n" for line in lines)


def _class(one: Name) -> str:
    assert isinstance(one.what, type)
    more = [":undoc-members:"] if issubclass(one.what, Enum) else []
    if any(base.__module__.startswith("convalias.") for base in one.what.__bases__):
        more.append(":show-inheritance:")
    return _block("autoclass", one.full, ":members:", ":member-order: bysource", *more)


def _module(one: Name) -> str:
    """Show a module that is a name of another: what it offers, a line each."""
    assert isinstance(one.what, types.ModuleType)
    inner = [Name(one.full, name, getattr(one.what, name)) for name in getattr(one.what, "__all__", dir(one.what))]
    listed = [
        f"- `{each.name}`: {prose([documentation(each)])[0].splitlines()[0]}" for each in inner if documentation(each)
    ]
    return _block("py:data", one.full, ":type: module", "", *prose(documentation(one).splitlines()), "", *listed)


def _constant(one: Name) -> str:
    known = [f":type: {type(one.what).__name__}"] if type(one.what).__module__ != "typing" else []
    value = repr(one.what)
    if isinstance(one.what, _SHOWN) and len(value) < _ENOUGH:
        known = [f":value: {value}"]
    if isinstance(one.what, types.UnionType):
        cases = " | ".join(f":py:obj:`~{case.__module__}.{case.__qualname__}`" for case in one.what.__args__)
        return _block("py:data", one.full, "", *prose(documentation(one).splitlines()), "", f"One of {cases}.")
    return _block("py:data", one.full, *known, "", *prose(documentation(one).splitlines()))


@cache
def _constants() -> Mapping[str, Sequence[tuple[str, str]]]:
    """The docstrings behind assignments in the package, by name: the module of each, and the text."""
    root = Path(str(import_module("convalias").__file__)).parent
    found: dict[str, list[tuple[str, str]]] = {}
    for path in sorted(root.rglob("*.py")):
        module = ".".join(("convalias", *path.relative_to(root).with_suffix("").parts)).removesuffix(".__init__")
        body = ast.parse(path.read_text(encoding="utf-8")).body
        for statement, behind in pairwise(body):
            match statement, behind:
                case (
                    ast.AnnAssign(target=ast.Name(id=name)) | ast.Assign(targets=[ast.Name(id=name)]),
                    ast.Expr(value=ast.Constant(value=str(text))),
                ):
                    found.setdefault(name, []).append((module, inspect.cleandoc(text)))
                case _:
                    pass
    return found
