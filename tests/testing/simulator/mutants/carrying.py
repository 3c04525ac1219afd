"""Slips in carrying out: claims that do not hold, keys that tell too much or too little apart."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import count
from typing import Final

from attrs import evolve

from convalias.codec import dump
from convalias.domain.addresses.email_address import EmailAddress
from convalias.domain.conversations.participants import AccountAuthor, Author
from convalias.domain.inbound.claims import Claim
from convalias.domain.inbound.outcomes import Done, Effect
from convalias.domain.inbound.posts import EnvelopeRecord
from convalias.domain.mail.dedup import MailKey, keyed
from convalias.domain.routing import commands as effects
from convalias.domain.routing.commands import AddMail, Command
from convalias.domain.routing.plan import RoutingPlan
from convalias.ports.mail import ReadMail
from convalias.ports.records import Insert, Key, Replace
from convalias.services.inbound import carrier, relay
from convalias.stores.encoding import digest, encoded
from convalias.stores.inbound.mails import InboundRecords
from convalias.testing.simulator.mutant import Mutant

from .patching import Method, around, instead, step_by_step, together


async def _unclaimed(self: InboundRecords, claims: Sequence[Claim]) -> tuple[Claim, ...]:
    del self
    return tuple(claims)


async def _claimed_by_the_last(self: InboundRecords, claims: Sequence[Claim]) -> tuple[Claim, ...]:
    for claim in claims:
        mail = digest(claim.key.sender.key, claim.key.message_id.value)
        key = Key("claims", mail, encoded(claim.key.conversation))
        standing = (await self.records.get([key])).get(key)
        body = dump(claim)
        await self.records.write([Insert(key, body) if standing is None else Replace(key, standing.version, body)])
    return tuple(claims)


def _by_author(address: EmailAddress, author: object) -> EmailAddress:
    if isinstance(author, AccountAuthor):
        return EmailAddress.parse(f"{author.account}@accounts.invalid")
    return address


def _whoever_has_it_now(author: Author, claim: Claim | None) -> Author:
    del claim
    return author


def _keys_by_author(kept: Method) -> Method:
    def commands(*given: object) -> Sequence[Command]:
        made: Sequence[Command] = kept(*given)
        return [_keyed_by_author(one) if isinstance(one, AddMail) else one for one in made]

    return commands


def _keyed_by_author(one: AddMail) -> AddMail:
    return evolve(one, dedup_key=evolve(one.dedup_key, sender=_by_author(one.dedup_key.sender, one.author)))


def _by_message_id(key: MailKey) -> str:
    return keyed("m", key.conversation, key.message_id.value, key.variant)


def _keys_by_reception(kept: Method) -> Method:
    async def add(
        self: carrier.PlanCarrier, command: AddMail, plan: RoutingPlan, read: ReadMail, record: EnvelopeRecord
    ) -> object:
        key = evolve(command.dedup_key, variant=f"{record.post.received_at:%Y%m%d%H%M}")
        return await kept(self, evolve(command, dedup_key=key), plan, read, record)

    return add


def _all_into_the_first(kept: Method) -> Method:
    def commands(*given: object) -> Sequence[Command]:
        made: Sequence[Command] = kept(*given)
        first = next((one.conversation for one in made if isinstance(one, AddMail)), None)
        return [
            evolve(one, conversation=first, dedup_key=evolve(one.dedup_key, conversation=first))
            if first is not None and isinstance(one, AddMail)
            else one
            for one in made
        ]

    return commands


def _handed_by_message_id(plan: RoutingPlan, address: EmailAddress) -> str:
    del address
    message_id = plan.case.mail.message_id
    return keyed("l", b"" if message_id is None else message_id.value)


def _handed_by_try(kept: Method) -> Method:
    numbers = count()

    def external_id(plan: RoutingPlan, address: EmailAddress) -> str:
        return f"{kept(plan, address)}{next(numbers)}"

    return external_id


def _only_first(kept: Method) -> Method:
    """Of several recipients' effects the first failure ends the mail: done is done, it says."""

    async def carried(self: carrier.PlanCarrier, *given: object, **rest: object) -> Mapping[EmailAddress, Effect]:
        try:
            done: Mapping[EmailAddress, Effect] = await kept(self, *given, **rest)
        except ExceptionGroup:
            return {}
        return done

    return carried


def _what_there_is(plan: RoutingPlan, found: Mapping[EmailAddress, Effect]) -> Done:
    del plan
    return Done(tuple(found.items()))


MUTANTS: Final[Sequence[Mutant]] = (
    Mutant(
        name="no-claim",
        slip="Nobody writes down which way a mail went, so its next post may go the other.",
        breaks="I8",
        patched=together(instead(InboundRecords, "claim", _unclaimed), step_by_step()),
    ),
    Mutant(
        name="claim-of-the-last",
        slip="Each post's claim takes the place of the one that stands.",
        breaks="I8",
        patched=together(instead(InboundRecords, "claim", _claimed_by_the_last), step_by_step()),
    ),
    Mutant(
        name="author-in-the-key",
        slip="The dedup key names the account that has the sender's address by now.",
        breaks="I8",
        patched=together(
            instead(effects, "_author", _whoever_has_it_now), around(carrier, "commands", _keys_by_author)
        ),
    ),
    Mutant(
        name="message-id-alone",
        slip="The dedup key is the Message-ID alone: whoever knows one swallows the mail that bears it.",
        breaks="I8",
        patched=instead(MailKey, "__str__", _by_message_id),
    ),
    Mutant(
        name="reception-in-the-key",
        slip="The dedup key holds the minute of reception: a mail that comes twice is two.",
        breaks="I8",
        patched=together(around(carrier.PlanCarrier, "_add", _keys_by_reception), step_by_step()),
    ),
    Mutant(
        name="all-into-the-first",
        slip="A mail to several conversations is posted to the first of them alone.",
        breaks="I8",
        patched=around(carrier, "commands", _all_into_the_first),
    ),
    Mutant(
        name="hand-off-by-message-id",
        slip="Legacy knows a hand-off by its Message-ID alone: of several addresses it hears of one.",
        breaks="I8",
        patched=instead(effects, "external_id", _handed_by_message_id),
    ),
    Mutant(
        name="hand-off-by-try",
        slip="Each try of a hand-off has an id of its own.",
        breaks="I2",
        patched=around(effects, "external_id", _handed_by_try),
    ),
    Mutant(
        name="half-is-done",
        slip="A mail is concluded though one of its recipients failed.",
        breaks="I8",
        patched=together(
            around(carrier.PlanCarrier, "carry_out", _only_first),
            instead(relay, "_done", _what_there_is),
            step_by_step(),
        ),
    ),
)
