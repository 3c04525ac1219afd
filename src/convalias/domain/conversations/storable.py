"""Refuse ids and typed text that some store could not keep, where they enter."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

from attrs import evolve

from convalias.domain.conversations.participants import Account, Participant
from convalias.domain.errors import InvalidValue
from convalias.domain.ids import AccountId, ConversationId, UseCase
from convalias.domain.mail.envelope import Attachment

ID_OCTETS: Final = 256
"""Of UTF-8. An id travels in links, in keys of an engine and in fields of mail, which all end somewhere."""
NAME_LENGTH: Final = 1_000
"""Characters of a name, role, topic or reason."""
TEXT_LENGTH: Final = 1_000_000
"""Characters of a chat message: one document of any engine holds four octets of each, and what lies around it."""
REPLACED: Final = "characters_replaced"
"""Flag of a message whose text held what no store can keep."""
REPLACEMENT: Final = "\ufffd"

_UNSTORABLE: Final = re.compile("[\ud800-\udfff\0]")
"""Halves of surrogate pairs are no characters (RFC 3629 §3: UTF-8 has none), and some engines end text at a NUL."""


class Unstorable(InvalidValue):
    """A store cannot hold this: says which value, and what would be right. The value itself is quoted escaped."""


def identifier(what: str, text: str) -> str:
    """Return an id if every store can keep it. Raises `Unstorable`.

    >>> identifier("conversation", "c1")
    'c1'
    """
    if not text:
        raise Unstorable(f"id of {what}", found="nothing", expected="at least one character")
    _holdable(f"id of {what}", text)
    if len(text.encode()) > ID_OCTETS:
        raise Unstorable(f"id of {what}", found=f"{len(text.encode())} octets", expected=f"at most {ID_OCTETS}")
    return text


def conversation_id(text: str) -> ConversationId:
    """The id of a conversation as it comes from outside. Raises `Unstorable`."""
    return ConversationId(identifier("conversation", text))


def account_id(text: str) -> AccountId:
    """The id of an account as it comes from outside. Raises `Unstorable`."""
    return AccountId(identifier("account", text))


def use_case(text: str) -> UseCase:
    """The name of a use case as it comes from outside. Raises `Unstorable`."""
    return UseCase(identifier("use case", text))


def typed(what: str, text: str, *, most: int = NAME_LENGTH) -> str:
    """Return a person's text if every store can keep it; empty text too. Raises `Unstorable`, quoting no text."""
    _holdable(what, text)
    if len(text) > most:
        raise Unstorable(what, found=f"{len(text)} characters", expected=f"at most {most}")
    return text


def participants(listed: Iterable[Participant]) -> None:
    """Refuse participants that no store can hold. Raises `Unstorable`."""
    for one in listed:
        identifier("account", one.account)
        for what, text in (("role", one.role), ("name", one.name), ("region", one.region or "")):
            typed(f"{what} of a participant", text)


def account(given: Account) -> None:
    """Refuse an account that no store can hold. Raises `Unstorable`."""
    for one in (given.id, *given.speaks_for):
        identifier("account", one)
    typed("name of an account", given.name)


def is_storable(text: str) -> bool:
    """Whether every store can hold it."""
    return _UNSTORABLE.search(text) is None


def replaced(text: str) -> str:
    """Replace each character that some store cannot keep by U+FFFD: for mail, which is never refused for that."""
    return text if is_storable(text) else _UNSTORABLE.sub(REPLACEMENT, text)


def replaced_names(attachments: tuple[Attachment, ...]) -> tuple[Attachment, ...]:
    """The same for the names of files."""
    return tuple(
        evolve(one, name=replaced(one.name), media_type=replaced(one.media_type))
        if not is_storable(one.name + one.media_type)
        else one
        for one in attachments
    )


def _holdable(what: str, text: str) -> None:
    found = _UNSTORABLE.search(text)
    if found is not None:
        raise Unstorable(what, found=f"U+{ord(found[0]):04X}", expected="text without NUL and without lone surrogates")
