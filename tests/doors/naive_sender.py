"""Step 8 of the model: whose words a mail is in one conversation, and whether they are let in."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from doors.naive_address import canonical, domain_of


@dataclass(frozen=True, slots=True)
class Decision:
    """What is decided about a conversation's good aliases."""

    outcome: str
    reason: str | None = None
    author: str | None = None
    author_kind: str | None = None
    rule: int | None = None

    @property
    def by_account(self) -> bool:
        """Whether the author is an account, not a peripheral nor nobody."""
        return self.author_kind in ("registered", "historical", "delegated")

    def held(self, reason: str, rule: int | None = None) -> Decision:
        """The same author, but waiting for approval."""
        return Decision("hold", reason, self.author, self.author_kind, rule)


@dataclass(frozen=True, slots=True)
class Sender:
    """An unambiguous sender and the conversation it writes to."""

    address: str
    conversation: dict[str, Any]
    world: dict[str, Any]
    now: datetime
    repaired: bool = False

    @property
    def accounts(self) -> list[dict[str, Any]]:
        """Every account of the world."""
        return self.world.get("accounts") or []

    @property
    def named_now(self) -> list[str]:
        """The accounts that the directory names for this address now."""
        return [a["id"] for a in self.accounts if self.address in map(canonical, a.get("addresses") or [])]

    @property
    def needs_history(self) -> bool:
        """Whether the directory knows nobody."""
        return not self.named_now

    @property
    def named_before(self) -> list[str]:
        """The accounts that the latest history entry names, as far as it is evidence."""
        entries = [
            entry
            for entry in self.world.get("address_history") or []
            if canonical(entry["address"]) == self.address and datetime.fromisoformat(entry["from"]) <= self.now
        ]
        latest = max((datetime.fromisoformat(entry["from"]) for entry in entries), default=None)
        return [
            entry["account"]
            for entry in entries
            if datetime.fromisoformat(entry["from"]) == latest and self._is_evidence(entry)
        ]

    def _is_evidence(self, entry: dict[str, Any]) -> bool:
        days = (self.world.get("policy") or {}).get("historical_days", 365)
        until = entry.get("until")
        recent = until is None or datetime.fromisoformat(until) >= self.now - timedelta(days=days)
        return recent and entry.get("reason") not in ("security", "employer")

    @property
    def participants(self) -> set[str]:
        """The accounts that take part in the conversation."""
        return {participant["account"] for participant in self.conversation.get("participants") or []}

    @property
    def vouched_for(self) -> bool:
        """Seen in Cc of this conversation, or from a company of one of its participants."""
        seen = {canonical(address) for address in self.conversation.get("cc_seen") or []}
        companies = {
            domain.lower()
            for account in self.accounts
            if account["id"] in self.participants
            for domain in account.get("company_domains") or []
        }
        return self.address in seen or domain_of(self.address) in companies


def authenticated(world: dict[str, Any]) -> bool:
    """DMARC pass, or no DMARC record and aligned SPF or DKIM."""
    evidence = world.get("authentication") or {}
    dmarc = evidence.get("dmarc") or "none"
    aligned = bool(evidence.get("spf_aligned") or evidence.get("dkim_aligned"))
    return dmarc == "pass" or (dmarc == "none" and aligned)


def signature_alone(world: dict[str, Any]) -> set[str] | None:
    """What the signatures cover where the mail rests on DKIM alone, None where it does not."""
    evidence = world.get("authentication") or {}
    signed = evidence.get("dkim_signed")
    if isinstance(signed, list) and evidence.get("dkim_aligned") and not evidence.get("spf_aligned"):
        return set(signed)
    return None


def proved(world: dict[str, Any]) -> bool:
    """Authenticated, and not by a signature alone that says nothing of the recipients (a weak mail)."""
    signed = signature_alone(world)
    weak = signed is not None and "to" not in signed and "cc" not in signed
    return authenticated(world) and not weak


def decide_sender(sender: Sender) -> Decision:
    """Relay, hold or reject by who the sender is (step 8)."""
    known, kind = (sender.named_now, "registered") if sender.named_now else (sender.named_before, "historical")
    # Keep those that take part; if none does, those whom the directory's accounts speak for.
    candidates = set(known) & sender.participants
    if not candidates:
        kind = "delegated"
        candidates = {
            spoken_for
            for account in sender.accounts
            if account["id"] in sender.named_now
            for spoken_for in account.get("speaks_for") or []
            if spoken_for in sender.participants
        }
    if len(candidates) > 1:
        return Decision("reject", "ACCOUNT_AMBIGUOUS")
    if candidates:
        return _participant(sender, Decision("relay", None, candidates.pop(), kind))
    return _stranger(sender, account_known=bool(known))


def _participant(sender: Sender, relay: Decision) -> Decision:
    trust = (sender.world.get("policy") or {}).get("sender_trust", "accept_known")
    once = {canonical(address) for account in sender.accounts for address in account.get("authenticates") or []}
    if _doubtful(sender):
        return relay.held("NEEDS_APPROVAL")
    must_be_proved = trust == "require_aligned" or (trust == "accept_known" and sender.address in once)
    if must_be_proved and not proved(sender.world):
        return relay.held("NEEDS_APPROVAL")
    return relay


def _stranger(sender: Sender, *, account_known: bool) -> Decision:
    policy = sender.world.get("policy") or {}
    admission, trust = policy.get("admission", "light"), policy.get("sender_trust", "accept_known")
    relay = Decision("relay", None, f"peripheral:{sender.address}", "peripheral")
    if admission == "strict":
        return Decision("reject", "NOT_PARTICIPANT" if account_known else "UNKNOWN_SENDER")
    if admission == "free":
        unproved = trust == "require_aligned" and not proved(sender.world)
        return relay.held("NEEDS_APPROVAL") if _doubtful(sender) or unproved else relay
    enough = proved if trust == "require_aligned" else authenticated
    if enough(sender.world) and sender.vouched_for:
        return relay
    return relay.held("NEEDS_APPROVAL")


def _doubtful(sender: Sender) -> bool:
    """A failure that got this far, an error, or a repaired From without proof, but never under `accept_any`."""
    evidence, policy = sender.world.get("authentication") or {}, sender.world.get("policy") or {}
    guessed = sender.repaired and not authenticated(sender.world)
    failed = guessed or evidence.get("dmarc") in ("fail", "permerror", "temperror")
    return policy.get("sender_trust") != "accept_any" and failed
