"""A Feedback-ID has four fields, whatever a use case is called."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from convalias.domain.ids import UseCase
from convalias.domain.outbound.delivery import NotificationKind
from convalias.domain.outbound.feedback import feedback_id

_SHAPE = re.compile(r"[A-Za-z0-9._-]{1,60}:[A-Za-z0-9._-]{1,60}:[a-z0-9-]+:convalias")


@pytest.mark.parametrize(
    ("use_case", "field"),
    [("apply", "apply"), ("a:b", "a-b"), ("Bewerbung für IT", "Bewerbung-f-r-IT"), ("応募", "other"), ("", "other")],
)
def test_a_use_case_is_written_as_a_field_may_be(use_case: str, field: str) -> None:
    made = feedback_id(UseCase(use_case), customer="reply.example", kind=NotificationKind.MESSAGE)
    assert made == f"{field}:reply.example:message:convalias"


@given(st.text(), st.text(), st.sampled_from(NotificationKind))
def test_there_are_always_four_fields(use_case: str, customer: str, kind: NotificationKind) -> None:
    assert _SHAPE.fullmatch(feedback_id(UseCase(use_case), customer=customer, kind=kind))
