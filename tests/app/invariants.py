"""What must hold of a deployment after every step, and what must hold once it is idle."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from itertools import accumulate

from attrs import frozen

from app.bench import Bench, Sent
from convalias.domain.addresses.email_address import EmailAddress
from convalias.domain.conversations.events import ConversationEvent, MessageAdded
from convalias.domain.conversations.projection import fold
from convalias.domain.conversations.threads import ConversationThread, ThreadState
from convalias.domain.conversations.timeline import stitch
from convalias.domain.conversations.visibility import sight
from convalias.domain.ids import AccountId
from convalias.domain.inbound.outcomes import Done, Relayed
from convalias.domain.outbound.decision import recipients
from convalias.domain.outbound.delivery import DeliveryState, Owner

ENDED = frozenset({DeliveryState.SENT, DeliveryState.CANCELLED})


@frozen
class Told:
    """What was done to the deployment from outside, as far as the invariants need it."""

    conversations: Collection[str]
    people: Mapping[AccountId, EmailAddress]
    strangers: Collection[EmailAddress]
    addressed: Mapping[str, Collection[str]]
    """By Message-ID: the conversations whose addresses it was posted to."""
    texts: Mapping[str, str]
    """By Message-ID or idempotency key: the text that was written."""
    posts: int
    """Distinct posts that were accepted, each day's own."""
    raws: int
    """Distinct mails among them, each day's own."""


def hold_always(bench: Bench, told: Told) -> None:
    sent = bench.sent()
    for conversation in told.conversations:
        events = bench.events(conversation)
        seq_is_dense_and_time_never_runs_back(events)
        the_order_shown_comes_from_the_events_alone(events, told)
        no_mail_is_a_message_twice(events)
        nothing_came_from_another_conversation(events, conversation, told)
    nothing_is_sent_twice(sent)
    nobody_reads_the_address_of_another(sent, told)


def hold_at_rest(bench: Bench, told: Told) -> None:
    every_post_is_kept_and_has_one_outcome(bench, told)
    sent = bench.sent()
    for conversation in told.conversations:
        exactly_one_system_tells_each(bench, conversation, sent, told)


# --- always --------------------------------------------------------------------------------------------


def seq_is_dense_and_time_never_runs_back(events: Sequence[ConversationEvent]) -> None:
    assert [event.seq for event in events] == list(range(1, len(events) + 1))
    assert [event.appended_at for event in events] == sorted(event.appended_at for event in events)
    assert len({event.id for event in events}) == len({event.dedup_key for event in events}) == len(events)


def the_order_shown_comes_from_the_events_alone(events: Sequence[ConversationEvent], told: Told) -> None:
    """By when it happened, then by id: not by the order in which it came."""
    listed = sorted(messages(events), key=lambda one: (one[0].occurred_at, one[0].id))
    for reader in told.people:
        seen_up_to = sight(events, reader)
        expected = [str(event.id) for event, _ in listed if seen_up_to is not None and event.seq <= seen_up_to.seq]
        assert [item.id for item in stitch(events, reader=reader)] == expected


def no_mail_is_a_message_twice(events: Sequence[ConversationEvent]) -> None:
    counted = Counter(message.message_id for _, message in messages(events) if message.message_id)
    assert not {message_id: count for message_id, count in counted.items() if count > 1}


def nothing_came_from_another_conversation(events: Sequence[ConversationEvent], conversation: str, told: Told) -> None:
    for _, message in messages(events):
        if message.message_id is not None:
            assert conversation in told.addressed[message.message_id]
            assert message.text.strip() == told.texts[message.message_id]
        else:
            assert message.text.startswith(f"{conversation}: ")


def nothing_is_sent_twice(sent: Sequence[Sent]) -> None:
    assert len({(mail.system, mail.key) for mail in sent}) == len(sent)


def nobody_reads_the_address_of_another(sent: Sequence[Sent], told: Told) -> None:
    private = {str(address) for address in (*told.people.values(), *told.strangers)}
    for mail in sent:
        said = mail.said().lower()
        assert not {address for address in private - {str(mail.to)} if address in said}


# --- at rest -------------------------------------------------------------------------------------------


def every_post_is_kept_and_has_one_outcome(bench: Bench, told: Told) -> None:
    records = bench.names("envelopes/")
    assert len(records) == told.posts
    assert len(bench.names("raw/")) == told.raws
    for record in records:
        outcome = bench.outcome(record)
        assert outcome is not None
        assert isinstance(outcome.outcome, Done)
        for _, effect in outcome.outcome.effects:
            if isinstance(effect, Relayed):
                assert effect.event in {event.id for event in bench.events(effect.conversation)}


def exactly_one_system_tells_each(bench: Bench, conversation: str, sent: Sequence[Sent], told: Told) -> None:
    events = bench.events(conversation)
    states = list(thread_after_each(events))
    for event, message in messages(events):
        decision = bench.decision(conversation, event.id)
        assert decision is not None
        by_hub = [mail for mail in sent if mail.system == "hub" and mail.key.startswith(f"{event.id}.")]
        by_legacy = [mail for mail in sent if mail.parsed["X-External-Id"] == event.id]
        match decision.owner:
            case Owner.HUB:
                assert not by_legacy, "legacy was told to send nothing"
                assert not [row for row in decision.deliveries if row.state not in ENDED]
            case Owner.LEGACY:
                assert not by_hub, "legacy tells them"
        counted = Counter(mail.to for mail in (*by_hub, *by_legacy))
        assert max(counted.values(), default=0) <= 1
        for account in staying(states, event, message):
            assert counted[told.people[account]] == 1, f"{account} was not told of {event.seq}"


def messages(events: Sequence[ConversationEvent]) -> Iterator[tuple[ConversationEvent, MessageAdded]]:
    for event in events:
        if isinstance(event.happening, MessageAdded):
            yield event, event.happening


def thread_after_each(events: Sequence[ConversationEvent]) -> Iterator[ConversationThread]:
    first, *others = events
    return accumulate(others, lambda thread, event: fold([event], thread), initial=fold([first]))


def staying(
    states: Sequence[ConversationThread], event: ConversationEvent, message: MessageAdded
) -> Iterator[AccountId]:
    """Who was to hear of it, and took part from then to now: whoever left may have left before he was told."""
    later = states[event.seq - 1 :]
    for account in recipients(message, later[0]):
        if all(thread.takes_part(account) and thread.state is not ThreadState.ERASED for thread in later):
            yield account
