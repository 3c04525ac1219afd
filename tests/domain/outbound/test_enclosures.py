"""Attached files of verified people go along where nothing in them can run; all others are a link."""

from __future__ import annotations

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from convalias.domain.addresses.email_address import EmailAddress
from convalias.domain.conversations.events import MessageAdded
from convalias.domain.conversations.participants import AccountAuthor, Author, PeripheralAuthor, Standing
from convalias.domain.ids import AccountId
from convalias.domain.mail.envelope import Attachment
from convalias.domain.outbound.enclosures import LISTED, MOST_ENCODED, Passage, encoded, listed_type, passages

ANN = AccountAuthor(AccountId("ann"), verified=True)
OFFICE = "application/vnd.openxmlformats-officedocument"


def attached(name: str, media_type: str, size: int = 100) -> Attachment:
    return Attachment(name, media_type, size, "d" * 64)


def message(*files: Attachment, author: Author = ANN, flags: frozenset[str] = frozenset()) -> MessageAdded:
    return MessageAdded(author=author, text="see there", attachments=files, flags=flags)


@pytest.mark.parametrize(
    ("name", "media_type", "goes_as"),
    [
        ("CV.pdf", "application/pdf", "application/pdf"),
        ("CV.PDF", "APPLICATION/PDF", "application/pdf"),
        ("photo.jpeg", "image/jpeg", "image/jpeg"),
        ("notes.md", "text/plain", "text/plain"),
        ("letter.docx", f"{OFFICE}.wordprocessingml.document", f"{OFFICE}.wordprocessingml.document"),
        ("meeting.ics", "text/calendar", "text/calendar"),
        ("CV.pdf", "application/octet-stream", "application/pdf"),
        ("scan", "image/png", "image/png"),
        ("CV.pdf.exe", "application/pdf", None),
        ("CV.exe", "application/octet-stream", None),
        ("scan", "application/octet-stream", None),
        ("page.html", "text/html", None),
        ("page.html", "text/plain", None),
        ("drawing.svg", "image/svg+xml", None),
        ("letter.docm", "application/vnd.ms-word.document.macroenabled.12", None),
        ("letter.docm", f"{OFFICE}.wordprocessingml.document", None),
        ("letter.doc", "application/msword", None),
        ("all.zip", "application/zip", None),
        ("mail.eml", "message/rfc822", None),
    ],
)
def test_type_and_ending_must_agree_on_a_kind_that_cannot_run(name: str, media_type: str, goes_as: str | None) -> None:
    assert listed_type(attached(name, media_type)) == goes_as


@pytest.mark.parametrize(
    ("author", "flags"),
    [
        (AccountAuthor(AccountId("ann")), frozenset[str]()),
        (AccountAuthor(AccountId("ann"), Standing.DELEGATED, verified=True), frozenset[str]()),
        (PeripheralAuthor(EmailAddress.parse("guest@corp.example")), frozenset[str]()),
        (ANN, frozenset({"spam"})),
        (ANN, frozenset({"unchecked"})),
        (ANN, frozenset({"unverified"})),
    ],
)
def test_files_of_those_who_are_not_vouched_for_are_links(author: Author, flags: frozenset[str]) -> None:
    sent = message(attached("CV.pdf", "application/pdf"), author=author, flags=flags)
    assert passages(sent, links=True) == (Passage.LINK,)
    assert passages(sent, links=False) == (Passage.LEFT_OUT,)


@pytest.mark.parametrize("links", [True, False])
def test_nothing_of_a_message_that_a_check_found_harmful_is_passed_on(*, links: bool) -> None:
    sent = message(
        attached("CV.pdf", "application/pdf"), attached("a.zip", "application/zip"), flags=frozenset({"harmful"})
    )
    assert passages(sent, links=links) == (Passage.HARMFUL, Passage.HARMFUL)


def test_a_file_that_does_not_fit_leaves_room_for_a_smaller_one_behind_it() -> None:
    files = (
        attached("a.pdf", "application/pdf", 2_000_000),
        attached("b.pdf", "application/pdf", 2_000_000),
        attached("c.pdf", "application/pdf", 1_000_000),
    )
    assert passages(message(*files), links=True) == (Passage.ALONG, Passage.LINK, Passage.ALONG)


@given(st.lists(st.integers(0, 4_000_000), max_size=12))
def test_what_goes_along_stays_within_the_bound(sizes: list[int]) -> None:
    files = [attached(f"{number}.pdf", "application/pdf", size) for number, size in enumerate(sizes)]
    found = passages(message(*files), links=True)
    assert len(found) == len(files)
    along = [encoded(one.size) for one, passage in zip(files, found, strict=True) if passage is Passage.ALONG]
    assert sum(along) <= MOST_ENCODED


@given(st.binary(max_size=2_000))
def test_the_size_is_that_of_base64_with_its_line_ends_or_a_part_of_a_line_more(octets: bytes) -> None:
    written = len(base64.encodebytes(octets).replace(b"\n", b"\r\n"))
    assert written <= encoded(len(octets)) < written + 78


def test_endings_are_in_small_letters_and_belong_to_their_type() -> None:
    assert all(ending == ending.lower() for endings in LISTED.values() for ending in endings)
