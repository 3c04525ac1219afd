"""The rules of what may stand, and of overlaps: steps 9 to 11. Each docstring is its rule's law."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from convalias.domain.conversations.participants import AccountAuthor
from convalias.domain.conversations.threads import ThreadState
from convalias.domain.mail.authentication import Authentication, is_weak, rests_on_dkim_alone
from convalias.domain.mail.automation import MailClass
from convalias.domain.mail.envelope import ClearFrom, Oddity
from convalias.domain.mail.reasons import Reason
from convalias.domain.mail.subjects import is_marked, topic
from convalias.domain.routing.let_in import as_relayed, let_in, was_let_in
from convalias.domain.routing.misses import BY_SOURCE, EVERYBODY, IN_ALL, source_of
from convalias.domain.routing.repeated_texts import counts, text_key
from convalias.domain.routing.rulebook import OverlapCase, RelayCase, rule
from convalias.domain.routing.verdicts import (
    AliasRecipient,
    HandToLegacy,
    Hold,
    Ignore,
    LegacyRecipient,
    Reject,
    RelayToConversation,
    Repeats,
    SkipOverlap,
    Verdict,
)

STALE: Final = timedelta(hours=24)
"""How old a Date may be without another sign of replay; also bounds clocks that are wrong."""

_NEVER_ANSWERED: Final = (MailClass.BULK, MailClass.AUTO_GENERATED)

# --- step 9: may the verdict stand? ------------------------------------------------------------------


@rule(9)
def automatic_mail(case: RelayCase) -> Verdict | None:
    """Bulk and generated mail is ignored unless its author is proved; a participant's bulk mail waits for approval."""
    if case.mail.mail_class not in _NEVER_ANSWERED or _from_proved_account(case):
        return None
    match case.verdict:
        case RelayToConversation(author=AccountAuthor()) | Hold(author=AccountAuthor()) as verdict if _is_bulk(case):
            # A person's tool may add a List-* field: such mail must not vanish.
            if case.mail.spam:
                return Ignore(Reason.SPAM)
            return Hold(Reason.NEEDS_APPROVAL, verdict.author, verdict.dedup_key)
        case _:
            return Ignore(Reason.AUTOMATED)


def _is_bulk(case: RelayCase) -> bool:
    return case.mail.mail_class is MailClass.BULK


@rule(9)
def spam(case: RelayCase) -> Verdict | None:
    """Spam is ignored, unless an authenticated account of the conversation is its author; then it is flagged."""
    return Ignore(Reason.SPAM) if case.mail.spam and not _from_proved_account(case) else None


@rule(9)
def repeated_text(case: RelayCase) -> Verdict | None:
    """The third mail of one author with one text within an hour is a loop; a short text counts if it answers in haste."""
    guard, conversation, verdict = case.policy.loop_guard, case.recipient.thread.id, case.verdict
    if guard is None or not isinstance(verdict, RelayToConversation | Hold) or verdict.author is None:
        return None
    text = text_key(case.mail, conversation)
    others = 0 if text is None else case.context.repeats.get(text, 0)
    if text is None or not counts(case.mail, conversation, verdict.author, case.context):
        return None
    not_shown = others + 2 - guard.same_text
    return Ignore(Reason.LOOP, Repeats(verdict.author, not_shown)) if not_shown > 0 else None


@rule(9)
def over_budget(case: RelayCase) -> Verdict | None:
    """A conversation takes so many mails an hour, whoever writes. Needs a bound in the policy's loop guard."""
    guard = case.policy.loop_guard
    if guard is None or guard.mails_an_hour is None or not _would_be_kept(case):
        return None
    others = case.context.traffic.get(case.recipient.thread.id, 0)
    return Reject(Reason.RATE_LIMITED) if others >= guard.mails_an_hour else None


@rule(9)
def guesser(case: RelayCase) -> Verdict | None:
    """Mail of a stranger is refused whose source tried more addresses within an hour than people mistype."""
    verdict = case.verdict
    if not isinstance(verdict, RelayToConversation | Hold) or isinstance(verdict.author, AccountAuthor):
        return None
    misses = case.context.misses
    many = misses.get(source_of(case.mail), 0) > BY_SOURCE
    if not many and case.authentication is not Authentication.AUTHENTICATED:
        many = misses.get(EVERYBODY, 0) > IN_ALL  # who is not proved has as many names as he likes
    if not many or _is_let_in(case, verdict):
        return None
    return Reject(Reason.RATE_LIMITED)


def _is_let_in(case: RelayCase, verdict: RelayToConversation | Hold) -> bool:
    """Whether a participant let in this mail, or its address."""
    hold = Hold(Reason.NEEDS_APPROVAL, verdict.author, verdict.dedup_key)
    return let_in(case.context, case.mail, case.recipient.thread.id, hold) is not None


@rule(9)
def empty(case: RelayCase) -> Verdict | None:
    """A mail without words of its author, in text or subject, and without any other part is refused."""
    if not isinstance(case.verdict, RelayToConversation):
        return None
    return Reject(Reason.EMPTY) if case.mail.content.empty or _repeats_a_subject(case) else None


def _repeats_a_subject(case: RelayCase) -> bool:
    """Whether the mail says nothing but the subject of a mail that it answers: behind a mark, one of this conversation."""
    content = case.mail.content
    if not content.subject_alone or not is_marked(content.subject):
        return False
    earlier = case.context.subjects.get((case.recipient.thread.id, case.mail.message_id), frozenset())
    return topic(content.subject) in earlier


@rule(9)
def approved(case: RelayCase) -> Verdict | None:
    """A held mail that a participant let in becomes a message of the conversation."""
    hold, thread = case.verdict, case.recipient.thread
    if not isinstance(hold, Hold):
        return None
    trust = case.policy.trust_for(thread.use_case)
    if not was_let_in(case.context, case.mail, thread.id, hold, proof=case.authentication, trust=trust):
        return None
    return as_relayed(thread.id, case.mail, hold)


@rule(9)
def found_by_check(case: RelayCase) -> Verdict | None:
    """A mail waits for approval that a check found harmful, or could not look at where a person is to decide."""
    checked, verdict = case.mail.checked, case.verdict
    if checked is None or not checked.needs_a_person or not isinstance(verdict, RelayToConversation):
        return None
    return Hold(Reason.NEEDS_APPROVAL, verdict.author, verdict.dedup_key)


@rule(9)
def odd_header(case: RelayCase) -> Verdict | None:
    """A mail whose fields that rules read can be read in two ways waits for approval."""
    oddities, verdict = case.mail.oddities, case.verdict
    if not oddities or Oddity.HEADER not in oddities or not isinstance(verdict, RelayToConversation):
        return None
    return Hold(Reason.MIME_AMBIGUOUS, verdict.author, verdict.dedup_key)


@rule(9, number=12)
def replayed_signature(case: RelayCase) -> Verdict | None:
    """A mail waits that was signed for others, or names nobody here and is old or known; not if its list was let in."""
    # Whoever received a signed mail can post it again somewhere else: the signature does not cover the envelope.
    verdict, by_list = case.verdict, case.mail.evidence.via_list
    if not isinstance(verdict, RelayToConversation) or not (_posted_again(case) or _signed_for_others(case)):
        return None
    if by_list is not None and case.context.lists.get((case.recipient.thread.id, by_list), False):
        return None  # a list posts what was signed for the list: whom participants let in here posts nothing again
    return Hold(Reason.NEEDS_APPROVAL, verdict.author, verdict.dedup_key, by_list=by_list)


def _posted_again(case: RelayCase) -> bool:
    """Whether To and Cc name nobody here, and the mail is old or was used in another conversation."""
    return (_stale(case) or _seen_elsewhere(case)) and case.recipient.thread.id not in case.named


def _signed_for_others(case: RelayCase) -> bool:
    """Whether the mail rests on a signature that covers To or Cc, and nobody here stands in what it covers."""
    evidence = case.mail.evidence
    if not rests_on_dkim_alone(evidence) or is_weak(evidence):
        return False
    return case.recipient.thread.id not in case.signed_for


def _would_be_kept(case: RelayCase) -> bool:
    return isinstance(case.verdict, RelayToConversation | Hold)


def _from_proved_account(case: RelayCase) -> bool:
    """Whether an authenticated account of the conversation is the author."""
    match case.verdict:
        case RelayToConversation(author=AccountAuthor()) | Hold(author=AccountAuthor()):
            return case.authentication is Authentication.AUTHENTICATED
        case _:
            return False


def _stale(case: RelayCase) -> bool:
    """Whether the Date is old. A missing or unreadable one is not: there are mailers that write none."""
    date = case.mail.date
    return date is not None and case.context.now - date > STALE


def _seen_elsewhere(case: RelayCase) -> bool:
    """Whether this sender has used this Message-ID in another conversation."""
    sender = case.mail.sender
    if not isinstance(sender, ClearFrom):
        return False
    seen = case.context.sightings.get((case.mail.message_id, sender.address), frozenset())
    return len(seen) > 1 or (len(seen) == 1 and case.recipient.thread.id not in seen)


# --- steps 10, 11: overlaps --------------------------------------------------------------------------


@rule(10, number=8)
def second_alias(case: OverlapCase) -> Verdict | None:
    """Two aliases of one conversation make one message: the first in canonical order carries it, or decides."""
    if case.first is None or not isinstance(case.recipient, AliasRecipient):
        return None
    if isinstance(case.first.verdict, RelayToConversation):
        return SkipOverlap(case.first.recipient.address)
    return case.first.verdict


@rule(11, number=6)
def carried_already(case: OverlapCase) -> Verdict | None:
    """A conversation alias and a legacy alias of one conversation: the conversation alias wins."""
    match case.first:
        case None:
            return None
        case first:
            relays = isinstance(first.verdict, RelayToConversation)
            both_arrived = first.recipient.source is case.recipient.source
            return SkipOverlap(first.recipient.address) if relays and both_arrived else None


@rule(11, number=11)
def carried_by_header_alias(case: OverlapCase) -> Verdict | None:
    """A provider posts once per recipient: the conversation alias in To or Cc wins over the legacy alias too."""
    match case.first:
        case None:
            return None
        case first:
            return SkipOverlap(first.recipient.address) if isinstance(first.verdict, RelayToConversation) else None


@rule(11, number=9)
def decided_already(case: OverlapCase) -> Verdict | None:
    """A decision about the mail, the sender or the closed conversation holds for its legacy alias as well."""
    return None if case.first is None else case.first.verdict


@rule(11, number=9)
def erased_legacy(case: OverlapCase) -> Verdict | None:
    """A legacy alias of an erased conversation is refused."""
    thread = case.recipient.thread
    return Reject(Reason.UNKNOWN_ALIAS) if thread is not None and thread.state is ThreadState.ERASED else None


@rule(11)
def spam_for_legacy(case: OverlapCase) -> Verdict | None:
    """Spam from a sender whom nothing proves is not handed over either."""
    unproved = case.authentication is not Authentication.AUTHENTICATED
    return Ignore(Reason.SPAM) if case.mail.spam and unproved else None


@rule(11, number=3)
def legacy_alone(case: OverlapCase) -> Verdict | None:
    """What only a legacy alias serves is handed to legacy, each on its own, untouched."""
    return HandToLegacy() if isinstance(case.recipient, LegacyRecipient) else None
