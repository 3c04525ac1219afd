"""A request that is refused because of one of its calls."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from convalias.adapters.mongo.shared import apart
from convalias.ports.errors import Rejected, Unavailable


class Engine:
    """Refuses a request in which one of these is."""

    def __init__(self, **wrong: Exception) -> None:
        self.wrong = wrong
        self.requests: list[str] = []
        self.done = ""

    async def send(self, entries: Sequence[str]) -> Sequence[str | Exception]:
        self.requests.append("".join(entries))
        for entry in entries:
            if entry in self.wrong:
                raise self.wrong[entry]
        return [entry * 2 for entry in entries]

    async def known(self, entries: Sequence[str]) -> Sequence[str | None]:
        return ["there" if entry in self.done else None for entry in entries]


async def test_what_is_answered_is_sent_once() -> None:
    engine = Engine()
    assert await apart(engine.send)(["a", "b"]) == ["aa", "bb"]
    assert engine.requests == ["ab"]


@pytest.mark.parametrize("error", [Rejected("b"), UnicodeEncodeError("utf-8", "\ud800", 0, 1, "surrogate")])
async def test_one_that_is_to_blame_fails_alone(error: Exception) -> None:
    engine = Engine(b=error)
    assert await apart(engine.send)([*"abc"]) == ["aa", error, "cc"]
    assert engine.requests == ["abc", "a", "b", "c"]


async def test_what_was_done_all_the_same_is_not_sent_again() -> None:
    engine = Engine(b=Rejected("b"))
    engine.done = "ac"
    first, second, third = await apart(engine.send, engine.known)([*"abc"])
    assert (first, third) == ("there", "there")
    assert isinstance(second, Rejected)
    assert engine.requests == ["abc", "b"]


async def test_an_outage_is_everybodys() -> None:
    engine = Engine(b=Unavailable("records"))
    with pytest.raises(Unavailable):
        await apart(engine.send)([*"abc"])
    assert engine.requests == ["abc"]


async def test_a_refused_lone_request_is_not_repeated() -> None:
    engine = Engine(b=Rejected("b"))
    with pytest.raises(Rejected):
        await apart(engine.send)(["b"])
    assert engine.requests == ["b"]
