"""One case of each phase, of an ordinary mail: tests change the one thing that their rule is about."""

from __future__ import annotations

from typing import Any, Final, Literal

from convalias.domain.addresses.email_address import EmailAddress, MailDomains
from convalias.domain.aliases.alias import ConversationAlias
from convalias.domain.conversations.participants import Account, AccountAuthor, Participant, Standing
from convalias.domain.conversations.threads import ConversationThread
from convalias.domain.ids import AccountId, ConversationId, UseCase
from convalias.domain.mail.authentication import Authentication
from convalias.domain.mail.dedup import MailKey
from convalias.domain.mail.envelope import ClearFrom, MessageEnvelope
from convalias.domain.mail.message_id import MessageId
from convalias.domain.routing.context import RoutingContext
from convalias.domain.routing.identification import TakesPart
from convalias.domain.routing.policy import DEFAULT_POLICY, SenderTrust
from convalias.domain.routing.rulebook import (
    AliasCase,
    ArrivalCase,
    AuthorCase,
    MailCase,
    OverlapCase,
    RelayCase,
    Rule,
    SenderCase,
    rule,
)
from convalias.domain.routing.verdicts import (
    AliasRecipient,
    LegacyRecipient,
    RelayToConversation,
    RuleName,
    Ruling,
    Source,
    UnknownRecipient,
    Verdict,
)
from convalias.testing.strategies import NOW

ANN, BOB = AccountId("ann"), AccountId("bob")
C1: Final = ConversationId("c1")
BOBS: Final = EmailAddress.parse("bob@corp.example")
EVE: Final = EmailAddress.parse("eve@else.example")
ALIAS: Final = EmailAddress.parse("ann-1ab131e2@reply.example")
SECOND: Final = EmailAddress.parse("bob-2ab131e2@reply.example")
LEGACY: Final = EmailAddress.parse("x1@relay.example")
DOMAINS: Final = MailDomains({"reply.example"}, {"relay.example"})
MESSAGE: Final = MessageId(b"1@corp.example")

THREAD: Final = ConversationThread(C1, UseCase("apply"), (Participant(ANN), Participant(BOB)))
STORED: Final = ConversationAlias(address=ALIAS, conversation=C1, stands_for=ANN)
BOBS_ACCOUNT: Final = Account(BOB, (BOBS,))
CONTEXT: Final = RoutingContext.of(THREAD, STORED, BOBS_ACCOUNT, now=NOW, domains=DOMAINS)
MAIL: Final = MessageEnvelope(
    sender=ClearFrom(BOBS), message_id=MESSAGE, received_at=NOW, recipients=(ALIAS,), to=(ALIAS,), date=NOW
)
RECIPIENT: Final = AliasRecipient(ALIAS, Source.ENVELOPE, STORED, THREAD)
LEGACY_RECIPIENT: Final = LegacyRecipient(LEGACY, Source.ENVELOPE, THREAD)
AUTHOR: Final = AccountAuthor(BOB, Standing.REGISTERED)
PROVED: Final = AccountAuthor(BOB, Standing.REGISTERED, verified=True)
KEY: Final = MailKey(C1, BOBS, MESSAGE)
RELAYED: Final = RelayToConversation(C1, AUTHOR, KEY)
FIRST: Final = Ruling(RECIPIENT, RELAYED, RuleName("participant"), 1)

MAIL_CASE: Final = MailCase(MAIL, DEFAULT_POLICY)
ARRIVAL_CASE: Final = ArrivalCase(UnknownRecipient(ALIAS, Source.ENVELOPE, forged=False))
ALIAS_CASE: Final = AliasCase(RECIPIENT, CONTEXT)
SENDER_CASE: Final = SenderCase(MAIL, Authentication.UNPROVED, SenderTrust.ACCEPT_KNOWN)
AUTHOR_CASE: Final = AuthorCase(
    MAIL,
    ClearFrom(BOBS),
    Authentication.UNPROVED,
    SenderTrust.ACCEPT_KNOWN,
    RECIPIENT,
    TakesPart(BOB, Standing.REGISTERED),
    AUTHOR,
    CONTEXT,
    DEFAULT_POLICY,
)
RELAY_CASE: Final = RelayCase(MAIL, Authentication.UNPROVED, RECIPIENT, RELAYED, (), (), CONTEXT, DEFAULT_POLICY)
OVERLAP_CASE: Final = OverlapCase(MAIL, Authentication.UNPROVED, LEGACY_RECIPIENT, FIRST)


def saying(verdict: Verdict, step: Literal[5, 6, 7, 9, 10, 11] = 9) -> Rule[Any]:
    def saying(_case: Any) -> Verdict | None:
        """Says that of every mail."""
        return verdict

    return rule(step)(saying)
