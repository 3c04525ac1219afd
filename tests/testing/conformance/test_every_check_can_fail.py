import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import TypeVar

import pytest

from convalias.ports.errors import Unavailable
from convalias.testing import conformance
from convalias.testing.conformance import Check, PromiseBrokenError
from testing.conformance.broken import (
    blobs,
    capabilities,
    changes,
    channels,
    checks,
    conversations,
    directory,
    event_log,
    event_store,
    flags,
    hub,
    job_queue,
    legacy,
    outgoing,
    records,
)

M = TypeVar("M")
Attempt = Callable[[], Awaitable[None]]


def attempts(suite: Sequence[Check[M]], mutants: Mapping[str, Callable[[], M]]) -> list[Attempt | None]:
    def attempt(check: Check[M], broken: Callable[[], M]) -> Attempt:
        return lambda: check(broken())

    return [attempt(check, mutants[check.name]) if check.name in mutants else None for check in suite]


SUITES: Mapping[str, tuple[Sequence[str], list[Attempt | None], Mapping[str, object]]] = {
    name: ([str(check) for check in suite], tries, mutants)
    for name, suite, tries, mutants in [
        ("Records", conformance.RECORDS, attempts(conformance.RECORDS, records.MUTANTS), records.MUTANTS),
        ("Changes", conformance.CHANGES, attempts(conformance.CHANGES, changes.MUTANTS), changes.MUTANTS),
        (
            "ChannelChoice",
            conformance.CHANNEL_CHOICE,
            attempts(conformance.CHANNEL_CHOICE, channels.CHOICES),
            channels.CHOICES,
        ),
        (
            "ChannelEndpoints",
            conformance.CHANNEL_ENDPOINTS,
            attempts(conformance.CHANNEL_ENDPOINTS, channels.ENDPOINTS),
            channels.ENDPOINTS,
        ),
        ("Check", conformance.CHECK, attempts(conformance.CHECK, checks.MUTANTS), checks.MUTANTS),
        ("Blobs", conformance.BLOBS, attempts(conformance.BLOBS, blobs.MUTANTS), blobs.MUTANTS),
        ("JobQueue", conformance.JOB_QUEUE, attempts(conformance.JOB_QUEUE, job_queue.MUTANTS), job_queue.MUTANTS),
        ("EventLog", conformance.EVENT_LOG, attempts(conformance.EVENT_LOG, event_log.MUTANTS), event_log.MUTANTS),
        (
            "EventStore",
            conformance.EVENT_STORE,
            attempts(conformance.EVENT_STORE, event_store.MUTANTS),
            event_store.MUTANTS,
        ),
        (
            "Conversations",
            conformance.CONVERSATIONS,
            attempts(conformance.CONVERSATIONS, conversations.MUTANTS),
            conversations.MUTANTS,
        ),
        (
            "ReadMarks",
            conformance.READ_MARKS,
            attempts(conformance.READ_MARKS, capabilities.MARKS),
            capabilities.MARKS,
        ),
        (
            "History",
            conformance.HISTORY,
            attempts(conformance.HISTORY, capabilities.HISTORIES),
            capabilities.HISTORIES,
        ),
        (
            "IdentityDirectory",
            conformance.IDENTITY_DIRECTORY,
            attempts(conformance.IDENTITY_DIRECTORY, directory.MUTANTS),
            directory.MUTANTS,
        ),
        ("Flags", conformance.FLAGS, attempts(conformance.FLAGS, flags.MUTANTS), flags.MUTANTS),
        (
            "LegacyRelay",
            conformance.LEGACY_RELAY,
            attempts(conformance.LEGACY_RELAY, legacy.MUTANTS),
            legacy.MUTANTS,
        ),
        (
            "NotificationHub",
            conformance.NOTIFICATION_HUB,
            attempts(conformance.NOTIFICATION_HUB, hub.MUTANTS),
            hub.MUTANTS,
        ),
        (
            "OutgoingMail",
            conformance.OUTGOING_MAIL,
            attempts(conformance.OUTGOING_MAIL, outgoing.MUTANTS),
            outgoing.MUTANTS,
        ),
    ]
}


@pytest.mark.parametrize("port", SUITES)
def test_each_check_has_its_mutant_and_each_mutant_its_check(port: str) -> None:
    names, _, mutants = SUITES[port]
    assert sorted(names) == sorted(mutants)


@pytest.mark.parametrize(
    "attempt",
    [
        pytest.param(attempt, id=f"{port}: {name}")
        for port, (names, tries, _) in SUITES.items()
        for name, attempt in zip(names, tries, strict=True)
    ],
)
def test_a_check_fails_on_its_mutant(attempt: Attempt | None) -> None:
    assert attempt is not None, "there is no mutant for this check"

    async def run() -> None:
        await attempt()

    with pytest.raises((PromiseBrokenError, Unavailable, UnicodeDecodeError)):
        asyncio.run(run())


@pytest.mark.parametrize("check", conformance.IDENTITY_DIRECTORY, ids=str)
def test_a_directory_that_is_right_passes(check: Check[conformance.MakeIdentityDirectory]) -> None:
    asyncio.run(check(directory.making(directory.Directory)()))


@pytest.mark.parametrize("check", conformance.CHANNEL_CHOICE, ids=str)
def test_a_choice_that_is_right_passes(check: Check[conformance.MakeChannelChoice]) -> None:
    asyncio.run(check(channels.choosing(channels.Choice)()))


@pytest.mark.parametrize("check", conformance.CHANNEL_ENDPOINTS, ids=str)
def test_endpoints_that_are_right_pass(check: Check[conformance.MakeChannelEndpoints]) -> None:
    asyncio.run(check(channels.reaching(channels.Endpoints)()))


@pytest.mark.parametrize("check", conformance.LEGACY_RELAY, ids=str)
def test_a_legacy_relay_that_is_right_passes(check: Check[conformance.MakeLegacyRelay]) -> None:
    asyncio.run(check(legacy.right()))


@pytest.mark.parametrize("check", conformance.NOTIFICATION_HUB, ids=str)
@pytest.mark.parametrize("right", [hub.Hub, hub.PromisesNothing])
def test_a_hub_that_is_right_passes(
    check: Check[conformance.MakeNotificationHub], right: Callable[[], hub.Hub]
) -> None:
    asyncio.run(check(hub.making(right)()))


@pytest.mark.parametrize("check", conformance.OUTGOING_MAIL, ids=str)
@pytest.mark.parametrize("right", range(len(outgoing.HONEST)))
def test_a_mail_adapter_that_says_less_is_right(check: Check[conformance.MakeOutgoingMail], right: int) -> None:
    asyncio.run(check(outgoing.HONEST[right]()))


@pytest.mark.parametrize("name", outgoing.MORE)
def test_a_mail_adapter_that_claims_what_never_left_is_caught(name: str) -> None:
    (check,) = [check for check in conformance.OUTGOING_MAIL if check.name == name]
    with pytest.raises(PromiseBrokenError):
        asyncio.run(check(outgoing.MORE[name]()))


@pytest.mark.parametrize("check", conformance.CHECK, ids=str)
def test_a_detector_that_is_right_passes(check: Check[conformance.MakeCheck]) -> None:
    asyncio.run(check(checks.RIGHT()))
