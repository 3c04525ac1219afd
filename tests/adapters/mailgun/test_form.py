"""Any octets end in a form or in UnreadableForm, however they are cut into chunks."""

from __future__ import annotations

import asyncio
import tracemalloc
from collections.abc import AsyncIterator
from contextlib import suppress
from urllib.parse import quote_from_bytes

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.mailgun.posting import BOUNDARY, MULTIPART, URLENCODED, chunked, multipart, urlencoded
from convalias.adapters.mailgun.form import Bounds, Form, UnreadableForm, read_form

DEFAULT = Bounds()
SMALL = Bounds(mail=200, request=2_000, fields=5, name=20, files=2)


def read(content_type: str, body: bytes, *, chunk: int = 65_536, bounds: Bounds = DEFAULT) -> Form:
    return asyncio.run(read_form(content_type, chunked(body, chunk), bounds=bounds))


def rows(form: Form) -> list[tuple[bytes, bytes, bytes | None]]:
    return [(part.name, part.value, part.filename) for part in form.parts]


names = st.text(st.characters(codec="ascii", categories=["L", "N"]), min_size=1, max_size=10)
fields = st.lists(st.tuples(names, st.binary(max_size=60)), max_size=8)
junk = st.lists(
    st.one_of(
        st.binary(max_size=20),
        st.sampled_from(
            [
                b"--XboundaryX",
                b"\r\n",
                b"--",
                b"Content-Disposition: form-data; name=",
                b'"a"',
                b"; filename=",
                b"&",
                b"=",
                b"%",
                b"%4",
                b"+",
            ]
        ),
    ),
    max_size=30,
).map(b"".join)


@given(st.sampled_from([MULTIPART, URLENCODED]), junk, st.integers(1, 50))
def test_any_octets_end_in_a_form_or_in_unreadable(content_type: str, body: bytes, chunk: int) -> None:
    with suppress(UnreadableForm):
        form = read(content_type, body, chunk=chunk, bounds=SMALL)
        assert len(form.parts) <= 2 * SMALL.fields


@given(st.text(max_size=80))
def test_any_content_type_ends_in_a_form_or_in_unreadable(content_type: str) -> None:
    with pytest.raises(UnreadableForm):
        read(f"text/{content_type}", b"a=b")
    with suppress(UnreadableForm):
        read(f"multipart/form-data; boundary={content_type}", b"a=b")


@given(fields, st.integers(1, 30))
def test_both_encodings_and_all_chunks_hold_the_same(given_fields: list[tuple[str, bytes]], chunk: int) -> None:
    expected = [(name.encode(), value, None) for name, value in given_fields]
    escaped = read(URLENCODED, urlencoded(given_fields), chunk=chunk)
    assert rows(escaped) == expected
    safe = [(name, value.hex()) for name, value in given_fields]
    posted = read(MULTIPART, multipart(safe), chunk=chunk)
    assert rows(posted) == [(name.encode(), value.encode(), None) for name, value in safe]
    assert posted.digest() == read(URLENCODED, urlencoded(reversed(safe))).digest()


@given(fields, fields)
def test_the_digest_is_one_of_what_was_posted(one: list[tuple[str, bytes]], other: list[tuple[str, bytes]]) -> None:
    same = sorted((name, value) for name, value in one) == sorted((name, value) for name, value in other)
    digests = {read(URLENCODED, urlencoded(form)).digest() for form in (one, other)}
    assert (len(digests) == 1) is same


def test_the_digest_leaves_out_what_is_signed_and_keeps_files_of_these_names() -> None:
    plain = read(MULTIPART, multipart([("a", "b")]))
    assert read(MULTIPART, multipart([("a", "b"), ("token", "t"), ("signature", "s")])).digest() == plain.digest()
    assert read(MULTIPART, multipart([("a", "b")], [("token", "", b"t")])).digest() != plain.digest()


@pytest.mark.parametrize(
    "content_type",
    [
        "",
        "text/plain",
        "multipart/form-data",
        "multipart/form-data; boundary=",
        f"multipart/form-data; boundary={'b' * 300}",
        f"multipart/form-data; {'x' * 3000}; boundary=b",
        "multipart/form-data; boundary=\u2603",
    ],
)
def test_another_content_type_is_unreadable(content_type: str) -> None:
    with pytest.raises(UnreadableForm):
        read(content_type, b"a=b")


def test_a_form_that_ends_in_the_middle_is_unreadable() -> None:
    with pytest.raises(UnreadableForm, match="middle"):
        read(MULTIPART, multipart([("a", "b")])[:-8])


@given(st.binary(max_size=60), st.integers(1, 8))
def test_escapes_are_read_as_the_standard_library_reads_them(octets: bytes, chunk: int) -> None:
    for written in (quote_from_bytes(octets, safe=""), "".join(f"%{octet:02x}" for octet in octets)):
        assert rows(read(URLENCODED, b"a=" + written.encode(), chunk=chunk)) == [(b"a", octets, None)]
    plain = octets.translate(None, b"%&+")
    assert rows(read(URLENCODED, b"a=" + plain, chunk=chunk)) == [(b"a", plain, None)]


@pytest.mark.parametrize("broken", [b"%", b"%4", b"%%", b"%zz", b"%4z", b"%\n", b"%\r\n", b"%=41", b"%25%", b"%\n%41"])
@pytest.mark.parametrize("chunk", [1, 100])
def test_a_percent_sign_that_starts_no_escape_is_unreadable(broken: bytes, chunk: int) -> None:
    for body in (b"a=" + broken, b"a=" + broken + b"&b=c", broken + b"x=b"):
        with pytest.raises(UnreadableForm, match="percent"):
            read(URLENCODED, body, chunk=chunk)


def test_an_escape_that_a_bound_cuts_is_no_fault() -> None:
    assert read(URLENCODED, b"a=" + b"%41" * 50, bounds=Bounds(request=100)).overflow == "request"
    for length in range(21, 30):
        name = b"b" * (length % 3) + b"%41" * length
        assert read(URLENCODED, name + b"=b", bounds=Bounds(name=20)).overflow == "name"
        assert read(URLENCODED, b"a=b&" + name, bounds=Bounds(request=60)).overflow == "request"


def test_only_an_ampersand_separates_fields() -> None:
    assert rows(read(URLENCODED, b"a=b;token=c&d")) == [(b"a", b"b;token=c", None), (b"d", b"", None)]


def test_a_type_is_read_in_any_case() -> None:
    assert rows(read("Multipart/Form-Data; Boundary=XboundaryX", multipart([("a", "b")]))) == [(b"a", b"b", None)]
    assert rows(read("APPLICATION/X-WWW-Form-Urlencoded; charset=utf-8", b"a=b")) == [(b"a", b"b", None)]


def test_a_file_whose_name_is_written_the_forbidden_way_is_a_file() -> None:
    disposition = b"Content-Disposition: form-data; name=\"attachment-1\"; filename*=UTF-8''%41.txt\r\n\r\n"
    form = read(MULTIPART, b"--XboundaryX\r\n" + disposition + b"v\r\n--XboundaryX--\r\n")
    assert rows(form) == [(b"attachment-1", b"v", b"")]


def test_a_header_of_a_part_is_bounded() -> None:
    for header in (b"X" * 3_000 + b": y", b"X: " + b"y" * 3_000):
        body = b"--XboundaryX\r\n" + header + b"\r\n\r\nv\r\n--XboundaryX--\r\n"
        with pytest.raises(UnreadableForm):
            read(MULTIPART, body, chunk=100)


def test_a_part_without_disposition_has_no_name() -> None:
    body = b"--XboundaryX\r\nX-Other: y\r\n\r\nv\r\n--XboundaryX--\r\n"
    assert rows(read(MULTIPART, body)) == [(b"", b"v", None)]
    assert read(MULTIPART, body, bounds=Bounds(request=len(body) - 8)).overflow == "request"


@pytest.mark.parametrize("content_type", [MULTIPART, URLENCODED])
def test_a_name_over_the_bound_is_cut_and_told(content_type: str) -> None:
    given_fields = [("n" * 1_500, "v"), ("a", "b")]
    body = multipart(given_fields) if content_type == MULTIPART else urlencoded(given_fields)
    bounds = Bounds(name=20)
    form = read(content_type, body, bounds=bounds, chunk=700)
    if content_type == URLENCODED:
        assert (form.overflow, form.values(b"a")) == ("name", [b"b"])
        assert len(form.parts[0].name) == 20
    else:
        assert form.overflow == "name"
        assert form.parts[0].name == b"n" * 20


def test_files_over_the_bound_are_counted_and_not_kept() -> None:
    files = [(f"attachment-{n}", "a.png", b"x") for n in range(5)]
    form = read(MULTIPART, multipart([], files), bounds=Bounds(files=2))
    assert (form.overflow, len(form.files())) == ("fields", 2)


def test_a_part_without_name_is_no_loss_where_reading_ends() -> None:
    start = b"--XboundaryX\r\nX-Other: y\r\n\r\n"
    form = read(MULTIPART, start + b"v" * 500, bounds=Bounds(request=100))
    assert (form.overflow, form.parts) == ("request", [])


def test_a_cut_value_has_no_gap() -> None:
    value = bytes(range(256)) * 4_000
    form = read(MULTIPART, multipart([("a", value), ("b", "after")]), bounds=Bounds(mail=500_000), chunk=777)
    assert form.overflow == "mail"
    assert value.startswith(form.parts[0].value)
    assert (form.parts[0].size, form.values(b"b")) == (len(value), [b"after"])


def test_many_values_over_the_limit_keep_their_beginnings_only() -> None:
    many = [(f"f{n}", b"x" * 400_000) for n in range(6)]
    form = read(MULTIPART, multipart([*many, ("token", "t" * 50)]), bounds=Bounds(mail=500_000))
    assert form.overflow == "mail"
    assert sum(len(part.value) for part in form.parts) <= 500_000 + 1_000_000 + 6 * 1_024
    assert form.values(b"token") == [b"t" * 50]


def test_memory_is_bounded_while_a_form_streams_in() -> None:
    async def endless() -> AsyncIterator[bytes]:
        yield f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="a"\r\n\r\n'.encode()
        for _ in range(400):
            yield b"x" * 50_000

    tracemalloc.start()
    try:
        form = asyncio.run(read_form(MULTIPART, endless(), bounds=Bounds(mail=1_000_000, request=15_000_000)))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert form.overflow == "request"
    assert peak < 4_000_000
