"""Repair of a broken From that can be read in one way only: a mark too many or too few.

Broken syntax is also a way round DMARC, as servers read such a field in different ways. So what is repaired here says
so, and the rules believe it only with proof of exactly its domain.
"""

from __future__ import annotations

import re
from typing import Final

from convalias.adapters.mime.mailboxes import parsed, text_of
from convalias.adapters.mime.words import decoded, spelled_out
from convalias.domain.addresses.email_address import EmailAddress
from convalias.domain.mail.envelope import ClearFrom

_RUN: Final = re.compile(r"[^\s\x00-\x1f\x7f-\x9f<>()\[\],;:\"']*+")
_ANGLE: Final = re.compile(r"<([^<>]*+)>")
_QUOTED: Final = re.compile(r'"(?:[^"\\<>@]|\\.)*+"')
_COMMENT: Final = re.compile(r"\([^()@<>\"]*+\)")
_OTHER_ATS: Final = re.compile("\uff20|\ufe6b|%40")
# Controls, soft hyphens, marks of direction and of no width (Unicode §23.2, §23.3): what they hide, nobody sees.
_HIDDEN: Final = re.compile(
    "[\x00-\x08\x0a-\x1f\x7f-\x9f\u00ad\u034f\u061c\u115f\u1160\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufe00-\ufe0f\ufeff\ufff9-\ufffb]"
)
_JAPANESE: Final = re.compile(rb"\x1b\$[@B(]([^\x1b]*+)(?:\x1b\([BJ])?")
_MARKS: Final = frozenset("<>():;\"' \t")
_SEPARATORS: Final = re.compile(r"[,;:>]")
_LONGEST: Final = 2_000


def repaired(value: bytes) -> ClearFrom | None:
    """The one address of a From that is no valid one; None unless nobody could read another.

    `value`: of the only From field, unfolded. Linear.
    """
    if len(value) > _LONGEST or any(b"@" in section for section in _JAPANESE.findall(value)):
        return None
    plain = _JAPANESE.sub(b"", value)
    text, shown = text_of(plain), spelled_out(plain)
    if _OTHER_ATS.search(text + shown) or _HIDDEN.search(text + shown):
        return None
    runs = _runs(text)
    address = _only(runs + _runs(shown)) if runs else None
    if address is None or not _is_one_mailbox(text, runs):
        return None
    before = text[: text.rfind(runs[-1])]
    name = before.rpartition("<")[0] if "<" in before else ""
    return ClearFrom(address, decoded(name.translate(_NO_MARKS).encode()), repaired=True)


_NO_MARKS: Final = dict.fromkeys(map(ord, '<>()";:'), " ")


def _runs(text: str) -> list[str]:
    """Every address-like text: the longest run that holds an at sign."""
    return [run for run in _RUN.findall(text) if "@" in run]


def _only(runs: list[str]) -> EmailAddress | None:
    """The address that all of them are, or None."""
    found = {parsed(run) for run in runs}
    return found.pop() if len(found) == 1 else None


def _is_one_mailbox(text: str, runs: list[str]) -> bool:
    """Whether only marks are wrong, and the address is a mailbox once."""
    last = text.rfind(runs[-1])
    before, after = text[:last], text[last + len(runs[-1]) :]
    if not _MARKS.issuperset(_COMMENT.sub("", after) if ">" in after else after):
        return False  # a comma too many, or text behind the address
    if not (_MARKS.issuperset(before) or _is_bracketed(before, after)):
        return False  # text before an address without brackets
    outside = _QUOTED.sub(" ", before)
    if (":" in outside and ";" in after) or (outside.count("(") > outside.count(")") and ")" in after):
        return False  # a group that is closed, or an address in a comment
    if any(not _runs(inner) for inner in _ANGLE.findall(text) if inner.strip()):
        return False
    if len(runs) > 1:  # the address may stand in the name as well, but not as another mailbox
        first = text.find(runs[0]) + len(runs[0])
        return not _SEPARATORS.search(text[first:last])
    return True


def _is_bracketed(before: str, after: str) -> bool:
    """Whether a bracket opens the address that stands between these, or only closes it."""
    if before.rstrip("\"' \t").endswith("<"):
        return True
    return "<" not in before and before.endswith((" ", "\t", '"')) and after.lstrip("\"' \t").startswith(">")
