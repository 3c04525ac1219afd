"""The decision itself: arrivals, the rule book over each, overlaps settled, and what the sender may be told."""

from __future__ import annotations

from collections.abc import Container, Iterator
from typing import Final, TypeAlias, assert_never

from attrs import define, evolve, field

from convalias.domain.addresses.email_address import EmailAddress
from convalias.domain.conversations.participants import AccountAuthor, Author
from convalias.domain.conversations.threads import ConversationThread, ThreadState
from convalias.domain.expecting import expect
from convalias.domain.ids import ConversationId
from convalias.domain.mail.authentication import Authentication, judge
from convalias.domain.mail.automation import MailClass
from convalias.domain.mail.dedup import MailKey
from convalias.domain.mail.envelope import NULL_RETURN_PATH, ClearFrom, InboundMail, MessageEnvelope, UnreadableMail
from convalias.domain.mail.reasons import Reason
from convalias.domain.routing.arrival import (
    NamedConversations,
    arrived,
    at_legacy_domain,
    conversation_at,
    recipients,
    signed_recipients,
)
from convalias.domain.routing.context import RoutingContext, Witness
from convalias.domain.routing.identification import Identification, TakesPart, identify
from convalias.domain.routing.let_in import was_let_in
from convalias.domain.routing.plan import Case, Decision, RoutingPlan, TryAgain
from convalias.domain.routing.policy import DEFAULT_POLICY, RoutingPolicy, SenderTrust
from convalias.domain.routing.rulebook import (
    AliasCase,
    ArrivalCase,
    AuthorCase,
    C,
    MailCase,
    OverlapCase,
    RelayCase,
    Rule,
    RuleBook,
    SenderCase,
)
from convalias.domain.routing.rules import RULES
from convalias.domain.routing.verdicts import (
    AliasRecipient,
    ForeignRecipient,
    HandToLegacy,
    Hold,
    Ignore,
    LegacyRecipient,
    Recipient,
    Reject,
    RelayToConversation,
    RuleName,
    Ruling,
    Source,
    UnknownRecipient,
    Verdict,
)

__all__ = ["may_be_told", "recipients", "route"]

NO_RULE: Final = RuleName("no-rule")
"""Stands where a book of one's own has no rule that speaks: the verdict is then the one that does no harm."""

_HUMAN: Final = (MailClass.HUMAN, MailClass.CALENDAR, MailClass.REACTION)
_MAIL_CLASS: Final = 6
"""What a rule of this step says is final; later verdicts are looked at once more in step 9."""


# Members that every mail is compared with, named once: Python 3.11 looks one up by a function call.
_AUTHENTICATED: Final = Authentication.AUTHENTICATED
_ENVELOPE: Final = Source.ENVELOPE


def route(
    mail: InboundMail,
    context: RoutingContext,
    policy: RoutingPolicy = DEFAULT_POLICY,
    rules: RuleBook = RULES,
) -> Decision:
    """Decide a mail. Pure, total, deterministic; O(recipients).

    Order, duplicates and letter case of the recipients never change the plan; facts that are missing from the
    context count as absent. `TryAgain` when a witness is away that must be heard.
    """
    if (
        type(policy) is not RoutingPolicy
        or type(context) is not RoutingContext
        or type(rules) is not RuleBook
        or type(mail) not in _MAILS
    ):
        _refuse(mail, context, policy, rules)
    case = Case(mail, context, policy, rules)
    found = recipients(mail, context)
    said = _first(rules.mail, MailCase(mail, policy))
    if said is not None:
        return _whole(found, said, case)
    if isinstance(mail, UnreadableMail):
        return _whole(found, (Reject(Reason.MALFORMED), NO_RULE, None), case)
    # Unknown is not absent: without the legacy relay's answer an overlap would be guessed.
    if context.away and Witness.LEGACY in context.away and any(map(at_legacy_domain, found)):
        return TryAgain(frozenset({Witness.LEGACY}), case)
    authentication = judge(mail.evidence)
    run = _Run(case, mail, authentication)
    rulings = run.rulings(found)
    if run.waiting_for:
        return TryAgain(frozenset(run.waiting_for), case)
    return RoutingPlan(rulings, _may_tell(mail, authentication, rulings), case)


_MAILS: Final = (MessageEnvelope, UnreadableMail)


def _refuse(mail: object, context: object, policy: object, rules: object) -> None:
    """Say which argument cannot be what its place asks for."""
    expect("mail", mail, *_MAILS, expected="a MessageEnvelope or an UnreadableMail")
    expect("context", context, RoutingContext, expected="a RoutingContext (RoutingContext.of makes one of facts)")
    expect("policy", policy, RoutingPolicy, expected="a RoutingPolicy")
    expect("rules", rules, RuleBook, expected="a RuleBook, such as RULES.before(…)")


Said: TypeAlias = tuple[Verdict, RuleName, int | None]
"""A verdict, and the name and number of the rule that gave it."""


def _first(table: tuple[Rule[C], ...], case: C) -> Said | None:
    """What the first rule says that speaks; None when all are silent."""
    for one in table:
        verdict = one.decide(case)
        if verdict is not None:
            one.refuse_wrong(verdict)
            return verdict, one.name, one.number
    return None


def _whole(found: tuple[Recipient, ...], said: Said, case: Case) -> RoutingPlan:
    """One verdict about the mail, for whoever it was sent to."""
    rulings = tuple(Ruling(one, *said, about_mail=True) for one in found)
    return RoutingPlan(rulings, tell_sender=False, case=case)


def _while_open(said: Said, thread: ConversationThread) -> Said:
    """Refuse what only an open conversation can take, or ask about, where a book of one's own lets it come so far.

    Its message could not be added, so a mail that was let in before would wait for ever.
    """
    verdict = said[0]
    if thread.state is ThreadState.OPEN or not isinstance(verdict, RelayToConversation | Hold):
        return said
    gone = thread.state is ThreadState.ERASED
    return Reject(Reason.UNKNOWN_ALIAS if gone else Reason.CONVERSATION_CLOSED), NO_RULE, None


def _may_tell(mail: MessageEnvelope, authentication: Authentication, rulings: tuple[Ruling, ...]) -> bool:
    """Step 13: whether the sender may be told of a refusal. Never a machine, a null return path, or the unproved.

    RFC 3834 §2 and §4: an answer to a null return path or to another machine is a loop; one to a forged sender is
    backscatter.
    """
    return _answerable(mail, authentication) and any(map(_tellable, rulings))


def may_be_told(mail: MessageEnvelope) -> bool:
    """Whether the sender may hear of a refusal at all, whatever it is about."""
    return _answerable(mail, judge(mail.evidence))


def _answerable(mail: MessageEnvelope, authentication: Authentication) -> bool:
    return (
        authentication is _AUTHENTICATED
        and mail.return_path is not NULL_RETURN_PATH
        and mail.mail_class in _HUMAN
        and isinstance(mail.sender, ClearFrom)
        and not mail.spam
    )


def _tellable(ruling: Ruling) -> bool:
    verdict = ruling.verdict
    told = isinstance(verdict, Reject) and verdict.reason.consequence.may_tell_sender
    return told and ruling.recipient.source is _ENVELOPE


def _about_alias(verdict: Verdict) -> bool:
    """Whether it is a refusal of the alias itself: such a one carries the mail nowhere."""
    return isinstance(verdict, Reject) and verdict.reason.consequence.about_alias


@define(eq=False)
class _Run:
    """One mail on its way through steps 5 to 12: what is shared by its recipients."""

    case: Case
    mail: MessageEnvelope
    authentication: Authentication
    firsts: dict[ConversationId, Ruling] = field(init=False, factory=dict[ConversationId, Ruling])
    """The ruling of the first good alias of each conversation."""
    named: NamedConversations | None = field(init=False, default=None)
    signed_for: Container[ConversationId] = field(init=False, default=())
    waiting_for: set[Witness] = field(init=False, factory=set[Witness])

    def rulings(self, found: tuple[Recipient, ...]) -> tuple[Ruling, ...]:
        """One ruling for each, and for the header aliases that relay; in canonical order."""
        ruled: list[Ruling] = []
        legacy: list[LegacyRecipient] = []
        for one in found:
            match one:
                case AliasRecipient():
                    ruled.append(self._alias(one))
                case LegacyRecipient():
                    legacy.append(one)
                case UnknownRecipient() | ForeignRecipient():
                    ruled.append(self._nowhere(one))
                case _:
                    assert_never(one)
        if legacy:
            ruled.extend(self._header_aliases(legacy))
            ruled.extend(map(self._legacy, legacy))
            ruled.sort(key=_canonical)
        return tuple(ruled)

    def _nowhere(self, recipient: UnknownRecipient | ForeignRecipient) -> Ruling:
        """Step 3."""
        said = _first(self.case.rules.arrival, ArrivalCase(recipient))
        return Ruling(recipient, *(said or (Ignore(Reason.NOT_OURS), NO_RULE, None)))

    def _alias(self, recipient: AliasRecipient) -> Ruling:
        """Steps 5 to 10."""
        said = self._said(self.case.rules.alias, AliasCase(recipient, self.case.context), recipient)
        if said is not None and _about_alias(said[0]):
            return Ruling(recipient, *said)
        first = self.firsts.get(recipient.thread.id)
        if first is None:
            ruling = Ruling(recipient, *_while_open(said or self._decided(recipient), recipient.thread))
            self.firsts[recipient.thread.id] = ruling
            return ruling
        said = said or self._overlapping(recipient, first) or (first.verdict, first.rule, first.number)
        return Ruling(recipient, *_while_open(said, recipient.thread))

    def _legacy(self, recipient: LegacyRecipient) -> Ruling:
        """Step 11."""
        thread = recipient.thread
        first = None if thread is None else self.firsts.get(thread.id)
        said = self._overlapping(recipient, first) or (HandToLegacy(), NO_RULE, None)
        return Ruling(recipient, *(said if thread is None else _while_open(said, thread)))

    def _overlapping(self, recipient: AliasRecipient | LegacyRecipient, first: Ruling | None) -> Said | None:
        asked = OverlapCase(self.mail, self.authentication, recipient, first)
        said = self._said(self.case.rules.overlap, asked, recipient)
        if said is not None and first is not None and said[0] is first.verdict:
            return first.verdict, first.rule, first.number  # a copied verdict was made by the rule that made it
        return said

    def _header_aliases(self, legacy: list[LegacyRecipient]) -> list[Ruling]:
        """Step 12: a provider posts once per recipient, so the alias that carries the mail may be in To or Cc only.

        It decides as if the mail had arrived there, and shows only where it relays.
        """
        alone = {one.thread.id for one in legacy if one.thread is not None and one.source is _ENVELOPE}
        alone.difference_update(self.firsts)
        if not alone:
            return []
        seen, context = frozenset(self.mail.recipients), self.case.context
        named = [one for one in (*self.mail.to, *self.mail.cc) if one not in seen]
        headers = [one for one in named if conversation_at(one, context) in alone]
        shown: list[Ruling] = []
        for one in arrived(headers, Source.HEADER, context):
            if isinstance(one, AliasRecipient) and one.thread.id not in self.firsts:
                ruling = self._alias(one)
                if isinstance(ruling.verdict, RelayToConversation):
                    shown.append(ruling)
        return shown

    def _decided(self, recipient: AliasRecipient) -> Said:
        """Steps 6 to 9, for the first good alias of a conversation."""
        mail, case = self.mail, self.case
        trust = case.policy.trust_for(recipient.thread.use_case)
        sender = SenderCase(mail, self.authentication, trust)
        spoken = self._spoken(case.rules.sender, sender, recipient)
        said, step = next(((said, one.step) for said, one, answered in spoken if not answered), (None, 0))
        if said is not None and step == _MAIL_CLASS:
            return said
        said = said or self._by_author(recipient, trust)
        if self.named is None:
            self.named = NamedConversations((*mail.to, *mail.cc), case.context)
            self.signed_for = NamedConversations(signed_recipients(mail), case.context)
        return self._standing(said, recipient)

    def _standing(self, said: Said, recipient: AliasRecipient) -> Said:
        """Step 9: what stands. A hold that became a relay is looked at once more, as what would be relayed."""
        case, named = self.case, self.named or ()
        asked = RelayCase(
            self.mail, self.authentication, recipient, said[0], named, self.signed_for, case.context, case.policy
        )
        found = self._said(case.rules.relay, asked, recipient)
        if found is None or not (isinstance(said[0], Hold) and isinstance(found[0], RelayToConversation)):
            return found or said
        return self._standing(found, recipient)

    def _said(self, table: tuple[Rule[C], ...], case: C, recipient: AliasRecipient | LegacyRecipient) -> Said | None:
        """What the first rule says that speaks. A hold that a participant has answered is not said once more.

        The rules behind it go on: so a rule need not know of approvals, and no approved mail waits for ever.
        """
        return next((said for said, _, answered in self._spoken(table, case, recipient) if not answered), None)

    def _spoken(
        self, table: tuple[Rule[C], ...], case: C, recipient: AliasRecipient | LegacyRecipient
    ) -> Iterator[tuple[Said, Rule[C], bool]]:
        """What each rule says that speaks, the rule, and whether it holds a mail that a participant let in."""
        thread = recipient.thread
        for one in table:
            verdict = one.decide(case)
            if verdict is None:
                continue
            one.refuse_wrong(verdict, recipient)
            answered = False
            if isinstance(verdict, Hold) and thread is not None:
                verdict = self._of_this_mail(verdict, thread)
                trust = self.case.policy.trust_for(thread.use_case)
                answered = was_let_in(
                    self.case.context, self.mail, thread.id, verdict, proof=self.authentication, trust=trust
                )
            yield (verdict, one.name, one.number), one, answered

    def _of_this_mail(self, hold: Hold, thread: ConversationThread) -> Hold:
        """The hold under the one key of the mail in its conversation: whichever rules hold it, it is asked about once.

        A rule that names no author leaves it to us who takes part.
        """
        sender = self.mail.sender
        key: MailKey | None = None
        author: Author | None = None
        if isinstance(sender, ClearFrom):
            key = MailKey(thread.id, sender.address, self.mail.message_id)
            author = hold.author or self._as_author(self._identified(sender.address, thread))
        return hold if (hold.author, hold.dedup_key) == (author, key) else evolve(hold, author=author, dedup_key=key)

    def _identified(self, sender: EmailAddress, thread: ConversationThread) -> Identification:
        return identify(sender, thread, self.case.context, historical_days=self.case.policy.historical_days)

    def _as_author(self, known: Identification) -> AccountAuthor | None:
        """The one account that takes part, where there is one."""
        if not isinstance(known, TakesPart):
            return None
        return AccountAuthor(known.account, known.standing, verified=self.mail.verified)

    def _by_author(self, recipient: AliasRecipient, trust: SenderTrust) -> Said:
        """Step 8."""
        case, sender, authentication = self.case, self.mail.sender, self.authentication
        if not isinstance(sender, ClearFrom):
            return Hold(Reason.FROM_AMBIGUOUS), NO_RULE, None
        if case.context.away:
            self._hear_witnesses(sender.address)
        known = self._identified(sender.address, recipient.thread)
        author = self._as_author(known)
        asked = AuthorCase(
            self.mail, sender, authentication, trust, recipient, known, author, case.context, case.policy
        )
        let_in: Said | None = None
        for said, _, answered in self._spoken(case.rules.author, asked, recipient):
            if not answered:
                return said
            let_in = said
        # Step 9 makes a message of what was let in.
        return let_in or (self._of_this_mail(Hold(Reason.NEEDS_APPROVAL), recipient.thread), NO_RULE, None)

    def _hear_witnesses(self, sender: EmailAddress) -> None:
        """Step 4, as far as step 8 needs it: the directory always, the history where the directory names nobody."""
        away = self.case.context.away
        holders = self.case.context.holders.get(sender)
        if Witness.IDENTITY in away:
            self.waiting_for.add(Witness.IDENTITY)
        elif Witness.LEGACY in away and (holders is None or not holders.accounts):
            self.waiting_for.add(Witness.LEGACY)


def _canonical(ruling: Ruling) -> str:
    return ruling.recipient.address.key
