"""Deliveries and rollouts: events to tell of with their threads, cohorts, settings, answers of the minting flag."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Final

from attrs import frozen
from hypothesis import strategies as st

from convalias.domain.conversations.events import RESTORED, ConversationEvent, MessageAdded, Origin
from convalias.domain.conversations.participants import AccountAuthor
from convalias.domain.conversations.threads import ConversationThread
from convalias.domain.ids import AccountId, ConversationId, EventId, Seq
from convalias.domain.mail.dedup import SystemKey
from convalias.domain.migration.rollout import Cohort, Stage, assign
from convalias.domain.outbound.answering import MINTING_OFF, NO_DOMAIN, MintingAnswer
from convalias.domain.outbound.decision import decide
from convalias.domain.outbound.delivery import Channel, DeliveryDecision
from convalias.testing.strategies.contexts import rollouts
from convalias.testing.strategies.histories import messages
from convalias.testing.strategies.people import threads
from convalias.testing.strategies.places import ACCOUNTS, NOW

_AGES: Final = st.sampled_from((0, 0, 0, 1, 6, 8, 30)).map(lambda days: timedelta(days=days))
_ORIGINS: Final = st.sampled_from((Origin.CHAT, Origin.CHAT, Origin.LEGACY_SYNC))
_FEW: Final = st.lists(st.sampled_from(Channel), min_size=1, max_size=3).map(tuple)


@frozen
class Occasion:
    """An event, its thread as of that event, and when it is decided who is notified."""

    event: ConversationEvent
    thread: ConversationThread
    now: datetime


@st.composite
def occasions(draw: st.DrawFn) -> Occasion:
    """Messages in threads, of participants mostly: new and old ones, restored ones, some that legacy synced."""
    thread = draw(threads())
    said = draw(messages())
    is_chat = draw(st.booleans())
    if thread.participants and is_chat:
        account = draw(st.sampled_from([one.account for one in thread.participants]))
        said = MessageAdded(author=AccountAuthor(account, verified=True), text=said.text, flags=said.flags)
    if draw(st.integers(0, 5)) == 0:
        said = MessageAdded(author=said.author, text=said.text, flags=said.flags | {RESTORED})
    at = NOW - draw(_AGES)
    event = ConversationEvent(
        EventId(f"{thread.id}-e9"),
        thread.id,
        Seq(9),
        said,
        str(SystemKey(thread.id, "k9")),
        draw(_ORIGINS),
        at,
        at,
        "t",
    )
    return Occasion(event, thread, NOW)


def channel_choices() -> st.SearchStrategy[Mapping[AccountId, tuple[Channel, ...]]]:
    """Draw by what each account is reached; who is missing has e-mail."""
    return st.dictionaries(st.sampled_from(ACCOUNTS), _FEW, max_size=len(ACCOUNTS))


def conversation_ids() -> st.SearchStrategy[ConversationId]:
    """Ids of many conversations, all over the buckets of a rollout."""
    return st.integers(0, 1_000_000).map(lambda number: ConversationId(f"c{number}"))


def cohorts() -> st.SearchStrategy[Cohort]:
    """The bucket and stage of a conversation under some rollout."""
    return st.builds(assign, conversation_ids(), rollouts())


def stages() -> st.SearchStrategy[Stage | Cohort]:
    """Draw what flags answer: a bare stage where nothing is set, else a cohort."""
    return st.one_of(st.sampled_from(Stage), cohorts())


def minting_answers() -> st.SearchStrategy[MintingAnswer]:
    """All aliases there, none allowed, or no domain for one."""
    return st.builds(
        MintingAnswer,
        cohort=st.one_of(st.none(), cohorts()),
        refusal=st.sampled_from(("", "", MINTING_OFF, NO_DOMAIN)),
    )


def delivery_decisions() -> st.SearchStrategy[DeliveryDecision]:
    """Decisions about messages, as they are before any call."""
    drawn = st.builds(_decided, occasions(), stages(), channel_choices())
    return drawn.flatmap(lambda one: st.nothing() if one is None else st.just(one))


def _decided(
    occasion: Occasion, stage: Stage | Cohort, channels: Mapping[AccountId, tuple[Channel, ...]]
) -> DeliveryDecision | None:
    return decide(occasion.event, occasion.thread, stage, channels, now=occasion.now)
