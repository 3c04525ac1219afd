"""What is worth a warning is one; what is not is silent."""

from __future__ import annotations

import pytest

from convalias.adapters.alarms import ALARMS, Telemetry


@pytest.mark.parametrize("name", sorted(ALARMS))
def test_an_alarm_is_a_warning_with_its_tags(name: str, caplog: pytest.LogCaptureFixture) -> None:
    Telemetry().measure(name, 1, source="mailgun", reason="too_large")
    (record,) = caplog.records
    assert record.levelname == "WARNING"
    assert record.getMessage() == f"{name}: {ALARMS[name]} (reason too_large, source mailgun)"


def test_all_else_is_silent(caplog: pytest.LogCaptureFixture) -> None:
    telemetry = Telemetry()
    telemetry.measure("icer.messages.received", 1, source="mailgun")
    telemetry.measure("icer.token_reused", 0)
    with telemetry.span("relay", "trace"):
        telemetry.measure("icer.processing.latency", 0.1)
    assert caplog.records == []
