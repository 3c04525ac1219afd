"""The laws of deliveries and rollouts hold for ours, and each finds a choice or a ramp that breaks it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import cycle
from typing import Any, Final

import pytest
from attrs import evolve
from hypothesis import Phase, find, given, settings

from convalias.domain import outbound
from convalias.domain.conversations.threads import ConversationThread
from convalias.domain.ids import AccountId, ConversationId, UseCase
from convalias.domain.migration.rollout import Cohort, Moves, Rollout, Stage, assign, bucket
from convalias.domain.outbound.answering import MintingAnswer
from convalias.domain.outbound.decision import decide
from convalias.domain.outbound.delivery import OWNERS, Channel, DeliveryDecision, NotificationId, Owner
from convalias.testing import strategies
from convalias.testing.laws import outbound as outbound_laws
from convalias.testing.laws.outbound import Choices, DeliveryLaw, RolloutLaw

APPLY: Final = UseCase("apply")


def at(stage: Stage, basis_points: int, salt: str = "") -> Rollout:
    return Rollout(APPLY, stage, basis_points, salt)


RAMP: Final = (
    at(Stage.SHADOW, 10_000), at(Stage.PARALLEL, 100), at(Stage.PARALLEL, 10_000), at(Stage.NATIVE, 2_500),
    at(Stage.NATIVE, 0), at(Stage.NATIVE, 10_000),
)  # fmt: skip


def by_ramp(thread: ConversationThread) -> Cohort:
    return assign(thread.id, at(Stage.PARALLEL, 5_000, "s"))


def by_account(account: AccountId) -> Sequence[Channel]:
    return (Channel.PUSH, Channel.EMAIL, Channel.PUSH) if account == strategies.ACCOUNTS[0] else (Channel.EMAIL,)


class TestDeliveries(outbound_laws.DeliveryLaws):
    def stage_of(self, thread: ConversationThread) -> Stage | Cohort:
        return by_ramp(thread)

    def channels_of(self, account: AccountId) -> Sequence[Channel]:
        return by_account(account)


def test_by_default_all_is_native_and_by_mail() -> None:
    laws = outbound_laws.DeliveryLaws()
    laws.test_everybody_but_the_author_is_notified()


class TestRamp(outbound_laws.RolloutLaws):
    ramp = RAMP


def test_a_class_of_laws_tests_each_of_them() -> None:
    for laws, kind in (
        (outbound_laws.DELIVERY, outbound_laws.DeliveryLaws),
        (outbound_laws.ROLLOUT, outbound_laws.RolloutLaws),
    ):
        assert {f"test_{law.__name__}" for law in laws} == {name for name in dir(kind) if name.startswith("test_")}
        assert all(law.__doc__ for law in laws)
        assert {law.__name__ for law in laws} <= set(outbound_laws.__all__)


QUICK: Final = settings(max_examples=300, database=None, derandomize=True, deadline=None, phases=[Phase.generate])


def breaks(law: Callable[..., None], *arguments: object) -> bool:
    try:
        law(*arguments)
    except AssertionError:
        return True
    return False


def test_a_broken_law_is_told_with_its_smallest_example() -> None:
    back = (at(Stage.NATIVE, 10_000), at(Stage.PARALLEL, 10_000))
    with pytest.raises(AssertionError, match="takes c0 back"):
        outbound_laws.check_rollout(outbound_laws.nobody_is_taken_back, back)


def decides(change: Callable[[DeliveryDecision], DeliveryDecision]) -> Callable[..., DeliveryDecision | None]:
    """The core's decision, changed."""

    def wrong(*args: Any, **named: Any) -> DeliveryDecision | None:
        decision = decide(*args, **named)
        return None if decision is None else change(decision)

    return wrong


def scheduled(one: DeliveryDecision) -> DeliveryDecision:
    return evolve(one, deliveries=tuple(evolve(row, next_at=one.decided_at) for row in one.deliveries))


def unscheduled(one: DeliveryDecision) -> DeliveryDecision:
    return evolve(one, deliveries=tuple(evolve(row, next_at=None) for row in one.deliveries))


def by_stage(one: DeliveryDecision) -> DeliveryDecision:
    rows = (evolve(row, id=NotificationId(f"{row.id}-{one.stage.value}")) for row in one.deliveries)
    return evolve(one, deliveries=tuple(rows))


def moved(one: DeliveryDecision, stage: Stage, *_: object) -> DeliveryDecision:
    return evolve(one, stage=stage, owner=OWNERS[stage])


def unchanged(one: DeliveryDecision, _answer: MintingAnswer, **_named: object) -> DeliveryDecision:
    return one


def nothing(*_arguments: object, **_named: object) -> None:
    return None


def out_of_all(_conversation: ConversationId, _salt: str) -> int:
    return 10_000


def at_the_floor(conversation: ConversationId, setting: Rollout) -> Cohort:
    return Cohort(setting.floor, bucket(conversation, setting.salt), setting)


def all_in(conversation: ConversationId, setting: Rollout) -> Cohort:
    return Cohort(setting.stage, bucket(conversation, setting.salt), setting)


def nobody_moves(_before: Rollout | Stage, _after: Rollout) -> Moves:
    return Moves(0, 0)


WRONG: Final[Sequence[tuple[DeliveryLaw, str, Callable[..., object]]]] = (
    (outbound_laws.exactly_one_system_delivers, "decide", decides(lambda one: evolve(one, owner=Owner.LEGACY))),
    (outbound_laws.exactly_one_system_delivers, "decide", decides(unscheduled)),
    (
        outbound_laws.everybody_but_the_author_is_notified,
        "decide",
        decides(lambda one: evolve(one, deliveries=one.deliveries[:1])),
    ),
    (
        outbound_laws.notifications_keep_their_ids,
        "decide",
        decides(lambda one: evolve(one, deliveries=one.deliveries * 2)),
    ),
    (outbound_laws.notifications_keep_their_ids, "decide", decides(by_stage)),
    (outbound_laws.what_is_too_late_is_told_to_nobody, "decide", decides(scheduled)),
    (
        outbound_laws.what_legacy_synced_is_left_to_legacy,
        "decide",
        decides(lambda one: evolve(one, owner=Owner.HUB)),
    ),
    (outbound_laws.what_was_tried_keeps_its_owner, "reowned", moved),
    (outbound_laws.giving_back_changes_the_owner_alone, "reowned", moved),
    (outbound_laws.giving_back_changes_the_owner_alone, "reowned", nothing),
    (outbound_laws.without_an_alias_legacy_delivers, "answered", unchanged),
    (outbound_laws.an_event_is_decided_alike, "decide", nothing),
)


@pytest.mark.parametrize(("law", "name", "wrong"), WRONG, ids=lambda one: getattr(one, "__name__", str(one)))
def test_a_core_that_decides_wrongly_breaks_its_law(
    law: DeliveryLaw, name: str, wrong: Callable[..., object], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outbound_laws, name, wrong)
    assert find(strategies.occasions(), lambda occasion: breaks(law, occasion, Choices()), settings=QUICK)


def test_flags_that_roll_dice_break_a_law() -> None:
    turn = cycle(Stage)
    dice = Choices(stage_of=lambda _: next(turn))
    law = outbound_laws.an_event_is_decided_alike
    assert find(strategies.occasions(), lambda occasion: breaks(law, occasion, dice), settings=QUICK)


RAMPS: Final[Sequence[tuple[RolloutLaw, Sequence[Rollout]]]] = (
    (outbound_laws.nobody_is_taken_back, (at(Stage.PARALLEL, 5_000), at(Stage.PARALLEL, 2_500))),
    (outbound_laws.nobody_is_taken_back, (at(Stage.NATIVE, 10_000), at(Stage.PARALLEL, 10_000))),
    (outbound_laws.a_step_reshuffles_nobody, (at(Stage.PARALLEL, 5_000, "one"), at(Stage.PARALLEL, 5_000, "two"))),
    (outbound_laws.a_step_reshuffles_nobody, (at(Stage.PARALLEL, 5_000), at(Stage.NATIVE, 2_500))),
)


@pytest.mark.parametrize(("law", "ramp"), RAMPS, ids=lambda one: getattr(one, "__name__", ""))
def test_a_ramp_that_takes_somebody_back_is_found(law: RolloutLaw, ramp: Sequence[Rollout]) -> None:
    assert find(strategies.conversation_ids(), lambda one: breaks(law, one, ramp), settings=QUICK)


@pytest.mark.parametrize(
    ("law", "name", "wrong"),
    [
        (outbound_laws.the_bucket_decides_who_is_in, "bucket", out_of_all),
        (outbound_laws.the_bucket_decides_who_is_in, "assign", at_the_floor),
        (outbound_laws.at_ten_thousand_everybody_is_in, "assign", at_the_floor),
        (outbound_laws.the_way_back_leads_to_the_floor, "assign", all_in),
        (outbound_laws.moves_tell_who_moves, "moves", nobody_moves),
    ],
    ids=lambda one: getattr(one, "__name__", str(one)),
)
def test_a_rollout_that_goes_wrong_breaks_its_law(
    law: RolloutLaw, name: str, wrong: Callable[..., object], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outbound_laws, name, wrong)
    assert find(strategies.conversation_ids(), lambda one: breaks(law, one, RAMP), settings=QUICK)


def test_every_public_name_of_the_outbound_core_is_there() -> None:
    assert set(outbound.__all__) <= set(dir(outbound))
    assert outbound.decide is decide
    assert outbound.assign is assign
    with pytest.raises(AttributeError, match="dicide"):
        getattr(outbound, "dicide")  # noqa: B009 - the checkers refuse it written plainly


@settings(max_examples=50)
@given(strategies.delivery_decisions(), strategies.minting_answers(), strategies.stages())
def test_drawn_decisions_are_as_before_any_call(
    decision: DeliveryDecision, answer: MintingAnswer, stage: Stage | Cohort
) -> None:
    assert decision.holder == ""
    assert isinstance(answer.refusal, str)
    assert isinstance(stage, Stage | Cohort)
