"""What follows from each reason: one row each."""

import re
from typing import Any

import pytest

from convalias.domain.errors import InvalidValue
from convalias.domain.mail.reasons import CONSEQUENCES, GONE, OwnReason, Reason, Severity, reason, unknown_reason

ABOUT_ALIAS = {Reason.UNKNOWN_ALIAS, Reason.FORGED_ALIAS, Reason.EXPIRED_ALIAS, Reason.REVOKED_ALIAS}


def test_every_reason_has_a_row() -> None:
    assert set(CONSEQUENCES) == set(Reason)


def test_the_four_refusals_of_an_alias_look_alike_from_outside() -> None:
    about_alias = {reason for reason, row in CONSEQUENCES.items() if row.about_alias}
    assert about_alias == ABOUT_ALIAS
    assert {CONSEQUENCES[one].public_text for one in ABOUT_ALIAS} == {GONE}


def test_who_may_be_a_victim_of_forgery_is_never_told() -> None:
    untold = (Reason.FROM_AMBIGUOUS, Reason.SPOOFED_SENDER, Reason.MALFORMED)
    assert not any(CONSEQUENCES[one].may_tell_sender for one in untold)


def test_each_reason_is_counted_apart() -> None:
    assert len({row.metric for row in CONSEQUENCES.values()}) == len(Reason)


QUOTA = reason(
    "QUOTA",
    refusal={"fr": "Assez pour aujourd'hui.", "en": "Enough for today."},
    severity=Severity.NOTABLE,
    retryable=True,
    advice="raise the quota of the sender",
)


def test_a_reason_of_ones_own_has_its_consequence() -> None:
    assert QUOTA.value == "QUOTA"
    assert QUOTA.advice == "raise the quota of the sender"
    row = QUOTA.consequence
    assert (row.severity, row.retryable, row.may_tell_sender, row.about_alias) == (Severity.NOTABLE, True, True, False)
    assert row.public_text == "Enough for today."
    assert row.metric == "icer.messages.processed.quota"
    assert Reason.LOOP.consequence is CONSEQUENCES[Reason.LOOP]


def test_without_a_text_nobody_is_told() -> None:
    silent = reason("SILENT")
    assert not silent.consequence.may_tell_sender
    assert silent.consequence.public_text == GONE
    assert silent.refusal("de") is None
    assert silent.advice == "a rule of the host said SILENT: ask whoever wrote that rule"


def test_a_text_is_found_by_language_else_in_english_else_the_first() -> None:
    assert QUOTA.refusal("fr") == "Assez pour aujourd'hui."
    assert QUOTA.refusal("ja") == "Enough for today."
    assert reason("R", refusal={"de": "Genug.", "ja": "。"}).refusal("fr") == "Genug."
    assert reason("R", refusal="Enough.").refusal("ja") == "Enough."


def test_reasons_of_one_name_are_equal_and_shown_in_a_few_words() -> None:
    assert reason("QUOTA") == QUOTA
    assert len({QUOTA, reason("QUOTA"), reason("OTHER_ONE")}) == 2
    assert repr(QUOTA) == "OwnReason(name='QUOTA')"


@pytest.mark.parametrize(
    ("name", "more", "told"),
    [
        ("quota", {}, "name of a reason: found 'quota', expected A-Z, 0-9 and _, at most 40, a letter first"),
        ("Q" * 41, {}, "at most 40"),
        (7, {}, "found 7"),
        ("SPAM", {}, "found 'SPAM', expected none of the library's own"),
        ("Q", {"severity": "alarm"}, "severity of reason Q: found 'alarm', expected a Severity"),
        ("Q", {"retryable": "no"}, "retryable of reason Q: found 'no', expected True or False"),
        ("Q", {"advice": None}, "advice of reason Q: found None, expected text"),
        ("Q", {"refusal": 3}, "refusal of reason Q: found 3, expected a text, texts by language, or None"),
        ("Q", {"refusal": {}}, "found {}"),
        ("Q", {"refusal": {"it": "Basta."}}, "found 'it', expected one of en, de, fr, ja"),
        ("Q", {"refusal": {"de": " "}}, "refusal of reason Q in de: found ' ', expected a text that says why"),
        ("Q", {"refusal": ""}, "in en: found ''"),
    ],
)
def test_what_cannot_be_a_reason_is_refused_where_it_is_made(name: Any, more: Any, told: str) -> None:
    with pytest.raises(InvalidValue, match=re.escape(told)):
        reason(name, **more)


def test_a_name_that_nobody_knows_is_a_reason_that_says_so() -> None:
    unknown = unknown_reason("MADE_UP")
    assert unknown == reason("MADE_UP")
    assert unknown.consequence.severity is Severity.NOTABLE
    assert unknown.advice.startswith("MADE_UP is no reason that this release knows")
    with pytest.raises(InvalidValue, match="found 'made up'"):
        unknown_reason("made up")


def test_a_reason_made_by_hand_tells_nobody_anything() -> None:
    assert OwnReason("QUOTA", QUOTA.consequence).refusal("en") is None
