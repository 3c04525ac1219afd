"""How many decisions a second one core makes: route() on the seven routing cases, beside a bare loop over the facts.

Aim: at least 50,000 a second, at most 8 times the bare loop.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final

from _measure import Row, machine, row, side_by_side, tell
from convalias import (
    Account,
    AccountId,
    ClearFrom,
    ConversationAlias,
    ConversationId,
    ConversationThread,
    EmailAddress,
    LegacyAlias,
    MailDomains,
    MessageEnvelope,
    MessageId,
    Participant,
    RoutingContext,
    UseCase,
    route,
)
from convalias.domain.aliases.alias import ByName
from convalias.domain.conversations.participants import AddressTenure

NOW: Final = datetime(2026, 3, 1, 12, tzinfo=UTC)
TIMES: Final = 2_000


def address(text: str) -> EmailAddress:
    return EmailAddress.parse(text)


ANN, BOB = AccountId("ann"), AccountId("bob")
BOBS: Final = address("bob@corp.example")
OLD: Final = address("bob@old.example")
ALIASES: Final = [address(f"ann-ray-{n:08x}@reply.example") for n in range(4)]
LEGACY: Final = [address(f"x{n}@relay.example") for n in range(3)]
C: Final = [ConversationId(f"c{n}") for n in range(3)]


def world() -> RoutingContext:
    """Three conversations of two people; of the first one two aliases and a legacy alias."""
    return RoutingContext.of(
        *(ConversationThread(one, UseCase("apply"), (Participant(ANN), Participant(BOB))) for one in C),
        *(
            ConversationAlias(address=alias, conversation=C[min(n, 2) if n < 3 else 0], stands_for=ANN)
            for n, alias in enumerate(ALIASES)
        ),
        *(LegacyAlias(one, C[n]) for n, one in enumerate(LEGACY)),
        Account(BOB, (BOBS,)),
        AddressTenure(OLD, BOB, datetime(2024, 1, 1, tzinfo=UTC), datetime(2025, 12, 1, tzinfo=UTC)),
        now=NOW,
        domains=MailDomains({"reply.example"}, {"relay.example"}),
    )


def mail(number: int, *recipients: EmailAddress, sender: EmailAddress = BOBS) -> MessageEnvelope:
    return MessageEnvelope(
        sender=ClearFrom(sender),
        message_id=MessageId(b"%d@corp.example" % number),
        received_at=NOW,
        recipients=recipients,
        to=recipients,
        date=NOW,
    )


CASES: Final = [
    mail(1, ALIASES[0]),
    mail(2, ALIASES[0], ALIASES[1]),
    mail(3, LEGACY[0]),
    mail(4, LEGACY[0], LEGACY[1]),
    mail(5, ALIASES[0], LEGACY[1]),
    mail(6, ALIASES[0], LEGACY[0]),
    mail(7, ALIASES[0], sender=OLD),
]


def bare(envelope: MessageEnvelope, context: RoutingContext) -> list[tuple[str, str]]:
    """The same seven decisions in one fused loop: no rule is a thing of its own, nothing can be explained."""
    verdicts: list[tuple[str, str]] = []
    relayed: set[ConversationId] = set()
    sender = envelope.sender
    if not isinstance(sender, ClearFrom):
        return verdicts
    holders = context.holders.get(sender.address)
    author = holders.accounts[0].id if holders is not None and holders.accounts else None
    if author is None:
        tenures = context.tenures.get(sender.address, ())
        author = tenures[0].account if tenures else None
    for recipient in sorted(set(envelope.recipients)):
        domain = recipient.domain
        if domain in context.domains.alias:
            alias = context.aliases.get(ByName(recipient))
            thread = None if alias is None else context.threads.get(alias.conversation)
            if alias is None or thread is None or (alias.revoked_at is not None and alias.revoked_at <= context.now):
                verdicts.append((recipient.key, "reject"))
            elif author is not None and thread.takes_part(author) and thread.id not in relayed:
                relayed.add(thread.id)
                verdicts.append((recipient.key, f"relay {thread.id} {author} {envelope.message_id.value!r}"))
            else:
                verdicts.append((recipient.key, "skip"))
        else:
            legacy = context.legacy.get(recipient)
            carried = legacy is not None and legacy.conversation in relayed
            verdicts.append((recipient.key, "skip" if carried else "legacy"))
    return verdicts


def question() -> list[Row]:
    context = world()
    for one in CASES:
        route(one, context)

    def ours() -> None:
        for _ in range(TIMES):
            for one in CASES:
                route(one, context)

    def rival() -> None:
        for _ in range(TIMES):
            for one in CASES:
                bare(one, context)

    took = side_by_side({"route": ours, "bare": rival})
    count = TIMES * len(CASES)
    print(f"routing, {count / took['route']:,.0f} mails a second of a core, {machine()}")
    fused = ("one fused loop that explains nothing", took["bare"] / count * 1e6)
    each = took["route"] / count * 1e6
    return [
        row("route()", ours=each, rival=fused, unit="us CPU a mail", aim="ratio >= 0.125"),
        row("route(), 50,000 a second", ours=each, rival=fused, unit="us CPU a mail", aim="<= 20"),
    ]


if __name__ == "__main__":
    tell(question)
