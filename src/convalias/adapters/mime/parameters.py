"""Content-Type and Content-Disposition: a value and its parameters, RFC 2231 pieces joined, in linear time."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final
from urllib.parse import unquote_to_bytes

from attrs import field, frozen

from convalias.adapters.mime.charsets import decode
from convalias.adapters.mime.fields import unfolded
from convalias.adapters.mime.words import decoded

_COMMENT: Final = re.compile(rb"\([^()]*+\)")
_VALUE: Final = re.compile(rb"\s*+([^\s;\"()]++)")
_PARAMETER: Final = re.compile(rb';\s*+([^\s=;"]++)\s*+=\s*+(?:"((?:[^"\\]|\\.?)*+)"?|([^;]*+))', re.DOTALL)
_PIECE: Final = re.compile(r"([^*]+)\*(\d{1,5})?(\*)?")
_ESCAPE: Final = re.compile(rb"\\(.)", re.DOTALL)


@frozen
class Labelled:
    """`value; name=text; ...`, value and names in lower case."""

    value: str = ""
    raw: Mapping[str, bytes] = field(factory=dict[str, bytes])
    """Parameters as they came, unquoted, nothing decoded. Of two the first counts."""
    repeated: frozenset[str] = frozenset()
    """Names that came twice."""

    def text(self, name: str) -> str:
        """A parameter for display: RFC 2231 pieces joined and decoded (§3, §4), encoded words as well."""
        if (plain := self.raw.get(name)) is not None:
            return decoded(plain)
        return _joined(self.raw, name)

    def octets(self, name: str) -> bytes:
        """A parameter as bytes: what a boundary is."""
        if (plain := self.raw.get(name)) is not None:
            return plain
        return _joined(self.raw, name).encode("utf-8", "replace")


NOTHING: Final = Labelled()


def read_parameters(value: bytes | None) -> Labelled:
    """Take a field's value apart. Total; what is no parameter is passed over."""
    if value is None:
        return NOTHING
    text = unfolded(value)
    if b"(" in text and b'"' not in text:
        text = _COMMENT.sub(b" ", text)
    found = _VALUE.match(text)
    main = found[1].decode("latin-1").lower() if found else ""
    if b";" not in text:
        return Labelled(main)
    raw: dict[str, bytes] = {}
    repeated: set[str] = set()
    for name, quoted, bare in _PARAMETER.findall(text):
        key = name.decode("latin-1").lower()
        content = bare.strip() if bare else quoted
        if key in raw:
            repeated.add(key)
        else:
            raw[key] = _ESCAPE.sub(rb"\1", content) if b"\\" in content else content
    return Labelled(main, raw, frozenset(repeated))


def _joined(raw: Mapping[str, bytes], name: str) -> str:
    """The pieces `name*0`, `name*1*` ... in order, and `name*`, percent-decoded where they say so."""
    pieces: dict[int, tuple[bytes, bool]] = {}
    for key, content in raw.items():
        found = _PIECE.fullmatch(key)
        if found is not None and found[1] == name:
            encoded = found[3] is not None or found[2] is None
            pieces.setdefault(int(found[2] or 0), (content, encoded))
    if not pieces:
        return ""
    charset, octets = b"utf-8", b""
    collected: list[bytes] = []
    for number in sorted(pieces):
        content, encoded = pieces[number]
        if encoded and not collected and content.count(b"'") >= 2:  # noqa: PLR2004 - charset'language'text
            charset, _, content = content.split(b"'", 2)
        collected.append(unquote_to_bytes(content) if encoded else content)
    octets = b"".join(collected)
    return decode(octets, charset.decode("latin-1") or "utf-8")
