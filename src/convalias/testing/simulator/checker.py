"""Invariants I1 to I8 of a run, while it goes on and at its end."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Final, TypeAlias

from attrs import evolve

from convalias.domain.conversations.events import ConversationEvent
from convalias.domain.inbound.outcomes import Done
from convalias.testing.simulator.findings import Findings, Violation, found
from convalias.testing.simulator.laws import conversations, deliveries, hosts, mail, narrow
from convalias.testing.simulator.world import World

Law: TypeAlias = Callable[[Findings], Iterator[Violation]]

ALWAYS: Final[Sequence[Law]] = (
    mail.what_was_accepted_is_kept,
    mail.outcomes_tell_the_truth,
    mail.a_mail_is_a_message_once,
    mail.a_mail_goes_one_way,
    mail.nobody_posts_as_another,
    mail.nothing_crosses_conversations,
    mail.refusals_tell_nothing,
    mail.strangers_are_told_once_a_day,
    mail.nothing_personal_is_queued,
    mail.held_mail_waits_for_an_answer,
    conversations.seq_is_dense,
    conversations.long_texts_are_there,
    conversations.the_log_is_in_seq_order,
    conversations.what_is_shown_follows_from_what_is_stored,
    deliveries.nothing_is_sent_twice,
    deliveries.what_is_told_is_whole,
    deliveries.nobody_is_told_again_after_a_restore,
    deliveries.one_system_delivers,
    deliveries.legacy_keeps_what_it_was_told_first,
    deliveries.nobody_hears_who_should_not,
    deliveries.no_address_leaks,
    deliveries.nobody_is_cut_off,
    deliveries.uncertain_only_where_declared,
    narrow.nothing_is_added_to_a_closed_conversation,
    narrow.legacy_tells_once,
    narrow.who_left_hears_no_more,
    narrow.nobody_is_told_of_what_he_has_read,
    narrow.one_refusal_a_day,
    narrow.no_system_mail_leaves_twice,
    narrow.what_is_gone_is_no_dead_letter,
    narrow.strangers_read_one_text,
    narrow.legacy_is_refused_for_itself_alone,
    narrow.each_address_is_handed_over_for_itself,
    hosts.one_message_is_told_once,
    hosts.what_was_before_is_nobodys_news,
    hosts.what_is_withdrawn_is_mailed_to_nobody,
    hosts.a_mail_reads_as_its_message,
    hosts.each_mail_is_posted_behind_its_row,
    hosts.who_has_read_it_is_not_mailed,
    hosts.a_timeline_is_the_platforms_history,
    hosts.what_was_declined_is_not_added,
    hosts.a_decline_is_believed,
    hosts.nobody_is_told_of_what_passed_before_a_restore,
)
"""Held at any moment."""
AT_REST: Final[Sequence[Law]] = (
    mail.every_mail_comes_to_an_outcome,
    mail.no_mail_is_lost_at_the_door,
    mail.a_mail_of_a_participant_arrives,
    mail.approved_mail_is_carried_out,
    narrow.whoever_is_skipped_is_carried,
    conversations.every_event_is_published,
    conversations.a_chat_is_a_message_once,
    deliveries.everybody_hears_of_it,
    deliveries.legacy_tells_each_once,
    deliveries.decisions_are_at_rest,
    hosts.what_was_declined_is_refused,
    hosts.who_was_declined_is_told,
)
"""Held once everything has drained."""
ENOUGH: Final = 50
"""So many violations say as much as all of them."""


async def glanced(world: World) -> Sequence[Violation]:
    """Return what is wrong now, in the middle of a run."""
    return _broken(await found(world), ALWAYS)


async def judged(world: World, *, drained: Sequence[str]) -> Sequence[Violation]:
    """All that is wrong at the end: what has not drained within the stated time is I6."""
    late = [Violation("I6", f"{one}, hours after the last fault") for one in drained]
    ended = [Violation("run", one) for one in world.failures]
    ended += [Violation("I3", f"{one} waits for an event of others") for one in world.held_up]
    return [*ended, *late, *_broken(await found(world), [*ALWAYS, *AT_REST])][:ENOUGH]


async def states(world: World) -> Mapping[str, int]:
    """Count how often each end was reached: of recipients of mails, of deliveries, of holds."""
    seen = await found(world)
    counted: Counter[str] = Counter()
    for outcome in seen.outcomes.values():
        effects = outcome.outcome.effects if isinstance(outcome.outcome, Done) else ((None, outcome.outcome),)
        counted.update(f"mail {type(effect).__name__.lower()}" for _, effect in effects)
    for decision in seen.decisions.values():
        counted.update(f"{decision.owner.value} {row.state.value}" for row in decision.deliveries)
    counted.update(f"hold {hold.state.value}" for hold in seen.holds)
    return dict(sorted(counted.items()))


def _broken(seen: Findings, laws: Sequence[Law]) -> list[Violation]:
    """A conversation with a gap is told of once: nothing else can be read off it."""
    whole = evolve(seen, events={one: events for one, events in seen.events.items() if _is_dense(events)})
    return [violation for law in laws for violation in law(seen if law is conversations.seq_is_dense else whole)]


def _is_dense(events: Sequence[ConversationEvent]) -> bool:
    return [event.seq for event in events] == list(range(1, len(events) + 1))


__all__ = ["ALWAYS", "AT_REST", "Violation", "glanced", "judged", "states"]
