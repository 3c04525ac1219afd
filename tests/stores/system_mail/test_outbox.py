"""One refusal per sender, alias and day, twenty per sender domain and day, whoever enters them; and how long rows stay."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import pytest
from attrs import evolve

from convalias.adapters import memory
from convalias.codec import dump
from convalias.domain.addresses.email_address import EmailAddress
from convalias.domain.ids import AccountId, ConversationId, TraceId
from convalias.domain.inbound.outcomes import RefusalDue
from convalias.domain.mail.reasons import Reason
from convalias.domain.routing.announcements import Announcement, AnnouncementDue
from convalias.domain.system_mail.letters import AddressNotice, RefusalLetter, SystemMail, SystemMailState
from convalias.domain.system_mail.throttles import A_DAY_PER_DOMAIN
from convalias.ports.records import Insert, Key, Stored
from convalias.stores.encoding import digest
from convalias.stores.operations.endings import Endings
from convalias.stores.retention import GRACE, MAIL_KEPT
from convalias.stores.system_mail.outbox import Outbox

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
DUE = NOON + timedelta(minutes=1)
ALIAS = EmailAddress.parse("ann-1ab131e2@reply.example")
OLD = EmailAddress.parse("bob@old.example")


def refusal(sender: str, *, trace: str = "t", alias: EmailAddress = ALIAS) -> RefusalLetter:
    return RefusalLetter(
        sender=EmailAddress.parse(sender), alias=alias, reason=Reason.EMPTY, to_participant=False, trace=TraceId(trace)
    )


async def plan(store: Outbox, one: RefusalLetter, *, days: int = 0) -> bool:
    later = timedelta(days=days)
    return await store.enter_refusal(one, received=NOON + later, due=DUE + later)


async def due(store: Outbox, at: datetime = DUE) -> Sequence[Stored]:
    return await store.due(until=at, limit=100)


async def test_one_per_sender_alias_and_day() -> None:
    store = Outbox(records=memory.Records())
    one = refusal("a@corp.example")
    assert [await plan(store, one) for _ in range(2)] == [True, True]
    assert not await plan(store, evolve(one, trace=TraceId("another mail")))
    assert not await plan(store, refusal("A@CORP.example", trace="another mail"))
    assert await plan(store, evolve(one, alias=EmailAddress.parse("x@reply.example")))
    assert await plan(store, one, days=1)
    assert len(await due(store)) == 2
    assert len(await due(store, DUE + timedelta(days=1))) == 3


async def test_twenty_per_sender_domain_and_day() -> None:
    store = Outbox(records=memory.Records())
    asked = [refusal(f"a{number}@corp.example") for number in range(25)]
    assert [await plan(store, one) for one in asked] == [True] * 20 + [False] * 5
    assert [await plan(store, one) for one in asked] == [True] * 20 + [False] * 5
    assert await plan(store, refusal("a@else.example"))
    assert len(await due(store)) == 21


class Lagging(memory.Records):
    """Reads that were made before everybody else wrote."""

    async def range(self, table: str, partition: str, *, after: str, limit: int) -> Sequence[Stored]:
        return ()


async def test_no_number_of_planners_gets_past_a_bound() -> None:
    store = Outbox(records=Lagging())
    asked = [refusal(f"a{number}@corp.example") for number in range(25)]
    answers = await asyncio.gather(*(plan(store, one) for one in [*asked, *asked]))
    assert sum(answers) == 2 * A_DAY_PER_DOMAIN
    assert len(await due(store)) == A_DAY_PER_DOMAIN


async def formerly(records: memory.Records, sender: str, place: int) -> None:
    """A refusal that the former release has sent."""
    one = refusal(sender)
    partition = f"2026-03-01.{digest(one.sender.domain)}"
    row = RefusalDue(
        sender=one.sender, alias=ALIAS, reason=Reason.EMPTY, to_participant=False, trace=one.trace, sent=True
    )
    name = f"of:{digest(one.sender.key, ALIAS.key)}"
    await records.write([Insert(Key("refusals", partition, f"{place:02d}"), dump(row), (name,))])


async def test_refusals_of_the_former_release_count_as_ever() -> None:
    records = memory.Records()
    for number in range(18):
        await formerly(records, f"a{number}@corp.example", number)
    store = Outbox(records=records)
    assert await plan(store, refusal("a3@corp.example"))  # it left: the same mail again is told
    assert not await plan(store, refusal("a3@corp.example", trace="another mail"))
    assert [await plan(store, refusal(f"b{number}@corp.example")) for number in range(4)] == [True] * 2 + [False] * 2
    assert len(await due(store)) == 2


def notice() -> SystemMail:
    key = Announcement(AccountId("bob"), OLD, ConversationId("c")).key
    return SystemMail(key=key, letter=AddressNotice(account=AccountId("bob"), old=OLD, at=NOON))


async def test_an_old_address_is_announced_once_by_whichever_release() -> None:
    records = memory.Records()
    store = Outbox(records=records)
    await store.enter_notices([], at=NOON)
    await store.enter_notices([notice()], at=NOON)
    await store.enter_notices([notice()], at=NOON + timedelta(days=400))
    assert len(await due(store, NOON + timedelta(days=999))) == 1

    formerly_told = memory.Records()
    told = Announcement(AccountId("bob"), OLD, ConversationId("c"))
    row = Insert(Key("announcements", told.key[2:4], told.key), dump(AnnouncementDue(told, NOON, sent=True)))
    await formerly_told.write([row])
    store = Outbox(records=formerly_told)
    await store.enter_notices([notice()], at=NOON)
    assert await due(store, NOON + timedelta(days=999)) == []


@pytest.mark.parametrize(
    ("mail", "kept", "ends"),
    [
        (SystemMail(key="refusal-1", letter=refusal("a@corp.example")), MAIL_KEPT, True),
        (SystemMail(key="refusal-1", letter=refusal("a@corp.example")), None, False),
        (notice(), MAIL_KEPT, False),
    ],
    ids=["refusal", "for ever", "notice"],
)
async def test_what_is_at_rest_stays_as_long_as_mail_and_a_notice_for_ever(
    mail: SystemMail, kept: timedelta | None, *, ends: bool
) -> None:
    records = memory.Records()
    store = Outbox(records=records, kept=kept)
    await store.enter([mail], due=NOON, now=NOON)
    (row,) = await due(store)
    sent = evolve(mail, state=SystemMailState.SENT)
    assert await store.put(row, sent, due=NOON, now=NOON) is not None
    assert await store.put(row, sent, due=NOON, now=NOON) is None
    endings, over = Endings(records=records), NOON + MAIL_KEPT + GRACE
    assert await endings.end_due(now=over - timedelta(seconds=1)) == 0
    assert await endings.end_due(now=over) == ends
    assert await due(store, NOON + timedelta(days=999)) == []


async def test_mails_are_found_by_their_keys_and_refusals_by_whom_they_tell() -> None:
    store = Outbox(records=memory.Records())
    notice = SystemMail(key="a-1", letter=AddressNotice(account=AccountId("a"), old=OLD, at=NOON))
    await store.enter([notice], due=DUE, now=NOON)
    assert await store.mails(["none", "a-1"]) == [notice]
    assert list(await store.mails([])) == []
    letter = refusal("a@corp.example")
    assert await plan(store, letter)
    found = await store.refusal(letter.sender, letter.alias, received=NOON)
    assert found is not None
    assert found.letter == letter
    assert await store.refusal(letter.sender, letter.alias, received=NOON + timedelta(days=1)) is None
