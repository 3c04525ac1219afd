"""Each check that fails says found and expected; what an adapter says that it does not do is skipped with its word."""

from __future__ import annotations

import ast
import re
from collections.abc import AsyncGenerator, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final
from unittest import SkipTest

import pytest

from convalias.domain.outbound.delivery import Channel
from convalias.ports import Guarantee, Notification, Outgoing, Sent
from convalias.testing import conformance
from convalias.testing.conformance import HubUnderTest, MailSink, NotSupportedError, PromiseBrokenError
from convalias.testing.conformance import check as checking

SUITES: Final = Path(conformance.__file__).parent
WORDING: Final = re.compile(r"found .+[,;] expected .+", re.DOTALL)
BROKEN: Final[tuple[tuple[Callable[..., object], tuple[Any, ...], str], ...]] = (
    (checking.agree, ("seq", 1, 2), "seq: found 1, expected 2"),
    (checking.is_a, ("answer", "yes", int), "answer: found 'yes', expected int"),
    (checking.is_no, ("answer", 1, int), "answer: found 1, expected no int"),
    (checking.is_there, ("record", None), "record: found None, expected something"),
    (checking.nothing, ("rows", [1]), "rows: found [1], expected nothing"),
    (checking.at_most, ("rows", 3, 2), "rows: found 3, expected at most 2"),
    (checking.at_least, ("rows", 1, 2), "rows: found 1, expected at least 2"),
    (checking.one_of, ("row", 3, (1, 2)), "row: found 3, expected one of (1, 2)"),
    (checking.none_of, ("row", 1, (1, 2)), "row: found 1, expected none of (1, 2)"),
    (checking.raised, ("a lost position", "no error", "PositionLost"), "a lost position: found no error, expected PositionLost"),
    (checking.expect, (False, "x: found 1, expected 2"), "x: found 1, expected 2"),
)  # fmt: skip


@pytest.mark.parametrize(("look", "arguments", "told"), BROKEN, ids=lambda one: getattr(one, "__name__", ""))
def test_what_is_broken_says_found_and_expected(look: Callable[..., object], arguments: Any, told: str) -> None:
    with pytest.raises(PromiseBrokenError, match=f"^{re.escape(told)}$"):
        look(*arguments)


def test_what_holds_is_passed_over() -> None:
    checking.agree("seq", 1, 1)
    checking.is_a("answer", 1, int)
    checking.is_no("answer", "yes", int)
    checking.nothing("rows", [])
    checking.at_most("rows", 2, 2)
    checking.at_least("rows", 2, 2)
    checking.one_of("row", 1, (1, 2))
    checking.none_of("row", 3, (1, 2))
    checking.expect(condition=True, promise="holds")
    assert checking.is_there("record", [1]) == [1]


def bare(source: str) -> Iterator[int]:
    """Lines on which a suite expects something without saying what was found."""
    for node in ast.walk(ast.parse(source)):
        match node:
            case ast.Call(func=ast.Name(id="expect"), args=arguments):
                told = "" if not arguments[1:] else ast.unparse(arguments[1])
                if not ("found" in told and "expected" in told):
                    yield node.lineno
            case ast.Assert():
                yield node.lineno
            case ast.Raise(exc=ast.Call(func=ast.Name(id="PromiseBrokenError"), args=[told])):
                if not WORDING.search(ast.unparse(told)):
                    yield node.lineno
            case _:
                pass


@pytest.mark.parametrize("suite", sorted(SUITES.glob("*.py")), ids=lambda one: one.stem)
def test_no_check_expects_without_saying_what_it_found(suite: Path) -> None:
    if suite.stem != "check":
        assert list(bare(suite.read_text(encoding="utf-8"))) == []


def test_a_bare_expectation_is_found() -> None:
    source = "expect(a == 1, 'it is one')\nexpect(a, f'a: found {a}, expected 1')\nassert a\nraise PromiseBrokenError('no')\n"
    assert sorted(bare(source)) == [1, 3, 4]


class Forgetful:
    """Serves every channel, remembers no key, and cannot be asked."""

    def __init__(self) -> None:
        self.sent: list[str] = []

    @property
    def channels(self) -> dict[Channel, Guarantee]:
        return {channel: Guarantee() for channel in Channel}

    async def send(self, notification: Notification) -> Sent:
        self.sent.append(notification.id)
        return Sent()

    async def left(self) -> list[str]:
        return self.sent


class Letterbox:
    """Sends mail, and states no guarantee."""

    def __init__(self) -> None:
        self.sent: list[Outgoing] = []

    async def send(self, mail: Outgoing) -> None:
        self.sent.append(mail)

    async def arrived(self) -> list[tuple[Any, bytes]]:
        return [(one.to, one.raw) for one in self.sent]


async def results(checks: Any, maker: Any) -> dict[str, str]:
    """What each check came to: empty, or the word of the adapter."""
    found: dict[str, str] = {}
    for one in checks:
        try:
            await one(maker)
        except SkipTest as skipped:
            found[one.name] = str(skipped)
        else:
            found[one.name] = ""
    return found


async def test_a_hub_is_not_held_to_what_it_says_that_it_does_not_do() -> None:
    hub = Forgetful()

    @asynccontextmanager
    async def opened(_place: str) -> AsyncGenerator[HubUnderTest]:
        yield HubUnderTest(port=hub, left=hub.left)

    found = await results(conformance.NOTIFICATION_HUB, opened)
    assert found == {
        "each channel it serves sends under the notifications id": "",
        "a key that is remembered is sent once": "a key that is remembered is sent once: "
        "not supported by its own word (no channel remembers keys for a minute)",
        "who can be asked tells what was sent": "who can be asked tells what was sent: "
        "not supported by its own word (no channel has `ask` in its guarantee)",
        "a channel it does not serve is declined": "a channel it does not serve is declined: "
        "not supported by its own word (it serves every channel)",
    }


async def test_a_sender_of_mail_is_not_held_to_what_it_does_not_state() -> None:
    box = Letterbox()

    @asynccontextmanager
    async def opened(_place: str) -> AsyncGenerator[MailSink]:
        yield MailSink(port=box, arrived=box.arrived)

    found = await results(conformance.OUTGOING_MAIL, opened)
    skipped = {name: told for name, told in found.items() if told}
    assert sorted(skipped) == ["one key is one mail where the adapter says so", "who can be asked tells what left"]
    assert "not supported by its own word (it remembers keys for 0:00:00)" in "".join(skipped.values())
    assert "not supported by its own word (its guarantee has no `ask`)" in "".join(skipped.values())


def test_pytest_and_unittest_take_it_for_a_skipped_test() -> None:
    assert issubclass(NotSupportedError, SkipTest)
    with pytest.raises(SkipTest, match="READ"):
        raise NotSupportedError("READ", "no read()")
