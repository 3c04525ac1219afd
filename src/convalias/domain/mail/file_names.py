"""File names from mail: for display only, with nothing in them that a file system or an eye mistakes."""

from __future__ import annotations

import re
from typing import Final

from convalias.domain.printable import one_line

_LONGEST: Final = 120
_FORBIDDEN: Final = re.compile(r'[\\/:*?"<>|%\x00-\x1f\x7f]+')
_RESERVED: Final = re.compile(
    r"(?:con|prn|aux|nul|com[0-9\u00b9\u00b2\u00b3]|lpt[0-9\u00b9\u00b2\u00b3])(?:\..*)?", re.IGNORECASE
)
_ENDINGS: Final = {
    "text/plain": ".txt",
    "text/html": ".html",
    "text/calendar": ".ics",
    "text/csv": ".csv",
    "text/vcard": ".vcf",
    "text/x-vcard": ".vcf",
    "message/rfc822": ".eml",
    "image/jpeg": ".jpg",
    "image/png": ".png",
    "image/gif": ".gif",
    "application/pdf": ".pdf",
}


def neutralised(name: str, media_type: str) -> str:
    """Return a name that is safe to show and to offer for download.

    It is made of the type when nothing is left of it.
    Path separators (and `%`, by which `%2F` would become one) turn into `_`, controls and bidi marks go, dots
    outside go, device names of Windows get an underscore, the length is bounded and the ending kept.
    """
    text = _FORBIDDEN.sub("_", one_line(name)).strip(" ._")
    if not text:
        return f"attachment{_ENDINGS.get(media_type, '')}"
    if _RESERVED.fullmatch(text):
        text = f"_{text}"
    if len(text) <= _LONGEST:
        return text
    stem, dot, ending = text.rpartition(".")
    if not dot or len(ending) > 16:  # noqa: PLR2004 - no ending is longer
        return text[:_LONGEST].rstrip(" .")
    return f"{stem[: _LONGEST - len(ending) - 1].rstrip(' .')}.{ending}"
