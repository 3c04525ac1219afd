"""The rules with a plausible slip in each: what the exhaustive check must tell from the rules as they are."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Final

from attrs import evolve

from convalias.domain.addresses.email_address import EmailAddress
from convalias.domain.conversations.participants import AccountAuthor, AddressTenure, PeripheralAuthor, Standing
from convalias.domain.conversations.threads import ConversationThread, ThreadState
from convalias.domain.mail.authentication import Authentication, Dmarc, SenderEvidence, judge
from convalias.domain.mail.automation import MailClass
from convalias.domain.mail.dedup import MailKey
from convalias.domain.mail.envelope import AmbiguousFrom, ClearFrom, MessageEnvelope
from convalias.domain.mail.reasons import CONSEQUENCES, Reason
from convalias.domain.routing import arrival, rules_author, rules_mail, rules_relay
from convalias.domain.routing import decision as routing
from convalias.domain.routing import identification as identity
from convalias.domain.routing.context import RoutingContext, Witness
from convalias.domain.routing.identification import Outsider, Several, Stranger, TakesPart
from convalias.domain.routing.policy import SenderTrust
from convalias.domain.routing.rulebook import (
    AliasCase,
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
    HandToLegacy,
    Hold,
    Ignore,
    LegacyRecipient,
    Recipient,
    Reject,
    RelayToConversation,
    SkipOverlap,
    Source,
    Verdict,
)


@dataclass(frozen=True)
class Mutant:
    """A book of rules, and functions of the library that are replaced while it is asked."""

    name: str
    rules: RuleBook = RULES
    patches: tuple[tuple[Any, str, Any], ...] = field(default=())


MUTANTS: Final[list[Mutant]] = []


def _book(name: str, rules: RuleBook) -> None:
    MUTANTS.append(Mutant(name, rules))


def _without(name: str, *gone: Rule[Any]) -> None:
    book = RULES
    for one in gone:
        book = book.without(one)
    _book(name, book)


def _instead(old: Rule[C], name: str) -> Callable[[Callable[[C], Verdict | None]], None]:
    """The decorated function decides in the place of that rule, under its name and number (decorator)."""

    def put(decide: Callable[[C], Verdict | None]) -> None:
        _book(name, RULES.replacing(old, evolve(old, decide=decide)))

    return put


def _patched(name: str, where: Any, what: str) -> Callable[[Any], None]:
    """The decorated function stands in the place of that one of the library (decorator)."""

    def put(replacement: Any) -> None:
        MUTANTS.append(Mutant(name, patches=((where, what, replacement),)))

    return put


def _swapped(table: tuple[Rule[C], ...], one: Rule[C], other: Rule[C]) -> tuple[Rule[C], ...]:
    places = {one.name: other, other.name: one}
    return tuple(places.get(each.name, each) for each in table)


# --- the mail, the alias, the claimed sender ---------------------------------------------------------

_without("a mail over a limit is read on", rules_mail.over_a_limit)
_without("blocked senders are heard", rules_mail.blocked_sender)
_without("a forged token is only unknown", rules_mail.forged_alias)
_without("a revoked alias works", rules_mail.revoked_alias)
_without("an alias of an erased conversation is of a conversation", rules_mail.erased_conversation)
_without("a closed conversation takes mail", rules_mail.closed_conversation)
_without("our own mail is a message", rules_mail.own_mail)
_without("answers of machines are messages", rules_mail.automatic_answer)
_without("a spoofed sender waits", rules_mail.spoofed_sender)
_book(
    "expired is told before revoked",
    evolve(RULES, alias=_swapped(RULES.alias, rules_mail.expired_alias, rules_mail.revoked_alias)),
)
_book(
    "closed is told before expired",
    evolve(RULES, alias=_swapped(RULES.alias, rules_mail.expired_alias, rules_mail.closed_conversation)),
)
_book(
    "spoofed is told before ambiguous",
    evolve(RULES, sender=_swapped(RULES.sender, rules_mail.ambiguous_from, rules_mail.spoofed_sender)),
)


@_instead(rules_mail.blocked_sender, "blocked is matched on From only")
def _blocked_from(case: MailCase) -> Verdict | None:
    blocked = any(one in case.policy.blocked for one in rules_mail._readings(case.mail))
    return Ignore(Reason.BLOCKED_SENDER) if blocked else None


@_instead(rules_mail.blocked_sender, "blocked is matched on a clear From only")
def _blocked_clear(case: MailCase) -> Verdict | None:
    sender = getattr(case.mail, "sender", None)
    spoken = sender.address if isinstance(sender, ClearFrom) else None
    found = spoken in case.policy.blocked or case.mail.return_path in case.policy.blocked
    return Ignore(Reason.BLOCKED_SENDER) if found else None


@_instead(rules_mail.blocked_sender, "a blocked domain blocks its subdomains")
def _blocked_below(case: MailCase) -> Verdict | None:
    path, domains = case.mail.return_path, case.policy.blocked.domains
    below = isinstance(path, EmailAddress) and any(path.domain.endswith(f".{one}") for one in domains)
    return Ignore(Reason.BLOCKED_SENDER) if below else rules_mail.blocked_sender.decide(case)


@_instead(rules_mail.expired_alias, "an alias works at the instant of its expiry")
def _expired_late(case: AliasCase) -> Verdict | None:
    alias = case.recipient.alias
    ended = alias is not None and alias.expires_at is not None and alias.expires_at < case.context.now
    return Reject(Reason.EXPIRED_ALIAS) if ended else None


@_instead(rules_mail.revoked_alias, "an alias works at the instant of its revocation")
def _revoked_late(case: AliasCase) -> Verdict | None:
    alias = case.recipient.alias
    ended = alias is not None and alias.revoked_at is not None and alias.revoked_at < case.context.now
    return Reject(Reason.REVOKED_ALIAS) if ended else None


@_instead(rules_mail.revoked_alias, "any revocation counts, those to come too")
def _revoked_early(case: AliasCase) -> Verdict | None:
    alias = case.recipient.alias
    return Reject(Reason.REVOKED_ALIAS) if alias is not None and alias.revoked_at is not None else None


@_instead(rules_mail.closed_conversation, "archived is not closed")
def _closed_only(case: AliasCase) -> Verdict | None:
    return Reject(Reason.CONVERSATION_CLOSED) if case.recipient.thread.state is ThreadState.CLOSED else None


@_instead(rules_mail.erased_conversation, "erased is only closed")
def _erased_closed(case: AliasCase) -> Verdict | None:
    return Reject(Reason.CONVERSATION_CLOSED) if case.recipient.thread.state is ThreadState.ERASED else None


@_instead(rules_mail.ambiguous_from, "an ambiguous From is refused though authenticated")
def _ambiguous_refused(case: SenderCase) -> Verdict | None:
    return Reject(Reason.FROM_AMBIGUOUS) if isinstance(case.mail.sender, AmbiguousFrom) else None


@_instead(rules_mail.ambiguous_from, "an ambiguous From waits though unproved")
def _ambiguous_held(case: SenderCase) -> Verdict | None:
    return Hold(Reason.FROM_AMBIGUOUS) if isinstance(case.mail.sender, AmbiguousFrom) else None


@_instead(rules_mail.spoofed_sender, "spoofed is spoofed under ACCEPT_ANY too")
def _spoofed_any(case: SenderCase) -> Verdict | None:
    return Reject(Reason.SPOOFED_SENDER) if case.authentication is Authentication.SPOOFED else None


@_instead(rules_mail.automatic_answer, "bulk mail is an answer of a machine")
def _bulk_answer(case: SenderCase) -> Verdict | None:
    automatic = case.mail.mail_class in (*rules_mail._ANSWERS, MailClass.BULK)
    return Ignore(Reason.AUTOMATED) if automatic else None


# --- the author --------------------------------------------------------------------------------------

_without("the doubtful are believed", rules_author.doubtful_participant)
_without("what passed once need not pass", rules_author.unproved_participant)


@_instead(rules_author.several_accounts, "of several accounts the first is the author")
def _guessed(case: AuthorCase) -> Verdict | None:
    known = case.identification
    if not isinstance(known, Several):
        return None
    verified = case.authentication is Authentication.AUTHENTICATED
    key = MailKey(case.recipient.thread.id, case.sender.address, case.mail.message_id)
    author = AccountAuthor(known.accounts[0], known.standing, verified=verified)
    return RelayToConversation(case.recipient.thread.id, author, key)


@_instead(rules_author.several_accounts, "several historical accounts are nobody")
def _historical_nobody(case: AuthorCase) -> Verdict | None:
    known = case.identification
    current = isinstance(known, Several) and known.standing is not Standing.HISTORICAL
    return Reject(Reason.ACCOUNT_AMBIGUOUS) if current else None


@_instead(rules_author.unproved_participant, "only one's own account says what passed once")
def _passed_own(case: AuthorCase) -> Verdict | None:
    said = rules_author.unproved_participant.decide(case)
    own = None if case.author is None else case.context.accounts.get(case.author.account)
    passed = own is not None and case.sender.address in own.authenticates
    return said if passed or case.trust is SenderTrust.REQUIRE_ALIGNED else None


@_instead(rules_author.unproved_participant, "REQUIRE_ALIGNED believes what never passed")
def _aligned_once(case: AuthorCase) -> Verdict | None:
    return rules_author.unproved_participant.decide(case) if rules_author._has_passed(case) else None


def _applicant(
    change: Callable[[AuthorCase, Verdict | None], Verdict | None],
) -> Callable[[AuthorCase], Verdict | None]:
    return lambda case: change(case, rules_author.applicant.decide(case))


@_instead(rules_author.applicant, "STRICT knows nobody")
@_applicant
def _unknown(case: AuthorCase, said: Verdict | None) -> Verdict | None:
    return Reject(Reason.UNKNOWN_SENDER) if said == Reject(Reason.NOT_PARTICIPANT) else said


@_instead(rules_author.applicant, "FREE admits the doubtful")
@_applicant
def _free_doubtful(case: AuthorCase, said: Verdict | None) -> Verdict | None:
    if case.policy.admission.name != "free" or case.trust is SenderTrust.REQUIRE_ALIGNED:
        return said
    return rules_author._relayed(case, PeripheralAuthor(case.sender.address))


@_instead(rules_author.applicant, "FREE admits the unproved under REQUIRE_ALIGNED")
@_applicant
def _free_unproved(case: AuthorCase, said: Verdict | None) -> Verdict | None:
    unproved = case.authentication is Authentication.UNPROVED and case.policy.admission.name == "free"
    return rules_author._relayed(case, PeripheralAuthor(case.sender.address)) if unproved else said


@_instead(rules_author.applicant, "LIGHT admits who is vouched for, proved or not")
def _light_unproved(case: AuthorCase) -> Verdict | None:
    return rules_author.applicant.decide(evolve(case, authentication=Authentication.AUTHENTICATED))


@_instead(rules_author.applicant, "a stranger is admitted by the company of his own account")
def _own_company(case: AuthorCase) -> Verdict | None:
    said, known = rules_author.applicant.decide(case), case.identification
    own = known.accounts if isinstance(known, Outsider) else ()
    companies = [company for one in own if (a := case.context.accounts.get(one)) for company in a.company_domains]
    vouched = case.sender.address.domain in companies and isinstance(said, Hold)
    return rules_author._relayed(case, PeripheralAuthor(case.sender.address, verified=True)) if vouched else said


@_patched("a company vouches for the domains below it", rules_author, "company_domains")
def _parents(thread: ConversationThread, context: RoutingContext) -> frozenset[str]:
    found = _company_domains(thread, context)
    return found | {"home.example"} if "example" in found else found


_company_domains = rules_author.company_domains


@_patched("companies of whoever there is vouch", rules_author, "company_domains")
def _everybody(_thread: ConversationThread, context: RoutingContext) -> frozenset[str]:
    return frozenset(domain for one in context.accounts.values() if one for domain in one.company_domains)


# --- the evidence and the account --------------------------------------------------------------------


@_patched("a fail under an unknown policy is only doubtful", routing, "judge")
def _lenient(evidence: SenderEvidence) -> Authentication:
    unknown = evidence.dmarc is Dmarc.FAIL and evidence.policy is None
    return Authentication.DOUBTFUL if unknown else judge(evidence)


@_patched("an aligned SPF lifts a fail", routing, "judge")
def _lifted(evidence: SenderEvidence) -> Authentication:
    failed = evidence.dmarc in (Dmarc.FAIL, Dmarc.PERMERROR, Dmarc.TEMPERROR)
    return Authentication.AUTHENTICATED if failed and evidence.spf_aligned else judge(evidence)


@_patched("an aligned DKIM counts for nothing", routing, "judge")
def _no_dkim(evidence: SenderEvidence) -> Authentication:
    return judge(evolve(evidence, dkim_aligned=False))


@_patched("a temporary error proves as little as nothing", routing, "judge")
def _no_error(evidence: SenderEvidence) -> Authentication:
    return Authentication.UNPROVED if evidence.dmarc is Dmarc.TEMPERROR else judge(evidence)


_former = identity.former_accounts
_identify = identity.identify


def _by_tenures(change: Callable[[list[AddressTenure], RoutingContext, int], Iterable[AddressTenure]]) -> Any:
    def former(tenures: Iterable[AddressTenure], context: RoutingContext, *, historical_days: int) -> tuple[Any, ...]:
        return _former(change(list(tenures), context, historical_days), context, historical_days=historical_days)

    return former


@_patched("an address given up on the last day is no evidence", identity, "former_accounts")
@_by_tenures
def _until_exclusive(tenures: list[AddressTenure], context: RoutingContext, days: int) -> Iterable[AddressTenure]:
    edge = context.now - timedelta(days=days)
    return [evolve(one, until=edge - timedelta(seconds=1)) if one.until == edge else one for one in tenures]


@_patched("an address is had only after the instant it was got", identity, "former_accounts")
@_by_tenures
def _since_exclusive(tenures: list[AddressTenure], context: RoutingContext, days: int) -> Iterable[AddressTenure]:
    return [one for one in tenures if one.since != context.now]


@_patched("an address that is yet to be got is had", identity, "former_accounts")
@_by_tenures
def _to_come(tenures: list[AddressTenure], context: RoutingContext, days: int) -> Iterable[AddressTenure]:
    return [evolve(one, since=min(one.since, context.now)) for one in tenures]


@_patched("an address given up for security still proves", identity, "former_accounts")
@_by_tenures
def _insecure(tenures: list[AddressTenure], context: RoutingContext, days: int) -> Iterable[AddressTenure]:
    return [evolve(one, given_up=None) for one in tenures]


@_patched("of the history the latest entry that proves counts", identity, "former_accounts")
@_by_tenures
def _latest_good(tenures: list[AddressTenure], context: RoutingContext, days: int) -> Iterable[AddressTenure]:
    return [one for one in tenures if _former([one], context, historical_days=days)]


@_patched("a tie of the history is guessed", identity, "former_accounts")
def _tie_guessed(tenures: Iterable[AddressTenure], context: RoutingContext, *, historical_days: int) -> tuple[Any, ...]:
    return _former(tenures, context, historical_days=historical_days)[:1]


@_patched("every entry of the history counts", identity, "former_accounts")
def _whole_history(
    tenures: Iterable[AddressTenure], context: RoutingContext, *, historical_days: int
) -> tuple[Any, ...]:
    each = (_former([one], context, historical_days=historical_days) for one in tenures)
    return tuple(dict.fromkeys(account for found in each for account in found))


@_patched("a historical account delegates", routing, "identify")
def _delegated(
    address: EmailAddress, thread: ConversationThread, context: RoutingContext, *, historical_days: int
) -> identity.Identification:
    known = _identify(address, thread, context, historical_days=historical_days)
    if not isinstance(known, Outsider):
        return known
    former = [found for one in known.accounts if (found := context.accounts.get(one))]
    spoken = {client for one in former for client in one.speaks_for if thread.takes_part(client)}
    return TakesPart(spoken.pop(), Standing.DELEGATED) if len(spoken) == 1 else known


@_patched("the history is asked though the directory knows somebody", routing, "identify")
def _history_too(
    address: EmailAddress, thread: ConversationThread, context: RoutingContext, *, historical_days: int
) -> identity.Identification:
    known = _identify(address, thread, context, historical_days=historical_days)
    if not isinstance(known, Outsider):
        return known
    former = _identify(address, thread, evolve(context, holders={}), historical_days=historical_days)
    return known if isinstance(former, Outsider | Stranger) else former


@_patched("delegation counts beside participation", routing, "identify")
def _delegated_too(
    address: EmailAddress, thread: ConversationThread, context: RoutingContext, *, historical_days: int
) -> identity.Identification:
    known = _identify(address, thread, context, historical_days=historical_days)
    account = context.accounts.get(known.account) if isinstance(known, TakesPart) else None
    more = [one for one in (account.speaks_for if account else ()) if thread.takes_part(one)]
    if not isinstance(known, TakesPart) or not more:
        return known
    return Several((known.account, *more), known.standing)


# --- what may stand ----------------------------------------------------------------------------------

_without("bulk mail of whoever is relayed", rules_relay.automatic_mail)
_without("spam of whoever is relayed", rules_relay.spam)
_without("empty mail is relayed", rules_relay.empty)
_without("an odd header is of no account", rules_relay.odd_header)
_without("replays are relayed", rules_relay.replayed_signature)
_book(
    "spam is told before bulk",
    evolve(RULES, relay=_swapped(RULES.relay, rules_relay.automatic_mail, rules_relay.spam)),
)
_book("odd is told before empty", evolve(RULES, relay=_swapped(RULES.relay, rules_relay.empty, rules_relay.odd_header)))


def _by_account(case: RelayCase) -> bool:
    verdict = case.verdict
    return isinstance(getattr(verdict, "author", None), AccountAuthor)


@_instead(rules_relay.automatic_mail, "bulk mail of an unauthenticated account is relayed")
def _bulk_unproved(case: RelayCase) -> Verdict | None:
    return None if _by_account(case) else rules_relay.automatic_mail.decide(case)


@_instead(rules_relay.automatic_mail, "bulk mail of an authenticated stranger is relayed")
def _bulk_stranger(case: RelayCase) -> Verdict | None:
    proved = case.authentication is Authentication.AUTHENTICATED and getattr(case.verdict, "author", None) is not None
    return None if proved else rules_relay.automatic_mail.decide(case)


@_instead(rules_relay.automatic_mail, "holds and refusals of bulk mail stay")
def _bulk_relays_only(case: RelayCase) -> Verdict | None:
    return rules_relay.automatic_mail.decide(case) if isinstance(case.verdict, RelayToConversation) else None


@_instead(rules_relay.automatic_mail, "generated mail is not bulk")
def _bulk_only(case: RelayCase) -> Verdict | None:
    return rules_relay.automatic_mail.decide(case) if case.mail.mail_class is MailClass.BULK else None


@_instead(rules_relay.spam, "spam of an unauthenticated account is relayed")
def _spam_unproved(case: RelayCase) -> Verdict | None:
    return None if _by_account(case) else rules_relay.spam.decide(case)


@_instead(rules_relay.spam, "refusals of spam stay")
def _spam_not_refused(case: RelayCase) -> Verdict | None:
    return None if isinstance(case.verdict, Reject) else rules_relay.spam.decide(case)


@_instead(rules_relay.empty, "empty mail that waits is refused")
def _empty_held(case: RelayCase) -> Verdict | None:
    kept = isinstance(case.verdict, RelayToConversation | Hold)
    return Reject(Reason.EMPTY) if kept and case.mail.content.empty else None


@_instead(rules_relay.odd_header, "an oddity of the body holds")
def _odd_anywhere(case: RelayCase) -> Verdict | None:
    verdict = case.verdict
    if not case.mail.oddities or not isinstance(verdict, RelayToConversation):
        return None
    return Hold(Reason.MIME_AMBIGUOUS, verdict.author, verdict.dedup_key)


@_instead(rules_relay.odd_header, "what waits for its oddity has no author")
def _odd_anonymous(case: RelayCase) -> Verdict | None:
    return None if rules_relay.odd_header.decide(case) is None else Hold(Reason.MIME_AMBIGUOUS)


def _replay(signs: Callable[[RelayCase], bool], *, named: Callable[[RelayCase], bool] | None = None) -> Any:
    """Rule 12 by other signs."""

    def decide(case: RelayCase) -> Verdict | None:
        verdict = case.verdict
        known = case.recipient.thread.id in case.named if named is None else named(case)
        if not isinstance(verdict, RelayToConversation) or known or not signs(case):
            return None
        return Hold(Reason.NEEDS_APPROVAL, verdict.author, verdict.dedup_key)

    return decide


def _old_or_seen(case: RelayCase) -> bool:
    return rules_relay._stale(case) or rules_relay._seen_elsewhere(case)


def _aged(case: RelayCase) -> bool:
    return case.mail.date is not None and case.context.now - case.mail.date >= timedelta(hours=24)


def _sightings(case: RelayCase, *, any_sender: bool = False, any_id: bool = False) -> set[str]:
    sender = case.mail.sender
    assert isinstance(sender, ClearFrom)
    return {
        conversation
        for (number, who), conversations in case.context.sightings.items()
        if (any_id or number == case.mail.message_id) and (any_sender or who == sender.address)
        for conversation in conversations
    }


def _elsewhere(case: RelayCase, **which: bool) -> bool:
    return bool(_sightings(case, **which) - {case.recipient.thread.id})


_TWELVE = rules_relay.replayed_signature
_instead(_TWELVE, "a Date of 24 hours is old")(_replay(lambda case: _aged(case) or rules_relay._seen_elsewhere(case)))
_instead(_TWELVE, "a mail without Date is old")(
    _replay(lambda case: case.mail.date is None or _old_or_seen(case)),
)
_instead(_TWELVE, "a replay is old and seen")(
    _replay(lambda case: rules_relay._stale(case) and rules_relay._seen_elsewhere(case))
)
_instead(_TWELVE, "seen in this conversation counts")(
    _replay(lambda case: rules_relay._stale(case) or bool(_sightings(case)))
)
_instead(_TWELVE, "seen of anybody counts")(
    _replay(lambda case: rules_relay._stale(case) or _elsewhere(case, any_sender=True))
)
_instead(_TWELVE, "any id seen counts")(_replay(lambda case: rules_relay._stale(case) or _elsewhere(case, any_id=True)))
_instead(_TWELVE, "seen here too means not seen elsewhere")(
    _replay(
        lambda case: rules_relay._stale(case) or (_elsewhere(case) and case.recipient.thread.id not in _sightings(case))
    )
)
_instead(_TWELVE, "naming the conversation is no excuse")(_replay(_old_or_seen, named=lambda case: False))
_instead(_TWELVE, "naming any conversation is an excuse")(
    _replay(
        _old_or_seen,
        named=lambda case: any(
            arrival.conversation_at(one, case.context) is not None for one in (*case.mail.to, *case.mail.cc)
        ),
    )
)
_instead(_TWELVE, "only the recipient itself is an excuse")(
    _replay(_old_or_seen, named=lambda case: case.recipient.address in (*case.mail.to, *case.mail.cc))
)
_instead(_TWELVE, "only To is an excuse")(
    _replay(
        _old_or_seen,
        named=lambda case: any(
            arrival.conversation_at(one, case.context) == case.recipient.thread.id for one in case.mail.to
        ),
    )
)
_instead(_TWELVE, "Delivered-To is an excuse")(
    _replay(
        _old_or_seen,
        named=lambda case: any(
            arrival.conversation_at(one, case.context) == case.recipient.thread.id
            for one in (*case.mail.to, *case.mail.cc, *case.mail.delivered_to)
        ),
    )
)

# --- overlaps ----------------------------------------------------------------------------------------

_without("a hold is not copied to legacy", rules_relay.decided_already)
_without("legacy gets what is relayed", rules_relay.carried_already, rules_relay.carried_by_header_alias)
_without("legacy gets what a header alias relays", rules_relay.carried_by_header_alias)
_without("the header counts as the envelope", rules_relay.carried_already)
_without("legacy gets mail of an erased conversation", rules_relay.erased_legacy)
_without("legacy gets spam", rules_relay.spam_for_legacy)
_book(
    "spam is told before erased",
    evolve(RULES, overlap=_swapped(RULES.overlap, rules_relay.erased_legacy, rules_relay.spam_for_legacy)),
)


@_instead(rules_relay.second_alias, "a second alias relays too")
def _second_relays(case: OverlapCase) -> Verdict | None:
    is_alias = isinstance(case.recipient, AliasRecipient)
    return case.first.verdict if is_alias and case.first is not None else None


@_instead(rules_relay.second_alias, "a second alias is skipped whatever the first says")
def _second_skipped(case: OverlapCase) -> Verdict | None:
    is_alias = isinstance(case.recipient, AliasRecipient)
    return SkipOverlap(case.first.recipient.address) if is_alias and case.first is not None else None


@_instead(rules_relay.decided_already, "legacy is skipped though the overlap was rejected")
def _skipped_anyway(case: OverlapCase) -> Verdict | None:
    return None if case.first is None else SkipOverlap(case.first.recipient.address)


@_instead(rules_relay.decided_already, "what is only ignored goes to legacy")
def _ignored_goes(case: OverlapCase) -> Verdict | None:
    return None if case.first is None or isinstance(case.first.verdict, Ignore) else case.first.verdict


@_instead(rules_relay.decided_already, "a copied hold has no author")
def _anonymous_copy(case: OverlapCase) -> Verdict | None:
    first = None if case.first is None else case.first.verdict
    return Hold(first.reason) if isinstance(first, Hold) else first


@_instead(rules_relay.spam_for_legacy, "authenticated spam is kept from legacy too")
def _all_spam(case: OverlapCase) -> Verdict | None:
    return Ignore(Reason.SPAM) if case.mail.spam else None


@_instead(rules_relay.legacy_alone, "what is not listed is not handed to legacy")
def _listed_only(case: OverlapCase) -> Verdict | None:
    return HandToLegacy() if case.recipient.thread is not None else Reject(Reason.UNKNOWN_ALIAS)


@_patched("a closed conversation is a matter of the alias", routing, "_about_alias")
def _closed_about_alias(verdict: Verdict) -> bool:
    return isinstance(verdict, Reject) and (
        CONSEQUENCES[verdict.reason].about_alias or verdict.reason is Reason.CONVERSATION_CLOSED
    )


@_patched("an expired alias decides for legacy", routing, "_about_alias")
def _expired_decides(verdict: Verdict) -> bool:
    about = isinstance(verdict, Reject) and CONSEQUENCES[verdict.reason].about_alias
    return about and verdict != Reject(Reason.EXPIRED_ALIAS)


_legacy = arrival._legacy
_arrived = arrival.arrived
_decided = routing._Run._decided
_alias = routing._Run._alias


@_patched("a native legacy alias is legacy", arrival, "_legacy")
def _always_legacy(address: EmailAddress, alias: Any, source: Source, context: RoutingContext) -> Recipient:
    return _legacy(address, alias, source, evolve(context, stages={}))


@_patched("a shadow's legacy alias is an alias", arrival, "_legacy")
def _early_native(address: EmailAddress, alias: Any, source: Source, context: RoutingContext) -> Recipient:
    found = _legacy(address, alias, source, context)
    stage = None if found.conversation is None else context.stages.get(found.conversation)
    known = isinstance(found, LegacyRecipient) and found.thread is not None and stage is not None
    if isinstance(found, LegacyRecipient) and found.thread is not None and known and stage.value == "shadow":  # type: ignore[union-attr]
        return AliasRecipient(address, source, None, found.thread)
    return found


@_patched("a listed alias is good though its token is forged", arrival, "_alias")
def _listed_is_good(address: EmailAddress, listed: Any, source: Source, context: RoutingContext) -> Recipient:
    return _arrival_alias(address, listed, source, context if listed is None else evolve(context, keys=None))


_arrival_alias = arrival._alias


@_patched("recipients are decided in the order of the envelope", routing, "recipients")
def _as_written(mail: Any, context: RoutingContext) -> tuple[Recipient, ...]:
    source = Source.ENVELOPE if mail.recipients else Source.HEADER
    written = mail.recipients or arrival.header_addresses(mail)
    return tuple({one.address: one for one in (arrival.resolved(each, source, context) for each in written)}.values())


@_patched("headers count beside the envelope", routing, "recipients")
def _headers_too(mail: Any, context: RoutingContext) -> tuple[Recipient, ...]:
    return _arrived((*mail.recipients, *arrival.header_addresses(mail)), Source.ENVELOPE, context)


@_patched("Delivered-To is no stand-in for the envelope", routing, "recipients")
def _no_delivered(mail: Any, context: RoutingContext) -> tuple[Recipient, ...]:
    return _recipients(mail if mail.recipients else evolve(mail, delivered_to=()), context)


_recipients = routing.recipients
_headers = routing._Run._header_aliases


@_patched("header aliases of other conversations count", routing._Run, "_header_aliases")
def _all_headers(self: Any, legacy: list[LegacyRecipient]) -> list[Any]:
    found = _arrived([*self.mail.to, *self.mail.cc], Source.HEADER, self.case.context)
    fresh = [one for one in found if isinstance(one, AliasRecipient) and one.thread.id not in self.firsts]
    ruled = [_alias(self, one) for one in fresh]
    return [one for one in ruled if isinstance(one.verdict, RelayToConversation)]


@_patched("a header alias that does not relay is shown", routing._Run, "_header_aliases")
def _shown_anyway(self: Any, legacy: list[LegacyRecipient]) -> list[Any]:
    before = set(self.firsts)
    _headers(self, legacy)
    return [one for thread, one in self.firsts.items() if thread not in before]


@_patched("no header alias counts", routing._Run, "_header_aliases")
def _no_headers(_self: Any, _legacy: list[LegacyRecipient]) -> list[Any]:
    return []


def _header_fields(change: Callable[[MessageEnvelope], MessageEnvelope]) -> Any:
    def headers(self: Any, legacy: list[LegacyRecipient]) -> list[Any]:
        whole, self.mail = self.mail, change(self.mail)
        found = _headers(self, legacy)
        self.mail = whole
        return found

    return headers


_patched("header aliases count in To only", routing._Run, "_header_aliases")(
    _header_fields(lambda mail: evolve(mail, cc=()))
)
_patched("header aliases count in Delivered-To too", routing._Run, "_header_aliases")(
    _header_fields(lambda mail: evolve(mail, to=(*mail.to, *mail.delivered_to)))
)

# --- outages, and what may be told -------------------------------------------------------------------


@_patched("only what is legacy waits for the legacy relay", routing, "at_legacy_domain")
def _not_native(recipient: Recipient) -> bool:
    return isinstance(recipient, LegacyRecipient)


@_patched("only what is listed waits for the legacy relay", routing, "at_legacy_domain")
def _only_listed(recipient: Recipient) -> bool:
    return recipient.conversation is not None and arrival.at_legacy_domain(recipient)


@_patched("nobody waits for the directory", routing._Run, "_hear_witnesses")
def _deaf(self: Any, sender: EmailAddress) -> None:
    holders = self.case.context.holders.get(sender)
    if Witness.LEGACY in self.case.context.away and (holders is None or not holders.accounts):
        self.waiting_for.add(Witness.LEGACY)


@_patched("the history is waited for though the directory knows", routing._Run, "_hear_witnesses")
def _anxious(self: Any, _sender: EmailAddress) -> None:
    self.waiting_for |= self.case.context.away


@_patched("the history is not waited for", routing._Run, "_hear_witnesses")
def _careless(self: Any, _sender: EmailAddress) -> None:
    self.waiting_for |= self.case.context.away - {Witness.LEGACY}


_may_tell = routing._may_tell


def _told(change: Callable[[MessageEnvelope], MessageEnvelope]) -> Any:
    def may_tell(mail: MessageEnvelope, authentication: Authentication, rulings: Any) -> bool:
        return _may_tell(change(mail), authentication, rulings)

    return may_tell


_patched("a null return path is told", routing, "_may_tell")(_told(lambda mail: evolve(mail, return_path=None)))
_patched("spam is told", routing, "_may_tell")(_told(lambda mail: evolve(mail, spam=False)))
_patched("machines are told", routing, "_may_tell")(_told(lambda mail: evolve(mail, mail_class=MailClass.HUMAN)))
_patched("an ambiguous From is told", routing, "_may_tell")(
    _told(lambda mail: evolve(mail, sender=ClearFrom(EmailAddress.parse("x@y.example"))))
)


@_patched("calendars and reactions are not told", routing, "_may_tell")
def _humans_only(mail: MessageEnvelope, authentication: Authentication, rulings: Any) -> bool:
    return mail.mail_class is MailClass.HUMAN and _may_tell(mail, authentication, rulings)


@_patched("the unproved are told", routing, "_may_tell")
def _told_unproved(mail: MessageEnvelope, authentication: Authentication, rulings: Any) -> bool:
    believed = authentication is Authentication.UNPROVED
    return _may_tell(mail, Authentication.AUTHENTICATED if believed else authentication, rulings)


@_patched("refusals of header recipients are told", routing, "_tellable")
def _any_source(ruling: Any) -> bool:
    return isinstance(ruling.verdict, Reject) and CONSEQUENCES[ruling.verdict.reason].may_tell_sender


@_patched("holds are told", routing, "_tellable")
def _holds_told(ruling: Any) -> bool:
    return _tellable(ruling) or isinstance(ruling.verdict, Hold)


_tellable = routing._tellable
