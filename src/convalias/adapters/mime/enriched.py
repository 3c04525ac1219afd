"""Text with marks of its own: text/enriched (RFC 1896) and its forerunner text/richtext (RFC 1341 §7.1.3), as plain text."""

from __future__ import annotations

import re
from typing import Final

KINDS: Final = frozenset({"text/enriched", "text/richtext"})
_PARAMETER: Final = re.compile(r"<param>[^<]*+</param>", re.IGNORECASE)
_MARK: Final = re.compile(r"<(/?)([A-Za-z0-9-]{1,60})>")
_LINE_ENDS: Final = re.compile(r"\n++")
_DOUBLED: Final = "\0"
"""Stands for `<<`, which is a `<` of the text. No text holds it: a reader replaces it before."""
_OF_RICHTEXT: Final = {"nl": "\n", "paragraph": "\n\n", "lt": "<"}


def without_marks(text: str, kind: str) -> str:
    """Return what is to be read. Linear; whatever is no mark stays."""
    if kind == "text/richtext":
        return _MARK.sub(_of_richtext, text.replace("\n", " "))
    marked = _PARAMETER.sub("", text.replace("<<", _DOUBLED))
    pieces: list[str] = []
    at = unfilled = 0
    for mark in _MARK.finditer(marked):
        pieces.append(_filled(marked[at : mark.start()], is_as_it_stands=unfilled > 0))
        at = mark.end()
        if mark[2].lower() == "nofill":
            unfilled = max(0, unfilled + (-1 if mark[1] else 1))
    pieces.append(_filled(marked[at:], is_as_it_stands=unfilled > 0))
    return "".join(pieces).replace(_DOUBLED, "<")


def _filled(text: str, *, is_as_it_stands: bool) -> str:
    """RFC 1896 §3: one line end is a blank, of several one is taken away."""
    return text if is_as_it_stands else _LINE_ENDS.sub(lambda ends: "\n" * (len(ends[0]) - 1) or " ", text)


def _of_richtext(mark: re.Match[str]) -> str:
    is_end, name = bool(mark[1]), mark[2].lower()
    return "" if is_end and name != "paragraph" else _OF_RICHTEXT.get(name, "")
