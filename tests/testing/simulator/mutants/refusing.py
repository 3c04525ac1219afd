"""Slips in whom to believe, and whom to tell what about a refusal."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from attrs import evolve

from convalias.codec import dump
from convalias.domain.addresses.email_address import EmailAddress
from convalias.domain.conversations.threads import ConversationThread
from convalias.domain.inbound.held import HeldMail
from convalias.domain.mail.authentication import Authentication, SenderEvidence
from convalias.domain.mail.envelope import ClearFrom, MessageEnvelope
from convalias.domain.routing import decision as routing
from convalias.domain.routing.arrival import arrived
from convalias.domain.routing.verdicts import AliasRecipient, HandToLegacy, LegacyRecipient, Ruling, SkipOverlap, Source
from convalias.domain.system_mail.letters import RefusalLetter, SystemMail
from convalias.ports.records import Due, Insert, Key, Stored, Written
from convalias.services.inbound import carrier
from convalias.services.inbound.carrier import PlanCarrier
from convalias.stores.approvals.holds import Holds
from convalias.stores.encoding import digest
from convalias.stores.system_mail import outbox
from convalias.stores.system_mail.former import refusal_key
from convalias.stores.system_mail.outbox import Outbox
from convalias.testing.simulator.mutant import Mutant

from .patching import Method, around, inner, instead, together


async def _for_each_mail(self: Outbox, refusal: RefusalLetter, *, received: datetime, due: datetime) -> bool:
    partition = f"{received:%Y-%m-%d}.{digest(refusal.sender.domain)}"
    place = digest(refusal.trace, refusal.alias.key)
    mail = SystemMail(key=refusal_key(partition, place), letter=refusal)
    row = Insert(Key(outbox.TABLE, partition, place), dump(mail), due=Due(outbox.TABLE, due))
    (answer,) = await self.records.write([row])
    return isinstance(answer, Written)


def _anybody(mail: MessageEnvelope, authentication: Authentication) -> bool:
    del authentication
    return isinstance(mail.sender, ClearFrom)


async def _takes_part(self: PlanCarrier, sender: EmailAddress, thread: ConversationThread | None) -> bool:
    del self, sender, thread
    return True


def _believed(evidence: SenderEvidence) -> Authentication:
    del evidence
    return Authentication.AUTHENTICATED


def _never(verdict: object) -> bool:
    del verdict
    return False


def _skipped_beside(kept: Method) -> Method:
    """Beside an alias of its conversation, whatever became of that, a legacy address is not handed over."""

    def legacy(self: object, recipient: LegacyRecipient) -> Ruling:
        ruling: Ruling = kept(self, recipient)
        if not isinstance(ruling.verdict, HandToLegacy) or recipient.thread is None:
            return ruling
        mail, case = inner(self, "mail"), inner(self, "case")
        for one in arrived([*mail.to, *mail.cc], Source.HEADER, case.context):
            if isinstance(one, AliasRecipient) and one.thread.id == recipient.thread.id:
                return evolve(ruling, verdict=SkipOverlap(one.address))
        return ruling

    return legacy


def _changed_without_work(kept: Method) -> Method:
    async def write(self: Holds, key: Key, stored: Stored | None, record: object, due: Due | None = None) -> bool:
        is_change = isinstance(record, HeldMail) and stored is not None
        written: bool = await kept(self, key, stored, record, None if is_change else due)
        return written

    return write


MUTANTS: Final[Sequence[Mutant]] = (
    Mutant(
        name="refused-each-time",
        slip="Every refused mail is answered, however many there are.",
        breaks="I2",
        patched=instead(Outbox, "enter_refusal", _for_each_mail),
    ),
    Mutant(
        name="backscatter",
        slip="A refusal is mailed to whomever a mail says it is from.",
        breaks="I5",
        patched=instead(routing, "_answerable", _anybody),
    ),
    Mutant(
        name="refusals-tell",
        slip="A stranger reads why he was refused, and so what exists.",
        breaks="I5",
        patched=instead(PlanCarrier, "_takes_part", _takes_part),
    ),
    Mutant(
        name="believes-the-from",
        slip="What a mail says of its sender needs no proof.",
        breaks="I5",
        patched=together(instead(routing, "judge", _believed), instead(carrier, "judge", _believed)),
    ),
    Mutant(
        name="overlap-of-the-refused",
        slip="A legacy alias follows the conversation alias beside it, also where that was refused for itself.",
        breaks="I8",
        patched=instead(routing, "_about_alias", _never),
    ),
    Mutant(
        name="skip-beside-the-refused",
        slip="A legacy address is skipped for the conversation alias beside it, also where that was refused.",
        breaks="I8",
        patched=around(inner(routing, "_Run"), "_legacy", _skipped_beside),
    ),
    Mutant(
        name="approved-by-its-post-alone",
        slip="An answer changes the state of held mail, and leaves no work behind for whoever carries it out.",
        breaks="I6",
        patched=around(Holds, "_write", _changed_without_work),
    ),
)
