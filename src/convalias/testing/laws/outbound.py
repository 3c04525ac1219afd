"""Laws that hold for every delivery decision and every rollout: functions that assert them.

To hold them against flags, a choice of channels or a ramp of one's own, one class is enough under pytest; elsewhere
`check_delivery` for each law of `DELIVERY` and `check_rollout` for each of `ROLLOUT`. Needs `convalias[testing]`.
"""

# ruff: noqa: S101, D102 - a law is an assertion; a test of a class of laws is named for its law, which has the docstring

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Final, TypeAlias

from attrs import evolve, field, frozen

from convalias.domain.conversations.events import RESTORED, MessageAdded, Origin
from convalias.domain.conversations.participants import AccountAuthor
from convalias.domain.conversations.threads import ConversationThread
from convalias.domain.ids import AccountId, ConversationId
from convalias.domain.migration.rollout import (
    WHOLE,
    Cohort,
    Rollout,
    Stage,
    assign,
    bucket,
    direction,
    following,
    moves,
    takes_back,
)
from convalias.domain.outbound.answering import MINTING_OFF, MintingAnswer
from convalias.domain.outbound.decision import answered, decide, reowned
from convalias.domain.outbound.delivery import Channel, DeliveryDecision, DeliveryState, Owner
from convalias.domain.outbound.first_tries import NOTIFY_WITHIN, is_too_old
from convalias.extras import brought_by
from convalias.testing.strategies import Occasion, conversation_ids, occasions

with brought_by("testing"):
    from hypothesis import given

__all__ = [
    "DELIVERY",
    "ROLLOUT",
    "Choices",
    "DeliveryLaw",
    "DeliveryLaws",
    "RolloutLaw",
    "RolloutLaws",
    "a_step_reshuffles_nobody",
    "an_event_is_decided_alike",
    "at_ten_thousand_everybody_is_in",
    "check_delivery",
    "check_rollout",
    "everybody_but_the_author_is_notified",
    "exactly_one_system_delivers",
    "giving_back_changes_the_owner_alone",
    "moves_tell_who_moves",
    "nobody_is_taken_back",
    "notifications_keep_their_ids",
    "the_bucket_decides_who_is_in",
    "the_way_back_leads_to_the_floor",
    "what_is_too_late_is_told_to_nobody",
    "what_legacy_synced_is_left_to_legacy",
    "what_was_tried_keeps_its_owner",
    "without_an_alias_legacy_delivers",
]


def _native(_thread: ConversationThread) -> Stage | Cohort:
    return Stage.NATIVE


def _by_mail(_account: AccountId) -> Sequence[Channel]:
    return (Channel.EMAIL,)


@frozen(kw_only=True)
class Choices:
    """The choices of a host: the stage of each conversation, and the channels of each account."""

    stage_of: Callable[[ConversationThread], Stage | Cohort] = field(default=_native)
    channels_of: Callable[[AccountId], Sequence[Channel]] = field(default=_by_mail)

    def decide(self, occasion: Occasion, *, stage: Stage | Cohort | None = None) -> DeliveryDecision:
        """Decide as the host would; `stage`: whatever its flags say."""
        thread = occasion.thread
        channels = {one.account: tuple(self.channels_of(one.account)) for one in thread.participants}
        chosen = self.stage_of(thread) if stage is None else stage
        decision = decide(occasion.event, thread, chosen, channels, now=occasion.now)
        if decision is None:
            raise AssertionError("a message was not decided")
        return decision


DeliveryLaw: TypeAlias = Callable[[Occasion, Choices], None]
"""Raises `AssertionError` if a law does not hold for this event under these choices."""
RolloutLaw: TypeAlias = Callable[[ConversationId, Sequence[Rollout]], None]
"""Raises `AssertionError` if a law does not hold for this conversation under these settings, in their order."""

# --- one event -----------------------------------------------------------------------------------------


def exactly_one_system_delivers(occasion: Occasion, choices: Choices) -> None:
    """Either the hub is called for each row, or legacy is asked to notify; never both."""
    _one_delivers(choices.decide(occasion))


def _one_delivers(decision: DeliveryDecision) -> None:
    assert decision.tried is None or decision.owner is Owner.LEGACY
    called = [row for row in decision.deliveries if row.next_at is not None]
    legacy_tells = decision.index is not None and not decision.index.suppress_notification
    assert not (called and legacy_tells), f"both systems notify of {decision.event}"
    assert not called or decision.owner is Owner.HUB, f"the hub is called for {decision.event}, which legacy owns"
    assert not legacy_tells or decision.owner is Owner.LEGACY, (
        f"legacy notifies of {decision.event}, which it does not own"
    )
    planned = [row for row in decision.deliveries if row.state is DeliveryState.PLANNED]
    assert not planned or called or legacy_tells, f"nobody notifies of {decision.event}"


def everybody_but_the_author_is_notified(occasion: Occasion, choices: Choices) -> None:
    """Each participant has a row on each of the channels, once; the author has none."""
    decision, event = choices.decide(occasion), occasion.event
    if event.origin is Origin.LEGACY_SYNC:
        return
    author = event.happening.author if isinstance(event.happening, MessageAdded) else None
    own = author.account if isinstance(author, AccountAuthor) else None
    others = [one.account for one in occasion.thread.participants if one.account != own]
    wanted = [(one, channel) for one in others for channel in dict.fromkeys(choices.channels_of(one))]
    assert [(row.recipient, row.channel) for row in decision.deliveries] == wanted


def an_event_is_decided_alike(occasion: Occasion, choices: Choices) -> None:
    """The same event and the same flags give the same decision: choices read no clock and roll no dice."""
    assert choices.decide(occasion) == choices.decide(occasion)


def notifications_keep_their_ids(occasion: Occasion, choices: Choices) -> None:
    """The id of a notification tells recipient and channel apart, and is the same in every stage."""
    ids = [row.id for row in choices.decide(occasion).deliveries]
    assert len(ids) == len(set(ids))
    for stage in Stage:
        assert [row.id for row in choices.decide(occasion, stage=stage).deliveries] == ids


def what_is_too_late_is_told_to_nobody(occasion: Occasion, choices: Choices) -> None:
    """An old or restored message is recorded for each recipient, and neither system notifies."""
    decision, event = choices.decide(occasion), occasion.event
    restored = isinstance(event.happening, MessageAdded) and RESTORED in event.happening.flags
    late = is_too_old(event, now=occasion.now, notify_within=NOTIFY_WITHIN)
    if event.origin is Origin.LEGACY_SYNC or not (late or restored):
        return
    state = DeliveryState.CANCELLED if restored else DeliveryState.TOO_LATE
    assert all(row.state is state and row.next_at is None for row in decision.deliveries)
    assert decision.index is None or decision.index.suppress_notification


def what_legacy_synced_is_left_to_legacy(occasion: Occasion, choices: Choices) -> None:
    """A message that legacy synced was delivered there: nobody is called for it in any stage."""
    synced = evolve(occasion, event=evolve(occasion.event, origin=Origin.LEGACY_SYNC))
    decision = choices.decide(synced)
    assert (decision.owner, decision.deliveries, decision.due_at) == (Owner.LEGACY, (), None)


def what_was_tried_keeps_its_owner(occasion: Occasion, choices: Choices) -> None:
    """After the first call of either kind no stage changes the owner."""
    tried = evolve(choices.decide(occasion), tried=occasion.now)
    assert [stage for stage in Stage if reowned(tried, stage) is not None] == []


def giving_back_changes_the_owner_alone(occasion: Occasion, choices: Choices) -> None:
    """A decision under another stage has the same recipients and ids, and again exactly one system delivers."""
    decision = choices.decide(occasion)
    for stage in Stage:
        again = reowned(decision, stage)
        if again is None:
            assert decision.stage is stage or not decision.may_change_owner
            continue
        _one_delivers(again)
        assert again.stage is stage
        assert [row.id for row in again.deliveries] == [row.id for row in decision.deliveries]


def without_an_alias_legacy_delivers(occasion: Occasion, choices: Choices) -> None:
    """Legacy delivers if no alias may be issued, and the decision says why."""
    decision = choices.decide(occasion)
    if not decision.may_change_owner:
        return
    refused = answered(decision, MintingAnswer(refusal=MINTING_OFF), has_legacy=True)
    assert refused.owner is Owner.LEGACY
    assert MINTING_OFF in refused.reason
    _one_delivers(refused)


# --- a ramp --------------------------------------------------------------------------------------------


def _steps(ramp: Sequence[Rollout]) -> Iterator[tuple[Rollout | Stage, Rollout]]:
    """Each setting as it is kept, and the one before it; before the first nothing is set, which is stage legacy."""
    before: Rollout | None = None
    for wish in ramp:
        setting = following(before, wish)
        yield Stage.LEGACY if before is None else before, setting
        before = setting


def _is_way_back(setting: Rollout) -> bool:
    return setting.basis_points == 0 or setting.stage in {Stage.LEGACY, Stage.SHADOW}


def nobody_is_taken_back(conversation: ConversationId, ramp: Sequence[Rollout]) -> None:
    """Each step leaves a conversation in its stage or a later one. Steps that are meant as the way back may not."""
    for before, setting in _steps(ramp):
        if not _is_way_back(setting):
            step = direction(conversation, before, setting)
            assert step >= 0, f"{setting} takes {conversation} back, which was at {before}"


def a_step_reshuffles_nobody(conversation: ConversationId, ramp: Sequence[Rollout]) -> None:
    """No step moves some forward and others back, as another salt or a smaller later stage does."""
    del conversation  # a property of the settings alone
    for before, setting in _steps(ramp):
        assert not takes_back(before, setting), f"{setting} takes back some of those who were at {before}"


def the_bucket_decides_who_is_in(conversation: ConversationId, ramp: Sequence[Rollout]) -> None:
    """A conversation is in a stage exactly if its bucket is below the basis points. Else it is at the floor."""
    for _, setting in _steps(ramp):
        cohort = assign(conversation, setting)
        assert cohort.bucket == bucket(conversation, setting.salt)
        assert cohort.stage is (setting.stage if cohort.bucket < setting.basis_points else setting.floor)


def at_ten_thousand_everybody_is_in(conversation: ConversationId, ramp: Sequence[Rollout]) -> None:
    """A step to 10,000 basis points brings every conversation to its stage."""
    for _, setting in _steps(ramp):
        if setting.basis_points == WHOLE:
            assert assign(conversation, setting).stage is setting.stage


def the_way_back_leads_to_the_floor(conversation: ConversationId, ramp: Sequence[Rollout]) -> None:
    """The kill switch after any step, 0 basis points of its stage, leaves nobody in that stage."""
    for _, setting in _steps(ramp):
        killed = following(setting, evolve(setting, basis_points=0))
        stage = assign(conversation, killed).stage
        assert stage is killed.floor
        assert stage is not setting.stage or setting.floor is setting.stage


def moves_tell_who_moves(conversation: ConversationId, ramp: Sequence[Rollout]) -> None:
    """A conversation that moves is among the shares that a step says that it moves."""
    for before, setting in _steps(ramp):
        share, step = moves(before, setting), direction(conversation, before, setting)
        assert step <= 0 or share.forward > 0
        assert step >= 0 or share.back > 0


DELIVERY: Final[tuple[DeliveryLaw, ...]] = (
    exactly_one_system_delivers,
    everybody_but_the_author_is_notified,
    an_event_is_decided_alike,
    notifications_keep_their_ids,
    what_is_too_late_is_told_to_nobody,
    what_legacy_synced_is_left_to_legacy,
    what_was_tried_keeps_its_owner,
    giving_back_changes_the_owner_alone,
    without_an_alias_legacy_delivers,
)
"""All laws of one event."""
ROLLOUT: Final[tuple[RolloutLaw, ...]] = (
    nobody_is_taken_back,
    a_step_reshuffles_nobody,
    the_bucket_decides_who_is_in,
    at_ten_thousand_everybody_is_in,
    the_way_back_leads_to_the_floor,
    moves_tell_who_moves,
)
"""All laws of a ramp."""


def check_delivery(law: DeliveryLaw, choices: Choices | None = None) -> None:
    """Try one law on as many drawn events as Hypothesis is set to; raises with the smallest that breaks it."""
    chosen = choices or Choices()

    @given(occasions())
    def holds(occasion: Occasion) -> None:
        law(occasion, chosen)

    holds()


def check_rollout(law: RolloutLaw, ramp: Sequence[Rollout]) -> None:
    """Try one law on as many drawn conversations as Hypothesis is set to. `ramp`: the settings in their order."""

    @given(conversation_ids())
    def holds(conversation: ConversationId) -> None:
        law(conversation, ramp)

    holds()


class DeliveryLaws:
    """All laws of one event as tests: a class with `stage_of` and `channels_of` of one's own runs them under pytest."""

    def stage_of(self, thread: ConversationThread) -> Stage | Cohort:
        """Say what the flags say of a conversation. Here: native."""
        return _native(thread)

    def channels_of(self, account: AccountId) -> Sequence[Channel]:
        """Say by what an account is reached, in order. Here: by mail."""
        return _by_mail(account)

    def _check(self, law: DeliveryLaw) -> None:
        check_delivery(law, Choices(stage_of=self.stage_of, channels_of=self.channels_of))

    def test_exactly_one_system_delivers(self) -> None:
        self._check(exactly_one_system_delivers)

    def test_everybody_but_the_author_is_notified(self) -> None:
        self._check(everybody_but_the_author_is_notified)

    def test_an_event_is_decided_alike(self) -> None:
        self._check(an_event_is_decided_alike)

    def test_notifications_keep_their_ids(self) -> None:
        self._check(notifications_keep_their_ids)

    def test_what_is_too_late_is_told_to_nobody(self) -> None:
        self._check(what_is_too_late_is_told_to_nobody)

    def test_what_legacy_synced_is_left_to_legacy(self) -> None:
        self._check(what_legacy_synced_is_left_to_legacy)

    def test_what_was_tried_keeps_its_owner(self) -> None:
        self._check(what_was_tried_keeps_its_owner)

    def test_giving_back_changes_the_owner_alone(self) -> None:
        self._check(giving_back_changes_the_owner_alone)

    def test_without_an_alias_legacy_delivers(self) -> None:
        self._check(without_an_alias_legacy_delivers)


class RolloutLaws:
    """All laws of a ramp as tests: `class TestRamp(RolloutLaws): ramp = OURS` runs them under pytest."""

    ramp: Sequence[Rollout] = ()

    def test_nobody_is_taken_back(self) -> None:
        check_rollout(nobody_is_taken_back, self.ramp)

    def test_a_step_reshuffles_nobody(self) -> None:
        check_rollout(a_step_reshuffles_nobody, self.ramp)

    def test_the_bucket_decides_who_is_in(self) -> None:
        check_rollout(the_bucket_decides_who_is_in, self.ramp)

    def test_at_ten_thousand_everybody_is_in(self) -> None:
        check_rollout(at_ten_thousand_everybody_is_in, self.ramp)

    def test_the_way_back_leads_to_the_floor(self) -> None:
        check_rollout(the_way_back_leads_to_the_floor, self.ramp)

    def test_moves_tell_who_moves(self) -> None:
        check_rollout(moves_tell_who_moves, self.ramp)
