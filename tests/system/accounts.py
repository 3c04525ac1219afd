"""What must be true of a machine at rest, told from its commands and its files alone."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Sequence
from datetime import timedelta
from email import message_from_bytes
from email.utils import parseaddr
from typing import Any

from convalias.adapters.embedded import DataDirectory
from convalias.adapters.system import Clock, Incarnation
from system.machine import SIGNING_KEY, Machine
from system.provider import Mail
from system.town import PEOPLE, Town


def audit(machine: Machine, town: Town, mails: Sequence[Mail]) -> None:
    """Every mail is one event, told to each other participant once, by us and not by legacy; nothing is dead."""
    events = {one: machine.ask("show", "conversation", one)["events"] for one in town.conversations}
    messages = {one: [event for event in events[one] if event["kind"] == "message_added"] for one in events}
    _each_mail_is_one_event(messages, mails)
    _seq_has_no_gap(events)
    _each_event_was_published_in_order(machine, events)
    _each_other_participant_got_one_mail(machine, town, messages)
    _legacy_was_told_and_told_nobody(machine, town, messages)
    _nothing_was_given_up(machine)
    _the_log_names_nobody(machine, town, mails)


def _each_mail_is_one_event(messages: dict[str, list[Any]], mails: Sequence[Mail]) -> None:
    expected = Counter((mail.conversation, mail.message_id, mail.author, mail.text) for mail in mails)
    found = Counter(
        (conversation, event["message_id"], event["author"], event["text"])
        for conversation, said in messages.items()
        for event in said
    )
    assert found == expected


def _seq_has_no_gap(events: dict[str, list[Any]]) -> None:
    for listed in events.values():
        assert [event["seq"] for event in listed] == list(range(1, len(listed) + 1))


def _each_event_was_published_in_order(machine: Machine, events: dict[str, list[Any]]) -> None:
    published = asyncio.run(_published(machine))
    for conversation, listed in events.items():
        first_copies = list(dict.fromkeys(event for one, event in published if one == conversation))
        assert first_copies == [event["id"] for event in listed]


async def _published(machine: Machine) -> list[tuple[str, str]]:
    async with DataDirectory(machine.data, clock=Clock(), incarnation=Incarnation()) as data:
        records = data.events.records("audit")
        found: list[tuple[str, str]] = []
        while page := await records.take(limit=1_000, wait=timedelta(0)):
            found += [(one.conversation, one.event) for one in page]
            await records.commit()
        await records.close()
        return found


def _each_other_participant_got_one_mail(machine: Machine, town: Town, messages: dict[str, list[Any]]) -> None:
    wanted = Counter(
        (event["id"], account)
        for conversation, said in messages.items()
        for event in said
        for account in (town.account(conversation, person) for person in PEOPLE)
        if account != event["author"]
    )
    deliveries = machine.ask("show", "deliveries")
    assert Counter((row["event_id"], row["recipient"]) for row in deliveries) == wanted
    assert {(row["owner"], row["stage"], row["state"]) for row in deliveries} == {("hub", "parallel", "sent")}
    outbox = machine.outbox()
    assert sorted(outbox) == sorted(row["notification_id"] for row in deliveries)
    for row in deliveries:
        _is_for_nobody_else(outbox[row["notification_id"]], row, town)


def _is_for_nobody_else(raw: bytes, row: Any, town: Town) -> None:
    person, _, conversation = row["recipient"].partition("-")
    mail = message_from_bytes(raw)
    assert parseaddr(mail["To"])[1] == town.address(conversation, person)
    parts = b"".join(part.get_payload(decode=True) or b"" for part in mail.walk() if not part.is_multipart())
    for other in PEOPLE:
        address = town.address(conversation, other)
        assert other == person or address.encode() not in raw + parts, f"{address} in {row['notification_id']}"


def _legacy_was_told_and_told_nobody(machine: Machine, town: Town, messages: dict[str, list[Any]]) -> None:
    told = machine.ask("show", "legacy")
    expected = Counter(
        ("index", event["id"], event["message_id"], town.legacy(conversation), True, False)
        for conversation, said in messages.items()
        for event in said
    )
    fields = ("kind", "external_id", "message_id", "address", "suppress_notification", "notified")
    assert Counter(tuple(row[name] for name in fields) for row in told) == expected
    assert machine.outbox("legacy-outbox") == {}


def _nothing_was_given_up(machine: Machine) -> None:
    jobs = machine.ask("show", "jobs")
    past = [line.partition(": ")[0] for line in jobs.pop("past")]
    assert jobs == {
        "ready": 0,
        "in_flight": 0,
        "dead": [],
        "quarantined": 0,
        "quarantined_at_least": False,
        "held": 0,
        "parked": [],
    }
    assert set(past) <= {"inbound worker", "feed worker", "outbound worker"}, "they may have been stopped by now"
    assert machine.ask("dead", "list") == []
    assert machine.outbox("outbox-system") == {}


def _the_log_names_nobody(machine: Machine, town: Town, mails: Sequence[Mail]) -> None:
    log = machine.log.read_text(encoding="utf-8")
    assert SIGNING_KEY not in log
    assert "@" not in log
    assert not any(mail.text in log for mail in mails)
    assert "Traceback" not in log
