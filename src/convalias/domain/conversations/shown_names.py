"""Names as mails and pages show them: nobody goes by the name of the platform, and none holds an address."""

from __future__ import annotations

from typing import Final

from convalias.domain.addresses.likeness import holds_brand
from convalias.domain.conversations.timeline import SOMEBODY

_LONGEST: Final = 60
"""Characters of a name that are shown."""
MISLEADING: Final = dict.fromkeys((0x200E, 0x200F, 0x061C, *range(0x202A, 0x202F), *range(0x2066, 0x206A)))
"""Marks that turn the direction of text: in a name or a file name they only mislead."""


def shown_name(name: str, platform: str) -> str:
    """Return a person's name as it is shown: never the platform's, no address in it, one line.

    >>> shown_name("Ann  Lee", "Jobs Fair"), shown_name("Jobs Fair Support", "Jobs Fair"), shown_name("a@b.example", "")
    ('Ann Lee', 'Participant', 'a b.example')
    """
    text = name_line(name)
    return SOMEBODY if not text or holds_brand(text, platform) else text[:_LONGEST].rstrip()


def name_line(text: str) -> str:
    """Return a name in one line, without what makes an address of it or turns it around."""
    return " ".join(text.replace("@", " ").translate(MISLEADING).split())
