"""What a refusal tells the outside: of the four alias refusals, and to a stranger of any, always the same octets."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest
from attrs import evolve, frozen

from convalias.adapters.hub import RefusalWriter
from convalias.adapters.mime import compose
from convalias.domain.addresses.email_address import EmailAddress
from convalias.domain.aliases.alias import AliasKey, AliasKeys, ConversationAlias
from convalias.domain.ids import AliasId
from convalias.domain.inbound.outcomes import Done, Effect, Refused
from convalias.domain.inbound.posts import IncomingMail
from convalias.domain.mail.authentication import Dmarc, DmarcPolicy, SenderEvidence
from convalias.domain.mail.reasons import CONSEQUENCES, GONE, Reason
from convalias.domain.outbound.seals import Seal, Seals
from convalias.domain.routing.admission import STRICT
from convalias.domain.routing.policy import DEFAULT_POLICY, RoutingPolicy
from convalias.services.system_mail.refusals import REFUSE_AFTER, RefusalLetters
from services.inbound_desk import ANN, BOBS, C1, C3, NOON, TO_C2, Process, Town, open_town, written

UNKNOWN, FORGED, EXPIRED, REVOKED, CLOSED = (
    EmailAddress.parse(f"{local}@reply.example")
    for local in ("ann-7ab131e2", "ann-0bcdfghjkmn7q2w9y", "ann-5ab131e2", "ann-6ab131e2", "ann-8ab131e2")
)
STRANGER = EmailAddress.parse("who@else.example")
OF_THE_ALIAS = {
    UNKNOWN: Reason.UNKNOWN_ALIAS,
    FORGED: Reason.FORGED_ALIAS,
    EXPIRED: Reason.EXPIRED_ALIAS,
    REVOKED: Reason.REVOKED_ALIAS,
}
OF_ANY_KIND = {**OF_THE_ALIAS, CLOSED: Reason.CONVERSATION_CLOSED, TO_C2: Reason.UNKNOWN_SENDER}
STRICTLY = RoutingPolicy(admission=STRICT)
WAITED = (0, 30, 59, 60)
"""Seconds that the job lies in the queue: no longer than a refusal takes, so that the work cannot be seen either."""


@frozen
class Sight:
    """All that the outside sees: when each mail left after receipt, and what it was, whole."""

    receipt: str
    left: tuple[tuple[timedelta, bytes, str, str], ...]


@frozen
class Came:
    """What became of a mail, inside and outside."""

    effect: Effect
    sight: Sight


def _seals() -> Seals:
    return Seals(Seal(b"message-ids-0123"), Seal(b"return-paths-012"), Seal(b"links-0123456789"))


def _writing(town: Town, policy: RoutingPolicy) -> Process:
    """A process that writes real refusals and knows a forged token."""
    process = Process(town, policy=policy)
    writer = RefusalWriter(compose=compose, seals=_seals(), alias_domain="reply.example", clock=town.clock)
    letters = evolve(process.system_outbox.letters, refusals=RefusalLetters(writer=writer))
    process.system_outbox = evolve(process.system_outbox, letters=letters)
    facts = evolve(process.facts, keys=AliasKeys([AliasKey(0, b"0123456789abcdef")]))
    process.relay = evolve(process.relay, facts=facts)
    return process


def came_of(mail: IncomingMail, *, policy: RoutingPolicy = STRICTLY, waited: int = 0, times: int = 1) -> Came:
    """Post that mail, work when it has lain that long, and watch for two minutes, second by second."""

    async def story() -> Came:
        town = await open_town()
        process = _writing(town, policy)
        await process.messaging.create("apply", [], conversation=C3)
        listed = {EXPIRED: (C1, NOON - timedelta(days=1), None), REVOKED: (C1, None, NOON), CLOSED: (C3, None, None)}
        await process.facts.aliases.adopt(  # type: ignore[attr-defined] - the desk's own store
            [
                ConversationAlias(
                    address=address,
                    conversation=conversation,
                    stands_for=ANN,
                    id=AliasId(address.local),
                    expires_at=expires,
                    revoked_at=revoked,
                )
                for address, (conversation, expires, revoked) in listed.items()
            ]
        )
        await process.messaging.close(C3)
        began, effect, receipt = town.clock.now(), None, ""
        left: list[tuple[timedelta, bytes, str, str]] = []
        for number in range(times):
            kept = await process.receiver.accept(evolve(mail, raw=mail.raw.replace(b"<1@", b"<%d@" % (number + 1))))
            receipt += type(kept).__name__
            reference = await town.reference(kept.record)
            await town.clock.advance(timedelta(seconds=waited))
            outcome = await process.relay.process(reference)
            assert isinstance(outcome, Done)
            ((_, effect),) = outcome.effects
        for _ in range(130):
            await process.system_outbox.send_due()
            fresh = town.outbox.mails[len(left) :]
            left += [(town.clock.now() - began, one.raw, one.return_path, str(one.to)) for one in fresh]
            await town.clock.advance(timedelta(seconds=1))
        assert effect is not None
        return Came(effect, Sight(receipt, tuple(left)))

    return asyncio.run(story())


@pytest.mark.parametrize("waited", WAITED)
def test_a_stranger_sees_the_same_of_every_refusal(waited: int) -> None:
    came = {to: came_of(written(to, sender=STRANGER), waited=waited) for to in OF_ANY_KIND}
    assert {to: one.effect for to, one in came.items()} == {
        to: Refused(why, told=True) for to, why in OF_ANY_KIND.items()
    }
    (sight,) = {one.sight for one in came.values()}
    ((after, raw, return_path, to),) = sight.left
    assert (after, return_path, to) == (REFUSE_AFTER, "", str(STRANGER))
    assert GONE in " ".join(raw.decode().split())
    assert b"In-Reply-To: <1@corp.example>" in raw


def test_a_participant_sees_the_same_of_every_refusal_of_an_alias() -> None:
    sights = {came_of(written(to, sender=BOBS)).sight for to in OF_THE_ALIAS}
    assert len(sights) == 1


@pytest.mark.parametrize(
    "evidence",
    [
        SenderEvidence(),
        SenderEvidence(Dmarc.FAIL, DmarcPolicy.NONE),
        SenderEvidence(Dmarc.FAIL),
        SenderEvidence(Dmarc.TEMPERROR),
    ],
    ids=["unproved", "doubtful", "spoofed", "error"],
)
@pytest.mark.parametrize("policy", [STRICTLY, DEFAULT_POLICY], ids=["strict", "light"])
def test_whom_nothing_proves_sees_nothing_whatever_became_of_his_mail(
    evidence: SenderEvidence, policy: RoutingPolicy
) -> None:
    sights = {came_of(written(to, sender=STRANGER, evidence=evidence), policy=policy).sight for to in OF_ANY_KIND}
    (sight,) = sights
    assert sight.left == ()


def test_a_second_mail_of_the_day_is_answered_for_none() -> None:
    sights = {came_of(written(to, sender=STRANGER), times=2).sight for to in OF_ANY_KIND}
    (sight,) = sights
    assert len(sight.left) == 1


def test_the_four_refusals_of_an_alias_are_one_row_to_the_outside() -> None:
    rows = {
        (CONSEQUENCES[reason].public_text, CONSEQUENCES[reason].may_tell_sender, CONSEQUENCES[reason].throttle)
        for reason in OF_THE_ALIAS.values()
    }
    assert rows == {(GONE, True, "sender+alias+day")}
