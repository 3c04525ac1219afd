"""What an ordinary mail costs the store on its way into the conversation: calls and writes, counted by kind."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final

import pytest

from convalias.adapters import memory
from convalias.app.facade import Convalias
from convalias.domain.conversations.participants import Participant
from convalias.domain.ids import UseCase
from convalias.domain.inbound.posts import IncomingMail
from convalias.domain.migration.rollout import Stage
from convalias.ports.records import Conflict, Key, Stored, Write, Written

MAILS: Final = 4
"""To conversations of two and of three in turn: 1.5 recipients a mail are told."""
LANES: Final = frozenset({"due refusals", "due announcements", "due system_outbox", "due holds", "due asking"})
ONCE_A_BATCH: Final = LANES | {"get host_starts", "range dead_letters"}
"""Asked by the workers whether a mail came or not."""


class Counting(memory.Records):
    """Counts calls by kind and tables, and documents that are written by table."""

    def __init__(self) -> None:
        super().__init__()
        self.calls: Counter[str] = Counter()
        self.written: Counter[str] = Counter()

    async def get(self, keys: Sequence[Key]) -> Mapping[Key, Stored]:
        self.calls[f"get {' '.join(sorted({key.table for key in keys}))}"] += 1
        return await super().get(keys)

    async def write(self, writes: Sequence[Write]) -> Sequence[Written | Conflict]:
        self._note("write", writes)
        return await super().write(writes)

    async def write_in_order(self, writes: Sequence[Write]) -> Sequence[Written | Conflict]:
        self._note("write in order", writes)
        return await super().write_in_order(writes)

    async def range(self, table: str, partition: str, *, after: str, limit: int) -> Sequence[Stored]:
        self.calls[f"range {table}"] += 1
        return await super().range(table, partition, after=after, limit=limit)

    async def latest(self, table: str, partition: str) -> Stored | None:
        self.calls[f"latest {table}"] += 1
        return await super().latest(table, partition)

    async def due(self, lane: str, *, until: datetime, limit: int) -> Sequence[Stored]:
        self.calls[f"due {lane}"] += 1
        return await super().due(lane, until=until, limit=limit)

    def _note(self, kind: str, writes: Sequence[Write]) -> None:
        self.calls[f"{kind} {' '.join(dict.fromkeys(write.key.table for write in writes))}"] += 1
        self.written.update(write.key.table for write in writes)


def mail(number: int, alias: str) -> bytes:
    own = chr(ord("a") + number)  # texts that differ by numbers alone are one text to the loop guard
    return (
        f"From: Bob Lee <bob@corp.example>\nTo: {alias}\nSubject: Re: Message in your conversation\n"
        f"Message-ID: <{number}@corp.example>\nDate: Sun, 01 Mar 2026 11:59:00 +0000\n\n"
        f"An ordinary answer about {own}, as people write them, and long enough to be counted as a text.\n"
    ).encode()


async def opened(cv: Convalias) -> list[str]:
    """Conversations of two and of three people; an alias of each."""
    await cv.rollout.set(UseCase("hiring"), stage=Stage.PARALLEL, basis_points=10_000)
    people = [
        Participant.of("ann", name="Ann Ray", addresses=["ann@home.example"]),
        Participant.of("bob", name="Bob Lee", addresses=["bob@corp.example"]),
        Participant.of("cid", name="Cid Fox", addresses=["cid@else.example"]),
    ]
    aliases: list[str] = []
    for number in range(2):
        given = await cv.open_conversation(f"c{number}", use_case="hiring", participants=people[: 2 + number])
        aliases.append(str(given[people[0].account]))
    await cv.run_until_idle()
    return aliases


async def accepted(cv: Convalias, aliases: Sequence[str], numbers: range) -> None:
    for number in numbers:
        alias = aliases[number % 2]
        await cv.receiver.accept(IncomingMail(mail(number, alias), recipients=[alias], sender="bob@corp.example"))


async def test_an_ordinary_mail_is_relayed_by_nine_calls_and_four_writes_beside_its_index() -> None:
    records = Counting()
    async with Convalias.in_memory(alias_domain="reply.example", legacy_domain="relay.example", records=records) as cv:
        aliases = await opened(cv)
        await accepted(cv, aliases, range(2))  # the first mail of each alias finds where it leads
        await cv.run_until_idle("inbound")
        records.calls.clear()
        records.written.clear()
        await accepted(cv, aliases, range(2, 2 + MAILS))
        await cv.run_until_idle("inbound")
    of_mails = {call: count for call, count in records.calls.items() if call not in ONCE_A_BATCH}
    assert of_mails == dict.fromkeys(
        [
            "get outcomes",
            "get aliases",
            "range events",
            "range claims",
            "get addresses",
            "get accounts",
            "get authenticated",
            "range texts",
            "write in order texts claims events mail_index outcomes",
        ],
        MAILS,
    )
    assert records.written == {
        "texts": MAILS,
        "claims": MAILS,
        "events": MAILS,
        "outcomes": MAILS,
        "mail_index": 3 * MAILS,
    }


@pytest.mark.parametrize("batch", [1, 20])
async def test_people_are_told_of_it_by_a_few_calls_and_one_more_for_each_of_them(batch: int) -> None:
    """More events than there are slots: each is sent by what it was decided on, if need be when a slot is free."""
    records = Counting()
    async with Convalias.in_memory(alias_domain="reply.example", legacy_domain="relay.example", records=records) as cv:
        aliases = await opened(cv)
        await accepted(cv, aliases, range(2))  # the first events of a process ask whether somebody has decided
        await cv.run_until_idle()
        await accepted(cv, aliases, range(2, 2 + batch))
        await cv.run_until_idle("inbound")
        records.calls.clear()
        records.written.clear()
        await cv.run_until_idle("feed", "outbound")
    told = batch + batch // 2
    of_events = {call: count for call, count in records.calls.items() if not call.startswith("due ")}
    assert of_events.pop("range events") <= batch + 4  # and what each conversation of a batch begins with
    assert of_events.pop("write events") == 1
    assert {call: count for call, count in of_events.items() if call not in ONCE_A_BATCH} == {
        "get rollouts": 1,  # of all events of a batch
        "range aliases": batch,
        "write in order event_places decisions": batch,
        "get accounts": batch,
        "get muted suppressed": told,
        "write decisions": batch,
    }
    assert records.written == {"events": batch, "event_places": batch, "decisions": 2 * batch}
