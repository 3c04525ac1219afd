"""The limits of the reader: the limit itself passes, one more is refused, and what may be cut is cut."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from adapters.mime.expectations import read
from convalias.adapters.mime import limits
from convalias.domain.mail.envelope import MessageEnvelope, UnreadableMail

HEAD = b"From: john@corp.example\r\nTo: a-1ab131e2@reply.example\r\nMessage-ID: <x@y>\r\n"


def field(name: bytes, octets: int) -> bytes:
    return name + b": " + b"x" * (octets - len(name) - 2) + b"\r\n"


def block(octets: int) -> bytes:
    rest = octets - len(HEAD) - 2 * 100_000
    return HEAD + field(b"X-A", 99_998) + field(b"X-B", 99_998) + field(b"X-C", rest) + b"\r\ntext"


def headers(count: int) -> bytes:
    return HEAD + b"X: y\r\n" * (count - 3) + b"\r\ntext"


def addresses(count: int) -> bytes:
    listed = b",".join(b"a@b.cd" for _ in range(count - 2))
    return HEAD + b"Cc: " + listed + b"\r\n\r\ntext"


def nested(depth: int) -> bytes:
    levels = (
        b"Content-Type: multipart/mixed; boundary=b%d-\r\n\r\n--b%d-\r\n" % (level, level) for level in range(depth - 1)
    )
    return HEAD + b"".join(levels) + b"\r\ntext"


def mails_in_mails(depth: int) -> bytes:
    return HEAD + b"Content-Type: message/rfc822\r\n\r\n" * (depth - 1) + b"\r\ntext"


def parts(count: int) -> bytes:
    return HEAD + b"Content-Type: multipart/mixed; boundary=b\r\n\r\n" + b"--b\r\n\r\nx\r\n" * count + b"--b--\r\n"


def boundary(octets: int) -> bytes:
    line = b"b" * octets
    return HEAD + b'Content-Type: multipart/mixed; boundary="' + line + b'"\r\n\r\n--' + line + b"\r\n\r\ntext"


EXACT: dict[str, tuple[Callable[[int], bytes], int]] = {
    "header_block": (block, limits.HEADER_BLOCK),
    "headers": (headers, limits.HEADERS),
    "addresses": (addresses, limits.ADDRESSES),
    "nesting": (nested, limits.NESTING),
    "parts": (parts, limits.PARTS),
    "boundary": (boundary, limits.BOUNDARY),
}


@pytest.mark.parametrize("limit", EXACT)
def test_the_limit_itself_passes(limit: str) -> None:
    make, most = EXACT[limit]
    found = read(make(most))
    assert isinstance(found, MessageEnvelope)
    assert found.content.empty is False


@pytest.mark.parametrize("limit", EXACT)
def test_one_more_than_the_limit_is_refused(limit: str) -> None:
    make, most = EXACT[limit]
    found = read(make(most + 1))
    assert isinstance(found, UnreadableMail)
    assert (found.limit, found.found) == (limit, most + 1)


def test_a_message_in_a_message_is_a_level_each() -> None:
    assert isinstance(read(mails_in_mails(limits.NESTING)), MessageEnvelope)
    assert isinstance(read(mails_in_mails(limits.NESTING + 1)), UnreadableMail)


@pytest.mark.parametrize("name", [b"From", b"To", b"Cc", b"Message-ID", b"Content-Type"])
def test_a_field_of_which_half_is_worse_than_nothing_is_refused_over_its_limit(name: bytes) -> None:
    others = b"".join(line + b"\r\n" for line in HEAD.splitlines() if not line.startswith(name + b":"))
    assert isinstance(read(others + field(name, limits.HEADER) + b"\r\ntext"), MessageEnvelope)
    found = read(others + field(name, limits.HEADER + 1) + b"\r\ntext")
    assert isinstance(found, UnreadableMail)
    assert (found.limit, found.found) == ("header", limits.HEADER + 1)


def test_another_field_over_its_limit_is_cut() -> None:
    found = read(HEAD + field(b"Subject", 150_000) + b"\r\ntext")
    assert isinstance(found, MessageEnvelope)
    assert len(found.content.subject) == limits.HEADER - len("Subject: ")


def test_references_keep_their_last_hundred() -> None:
    ids = b" ".join(b"<%06d@corp.example>" % number for number in range(6_000))
    found = read(HEAD + b"References: " + ids + b"\r\n\r\ntext")
    assert isinstance(found, MessageEnvelope)
    assert [str(one) for one in found.references] == [f"<{number:06}@corp.example>" for number in range(5_900, 6_000)]


def test_a_refused_mail_still_tells_its_route() -> None:
    found = read(headers(limits.HEADERS + 500))
    assert isinstance(found, UnreadableMail)
    assert [one.key for one in found.header_recipients] == ["a-1ab131e2@reply.example"]
    assert str(found.message_id) == "<x@y>"
    assert {one.key for one in found.readings} == {"john@corp.example"}


def test_headers_of_parts_are_bounded_together() -> None:
    part = b"--b\r\n" + field(b"X", 100_000) * 2 + b"\r\nx\r\n"
    head = HEAD + b"Content-Type: multipart/mixed; boundary=b\r\n\r\n"
    assert isinstance(read(head + part * 10), MessageEnvelope)
    found = read(head + part * 11)
    assert isinstance(found, UnreadableMail)
    assert found.limit == "header_block"


def test_lines_that_only_begin_like_a_delimiter_are_bounded() -> None:
    head = HEAD + b"Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\n"
    assert isinstance(read(head + b"--bc\r\n" * limits.LOOKALIKES), MessageEnvelope)
    assert isinstance(read(head + b"--bc\r\n" * (limits.LOOKALIKES + 1)), UnreadableMail)


def test_a_mail_beyond_all_sizes_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "SIZE", 1_000)
    assert isinstance(read(HEAD + b"\r\n" + b"x" * (1_000 - len(HEAD) - 2)), MessageEnvelope)
    found = read(HEAD + b"\r\n" + b"x" * 1_000)
    assert isinstance(found, UnreadableMail)
    assert found.limit == "size"
