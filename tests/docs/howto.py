"""A how-to whose commands run: its console blocks, and what it says that they print."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from attrs import frozen

HOW_TO = Path(__file__).resolve().parents[2] / "docs" / "how-to"
_BLOCK = re.compile(r"^### (?P<title>.*?)$|^```(?P<kind>console|text)\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL)
_VARIES = re.compile(r"\d{4}-\d\d-\d\d[ T]\d\d:\d\d(?::\d\d)?Z?|…")


@frozen
class Step:
    """Commands of a page, and the lines that they must print, in their order. Times vary, and so does what `…` stands for."""

    title: str
    commands: tuple[str, ...]
    printed: tuple[str, ...]


def steps(page: Path) -> Iterator[Step]:
    """Each console block with the text block behind it, if there is one, under the heading that it stands below."""
    title, commands = "", ""
    for found in [*_BLOCK.finditer(page.read_text(encoding="utf-8")), None]:
        kind = None if found is None else found["kind"] or "title"
        if kind == "text" and found is not None:
            yield Step(title, tuple(commands.splitlines()), tuple(found["text"].splitlines()))
            commands = ""
            continue
        if commands:
            yield Step(title, tuple(commands.splitlines()), ())
        commands = found["text"] if found is not None and kind == "console" else ""
        title = found["title"] if found is not None and kind == "title" else title


def missing(step: Step, out: str) -> str | None:
    """The first line of the page that was not printed behind those before it; None: all were."""
    lines = iter(" ".join(line.split()) for line in out.splitlines())
    for line in step.printed:
        parts = _VARIES.split(" ".join(line.split()))
        pattern = re.compile(".*".join(map(re.escape, parts)))
        if not any(pattern.fullmatch(printed) for printed in lines):
            return line
    return None
