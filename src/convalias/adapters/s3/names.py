"""Names of objects for keys: in the same order, for any key, also where objects are files in folders.

A name is its key and a `!`, so that a plain key is read off the bucket as it is: `raw/2026/03/01/<digest>!`. The mark at
the end lets `a` and `a/b` both be keys where objects are files, and sorts before whatever a key may go on with. So names
ascend by octets as their keys do, and an engine's own order and paging are ours.
"""

from __future__ import annotations

import re
from typing import Final

from convalias.ports.errors import Rejected

MOST_OCTETS: Final = 400
"""Of a key, as `ports.Blobs` has it."""
_PIECE: Final = 120
"""Characters of a segment before it is cut into two, for file systems whose names end at 255 octets."""
_END: Final = "!"
_ESCAPES: Final = {" ": "!a", "!": "!b"}
"""The two characters that do not sort behind the mark."""
_ESCAPED: Final = re.compile(r"[ !]")
_CUT_BEFORE_LESS: Final = "!c/"
_CUT_BEFORE_MORE: Final = "~/"
"""A cut, told apart by whether the next character sorts before or behind `/`: a key that has its `/` there instead
stands between the two. After a whole piece nothing else can follow, so `~` needs no escape."""
_NO_FOLDER: Final = re.compile(r"(?:^|/)(?:\.{0,2}/|\.\.$)")
_KEY: Final = re.compile(r"[ -~]+", re.ASCII)


def name_of(key: str) -> str:
    """The object's name. Raises `Rejected` for what is no key: empty, too long, not ASCII, `..`, an empty folder."""
    if not _KEY.fullmatch(key) or len(key) > MOST_OCTETS or _NO_FOLDER.search(key):
        raise Rejected(
            f"no key of a blob: expected 1 to {MOST_OCTETS} printable ASCII characters, no empty folder or .."
        )
    return start_of(key) + _END


def start_of(text: str) -> str:
    """Return the prefix of the names of all keys that begin with `text`."""
    return "/".join(_segment(one) for one in text.split("/"))


def key_of(name: str) -> str | None:
    """The key, or None for an object that no key makes: not ours."""
    if not name.endswith(_END):
        return None
    key = _read(name[: -len(_END)])
    return key if key and start_of(key) + _END == name else None


def _segment(text: str) -> str:
    if len(text) <= _PIECE and not _ESCAPED.search(text):  # as nearly all are
        return text
    pieces = [text[at : at + _PIECE] for at in range(0, len(text), _PIECE)] or [""]
    first, *others = ["".join(_ESCAPES.get(one, one) for one in piece) for piece in pieces]
    cuts = (_CUT_BEFORE_LESS if piece[0] < "/" else _CUT_BEFORE_MORE for piece in pieces[1:])
    return first + "".join(cut + piece for cut, piece in zip(cuts, others, strict=True))


def _read(name: str) -> str:
    """Undo the escapes and cuts; nonsense in, nonsense out."""
    out: list[str] = []
    at, since_cut = 0, 0
    backwards = {escape: one for one, escape in _ESCAPES.items()}
    while at < len(name):
        cut = next((one for one in (_CUT_BEFORE_LESS, _CUT_BEFORE_MORE) if name.startswith(one, at)), None)
        if cut is not None and since_cut == _PIECE:
            at, since_cut = at + len(cut), 0
            continue
        read = name[at : at + 2] if name[at] == _END else name[at]
        out.append(backwards.get(read, read))
        since_cut = 0 if read == "/" else since_cut + 1
        at += len(read)
    return "".join(out)
