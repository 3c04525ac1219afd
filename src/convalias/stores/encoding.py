"""Encode outside text as record ids: printable ASCII that sorts, or a digest if the text is personal."""

from __future__ import annotations

import hashlib
import re
from typing import Final
from urllib.parse import quote, unquote

_LONGEST: Final = 150
_PLAIN: Final = re.compile(r"[A-Za-z0-9\-_.~:@]*")


def encoded(text: str) -> str:
    """Reversible for short ids: percent-encoded UTF-8. A long one ends in its digest.

    No short one looks like the end of a long one: `%` is followed by two hex digits everywhere else.
    """
    plain = text if _PLAIN.fullmatch(text) else quote(text, safe="-_.~:@", errors="surrogatepass")
    return plain if len(plain) <= _LONGEST else f"{plain[:80]}%~{digest(text)}"


def decoded(text: str) -> str | None:
    """The text that was encoded; None for a long one, of which only a digest is left."""
    return None if "%~" in text else unquote(text, errors="surrogatepass")


def digest(*parts: str | bytes) -> str:
    """40 hex digits over length-prefixed parts."""
    sha = hashlib.sha256()
    for part in parts:
        octets = part.encode("utf-8", "surrogatepass") if isinstance(part, str) else part
        sha.update(b"%d:" % len(octets) + octets)
    return sha.hexdigest()[:40]
