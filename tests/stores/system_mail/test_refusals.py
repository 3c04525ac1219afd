"""One refusal per sender, alias and day, twenty per sender domain and day, whoever plans them."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta

from attrs import evolve

from convalias.adapters import memory
from convalias.codec import load
from convalias.domain.addresses.email_address import EmailAddress
from convalias.domain.ids import TraceId
from convalias.domain.inbound.records import RefusalDue
from convalias.domain.mail.reasons import Reason
from convalias.ports.records import Stored
from convalias.stores.system_mail.refusals import A_DAY_PER_DOMAIN, Refusals

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
DUE = NOON + timedelta(minutes=1)
ALIAS = EmailAddress.parse("ann-1ab131e2@reply.example")


def refusal(sender: str, *, trace: str = "t", alias: EmailAddress = ALIAS) -> RefusalDue:
    return RefusalDue(
        sender=EmailAddress.parse(sender), alias=alias, reason=Reason.EMPTY, to_participant=False, trace=TraceId(trace)
    )


async def plan(store: Refusals, one: RefusalDue, *, days: int = 0) -> bool:
    later = timedelta(days=days)
    return await store.plan(one, received=NOON + later, due=DUE + later)


async def due(store: Refusals, at: datetime = DUE) -> Sequence[Stored]:
    return await store.due(until=at, limit=100)


def test_one_per_sender_alias_and_day() -> None:
    async def story() -> None:
        store = Refusals(records=memory.Records())
        one = refusal("a@corp.example")
        assert [await plan(store, one) for _ in range(2)] == [True, True]
        assert not await plan(store, evolve(one, trace=TraceId("another mail")))
        assert not await plan(store, refusal("A@CORP.example", trace="another mail"))
        assert await plan(store, evolve(one, alias=EmailAddress.parse("x@reply.example")))
        assert await plan(store, one, days=1)
        assert len(await due(store)) == 2
        assert len(await due(store, DUE + timedelta(days=1))) == 3

    asyncio.run(story())


def test_twenty_per_sender_domain_and_day() -> None:
    async def story() -> None:
        store = Refusals(records=memory.Records())
        asked = [refusal(f"a{number}@corp.example") for number in range(25)]
        assert [await plan(store, one) for one in asked] == [True] * 20 + [False] * 5
        assert [await plan(store, one) for one in asked] == [True] * 20 + [False] * 5
        assert await plan(store, refusal("a@else.example"))
        assert len(await due(store)) == 21

    asyncio.run(story())


class Lagging(memory.Records):
    """Reads that were made before everybody else wrote."""

    async def range(self, table: str, partition: str, *, after: str, limit: int) -> Sequence[Stored]:
        return ()


def test_no_number_of_planners_gets_past_a_bound() -> None:
    async def story() -> None:
        store = Refusals(records=Lagging())
        asked = [refusal(f"a{number}@corp.example") for number in range(25)]
        answers = await asyncio.gather(*(plan(store, one) for one in [*asked, *asked]))
        assert sum(answers) == 2 * A_DAY_PER_DOMAIN
        assert len(await due(store)) == A_DAY_PER_DOMAIN

    asyncio.run(story())


def test_what_left_is_not_due_and_counts() -> None:
    async def story() -> None:
        store = Refusals(records=memory.Records())
        await plan(store, refusal("a@corp.example"))
        await plan(store, refusal("b@corp.example"))
        first, second = await due(store)
        assert [await store.sent(first), await store.sent(first)] == [True, False]
        await store.given_up(second)
        assert await due(store) == []
        rows: Mapping[object, Stored] = await store.records.get([first.key, second.key])
        assert sorted(load(row.body, RefusalDue).sent for row in rows.values()) == [False, True]
        assert await plan(store, refusal("a@corp.example"))
        assert await due(store) == []

    asyncio.run(story())
