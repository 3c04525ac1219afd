"""Decide which parts of a person's name an alias shows, in which letters, and how many."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from enum import Enum
from typing import Final

from convalias.domain.addresses.likeness import holds_brand
from convalias.domain.aliases.transliteration import latin

NEUTRAL: Final = "member"
"""Stands where a name says nothing, must not, or cannot be written in a-z."""
NAME_LENGTH: Final = 30
"""46 characters fit beside a v3 token in the 64 octets of RFC 5321 §4.5.3.1.1."""

_MAILBOXES: Final = """
abuse admin administrator billing bounce bounces contact daemon double-bounce ftp help helpdesk hostmaster info list
listserv mail mailer mailer-daemon majordomo marketing news newsletter no-reply nobody noc noreply do-not-reply
donotreply owner postmaster prvs root sales security spam srs0 srs1 ssladmin sslwebmaster support system test
unsubscribe usenet uucp webmaster www
"""
RESERVED: Final = frozenset(_MAILBOXES.split())
"""Local parts that are nobody's name: those of RFC 2142 and RFC 5321 §4.5.1, and what reads as a machine."""
_RESERVED_STARTS: Final = (
    "owner-",
    "bounce-",
    "bounces-",
    "no-reply-",
    "noreply-",
    "mailer-daemon-",
    "srs0-",
    "srs1-",
)
_RESERVED_ENDS: Final = ("-request", "-bounces", "-owner", "-unsubscribe")
"""As list software names its addresses (RFC 2142 §6)."""

_SILENT: Final = re.compile("['`\u00b4\u2018\u2019\u02bc.]")
_PLAIN: Final = re.compile(r"[A-Za-z]+(?: [A-Za-z]+)*")
_OTHER: Final = re.compile(r"[^a-z0-9]+")


class NamePolicy(Enum):
    """The policy for how much of a name an alias shows."""

    FULL = "full"
    FIRST_AND_INITIAL = "first_initial"
    NONE = "none"


def alias_name(name: str, policy: NamePolicy = NamePolicy.FULL, *, brand: str = "") -> str:
    """The name part of an alias: `[a-z0-9-]`, 1 to 30 characters, never a reserved local part nor the brand.

    >>> alias_name("José Ångström"), alias_name("José Ångström", NamePolicy.FIRST_AND_INITIAL), alias_name("山田")
    ('jose-angstrom', 'jose-a', 'member')
    """
    if policy is NamePolicy.NONE or "@" in name:  # an address as a display name must not shine through
        return NEUTRAL
    words = _words(name)
    if policy is NamePolicy.FIRST_AND_INITIAL:
        words = [*words[:1], *(word[0] for word in words[1:][-1:])]
    text = _bounded(words)
    # By the name as it is shown, and as it is written here: letters of another script may become those of the brand.
    is_brand = bool(brand) and (holds_brand(name, brand) or holds_brand(text, brand))
    return text if _is_a_name(text) and not is_brand else NEUTRAL


def _words(name: str) -> list[str]:
    """The words that can be written in a-z, in order; a word that cannot is left out."""
    if _PLAIN.fullmatch(name):
        return name.lower().split(" ")
    return [word for word in _all_words(name[: 8 * NAME_LENGTH]) if word]


def _all_words(name: str) -> Iterable[str]:
    for written in unicodedata.normalize("NFKC", _SILENT.sub("", name)).split():
        yield from _OTHER.sub(" ", latin(written)).split()


def _bounded(words: list[str]) -> str:
    """As many whole words as fit; of a first word that is too long, its beginning."""
    text = "-".join(words)
    if len(text) <= NAME_LENGTH:
        return text
    cut = text[: NAME_LENGTH + 1].rpartition("-")[0]
    return cut or text[:NAME_LENGTH]


def _is_a_name(text: str) -> bool:
    return (
        any("a" <= char <= "z" for char in text)
        and text not in RESERVED
        and not text.startswith(_RESERVED_STARTS)
        and not text.endswith(_RESERVED_ENDS)
    )
