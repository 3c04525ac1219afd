"""Kept means kept and queued; a token stands for what came with it first."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest
from attrs import evolve

from convalias.adapters import memory
from convalias.domain.addresses.email_address import EmailAddress, MailDomains
from convalias.domain.aliases.alias import AliasKey, AliasKeys
from convalias.domain.inbound.outcomes import Done, Ignored, Quarantined, Refused
from convalias.domain.inbound.posts import IncomingMail
from convalias.domain.mail.envelope import NULL_RETURN_PATH
from convalias.ports.errors import Unavailable
from convalias.services.inbound.receiver import STRANGERS_KEPT, Kept, Receiver, TokenReused, posted_digest
from convalias.services.inbound.relay import InboundRelay
from services.inbound_desk import NOON, TO_C1, TO_C2, Process, Town, open_town, written

MAIL = written(TO_C1)
SIGNED = evolve(MAIL, token="t", token_at=NOON, digest="d")


async def names(town: Town) -> list[str]:
    return [*await town.blobs.names("", after="", limit=100)]


async def test_a_kept_mail_is_raw_object_record_and_job() -> None:
    town = await open_town()
    receipt = await Process(town).receiver.accept(MAIL)
    assert isinstance(receipt, Kept)
    envelope, raw = await names(town)
    assert envelope == receipt.record
    assert envelope.startswith("envelopes/2026/03/01/")
    assert raw.startswith("raw/2026/03/01/")
    (job,) = await town.queue.take(limit=9, wait=timedelta(0), lease=timedelta(1))
    assert job.body.isascii()
    assert "@" not in job.body
    assert len(job.body) < 250


@pytest.mark.parametrize("call", ["blobs.put", "queue.put"])
@pytest.mark.parametrize("fault", [memory.before("it"), memory.after("it"), memory.before(TimeoutError)])
@pytest.mark.parametrize("skip", [0, 1])
async def test_what_raised_is_made_good_by_the_next_try(call: str, fault: memory.Fault, skip: int) -> None:
    town = await open_town()
    process = Process(town)
    process.faults.fail(call, fault, times=1, skip=skip)
    if call == "queue.put" and skip:
        await process.receiver.accept(MAIL)
    with pytest.raises(Unavailable):
        await process.receiver.accept(MAIL)
    assert isinstance(await process.receiver.accept(MAIL), Kept)
    assert len(await names(town)) == 2
    await process.drain()
    assert len(await town.messages()) == 1


async def test_the_same_post_again_leads_to_the_same_record() -> None:
    town = await open_town()
    process = Process(town)
    first, second = [await process.receiver.accept(SIGNED) for _ in range(2)]
    assert first == second


async def test_a_token_with_something_else_is_told_and_not_queued() -> None:
    town = await open_town()
    process = Process(town)
    first = await process.receiver.accept(SIGNED)
    again = await process.receiver.accept(evolve(SIGNED, digest="other"))
    assert isinstance(first, Kept)
    assert again == TokenReused(first.record)
    assert (await town.queue.depth()).ready == 1
    assert town.telemetry.total("icer.token_reused", source="eml") == 1


async def test_a_retry_on_the_next_day_leads_to_the_first_record() -> None:
    town = await open_town()
    process = Process(town)
    first = await process.receiver.accept(SIGNED)
    await town.clock.advance(timedelta(days=1))
    assert await process.receiver.accept(SIGNED) == first


async def test_a_source_without_tokens_makes_them_of_mail_and_route() -> None:
    routes = [
        MAIL,
        evolve(MAIL, recipients=(TO_C2,)),
        evolve(MAIL, sender=None),
        evolve(MAIL, sender=NULL_RETURN_PATH),
        evolve(MAIL, source="lmtp"),
        written(TO_C1, text="Other"),
    ]

    process = Process(await open_town())
    records = {(await process.take(mail)).record for mail in [*routes, *routes]}
    assert len(records) == len(routes)
    assert len({posted_digest(mail) for mail in routes}) == len(routes) - 1


def test_the_order_of_recipients_is_none_of_the_digest() -> None:
    assert posted_digest(written(TO_C1, TO_C2, to=[])) == posted_digest(written(TO_C2, TO_C1, to=[]))


async def test_a_record_that_retention_deletes_in_this_moment_is_tried_again() -> None:
    town = await open_town()
    process = Process(town)
    await process.receiver.accept(SIGNED)

    class Gone:
        put = staticmethod(town.blobs.put)

        async def get(self, key: str) -> None:
            return None

    with pytest.raises(Unavailable, match="raw store"):
        await evolve(process.receiver, blobs=Gone()).accept(SIGNED)


async def test_what_hangs_is_unavailable() -> None:
    town = await open_town()

    class Hanging:
        async def put(self, key: str, body: bytes) -> None:
            await asyncio.Event().wait()

    receiver = evolve(Process(town).receiver, blobs=Hanging(), within=timedelta(milliseconds=5))
    with pytest.raises(Unavailable, match="raw store or queue"):
        await receiver.accept(MAIL)


async def test_a_quarantined_mail_is_kept_and_counted() -> None:
    town = await open_town()
    receipt = await Process(town).receiver.accept(evolve(MAIL, quarantine="too_large"))
    assert isinstance(receipt, Kept)
    assert receipt.quarantined == "too_large"
    assert town.telemetry.total("icer.messages.quarantined", reason="too_large") == 1


async def test_with_the_database_away_mail_is_still_accepted() -> None:
    town = await open_town()
    process = Process(town)
    process.faults.fail("records.*", memory.before("records"))
    assert isinstance(await process.receiver.accept(IncomingMail(b"any octets at all\xff\0")), Kept)


FORGED = EmailAddress.parse("john-1abcdefghjkmnpqrs@reply.example")
LARGE = "x" * (STRANGERS_KEPT + 1_000)


@pytest.mark.threads
@pytest.mark.parametrize("recipient", [EmailAddress.parse("ann@elsewhere.example"), FORGED], ids=["foreign", "forged"])
async def test_of_a_large_mail_that_needs_no_store_to_be_nobodys_only_the_beginning_is_kept(
    recipient: EmailAddress,
) -> None:
    town = await open_town()
    desk = Process(town)
    receiver, relay = with_keys(desk, KEYS)
    receipt = await receiver.accept(written(recipient, text=LARGE))
    assert isinstance(receipt, Kept)
    _, raw = await names(town)
    assert len(await town.blobs.get(raw) or b"") == STRANGERS_KEPT
    assert town.telemetry.total("icer.messages.cut") == 1
    outcome = await relay.process(await town.reference(receipt.record))
    assert isinstance(outcome, Done)
    assert isinstance(outcome.effects[0][1], Ignored | Refused)
    assert (await receiver.accept(written(recipient, text=LARGE))) == receipt


@pytest.mark.parametrize(
    "recipients",
    [(TO_C1,), (EmailAddress.parse("nobody-9ab131e2@reply.example"),), (FORGED, TO_C1), ()],
    ids=["an alias", "perhaps an alias", "one of two", "none in the envelope"],
)
async def test_what_may_be_ours_is_kept_whole(recipients: tuple[EmailAddress, ...]) -> None:
    town = await open_town()
    receiver, _ = with_keys(Process(town), KEYS)
    mail = written(*recipients, text=LARGE)
    await receiver.accept(mail)
    _, raw = await names(town)
    assert await town.blobs.get(raw) == mail.raw


async def test_a_receiver_that_knows_no_domain_or_no_key_keeps_all() -> None:
    town = await open_town()
    receiver = Process(town).receiver
    for mail in (written(FORGED, text=LARGE), written(EmailAddress.parse("a@b.example"), text=LARGE, number=2)):
        await evolve(receiver, domains=None if "b.example" in str(mail.recipients[0]) else receiver.domains).accept(
            mail
        )
    assert town.telemetry.total("icer.messages.cut") == 0


@pytest.mark.threads
async def test_a_mail_that_was_cut_and_turns_out_to_be_ours_is_not_relayed() -> None:
    town = await open_town()
    desk = Process(town)
    receiver = evolve(desk.receiver, domains=MailDomains({"other.example"}))
    receipt = await receiver.accept(written(TO_C1, text=LARGE))
    assert isinstance(receipt, Kept)
    assert await desk.relay.process(await town.reference(receipt.record)) == Quarantined("too_large")
    assert not await town.messages()


KEYS = AliasKeys((AliasKey(0, b"s" * 32),))


def with_keys(desk: Process, keys: AliasKeys) -> tuple[Receiver, InboundRelay]:
    return evolve(desk.receiver, keys=keys), evolve(desk.relay, facts=evolve(desk.relay.facts, keys=keys))
