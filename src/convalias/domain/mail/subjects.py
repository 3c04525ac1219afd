"""Marks that programs put before the subject of a reply or of a forwarded mail."""

from __future__ import annotations

import re
from collections.abc import Collection
from typing import Final

_COUNT: Final = r"\s?(?:\[\d{1,3}\]|\(\d{1,3}\)|\^\d{1,3})?\s?[:\uff1a]\s*"
_FORWARD: Final = r"fwd?|wg|tr|rv|enc|i|vb|vs|vl|pd|fs|ilt|i\u0307lt|doorst|tov|\u0432\u0441|转发|轉寄|転送|전달"
_REPLY: Final = r"re|aw|antw?|sv|vs|r|ref|rif|rép|res|odp|ynt|atb|bls|回复|回覆|答复|返信|회신"
_MARKS: Final = re.compile(rf"(?:(?:{_REPLY}|{_FORWARD}){_COUNT})+", re.IGNORECASE)
_FORWARDS: Final = re.compile(rf"\s*+\[?(?:{_FORWARD}){_COUNT}", re.IGNORECASE)
# The tag of our notifications, which keeps conversations apart in programs that thread by subject.
_TAG: Final = re.compile(r"\[[0-9a-f]{6}\]\s*$")
_NONE: Final = frozenset(
    {"no subject", "none", "kein betreff", "ohne betreff", "sans objet", "pas d'objet", "sin asunto", "nessun oggetto", "geen onderwerp",
     "sem assunto", "inget ämne", "intet emne", "ei aihetta", "brak tematu", "bez předmětu", "konu yok", "без темы",
     "без теми", "χωρίς θέμα", "无主题", "無主旨", "件名なし", "無題", "제목 없음", "ללא נושא"}
)  # fmt: skip
"""What programs write where a person wrote no subject."""


def own_subject(subject: str, ours: Collection[str]) -> str:
    """Return a mail's own subject: empty if it has only marks, says that there is none, or is ours."""
    bare = without_marks(subject)
    if bare.strip("()[]<>\uff08\uff09 .").casefold() in _NONE or _TAG.search(bare) or bare in ours:
        return ""
    return subject.strip() if bare else ""


def without_marks(subject: str) -> str:
    """A subject behind its marks.

    >>> without_marks("Re: AW: Fwd: the job")
    'the job'
    """
    found = _MARKS.match(subject.lstrip())
    return subject.lstrip()[found.end() :].strip() if found else subject.strip()


def topic(subject: str) -> str:
    """A subject behind its marks, as it is compared: letter case and white space say nothing."""
    return " ".join(without_marks(subject).split()).casefold()


def is_marked(subject: str) -> bool:
    """Whether a subject has a mark of a reply or of a forwarded mail."""
    return _MARKS.match(subject.lstrip()) is not None


def is_forward(subject: str) -> bool:
    """Whether the outermost mark says that the mail forwards another. `VS` is a reply in one language, a forward in others.

    >>> is_forward("WG: the job"), is_forward("AW: WG: the job")
    (True, False)
    """
    return _FORWARDS.match(subject) is not None
