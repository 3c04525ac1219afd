"""Of several detectors the worst finding counts, and who is away hides nothing harmful."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime

import pytest
from attrs import frozen

from convalias.domain.inbound.posts import Post
from convalias.domain.mail.checks import Checked, Finding
from convalias.ports.errors import AdapterFailed, Unavailable
from convalias.services.inbound.several_checks import SeveralChecks

POST = Post(received_at=datetime(2026, 3, 1, 12, tzinfo=UTC))
CLEAN, SPAM, VIRUS = Checked(Finding.NOTHING, "0.1"), Checked(Finding.SPAM, "7 of 5"), Checked(Finding.HARMFUL, "Eicar")
AWAY, FAILED = Unavailable("spamd"), AdapterFailed("check.check", "no answer")


@frozen
class Says:
    answer: Checked | Exception

    async def check(self, raw: bytes, post: Post) -> Checked:
        if isinstance(self.answer, Checked):
            return self.answer
        raise self.answer


def several(*answers: Checked | Exception) -> SeveralChecks:
    return SeveralChecks([Says(answer) for answer in answers])


@pytest.mark.parametrize(
    ("answers", "found"),
    [
        ([CLEAN], CLEAN),
        ([CLEAN, SPAM], SPAM),
        ([VIRUS, SPAM], VIRUS),
        ([AWAY, VIRUS], VIRUS),
        ([FAILED, VIRUS], VIRUS),
        ([CLEAN, CLEAN], Checked(Finding.NOTHING, "0.1; 0.1")),
    ],
)
async def test_the_worst_finding_counts(answers: list[Checked | Exception], found: Checked) -> None:
    assert await several(*answers).check(b"", POST) == found


@pytest.mark.parametrize(
    ("answers", "raised"),
    [
        ([CLEAN, AWAY], AWAY),
        ([SPAM, AWAY], AWAY),
        ([FAILED, AWAY], AWAY),
        ([AWAY, FAILED], AWAY),
        ([SPAM, FAILED], FAILED),
    ],
)
async def test_what_nobody_looked_for_is_not_known(answers: list[Checked | Exception], raised: Exception) -> None:
    with pytest.raises(Unavailable) as caught:
        await several(*answers).check(b"", POST)
    assert caught.value is raised


async def test_all_are_asked_at_once() -> None:
    met = asyncio.Barrier(3)

    @frozen
    class Meets:
        async def check(self, raw: bytes, post: Post) -> Checked:
            await met.wait()
            return CLEAN

    async with asyncio.timeout(5):
        assert (await SeveralChecks([Meets()] * 3).check(b"", POST)).finding is Finding.NOTHING
