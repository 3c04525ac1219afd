"""An outage is told from a failure, however deep it lies."""

from __future__ import annotations

from datetime import timedelta

import pytest

from convalias.ports.errors import Unavailable
from convalias.services.running.outages import described, leaves, outage_in
from convalias.stores.errors import Contended

AWAY = Unavailable("records", retry_after=timedelta(seconds=9))
DEEP = ExceptionGroup("a", [ValueError(), ExceptionGroup("b", [KeyError("bob@corp.example"), AWAY])])


def test_an_outage_is_found_in_a_group() -> None:
    assert outage_in(DEEP) is AWAY
    assert outage_in(AWAY) is AWAY
    assert list(map(type, leaves(DEEP))) == [ValueError, KeyError, Unavailable]


@pytest.mark.parametrize("error", [TimeoutError(), Contended("events")])
def test_slow_and_contended_is_an_outage(error: Exception) -> None:
    assert isinstance(outage_in(error), Unavailable)


def test_anything_else_is_a_failure() -> None:
    assert outage_in(ExceptionGroup("a", [ValueError(), OSError()])) is None


def test_a_failure_is_described_without_its_message() -> None:
    assert described(DEEP) == "KeyError, Unavailable, ValueError"
