"""Explain a decision by deciding its case once more, with each rule recorded."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TypeAlias, assert_never

from attrs import field, frozen

from convalias.domain.addresses.email_address import EmailAddress
from convalias.domain.aliases.alias import ConversationAlias
from convalias.domain.conversations.participants import Standing
from convalias.domain.ids import AccountId, ConversationId
from convalias.domain.inbound.held import Admits
from convalias.domain.mail.authentication import Authentication, SenderEvidence, judge, rests_on_dkim_alone
from convalias.domain.mail.checks import Checked
from convalias.domain.mail.dedup import MailKey
from convalias.domain.mail.envelope import InboundMail, MessageEnvelope, UnreadableMail
from convalias.domain.routing.arrival import resolved
from convalias.domain.routing.context import RoutingContext, Witness
from convalias.domain.routing.decision import route
from convalias.domain.routing.identification import Identification, Outsider, Several, Stranger, TakesPart
from convalias.domain.routing.let_in import hold_key
from convalias.domain.routing.plan import Case, Decision, RoutingPlan, TryAgain
from convalias.domain.routing.rulebook import AuthorCase, Heard, MailCase, SenderCase
from convalias.domain.routing.verdicts import (
    AliasRecipient,
    ForeignRecipient,
    LegacyRecipient,
    Recipient,
    RuleName,
    Source,
    UnknownRecipient,
    Verdict,
)

Json: TypeAlias = "Mapping[str, Json] | Sequence[Json] | str | int | bool | None"
Pseudonym: TypeAlias = Callable[[EmailAddress], str]
"""How an address may be shown: `str` for people, a keyed hash for logs."""


@frozen
class Looked:
    """A source of recipients was searched."""

    where: str
    found: tuple[EmailAddress, ...]


@frozen
class Arrived:
    """An address as written was unwrapped and looked up."""

    written: EmailAddress
    recipient: EmailAddress
    kind: str
    conversation: ConversationId | None


@frozen
class Evidence:
    """The evidence of our border, as judged."""

    authentication: Authentication
    signed: tuple[str, ...] | None = None
    """Where nothing but a signature speaks for the sender: the fields that it covers."""
    via_list: str | None = None
    """The mailing list that the mail came by, as a signature of the list proves."""
    let_in: tuple[ConversationId, ...] = ()
    """Conversations into which participants let that list, of those that were asked."""


@frozen
class Examined:
    """A detector looked at the mail, or could not."""

    checked: Checked


@frozen
class LetIn:
    """A participant let the mail into a conversation, or its address."""

    conversation: ConversationId
    admits: Admits


@frozen
class Weighed:
    """An account was considered as the author; none at all: the sender is a stranger."""

    recipient: EmailAddress
    accounts: tuple[AccountId, ...]
    standing: Standing | None
    takes_part: bool


@frozen
class Passed:
    """A rule looked at a recipient (None: at the mail) and had nothing to say."""

    rule: RuleName
    recipient: EmailAddress | None


@frozen
class Fired:
    """A rule spoke."""

    rule: RuleName
    step: int
    number: int | None
    recipient: EmailAddress | None
    verdict: Verdict
    law: str


@frozen
class Ruled:
    """The verdict that a recipient ends with."""

    recipient: EmailAddress
    source: Source
    verdict: Verdict
    rule: RuleName
    number: int | None


@frozen
class Waiting:
    """A witness is away, so there is no verdict at all."""

    witness: Witness


Step: TypeAlias = Looked | Arrived | Evidence | Examined | LetIn | Weighed | Passed | Fired | Ruled | Waiting


@frozen
class Explanation:
    """Every source, check, candidate and rule of one decision, in the order in which they were asked."""

    steps: tuple[Step, ...] = field(repr=False)
    tell_sender: bool
    policy: str
    """The admission policy and sender trust that were in force, by name."""

    def text(self, show: Pseudonym = str) -> str:
        """Return the explanation as lines of text for people."""
        from convalias.domain.routing.rendering import text  # noqa: PLC0415 - renderings know the steps

        return text(self, show)

    def mermaid(self, show: Pseudonym = str) -> str:
        """Return the explanation as a Mermaid flowchart."""
        from convalias.domain.routing.rendering import mermaid  # noqa: PLC0415 - renderings know the steps

        return mermaid(self, show)

    def data(self, pseudonym: Pseudonym | None = None) -> Mapping[str, Json]:
        """Return the explanation as JSON for logs: addresses as pseudonyms, never the text of the mail.

        Without a `pseudonym` addresses are numbered in the order of their appearance.
        """
        from convalias.domain.routing.rendering import data  # noqa: PLC0415 - renderings know the steps

        return data(self, pseudonym or numbered())

    def __str__(self) -> str:
        """The text for people."""
        return self.text()


def numbered() -> Pseudonym:
    """Pseudonyms `address-1`, `address-2`, ... that tell addresses apart and say nothing else."""
    seen: dict[EmailAddress, str] = {}
    return lambda address: seen.setdefault(address, f"address-{len(seen) + 1}")


def explain(case: Case) -> Explanation:
    """Decide the case again, listening. What is explained is what was decided: there is no second code path."""
    heard: list[Heard] = []
    decision = route(case.mail, case.context, case.policy, case.rules.heard_by(heard.append))
    steps: list[Step] = [*_arrivals(case.mail, case.context)]
    if isinstance(case.mail, MessageEnvelope):
        evidence = case.mail.evidence
        steps.append(_evidence(evidence, case.context))
        if case.mail.checked is not None:
            steps.append(Examined(case.mail.checked))
        steps.extend(_approvals(case.mail, case.context))
    for one in heard:
        steps.extend(_weighed(one))
        steps.append(_rule_step(one))
    steps.extend(_outcome(decision))
    told = isinstance(decision, RoutingPlan) and decision.tell_sender
    return Explanation(tuple(dict.fromkeys(steps)), told, _policy(case))


def _evidence(evidence: SenderEvidence, context: RoutingContext) -> Evidence:
    signed = evidence.dkim_signed if rests_on_dkim_alone(evidence) else None
    let_in = sorted(key[0] for key, is_in in context.lists.items() if is_in and key[1] == evidence.via_list)
    return Evidence(
        judge(evidence), None if signed is None else tuple(sorted(signed)), evidence.via_list, tuple(let_in)
    )


def _approvals(mail: MessageEnvelope, context: RoutingContext) -> Iterable[LetIn]:
    """What participants let in of this mail; asked for by rules that would hold it, or would refuse a stranger."""
    for key, admits in context.approvals.items():
        conversation, sender = key.conversation, key.sender
        named = None if sender is None else MailKey(conversation, sender, mail.message_id)
        if admits is not None and key == hold_key(conversation, mail, named):
            yield LetIn(conversation, admits)


def _outcome(decision: Decision) -> Iterable[Ruled | Waiting]:
    match decision:
        case RoutingPlan(rulings=rulings):
            for one in rulings:
                yield Ruled(one.recipient.address, one.recipient.source, one.verdict, one.rule, one.number)
        case TryAgain(waiting_for=waiting_for):
            for witness in sorted(waiting_for, key=lambda one: one.value):
                yield Waiting(witness)
        case _:
            assert_never(decision)


def _policy(case: Case) -> str:
    return f"admission {case.policy.admission.name}, sender trust {case.policy.sender_trust.value}"


def _arrivals(mail: InboundMail, context: RoutingContext) -> Iterable[Step]:
    """Which sources were looked at, and what every address in the deciding ones led to."""
    yield Looked("envelope", mail.recipients)
    source = Source.ENVELOPE if mail.recipients else Source.HEADER
    yield from (_arrived(one, source, context) for one in mail.recipients)
    for where, addresses in _fields(mail):
        yield Looked(where, addresses)
        yield from (_arrived(one, Source.HEADER, context) for one in addresses)


def _fields(mail: InboundMail) -> tuple[tuple[str, tuple[EmailAddress, ...]], ...]:
    match mail:
        case MessageEnvelope():
            others = "Delivered-To, X-Original-To, Envelope-To"
            return ("To", mail.to), ("Cc", mail.cc), (others, mail.delivered_to)
        case UnreadableMail():
            return (("header fields", mail.header_recipients),)
        case _:
            assert_never(mail)


def _arrived(written: EmailAddress, source: Source, context: RoutingContext) -> Arrived:
    found = resolved(written, source, context)
    return Arrived(written, found.address, _kind(found), found.conversation)


def _kind(recipient: Recipient) -> str:
    match recipient:
        case AliasRecipient(alias=ConversationAlias()):
            return "conversation alias"
        case AliasRecipient():
            return "legacy alias in stage native"
        case LegacyRecipient():
            return "legacy alias"
        case UnknownRecipient(forged=True):
            return "forged alias"
        case UnknownRecipient():
            return "unknown alias"
        case ForeignRecipient():
            return "foreign"
        case _:
            assert_never(recipient)


def _recipient(heard: Heard) -> EmailAddress | None:
    match heard.case:
        case MailCase() | SenderCase():
            return None
        case case:
            return case.recipient.address


def _rule_step(heard: Heard) -> Passed | Fired:
    if heard.verdict is None:
        return Passed(heard.name, _recipient(heard))
    return Fired(heard.name, heard.step, heard.number, _recipient(heard), heard.verdict, heard.law)


def _weighed(heard: Heard) -> Iterable[Weighed]:
    """The candidates, once per conversation: the first author rule of each is shown them."""
    match heard.case:
        case AuthorCase(identification=identification, recipient=recipient):
            yield _candidates(identification, recipient.address)
        case _:
            pass


def _candidates(identification: Identification, recipient: EmailAddress) -> Weighed:
    match identification:
        case TakesPart(account=account, standing=standing):
            return Weighed(recipient, (account,), standing, takes_part=True)
        case Several(accounts=accounts, standing=standing):
            return Weighed(recipient, accounts, standing, takes_part=True)
        case Outsider(accounts=accounts):
            return Weighed(recipient, accounts, None, takes_part=False)
        case Stranger():
            return Weighed(recipient, (), None, takes_part=False)
        case _:
            assert_never(identification)
