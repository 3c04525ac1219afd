"""Doors for the posts of a provider: each verifies a post and hands on its mail or its event."""

from __future__ import annotations

import re
from collections.abc import AsyncIterable, Awaitable, Callable, Mapping
from datetime import datetime
from types import MappingProxyType
from typing import Final, Protocol, TypeAlias, assert_never

from attrs import Attribute, field, frozen

from convalias.domain.errors import InvalidValue
from convalias.domain.inbound.posts import IncomingMail
from convalias.domain.outbound.reports import DeliveryEvent, EventAnswer
from convalias.ports.ambient import Clock, Telemetry
from convalias.ports.errors import Unavailable
from convalias.services.inbound.receiver import Kept, Receipt, TokenReused

_ADDRESS: Final = re.compile(r"(/[a-z0-9_-]{1,40}){0,4}")
_VARIABLE: Final = re.compile(r"[A-Z][A-Z0-9_]{0,39}")
_MARK: Final = "X-Convalias-Message: "


class DoorAnswer(Protocol):
    """Status and text of a door."""

    @property
    def status(self) -> int:
        """Return the HTTP status."""
        ...

    @property
    def text(self) -> str:
        """Return one line."""
        ...


@frozen
class HttpAnswer:
    """Status and one line of text."""

    status: int
    text: str
    error: Exception | None = field(default=None, eq=False, repr=False)
    """What stood in the way, for whoever writes the log; never part of the answer. Told whatever the status is."""


async def answer_to_mail(
    accept: Callable[[IncomingMail], Awaitable[Receipt]], mail: IncomingMail, *, reused: HttpAnswer
) -> HttpAnswer:
    """Keep the mail, and return what its provider is told. `reused`: its token came with another body before."""
    try:
        receipt = await accept(mail)
    except Unavailable as away:
        return HttpAnswer(503, str(away), away)
    match receipt:
        case Kept():
            return HttpAnswer(200, "kept")
        case TokenReused():
            return reused
        case _:
            assert_never(receipt)


def mail_of_message(
    name: str, text: str, *, reason: str, token: str | None = None, token_at: datetime | None = None
) -> IncomingMail:
    """Return a message that cannot be taken in as mail for a person: the message itself, as it came.

    `name`: of the provider's door. `reason`: why it is in quarantine. `token`, `token_at`: of `IncomingMail`.
    """
    raw = f"{_MARK}{name}\r\n\r\n{text}".encode("utf-8", "surrogatepass")
    return IncomingMail(raw, source=name, quarantine=reason, token=token, token_at=token_at)


async def answer_to_event(
    take: Callable[[DeliveryEvent], Awaitable[EventAnswer]], event: DeliveryEvent, *, reused: HttpAnswer
) -> HttpAnswer:
    """Act on the event, and return what its provider is told. `reused`: its token came with another event before."""
    try:
        taken = await take(event)
    except Unavailable as away:
        return HttpAnswer(503, str(away), away)
    match taken:
        case EventAnswer.DONE:
            return HttpAnswer(200, "done")
        case EventAnswer.IGNORED:
            return HttpAnswer(200, "nothing to do")
        case (
            EventAnswer.UNPROVED
        ):  # 200: it is about other mail of that account, and another post of it would be as well
            return HttpAnswer(200, "not about mail of ours")
        case EventAnswer.REUSED:
            return reused
        case _:
            assert_never(taken)


@frozen(kw_only=True)
class DoorPost:
    """An HTTP post to a door, before anything of it is believed."""

    chunks: AsyncIterable[bytes] = field(repr=False)
    """The body; it can be read once, and has no bound."""
    content_type: str = ""
    """As it was sent; empty if it was not."""
    address: str = ""
    """Which address of the door it came to: one of `DoorKind.addresses`."""
    headers: Mapping[str, str] = field(default=MappingProxyType({}), repr=False)
    """By name in lower case. Fields of one name are joined by `, ` (RFC 9110 §5.3)."""


class Door(Protocol):
    """A door for the posts of one provider, such as `adapters.mailgun.Webhook`."""

    async def handle(self, post: DoorPost) -> DoorAnswer:
        """Take the post in and say how it went."""
        ...


@frozen(kw_only=True)
class DoorNeeds:
    """Dependencies of a door."""

    accept: Callable[[IncomingMail], Awaitable[Receipt]]
    """Returned: the mail is kept. Raises `Unavailable`: answer so that the provider tries again."""
    keys: str = field(repr=False)
    """What proves a post (`DoorKind.secret`), several comma-separated, newest first. Never empty."""
    clock: Clock
    mail_limit: int
    """Octets of one mail."""
    trust_spam_flag: bool = False
    """Whether the provider's own spam flag counts as an opinion of ours."""
    options: Mapping[str, str] = field(default=MappingProxyType({}), repr=False)
    """Values of the variables that the door may have besides (`DoorKind.options`), by their names; those that are set."""


class MessageDoor(Protocol):
    """A door for the messages of a queue that one provider fills, such as `adapters.ses.MailTaker`."""

    async def message(self, body: str) -> DoorAnswer:
        """Take a message in, and say how it went, with the status of HTTP for that. May be repeated.

        200: done. 503: the same message may work later, however often. 404: what it tells of is not there yet. 403: it
        may not be read. Any other: it will never work, unless somebody mends something. Raises nothing.
        """
        ...


MakesMessageDoor: TypeAlias = Callable[[DoorNeeds], MessageDoor]
"""`DoorKind.reads`."""
MakesDoor: TypeAlias = Callable[[DoorNeeds], Door]
"""Group `convalias.inbound`, by the name of the door: such a function, or a `DoorKind` that says more."""


class EventDoor(Protocol):
    """A door for the events of one provider, such as `adapters.mailgun.Events`."""

    async def handle(self, post: DoorPost) -> DoorAnswer:
        """Take the post in and say how it went."""
        ...


@frozen(kw_only=True)
class EventDoorNeeds:
    """Dependencies of an event door."""

    take: Callable[[DeliveryEvent], Awaitable[EventAnswer]]
    """Raises `Unavailable`: answer so that the provider posts the event again."""
    keys: str = field(repr=False)
    """What proves a post (`EventDoorKind.secret`), several comma-separated, newest first. Never empty."""
    clock: Clock
    telemetry: Telemetry


MakesEventDoor: TypeAlias = Callable[[EventDoorNeeds], EventDoor]
"""Group `convalias.delivery_events`, by the name of the door: such a function, or an `EventDoorKind`."""


def _is_variable(_: object, attribute: Attribute[str], value: str) -> None:
    if not _VARIABLE.fullmatch(value):
        raise InvalidValue(attribute.name, found=value, expected="capitals, digits and underscores")


def _are_addresses(_: object, attribute: Attribute[tuple[str, ...]], value: tuple[str, ...]) -> None:
    wrong = [one for one in value if not _ADDRESS.fullmatch(one)]
    if wrong or not value:
        raise InvalidValue(attribute.name, found=wrong[0] if wrong else (), expected="'' or paths such as '/mime'")


def _any(_: str) -> str:
    return ""


@frozen(kw_only=True)
class DoorSecret:
    """The setting that a door cannot do without: a variable of the environment, `CONVALIAS_<DOOR>_<name>`.

    A file may hold its value instead, named by `CONVALIAS_<DOOR>_<name>_FILE`. Raises `InvalidValue` for a name that
    no variable can have.
    """

    name: str = field(validator=_is_variable)
    """Such as `SIGNING_KEY`."""
    expected: str
    """What a person is asked for; it follows "expected"."""
    problem: Callable[[str], str] = field(default=_any, repr=False)
    """Say what is wrong about a value, without showing it. Empty: nothing is."""
    without: str = field(default="", repr=False)
    """What a person is warned of while an option (`DoorKind.options`) is not set. Empty: nothing is missed."""

    def refusal(self, value: str) -> str:
        """Return what is wrong about a value, and what was expected; empty if nothing is wrong."""
        wrong = self.problem(value)
        return f"{wrong}; expected {self.expected}" if wrong else ""


SIGNING_KEY: Final = DoorSecret(
    name="SIGNING_KEY",
    expected="the webhook signing key of the provider (several: comma-separated, newest first)",
)
"""The secret of a provider that signs what it posts."""


@frozen(kw_only=True)
class DoorKind:
    """A door of mail as it is registered in `convalias.inbound`: where it stands, and what it needs.

    A `MakesDoor` is enough where the provider signs: it gets the addresses and the secret that stand here. Raises
    `InvalidValue` for an address that cannot be.
    """

    make: MakesDoor
    addresses: tuple[str, ...] = field(default=("", "/mime"), validator=_are_addresses)
    """Below `/inbound/<name>`, the empty one being that itself."""
    secret: DoorSecret = SIGNING_KEY
    options: tuple[DoorSecret, ...] = ()
    """Variables that it may have besides: none of them has to be set."""
    reads: MakesMessageDoor | None = None
    """Make what takes the messages of a queue that the provider fills. None: this provider fills none."""

    def __call__(self, needs: DoorNeeds) -> Door:
        """Make the door."""
        return self.make(needs)


@frozen(kw_only=True)
class EventDoorKind:
    """A door of events as it is registered in `convalias.delivery_events`. It stands at `/events/<name>`."""

    make: MakesEventDoor
    secret: DoorSecret = SIGNING_KEY
    """`EVENTS_` may stand before its name: then events have a secret of their own."""

    def __call__(self, needs: EventDoorNeeds) -> EventDoor:
        """Make the door."""
        return self.make(needs)


def door_kind(registered: MakesDoor) -> DoorKind:
    """Return what is registered as a kind of door."""
    return registered if isinstance(registered, DoorKind) else DoorKind(make=registered)


def event_door_kind(registered: MakesEventDoor) -> EventDoorKind:
    """Return what is registered as a kind of door of events."""
    return registered if isinstance(registered, EventDoorKind) else EventDoorKind(make=registered)
