"""What follows from each reason: one row each."""

from convalias.domain.mail.reasons import CONSEQUENCES, GONE, Reason

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
