"""Mails as the rules see them: envelopes, and what is over a limit of the reader."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final, Literal

from hypothesis import strategies as st

from convalias.domain.addresses.email_address import EmailAddress
from convalias.domain.inbound.posts import Post
from convalias.domain.mail.authentication import Dmarc, DmarcPolicy, SenderEvidence
from convalias.domain.mail.automation import MailClass
from convalias.domain.mail.envelope import (
    NULL_RETURN_PATH,
    AmbiguousFrom,
    Attachment,
    ClearFrom,
    From,
    InboundMail,
    MailContent,
    MessageEnvelope,
    Oddity,
    ReturnPath,
    UnreadableMail,
)
from convalias.testing.strategies.addresses import SPOTS, Spot, arrivals, message_ids
from convalias.testing.strategies.places import ALIASES, LEGACY, NOW, SENDERS, moments, mostly, some

_LISTED: Final = (*ALIASES, *LEGACY)
LIMITS: Final[tuple[Literal["parts", "nesting", "size"], ...]] = ("parts", "nesting", "size")


def evidences() -> st.SearchStrategy[SenderEvidence]:
    """Every result under every policy; shrinks to a pass."""
    flags = st.booleans()
    return st.builds(
        SenderEvidence,
        st.sampled_from(Dmarc),
        st.none() | st.sampled_from(DmarcPolicy),
        spf_aligned=flags,
        dkim_aligned=flags,
        dkim_signed=st.none() | st.frozensets(st.sampled_from(("from", "to", "cc", "subject", "date"))),
    )


def froms() -> st.SearchStrategy[From]:
    """Mostly clear."""
    clear: st.SearchStrategy[From] = st.sampled_from(SENDERS).map(ClearFrom)
    return mostly(clear, some(SENDERS, most=2).map(_vague), one_in=8)


def _vague(readings: tuple[EmailAddress, ...]) -> From:
    return AmbiguousFrom(frozenset(readings))


def return_paths() -> st.SearchStrategy[ReturnPath]:
    """Draw a return path: unknown, somebody's, or null."""
    return st.sampled_from((None, *SENDERS, NULL_RETURN_PATH))


def attachments() -> st.SearchStrategy[Attachment]:
    """Two files."""
    return st.sampled_from((Attachment("cv.pdf", "application/pdf", 3, "0" * 64), Attachment("", "image/png", 0, "1")))


def contents() -> st.SearchStrategy[MailContent]:
    """A text; now and then nothing at all."""
    said = st.builds(
        MailContent,
        subject=st.sampled_from(("Hello", "Re: Hello")),
        text=st.sampled_from(("Hello", "こんにちは", "Thank you for your message. I shall be back next week.")),
        attachments=st.lists(attachments(), max_size=1, unique=True).map(tuple),
        body_digest=st.sampled_from(("0a", "1b")),
        subject_alone=st.booleans(),
        repeat_digest=st.sampled_from(("0a", "1b", "")),
    )
    return mostly(said, st.just(MailContent(empty=True)))


_FROMS: Final = froms()
_IDS: Final = message_ids()
_RETURN_PATHS: Final = return_paths()
_FOUR: Final = st.lists(SPOTS, max_size=4)
_TWO: Final = st.lists(SPOTS, max_size=2)
_DATES: Final = st.none() | moments()
_CLASSES: Final = mostly(st.just(MailClass.HUMAN), st.sampled_from(MailClass), one_in=4)
_EVIDENCES: Final = evidences()
_SELDOM: Final = mostly(st.just(False), st.just(True))  # noqa: FBT003 - the values themselves
_ODDITIES: Final = mostly(st.just(frozenset[Oddity]()), st.just(frozenset(Oddity)), one_in=8)
_CONTENTS: Final = contents()


@st.composite
def envelopes(draw: st.DrawFn, listed: Sequence[EmailAddress] = _LISTED) -> MessageEnvelope:
    """Draw a readable mail as a source posted it. `listed` are the addresses that it is likely to go to."""
    return MessageEnvelope(
        sender=draw(_FROMS),
        message_id=draw(_IDS),
        received_at=NOW,
        recipients=_among(listed, draw(_FOUR)),
        return_path=draw(_RETURN_PATHS),
        to=_among(listed, draw(_TWO)),
        cc=_among(listed, draw(_TWO)),
        date=draw(_DATES),
        mail_class=draw(_CLASSES),
        evidence=draw(_EVIDENCES),
        spam=draw(_SELDOM),
        oddities=draw(_ODDITIES),
        content=draw(_CONTENTS),
    )


def _among(listed: Sequence[EmailAddress], spots: Iterable[Spot]) -> tuple[EmailAddress, ...]:
    return tuple(spot.among(listed) for spot in spots)


@st.composite
def unreadable_mails(draw: st.DrawFn, listed: Sequence[EmailAddress] = _LISTED) -> UnreadableMail:
    """Mails over a limit of the reader, with as much of their route as could be read."""
    return UnreadableMail(
        limit=draw(_LIMITS),
        found=1_001,
        received_at=NOW,
        recipients=_among(listed, draw(_FOUR)),
        header_recipients=_among(listed, draw(_TWO)),
        message_id=draw(_SOME_ID),
        readings=draw(_READINGS),
        return_path=draw(_RETURN_PATHS),
    )


_LIMITS: Final = st.sampled_from(LIMITS)
_OVER: Final = mostly(st.just(False), st.just(True), one_in=20)  # noqa: FBT003 - the values themselves
_SOME_ID: Final = st.none() | _IDS
_READINGS: Final = some(SENDERS, most=1).map(frozenset)


@st.composite
def mails(draw: st.DrawFn, listed: Sequence[EmailAddress] = _LISTED) -> InboundMail:
    """Envelopes, and one in twenty over a limit."""
    if draw(_OVER):
        return draw(unreadable_mails(listed))
    return draw(envelopes(listed))


def posts(listed: Sequence[EmailAddress] = _LISTED) -> st.SearchStrategy[Post]:
    """Draw what a source says about a mail that it brings."""
    return st.builds(
        Post,
        received_at=st.just(NOW),
        recipients=st.lists(arrivals(listed), max_size=2).map(tuple),
        return_path=return_paths(),
        evidence=st.none() | evidences(),
        spam=st.sampled_from((False, False, True)),
    )
