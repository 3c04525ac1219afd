"""Files in the middle of a text, as programs wrote them before MIME: uuencode (POSIX.1-2017, `uuencode`)."""

from __future__ import annotations

import binascii
import re
from typing import Final

from attrs import field, frozen

_BEGIN: Final = re.compile(r"^begin [0-7]{3,4} ([^\n]{1,200})\n", re.MULTILINE)
_FILES: Final = 100
"""Of one text; what is more stays text."""
_LENGTHS: Final = range(0x21, 0x5E)
"""First characters of a line that holds octets, ` ` and a back quote (none) aside."""


@frozen
class UuFile:
    """A file that stood in a text."""

    name: str
    """As written."""
    content: bytes = field(repr=False)


def taken_apart(text: str) -> tuple[str, tuple[UuFile, ...]]:
    """Return the text without the files in it, and these. Linear; what does not end as it should stays text."""
    pieces: list[str] = []
    files: list[UuFile] = []
    kept = at = 0
    while len(files) < _FILES and (begin := _BEGIN.search(text, at)) is not None:
        content, at = _content(text, begin.end())
        if content is not None:
            pieces.append(text[kept : begin.start()])
            files.append(UuFile(begin[1].strip(), content))
            kept = at
    return "".join([*pieces, text[kept:]]) if files else text, tuple(files)


def _content(text: str, at: int) -> tuple[bytes | None, int]:
    """The octets up to the end of the file, and where the text goes on; None and where it is broken."""
    octets: list[bytes] = []
    while at < len(text):
        stop = text.find("\n", at)
        stop = len(text) if stop < 0 else stop
        line = text[at:stop].rstrip("\r")
        if line == "end":
            return b"".join(octets), min(stop + 1, len(text))
        if line.strip("` "):
            if not line.isascii() or ord(line[0]) not in _LENGTHS:
                return None, at
            try:
                octets.append(binascii.a2b_uu(line))
            except binascii.Error:
                return None, at
        at = stop + 1
    return None, len(text)
