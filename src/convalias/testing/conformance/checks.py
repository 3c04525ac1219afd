"""Check: a detector answers about any bytes, or says that it could not look."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from datetime import UTC, datetime
from typing import Final, TypeAlias

from attrs import field, frozen

from convalias.domain.inbound.posts import Post
from convalias.domain.mail.checks import Finding
from convalias.ports.errors import Unavailable
from convalias.ports.mail import Check
from convalias.testing.conformance.check import agree, is_there, one_of, raised, suite

OpenCheck: TypeAlias = Callable[[], AbstractAsyncContextManager[Check]]

_POST: Final = Post(received_at=datetime(2026, 3, 1, 12, tzinfo=UTC))
_HEAD: Final = (
    b"From: Ann <ann@home.example>\r\nTo: bob@corp.example\r\nSubject: Tuesday\r\nMessage-ID: <1@home.example>\r\n\r\n"
)
_MAIL: Final = _HEAD + b"Shall we meet on Tuesday at ten?\r\n"
_ODD: Final = (
    b"",
    b"\0",
    b"\r\n.\r\n",
    _HEAD + b"dots\r\n.\r\n..\r\n.\r\nQUIT\r\n",
    _HEAD + bytes(range(256)) * 16,
    _HEAD + b"\xff" * 100_000,
)
_SEEN: Final = frozenset({Finding.NOTHING, Finding.SPAM, Finding.HARMFUL})
"""What a detector may find; the others are what the library makes of one that is away."""


@frozen(kw_only=True)
class CheckUnderTest:
    """Your adapter, and a mail that its detector objects to."""

    open: OpenCheck
    objectionable: bytes = field(repr=False)
    """A mail that is spam or harmful to this detector, such as one with the GTUBE or EICAR test text."""
    away: OpenCheck
    """The same adapter whose detector cannot be reached."""


MakeCheck: TypeAlias = Callable[[], CheckUnderTest]
"""Makes a detector, with a mail that it objects to."""


async def an_ordinary_mail_has_no_objection(make: MakeCheck) -> None:
    """Find neither spam nor harm in it."""
    async with make().open() as check:
        agree(
            "an ordinary mail is neither spam nor harmful", (await check.check(_MAIL, _POST)).finding, Finding.NOTHING
        )


async def what_is_objectionable_is_found(make: MakeCheck) -> None:
    """Spam or harmful, and the detector says what it saw."""
    under_test = make()
    async with under_test.open() as check:
        found = await check.check(under_test.objectionable, _POST)
        is_there("the mail is spam or harmful", found.is_spam)
        is_there("the words of a detector about a finding", found.said)


async def one_mail_has_one_answer(make: MakeCheck) -> None:
    """Asked twice, the same: mail is tried again, and posted once for each recipient."""
    under_test = make()
    async with under_test.open() as check:
        for raw in (_MAIL, under_test.objectionable):
            first, second = await check.check(raw, _POST), await check.check(raw, _POST)
            agree("the finding about the same mail", second.finding, first.finding)


async def mails_that_are_checked_at_once_are_not_mixed_up(make: MakeCheck) -> None:
    """Each answer belongs to its own mail."""
    under_test = make()
    async with under_test.open() as check:
        mails = [_MAIL, under_test.objectionable] * 4
        found = await asyncio.gather(*(check.check(raw, _POST) for raw in mails))
        agree("each mail has the answer that it has alone", [one.is_spam for one in found], [False, True] * 4)


async def any_bytes_have_an_answer(make: MakeCheck) -> None:
    """Answer also about bytes that would end a connection early, about none, about one long line."""
    async with make().open() as check:
        for raw in _ODD:
            found = await check.check(raw, _POST)
            one_of("any bytes have a finding of the detector", found.finding, _SEEN)


async def a_detector_that_is_away_is_unavailable(make: MakeCheck) -> None:
    """No answer is no answer: neither an objection nor none."""
    async with make().away() as check:
        try:
            await check.check(_MAIL, _POST)
        except Unavailable:
            return
        raised("a detector that cannot be reached", "an answer", "Unavailable")


CHECK: Final = suite(
    an_ordinary_mail_has_no_objection,
    what_is_objectionable_is_found,
    one_mail_has_one_answer,
    mails_that_are_checked_at_once_are_not_mixed_up,
    any_bytes_have_an_answer,
    a_detector_that_is_away_is_unavailable,
)
"""Promises of `Check`."""
