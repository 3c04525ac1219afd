"""The numbers on the page about sizing are those of the code."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from convalias.adapters import kafka, mongo, s3, sqs
from convalias.adapters.mongo.database import DEFAULTS
from convalias.app.workers import AWAY, LONGEST_AWAY
from convalias.cli.serving import DRAIN_SECONDS
from convalias.ports.examining import SKEW
from convalias.services.inbound.worker import BATCH, VISIBLE_FOR

DOCS = Path(__file__).resolve().parents[2] / "docs" / "reference"
SIZING = (DOCS / "sizing.md").read_text(encoding="utf-8")
ENGINES = (DOCS / "engines.md").read_text(encoding="utf-8")

WAITS = {
    "a call to S3": f"{s3.Limits().timeout:g}, {s3.Limits().connect_timeout:g} to connect",
    "a call to SQS": f"{sqs.Limits().timeout:g}, {sqs.Limits().connect_timeout:g} to connect",
    "a long poll": f"{sqs.Limits().poll}",
    "a call to MongoDB": f"{int(DEFAULTS['timeoutMS']) // 1000}",
    "a publish, a commit": f"{kafka.Limits().timeout:g}",
    "what a revoked partition": f"{kafka.Limits().release_within:g}",
    "until a group goes on": f"{kafka.Limits().session_timeout:g}",
    "until a job of a worker": f"{VISIBLE_FOR.total_seconds():g}",
    "a worker's pause": f"{AWAY.total_seconds():g}, doubling to {LONGEST_AWAY.total_seconds():g}",
    "requests that are under way": f"{DRAIN_SECONDS}",
}


@pytest.mark.parametrize("wait", WAITS)
def test_every_wait_on_the_page_is_the_one_in_the_code(wait: str) -> None:
    (line,) = [line for line in SIZING.splitlines() if line.startswith(f"| {wait}")]
    assert line.split("|")[2].strip() == WAITS[wait]


def test_the_pools_on_the_page_are_those_in_the_code() -> None:
    assert f"| S3 | {s3.Limits().in_flight} |" in SIZING
    assert f"| SQS | {4 * sqs.Limits().in_flight}: {sqs.Limits().in_flight} each" in SIZING
    assert f"| MongoDB | {DEFAULTS['maxPoolSize']} to the primary" in SIZING
    assert BATCH == 10, "a worker has ten mails in hand"
    assert SKEW.total_seconds() == 5, "clocks within five seconds"


@pytest.mark.parametrize("limits", [s3.Limits, sqs.Limits, kafka.Limits])
def test_every_limit_that_can_be_set_is_documented_with_its_default(
    limits: type[s3.Limits | sqs.Limits | kafka.Limits],
) -> None:
    made = limits()
    for name in limits.__slots__:
        if name.startswith("_"):
            continue
        default = getattr(made, name)
        rows = [line for line in ENGINES.splitlines() if re.match(rf"\| `{name}` ", line)]
        assert rows, name
        assert any(f"| {default:.15g} |" in row for row in rows) or name == "partitions", (name, default)


def test_the_drivers_options_of_ours_are_documented() -> None:
    for name, value in DEFAULTS.items():
        assert name == "appName" or f"| `{name}` | {value} |" in ENGINES
    assert mongo.Database.__doc__
