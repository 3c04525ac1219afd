"""The conformance suite of each port, opened over minimal adapters, or over ones that break a promise."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from functools import partial
from typing import Any, Final

from convalias.adapters import memory
from convalias.domain.addresses.email_address import EmailAddress
from convalias.domain.conversations.participants import Account
from convalias.domain.ids import UseCase
from convalias.domain.migration.rollout import Axis, Rollout
from convalias.testing import conformance
from convalias.testing.conformance import (
    ChangesUnderTest,
    Check,
    CheckUnderTest,
    HubUnderTest,
    LegacyKnowledge,
    LegacyUnderTest,
    MailSink,
    Timed,
)
from ports.minimal import storing, surroundings

Make = Callable[..., Any]
"""Makes the adapter: of a clock where it takes one, of what it shall know where it knows something."""


def _places(make: Callable[[], Any]) -> Callable[[str], Any]:
    """The same place is the same adapter: two processes on one store."""
    made: dict[str, Any] = {}

    def at(place: str) -> Any:
        if place not in made:
            made[place] = make()
        return made[place]

    return at


def _open(at: Callable[[str], Any]) -> Callable[[str], AbstractAsyncContextManager[Any]]:
    @asynccontextmanager
    async def open_at(place: str) -> AsyncGenerator[Any]:
        yield at(place)

    return open_at


def _plain(make: Make) -> Any:
    return _open(_places(make))


def _timed(make: Make) -> Any:
    clock = memory.Clock()
    return Timed(_open(_places(lambda: make(clock))), clock.advance)


def _changing(make: Make) -> Any:
    clock = memory.Clock()

    def under_test() -> ChangesUnderTest:
        one = make(clock)
        return ChangesUnderTest(one, one)

    return Timed(_open(_places(under_test)), clock.advance)


def _knowing_accounts(make: Make) -> Any:
    @asynccontextmanager
    async def open_directory(accounts: Sequence[Account]) -> AsyncGenerator[Any]:
        yield make(accounts)

    return open_directory


def _knowing_flags(make: Make) -> Any:
    @asynccontextmanager
    async def open_flags(settings: Mapping[tuple[UseCase, Axis], Rollout]) -> AsyncGenerator[Any]:
        yield make(settings)

    return open_flags


def _knowing_aliases(make: Make) -> Any:
    relays: dict[str, LegacyUnderTest] = {}

    @asynccontextmanager
    async def open_relay(place: str, known: LegacyKnowledge) -> AsyncGenerator[LegacyUnderTest]:
        if place not in relays:
            relay = make(known.aliases, known.tenures)

            async def told() -> Sequence[str]:
                return list(relay.told)

            relays[place] = LegacyUnderTest(port=relay, told=told)
        yield relays[place]

    return open_relay


def _sending(make: Make) -> Any:
    def sink() -> MailSink:
        outbox = make()

        async def arrived() -> Sequence[tuple[EmailAddress, bytes]]:
            return [(mail.to, mail.raw) for mail in outbox.sent]

        return MailSink(port=outbox, arrived=arrived)

    return _open(_places(sink))


def _notifying(make: Make) -> Any:
    def hub() -> HubUnderTest:
        one = make()

        async def left() -> Sequence[str]:
            return [sent.id for sent in one.sent]

        return HubUnderTest(port=one, left=left)

    return _open(_places(hub))


def _detecting(make: Make) -> Any:
    def under_test() -> CheckUnderTest:
        @asynccontextmanager
        async def opened(*, away: bool) -> AsyncGenerator[Any]:
            yield make(away=away)

        return CheckUnderTest(
            open=partial(opened, away=False), away=partial(opened, away=True), objectionable=b"From: a@b\n\npills\n"
        )

    return under_test


SUITES: Final[Mapping[str, tuple[Sequence[Check[Any]], Callable[[Make], Any], Make]]] = {
    "records": (conformance.RECORDS, _plain, storing.Records),
    "blobs": (conformance.BLOBS, _plain, storing.Blobs),
    "queue": (conformance.JOB_QUEUE, _timed, storing.JobQueue),
    "events": (conformance.EVENT_LOG, _timed, storing.EventLog),
    "changes": (conformance.CHANGES, _changing, storing.ChangingRecords),
    "event_store": (conformance.EVENT_STORE, _plain, storing.EventStore),
    "identity": (conformance.IDENTITY_DIRECTORY, _knowing_accounts, surroundings.IdentityDirectory),
    "legacy": (conformance.LEGACY_RELAY, _knowing_aliases, surroundings.LegacyRelay),
    "hub": (conformance.NOTIFICATION_HUB, _notifying, surroundings.NotificationHub),
    "channel_choice": (conformance.CHANNEL_CHOICE, _knowing_flags, surroundings.ChannelChoice),
    "endpoints": (conformance.CHANNEL_ENDPOINTS, _knowing_flags, surroundings.ChannelEndpoints),
    "flags": (conformance.FLAGS, _knowing_flags, surroundings.Flags),
    "mail": (conformance.OUTGOING_MAIL, _sending, surroundings.OutgoingMail),
    "check": (conformance.CHECK, _detecting, surroundings.Check),
}
"""By keyword of the façade. What is not here (clock, telemetry, incarnation, reader, authenticator) has no suite."""


async def objection(port: str, make: Make) -> str | None:
    """The first promise of the port's suite that this adapter breaks; None: it keeps all that it makes."""
    checks, opened, _ = SUITES[port]
    for check in checks:
        try:
            await check(opened(make))
        except conformance.NotSupportedError:  # a minimal adapter promises less, and says so
            continue
        except Exception:  # noqa: BLE001 - whatever it raises, the promise is not kept
            return str(check)
    return None


Answer = Callable[[], Awaitable[str | None]]
