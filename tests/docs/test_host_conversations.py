"""The page about the contract of a host's conversations says what the code says."""

from __future__ import annotations

import inspect
import re
from datetime import timedelta

import pytest
from attrs import fields_dict

from convalias import ports
from convalias.app.guards import WITHIN
from convalias.app.workers import UNHURRIED
from convalias.domain.conversations import events, storable
from convalias.domain.outbound.decision import ALONE_AFTER, ALONE_TRIES, FAULTY_FOR
from convalias.services.feed.untold_feed import BATCH, SOUGHT_FOR
from convalias.stores.conversations.host_rows import KEPT
from convalias.stores.conversations.hosted import LOOK_AGAIN
from docs.test_docs import PROJECT

PAGE = (PROJECT / "docs" / "reference" / "host-conversations.md").read_text(encoding="utf-8")
CALLS, VALUES, FLAGS, BESIDES, TIMES = re.split(r"^## ", PAGE, flags=re.MULTILINE)[1:]


FLAG = r'^[A-Z_]+: Final = "(\w+)"$'


def rows(section: str) -> list[list[str]]:
    found = [
        [cell.strip() for cell in line.strip("|").split(" | ")] for line in section.splitlines() if line[:1] == "|"
    ]
    return found[2:]


def test_the_page_lists_each_call_once() -> None:
    listed = {name for row in rows(CALLS) for name in re.findall(r"`(\w+)\(", row[0])}
    assert listed == {name for name in vars(ports.Conversations) if not name.startswith("_")}


def test_the_page_lists_each_field_of_each_value() -> None:
    for names, told in rows(VALUES):
        for name in re.findall(r"`(\w+)`", names):
            listed = set(re.findall(r"`(\w+)`", told)) - {"Participant"}
            assert listed == set(fields_dict(getattr(ports, name))), name


def test_the_page_lists_each_flag_of_a_new_message() -> None:
    listed = {name for row in rows(FLAGS) for name in re.findall(r"`(\w+)`", row[0])}
    named = {word for one in (events, storable) for word in re.findall(FLAG, inspect.getsource(one), re.MULTILINE)}
    # The first is of a text that is shown later, and never of one that is new.
    assert listed | {events.TEXT_MISSING} == named


def test_the_page_lists_the_capabilities_as_they_are_called() -> None:
    for name, call, _ in rows(BESIDES):
        protocol = getattr(ports, name.strip("`"))
        (method,) = [
            one for one in vars(protocol) if not one.startswith("_") and inspect.isfunction(vars(protocol)[one])
        ]
        assert call.startswith(f"`{method}(")


@pytest.mark.parametrize(
    ("about", "figure", "value"),
    [
        ("Looks for untold messages", "every 0.5 s", timedelta(seconds=0.5) == UNHURRIED),
        ("Messages in one look", "100,", BATCH == 100),
        ("A message that is told of and not found", "a minute", timedelta(minutes=1) == SOUGHT_FOR),
        ("None at a send", "after 5 s", timedelta(seconds=5) == LOOK_AGAIN),
        ("Any call", "15 s", timedelta(seconds=15) == WITHIN),
        (
            "A fault on one message alone",
            "after 5 minutes and three tries",
            (timedelta(minutes=5), 3) == (ALONE_AFTER, ALONE_TRIES),
        ),
        ("A fault on one message alone", "after a day", timedelta(days=1) == FAULTY_FOR),
        ("Rows beside a message", "a year", timedelta(days=365) == KEPT),
    ],
)
def test_the_page_says_the_times_of_the_code(about: str, figure: str, value: bool) -> None:  # noqa: FBT001
    (told,) = [row[1] for row in rows(TIMES) if row[0] == about]
    assert figure in told
    assert value
