"""Holds the library's plan of one case against the model's, in every field, and says where they differ."""

from __future__ import annotations

from collections.abc import Iterator

from convalias.codec.doors_plan import _verdicts
from convalias.domain.mail.dedup import MailKey
from convalias.domain.routing.decision import route
from convalias.domain.routing.plan import Decision, RoutingPlan, TryAgain
from convalias.domain.routing.rulebook import RuleBook
from convalias.domain.routing.rules import RULES
from convalias.domain.routing.verdicts import Hold, RelayToConversation, SkipOverlap
from doors.agreement import _of_plan
from doors.naive import Plan
from exhaustive.scene import Case, at


def decided(case: Case, rules: RuleBook = RULES) -> Decision:
    """What the library says."""
    return route(case.letter.mail(), case.standing.context, case.policy.routing, rules)


def differences(case: Case, wanted: Plan, decision: Decision) -> list[str]:
    """Everything in which the two differ; empty when they agree."""
    rows, tell_sender = _verdicts(decision)
    got = {"retry": isinstance(decision, TryAgain), "verdicts": rows, "tell_sender": tell_sender}
    # The class is told to the library and reckoned by the model; the id is the one that was put in.
    want = {key: value for key, value in wanted.items() if key not in ("automation", "message_id")}
    found = [f"{name}: {wish!r} expected, {there!r} found" for name, wish, there in _of_plan(want, got)]
    if isinstance(decision, RoutingPlan):
        found += _keys(case, decision)
    return found


def _keys(case: Case, plan: RoutingPlan) -> Iterator[str]:
    """What the doors show as a digest or not at all: the dedup key's parts, and who carries what is skipped."""
    carriers = {one.recipient.address: one.verdict for one in plan}
    for ruling in plan:
        match ruling.verdict:
            case RelayToConversation(dedup_key=key) | Hold(dedup_key=key) if key is not None:
                sender, conversation = case.letter.sender, ruling.conversation
                if sender is None or conversation is None:
                    yield f"a key without a sender: {key}"
                elif key != MailKey(conversation, at(sender), case.letter.canonical_id()):
                    yield f"dedup key of {ruling.recipient.address}: {key}"
            case SkipOverlap(carried_by=carrier):
                carried = carriers.get(carrier)
                if not isinstance(carried, RelayToConversation) or carried.conversation != ruling.conversation:
                    yield f"{ruling.recipient.address} is said to be carried by {carrier}, which says {carried}"
            case _:
                pass
