"""Conversations: the messages and members of a host, in the host's own tables."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from typing import Any, Protocol, TypeAlias, runtime_checkable

from attrs import Attribute, field, frozen

from convalias.domain.conversations.events import UNVERIFIED
from convalias.domain.conversations.participants import Participant
from convalias.domain.conversations.threads import ThreadState
from convalias.domain.errors import InvalidValue
from convalias.domain.expecting import check_fields, each
from convalias.domain.mail.envelope import Attachment


def _is_text(instance: object, attribute: Attribute[Any], value: object) -> None:
    """Refuse an id that is a number: it is compared with text."""
    if not isinstance(value, str) or not value:
        found = "no text" if isinstance(value, str) else f"{type(value).__name__} {value!r}"
        raise InvalidValue(f"{attribute.name} of a {type(instance).__name__}", found=found, expected="text")


def _is_aware(instance: object, attribute: Attribute[Any], value: object) -> None:
    if not isinstance(value, datetime) or value.utcoffset() is None:
        found = "a naive time" if isinstance(value, datetime) else type(value).__name__
        raise InvalidValue(f"{attribute.name} of a {type(instance).__name__}", found=found, expected="an aware time")


def _are_participants(instance: object, attribute: Attribute[Any], value: Iterable[object]) -> None:
    for one in value:
        if not isinstance(one, Participant):
            raise InvalidValue(
                f"{attribute.name} of a {type(instance).__name__}",
                found=type(one).__name__,
                expected="Participant, such as Participant.of(account, name=...)",
            )


def _listed(members: Iterable[Participant]) -> tuple[Participant, ...]:
    return each("members of a Thread", members, object, expected="several Participant")


def _are_accounts(accounts: Iterable[str] | None) -> frozenset[str] | None:
    return None if accounts is None else frozenset(each("audience", accounts, str, expected="ids of accounts, as text"))


@frozen(kw_only=True)
class Thread:
    """A conversation of the host, as it is now. Use case and market choose policy and rollout, and never change."""

    id: str = field(validator=_is_text)
    use_case: str = field(validator=_is_text)
    members: tuple[Participant, ...] = field(converter=_listed, validator=_are_participants)
    state: ThreadState = ThreadState.OPEN
    market: str | None = None

    __attrs_post_init__ = check_fields


@frozen
class MessageRef:
    """The name of one message. Its id is never given again in its thread, deleted or not."""

    thread: str = field(validator=_is_text)
    message: str = field(validator=_is_text)

    __attrs_post_init__ = check_fields


@frozen(kw_only=True)
class NewMessage:
    """A mail that becomes a message.

    Keep `key`, `author` and `text`, and the rest if you like: convalias keeps what it needs of it beside your message.
    """

    thread: str
    key: str
    """42 ASCII characters, unique in its thread: by a constraint, not by a look before the insert."""
    author: str | None
    """The account; None: nobody of yours (a guest)."""
    author_name: str
    """May be shown. Of a guest it is the address, for a name without it could be anybody's."""
    text: str = field(repr=False)
    at: datetime
    """When the mail was received: aware, UTC."""
    answers: str | None = None
    """The message of this thread that it answers. None: that is not known, as of most mails."""
    subject: str = field(default="", repr=False)
    full_text: str = field(default="", repr=False)
    """With quoted history."""
    attachments: tuple[Attachment, ...] = ()
    flags: frozenset[str] = frozenset()
    """What readers should be told beside the text, in the words of `MessageAdded.flags`: see `verified`, and `harmful`."""

    __attrs_post_init__ = check_fields

    @property
    def verified(self) -> bool:
        """Whether it is proved that the author sent it. Of any other message show that it is not."""
        return UNVERIFIED not in self.flags


@frozen(kw_only=True)
class Message:
    """A message as it reads now, its last edit included."""

    id: str = field(validator=_is_text)
    author: str | None
    """The account; None: nobody of the host's."""
    text: str = field(repr=False)
    at: datetime = field(validator=_is_aware)
    """When it was written: aware."""
    key: str | None = None
    """As posted; None of what the host's own people wrote."""
    audience: frozenset[str] | None = field(default=None, converter=_are_accounts)
    """Accounts it was written to, the same at each call; None: the members when it is decided who is told."""

    __attrs_post_init__ = check_fields


@frozen
class Posted:
    """The message was added and committed; `untold` has it."""

    id: str = field(validator=_is_text)

    __attrs_post_init__ = check_fields


@frozen
class AlreadyPosted:
    """The key is taken, by this message."""

    id: str = field(validator=_is_text)

    __attrs_post_init__ = check_fields


@frozen
class PostDeclined:
    """The host declined: nothing was added, and repeating the call will add nothing."""

    reason: str
    """For operators. Without personal data: it is logged."""

    __attrs_post_init__ = check_fields


PostAnswer: TypeAlias = Posted | AlreadyPosted | PostDeclined


class Conversations(Protocol):
    """Five calls on committed data. Each may be repeated, and made by several processes at once.

    Promises: what one call answered, every later call of every process sees (no lagging replica, no transaction left
    open); an id is never given again, whatever was deleted. Whatever is raised means "try again": it may have been done.
    Not asked for: dense or ascending ids, any order, a position, a lock, that nobody else writes.
    """

    async def thread(self, id: str) -> Thread | None:  # noqa: A002 - hosts call it so, too
        """Return it as it is now. None: unknown or erased; nobody is told of anything in it any more."""
        ...

    async def post(self, message: NewMessage) -> Posted | AlreadyPosted | PostDeclined:
        """Add it in one transaction, unless its key is taken.

        It may be declined: the thread is closed, its author has left, a rule of the host's own.
        """
        ...

    async def find(self, thread: str, *, message: str | None = None, key: str | None = None) -> Message | None:
        """Return a message by one of the two.

        None: it was never posted, or was withdrawn; then nobody is told of it any more.
        """
        ...

    async def untold(self, *, limit: int) -> Sequence[MessageRef]:
        """Return committed messages that were not given to `told`, of either way in, in any order.

        What was there before convalias, and what is imported, is told from birth.
        """
        ...

    async def told(self, messages: Sequence[MessageRef]) -> None:
        """Note that these, and no others, need not come again."""
        ...


@runtime_checkable
class ReadMarks(Protocol):
    """Conversations that know who has read what: a reader of a message is not mailed about it."""

    async def read(self, thread: str, message: str, accounts: Collection[str]) -> Collection[str]:
        """Return those of these accounts who have read that message."""
        ...


@runtime_checkable
class History(Protocol):
    """Conversations that can be read back: what a timeline is made of."""

    async def history(self, thread: str, *, before: str | None = None, limit: int) -> Sequence[Message]:
        """Return the latest messages, newest first; `before`: those before that message."""
        ...
