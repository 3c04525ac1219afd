"""A second, deliberately simple reading of the rules: what `convalias explain` must say of a mail in a world.

Written from the documented rules alone and sharing nothing with the product, step by step in the documented
order (the numbers in the comments), quadratic where that is plainer, so that a reader can hold it against them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, TypeAlias

from doors import naive_mail as marks
from doors.naive_address import canonical, decoded, domain_of, forged
from doors.naive_mail import MailFacts, read
from doors.naive_sender import Decision, Sender, authenticated, decide_sender, proved, signature_alone

World: TypeAlias = dict[str, Any]
Verdict: TypeAlias = dict[str, Any]
Plan: TypeAlias = dict[str, Any]

NEVER_TOLD = {"FROM_AMBIGUOUS", "SPOOFED_SENDER", "MALFORMED"}
DECIDED_BY_CLASS = {
    "own": "LOOP",
    "bounce": "BOUNCE",
    "complaint": "AUTOMATED",
    "read_receipt": "AUTOMATED",
    "auto_reply": "AUTOMATED",
    "out_of_office": "AUTOMATED",
}


class TryAgain(Exception):
    """A fact that is needed is unavailable: no plan now."""


@dataclass(frozen=True, slots=True)
class Place:
    """What a recipient is: `foreign`, `unknown`, `forged`, `alias` or `legacy`, and what is listed of it."""

    kind: str
    conversation: str | None = None
    expires_at: str | None = None
    revoked_at: str | None = None


@dataclass(slots=True)
class Case:
    """One mail in one world, with the look-ups that every step uses."""

    facts: MailFacts
    world: World
    now: datetime = field(init=False)
    alias_domains: set[str] = field(init=False)
    legacy_domains: set[str] = field(init=False)
    listed: dict[str, Place] = field(init=False)

    def __post_init__(self) -> None:
        world = self.world
        self.now = instant(world["now"])
        self.alias_domains = {d.lower() for d in world["alias_domains"]}
        self.legacy_domains = {d.lower() for d in world.get("legacy_domains") or []}
        self.listed = {}
        for alias in world.get("aliases") or []:
            state = (alias.get("expires_at"), alias.get("revoked_at"))
            self.listed[canonical(alias["address"])] = Place("alias", alias["conversation"], *state)
        for alias in world.get("legacy_aliases") or []:
            conversation = alias.get("conversation")
            # A legacy alias of a conversation in stage native is a conversation alias without expiry.
            native = conversation is not None and self.conversation(conversation).get("stage") == "native"
            self.listed[canonical(alias["address"])] = Place("alias" if native else "legacy", conversation)

    def conversation(self, wanted: str) -> dict[str, Any]:
        """The conversation with this id."""
        return next(c for c in self.world["conversations"] if c["id"] == wanted)

    def state(self, wanted: str | None) -> str:
        """The state of a conversation, open when none is named."""
        return "open" if wanted is None else self.conversation(wanted).get("state", "open")

    def decode(self, written: str) -> str:
        """The canonical recipient behind what was written."""
        return decoded(written, self.listed, self.alias_domains | self.legacy_domains)

    def place(self, recipient: str) -> Place:
        """Step 3: what a decoded recipient is."""
        keys = {key["id"]: key["secret"] for key in self.world.get("keys") or []}
        if domain_of(recipient) in self.alias_domains:
            if forged(recipient, keys):
                return Place("forged")
            return self.listed.get(recipient, Place("unknown"))
        if domain_of(recipient) in self.legacy_domains:
            return self.listed.get(recipient, Place("legacy"))
        return Place("foreign")

    @property
    def unavailable(self) -> list[str]:
        """The ports that cannot answer."""
        return self.world.get("unavailable") or []

    @property
    def null_return_path(self) -> bool:
        """Whether the envelope sender is known to be empty."""
        envelope = self.world.get("envelope") or {}
        return "sender" in envelope and envelope["sender"] in (None, "", "<>")

    @property
    def authenticated(self) -> bool:
        """Whether the sender's domain is proved."""
        return authenticated(self.world)


def instant(text: str) -> datetime:
    """An RFC 3339 time."""
    return datetime.fromisoformat(text)


def expected(mail: bytes, world: World, facts: MailFacts | None = None) -> Plan:
    """The plan for a mail in a world; `facts` describe a mail that is too hard for the small reader."""
    case = Case(facts or read(mail), world)
    try:
        verdicts = _verdicts(case)
    except TryAgain:
        return {"retry": True, "verdicts": []}
    plan: Plan = {"retry": False, "tell_sender": _tell_sender(case, verdicts), "verdicts": verdicts}
    if not case.facts.malformed:
        plan["automation"] = automation(case)
        if case.facts.message_id is not None and not case.facts.id_left_open:
            plan["message_id"] = case.facts.message_id
    return plan


def _verdicts(case: Case) -> list[Verdict]:
    facts, world = case.facts, case.world
    # Recipients are found and decoded first; step 3 says where without an envelope.
    written = (world.get("envelope") or {}).get("recipients") or []
    source = "envelope" if written else "header"
    recipients = sorted({case.decode(one) for one in (written or (*facts.to_cc, *facts.delivered))})
    # 1. Over a limit of the reader.
    if facts.malformed:
        return [_verdict(r, source, "reject", "MALFORMED") for r in recipients]
    # 2. Blocked.
    if _blocked(case):
        return [_verdict(r, source, "ignore", "BLOCKED_SENDER") for r in recipients]
    # 4. Retry, as far as it depends on the recipients alone.
    if "legacy" in case.unavailable and any(domain_of(r) in case.legacy_domains for r in recipients):
        raise TryAgain
    places = {r: case.place(r) for r in recipients}
    # 12. Header aliases that take part as if they were recipients.
    header = _header_aliases(case, places) if source == "envelope" else {}
    # 5 to 10. The good aliases of each conversation, in canonical order, and the decision about them.
    good: dict[str, list[str]] = {}
    for recipient, place in sorted((places | header).items()):
        if place.kind == "alias" and place.conversation is not None and alias_refusal(case, place) is None:
            good.setdefault(place.conversation, []).append(recipient)
    decisions = {conversation: _decide(case, conversation) for conversation in good}
    verdicts = [_of_one(case, r, source, places[r], good, decisions, header) for r in recipients]
    for recipient, place in header.items():
        decision = decisions[str(place.conversation)]
        if decision.outcome == "relay" and good[str(place.conversation)][0] == recipient:
            verdicts.append(_decided(case, recipient, "header", decision, str(place.conversation)))
    return sorted(verdicts, key=lambda verdict: str(verdict["recipient"]))


def _of_one(
    case: Case,
    recipient: str,
    source: str,
    place: Place,
    good: dict[str, list[str]],
    decisions: dict[str, Decision],
    header: dict[str, Place],
) -> Verdict:
    conversation = place.conversation
    # 3. What is no alias at all.
    if place.kind == "foreign":
        return _verdict(recipient, source, "ignore", "NOT_OURS")
    if place.kind == "unknown":
        return _verdict(recipient, source, "reject", "UNKNOWN_ALIAS")
    if place.kind == "forged":
        return _verdict(recipient, source, "reject", "FORGED_ALIAS")
    if place.kind == "legacy":
        return _of_legacy(case, recipient, source, conversation, decisions, header)
    # 5. The alias itself.
    refusal = alias_refusal(case, place)
    if refusal is not None or conversation is None:
        return _verdict(recipient, source, "reject", refusal, conversation)
    # 10. Two good aliases of one conversation.
    decision = decisions[conversation]
    if decision.outcome == "relay" and good[conversation][0] != recipient:
        return _verdict(recipient, source, "skip", None, conversation, rule=8)
    return _decided(case, recipient, source, decision, conversation)


def _of_legacy(
    case: Case,
    recipient: str,
    source: str,
    conversation: str | None,
    decisions: dict[str, Decision],
    header: dict[str, Place],
) -> Verdict:
    # 11. The conversation has good aliases in the mail: they carry it, or a decision is already taken.
    if conversation is not None and conversation in decisions:
        decision = decisions[conversation]
        if decision.outcome != "relay":
            copied = _decided(case, recipient, source, decision, conversation)
            copied.pop("rule", None)  # which number a copy shows is left open
            return copied
        by_header = any(place.conversation == conversation for place in header.values())
        return _verdict(recipient, source, "skip", None, conversation, rule=11 if by_header else 6)
    # 11. Alone, or beside refused aliases only.
    if case.state(conversation) == "erased":
        return _verdict(recipient, source, "reject", "UNKNOWN_ALIAS", conversation)
    if case.world.get("spam") and not case.authenticated:
        return _verdict(recipient, source, "ignore", "SPAM", conversation)
    return _verdict(recipient, source, "legacy", None, conversation)


def alias_refusal(case: Case, place: Place) -> str | None:
    """Step 5 without the closed conversation: the refusals that are about the alias."""
    if place.revoked_at is not None and instant(place.revoked_at) <= case.now:
        return "REVOKED_ALIAS"
    if place.expires_at is not None and instant(place.expires_at) <= case.now:
        return "EXPIRED_ALIAS"
    return "UNKNOWN_ALIAS" if case.state(place.conversation) == "erased" else None


def _header_aliases(case: Case, places: dict[str, Place]) -> dict[str, Place]:
    """Step 12: good aliases in To and Cc of conversations that the envelope reaches by a legacy alias only."""
    reached = {p.conversation for p in places.values() if p.kind == "legacy" and p.conversation is not None}
    for place in places.values():
        if place.kind == "alias" and alias_refusal(case, place) is None:
            reached.discard(place.conversation)
    named = {address: case.place(address) for address in map(case.decode, case.facts.to_cc)}
    return {
        address: place
        for address, place in sorted(named.items())
        if place.kind == "alias" and place.conversation in reached and alias_refusal(case, place) is None
    }


def _decide(case: Case, conversation: str) -> Decision:
    """Steps 5 (closed) to 9 for a good alias of this conversation."""
    facts, world = case.facts, case.world
    # 5. Closed or archived.
    if case.state(conversation) in ("closed", "archived"):
        return Decision("reject", "CONVERSATION_CLOSED")
    # 6. The mail's class.
    kind = automation(case)
    if kind in DECIDED_BY_CLASS:
        return Decision("ignore", DECIDED_BY_CLASS[kind])
    # 7. From, and DMARC.
    trust = (world.get("policy") or {}).get("sender_trust", "accept_known")
    evidence = world.get("authentication") or {}
    if facts.sender is None:
        decision = Decision("hold" if case.authenticated else "reject", "FROM_AMBIGUOUS")
    elif evidence.get("dmarc") == "fail" and evidence.get("policy") in (None, "reject") and trust != "accept_any":
        decision = Decision("reject", "SPOOFED_SENDER")
    else:
        # 8. The account; 4 once more, whenever this step is reached or needs the history.
        if "identity" in case.unavailable:
            raise TryAgain
        sender = Sender(facts.sender, case.conversation(conversation), world, case.now, facts.repaired)
        if "legacy" in case.unavailable and sender.needs_history:
            raise TryAgain
        decision = decide_sender(sender)
    # 9. What may become of a relay, and of the holds and rejects of steps 7 and 8.
    proved = case.authenticated and decision.by_account
    if kind == "bulk" and not proved and decision.by_account and decision.outcome in ("relay", "hold"):
        return Decision("ignore", "SPAM") if world.get("spam") else decision.held("NEEDS_APPROVAL")
    if kind in ("bulk", "auto_generated") and not proved:
        return Decision("ignore", "AUTOMATED")
    if world.get("spam") and not proved:
        return Decision("ignore", "SPAM")
    if decision.outcome != "relay":
        return decision
    if facts.empty:
        return Decision("reject", "EMPTY")
    if facts.odd_fields:
        return decision.held("MIME_AMBIGUOUS")
    if _replayed(case, conversation) or _signed_for_others(case, conversation):
        return decision.held("NEEDS_APPROVAL", rule=12)
    return decision


def _replayed(case: Case, conversation: str) -> bool:
    """Rule 12: names no address of the conversation, and besides is old or was seen in another one."""
    facts = case.facts
    if _names(case, conversation, facts.to_cc):
        return False
    if facts.date is not None and facts.date < case.now - timedelta(hours=24):
        return True
    return any(
        seen["message_id"] == facts.message_id
        and canonical(seen["sender"]) == facts.sender
        and seen["conversation"] != conversation
        for seen in case.world.get("seen") or []
    )


def _signed_for_others(case: Case, conversation: str) -> bool:
    """Rule 12: rests on DKIM alone, and the signed ones of To and Cc name no address of the conversation."""
    signed = signature_alone(case.world)
    if signed is None or not signed & {"to", "cc"}:
        return False
    facts = case.facts
    seen = [address for name, listed in (("to", facts.to), ("cc", facts.cc)) if name in signed for address in listed]
    return not _names(case, conversation, seen)


def _names(case: Case, conversation: str, addresses: Sequence[str]) -> bool:
    """Whether one of these is an alias or legacy alias of the conversation, in whatever state."""
    own = {address for address, place in case.listed.items() if place.conversation == conversation}
    return bool(own & {case.decode(address) for address in addresses})


def _verified(case: Case) -> bool:
    """Proved; by a signature alone only if it covers From, Subject and Date, as far as they are there."""
    signed = signature_alone(case.world)
    return proved(case.world) and (signed is None or case.facts.shown <= signed)


def automation(case: Case) -> str:
    """The first class that fits, in the documented order."""
    facts = case.facts
    right_side = (facts.message_id or "<>")[1:-1].rpartition("@")[2].lower()
    ours = right_side in case.alias_domains or any(domain_of(r) in case.alias_domains for r in facts.readings)
    if ours or facts.marks & {marks.OWN_FIELD, marks.MANY_RECEIVED}:
        return "own"
    for report in (marks.COMPLAINT, marks.READ_RECEIPT, marks.BOUNCE):
        if report in facts.marks:
            return report
    if marks.AUTO_REPLY in facts.marks or case.null_return_path:
        return "out_of_office" if marks.AWAY_SUBJECT in facts.marks else "auto_reply"
    answers_us = any(domain in case.alias_domains for domain in facts.answers)
    if marks.RESPONDER_SUBJECT in facts.marks and (answers_us or facts.marks & {marks.EXCHANGE, marks.AUTO_GENERATED}):
        return "out_of_office"
    for kind in (marks.AUTO_GENERATED, marks.BULK, marks.CALENDAR, marks.REACTION):
        if kind in facts.marks:
            return kind
    return "human"


def _blocked(case: Case) -> bool:
    sender = (case.world.get("envelope") or {}).get("sender")
    spoken = set(case.facts.readings) | ({canonical(sender)} if sender and sender != "<>" else set())
    entries = (case.world.get("policy") or {}).get("blocked_senders") or []
    domains = {entry[1:].lower() for entry in entries if entry.startswith("@")}
    exact = {canonical(entry) for entry in entries if not entry.startswith("@")}
    return any(address in exact or domain_of(address) in domains for address in spoken)


def _tell_sender(case: Case, verdicts: list[Verdict]) -> bool:
    """Step 13."""
    refused = [v for v in verdicts if v["source"] == "envelope" and v["outcome"] == "reject"]
    return (
        any(verdict["reason"] not in NEVER_TOLD for verdict in refused)
        and case.authenticated
        and not case.null_return_path
        and not case.facts.malformed
        and automation(case) in ("human", "calendar", "reaction")
        and case.facts.sender is not None
        and not case.world.get("spam")
    )


def _decided(case: Case, recipient: str, source: str, decision: Decision, conversation: str) -> Verdict:
    verdict = _verdict(recipient, source, decision.outcome, decision.reason, conversation)
    if decision.outcome in ("relay", "hold"):
        verdict |= {"author": decision.author, "author_kind": decision.author_kind}
        verdict |= {"verified": _verified(case), "flags": _flags(case)}
    if decision.rule is not None:
        verdict["rule"] = decision.rule
    return verdict


def _flags(case: Case) -> dict[str, bool | None]:
    """Each flag: there, not there, or (None) left open."""
    facts = case.facts
    synthetic = None if facts.id_left_open else facts.message_id is None
    return {
        "spam": bool(case.world.get("spam")),
        "mime_ambiguous": facts.mime_ambiguous,
        "message_id_synthetic": synthetic,
    }


def _verdict(
    recipient: str,
    source: str,
    outcome: str,
    reason: str | None,
    conversation: str | None = None,
    rule: int | None = None,
) -> Verdict:
    verdict: Verdict = {"recipient": recipient, "outcome": outcome, "reason": reason}
    verdict |= {"conversation": conversation, "source": source}
    return verdict if rule is None else verdict | {"rule": rule}
