"""A `Check` that is right, and a broken one for each check of the suite."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import partial

from convalias.domain.inbound.posts import Post
from convalias.domain.mail.checks import Checked, Finding
from convalias.ports.errors import Unavailable
from convalias.ports.mail import Check
from convalias.testing.conformance import CheckUnderTest, MakeCheck

PILLS = b"From: eve@evil.example\r\n\r\npills\r\n"
CLEAN = Checked(Finding.NOTHING)
SPAM = Checked(Finding.SPAM, "pills")


class Detector:
    def __init__(self, *, away: bool = False) -> None:
        self.away = away

    async def check(self, raw: bytes, post: Post) -> Checked:
        if self.away:
            raise Unavailable("detector")
        return SPAM if b"pills" in raw else CLEAN


class ObjectsToAnyGreeting(Detector):
    async def check(self, raw: bytes, post: Post) -> Checked:
        return SPAM if b"meet" in raw else await super().check(raw, post)


class SaysNotWhatItFound(Detector):
    async def check(self, raw: bytes, post: Post) -> Checked:
        return Checked((await super().check(raw, post)).finding)


class LearnsWhatItHasSeen(Detector):
    def __init__(self, *, away: bool = False) -> None:
        super().__init__(away=away)
        self.seen = set[bytes]()

    async def check(self, raw: bytes, post: Post) -> Checked:
        known = raw in self.seen
        self.seen.add(raw)
        return CLEAN if known and b"pills" in raw else await super().check(raw, post)


class HasOneSlotForAnswers(Detector):
    """As a client whose connection is shared, where the last answer that came is everybody's."""

    def __init__(self, *, away: bool = False) -> None:
        super().__init__(away=away)
        self.answer = CLEAN

    async def check(self, raw: bytes, post: Post) -> Checked:
        self.answer = await super().check(raw, post)
        await asyncio.sleep(0)
        return self.answer


class ReadsText(Detector):
    async def check(self, raw: bytes, post: Post) -> Checked:
        raw.decode()
        return await super().check(raw, post)


class FindsNothingWhileAway(Detector):
    async def check(self, raw: bytes, post: Post) -> Checked:
        return CLEAN if self.away else await super().check(raw, post)


def making(detector: Callable[..., Check]) -> Callable[[], MakeCheck]:
    @asynccontextmanager
    async def opened(*, away: bool) -> AsyncIterator[Check]:
        yield detector(away=away)

    def under_test() -> CheckUnderTest:
        return CheckUnderTest(open=partial(opened, away=False), away=partial(opened, away=True), objectionable=PILLS)

    return lambda: under_test


MUTANTS: dict[str, Callable[[], MakeCheck]] = {
    "an ordinary mail has no objection": making(ObjectsToAnyGreeting),
    "what is objectionable is found": making(SaysNotWhatItFound),
    "one mail has one answer": making(LearnsWhatItHasSeen),
    "mails that are checked at once are not mixed up": making(HasOneSlotForAnswers),
    "any bytes have an answer": making(ReadsText),
    "a detector that is away is unavailable": making(FindsNothingWhileAway),
}
RIGHT = making(Detector)
