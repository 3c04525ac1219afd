"""A URL is read whole or refused in one line, which never shows the URL."""

from __future__ import annotations

from pathlib import Path

import pytest

from convalias.adapters.smtp import Limits, Place, Tls, UnusableServerError, read_url
from convalias.adapters.smtp.connection import tls_context


@pytest.mark.parametrize(
    ("url", "place"),
    [
        ("smtp://ann@relay.example", Place(host="relay.example", port=587, tls=Tls.STARTTLS, user="ann")),
        ("smtps://relay.example", Place(host="relay.example", port=465, tls=Tls.IMPLICIT)),
        ("smtp://localhost?tls=off", Place(host="localhost", port=25, tls=Tls.OFF)),
        ("smtp://a%40b@127.0.0.1:25/?tls=off", Place(host="127.0.0.1", port=25, tls=Tls.OFF, user="a@b")),
        (
            "smtp://relay.example?receipt=X-PM-Metadata-convalias",
            Place(host="relay.example", port=587, tls=Tls.STARTTLS, receipt="X-PM-Metadata-convalias"),
        ),
        ("smtp://[::1]:2525", Place(host="::1", port=2525, tls=Tls.STARTTLS)),
        (
            "smtp://relay.example?connections=9&begin=2.5&timeout=7&idle=0&helo=[192.0.2.1]",
            Place(
                host="relay.example",
                port=587,
                tls=Tls.STARTTLS,
                helo="[192.0.2.1]",
                limits=Limits(connections=9, begin=2.5, timeout=7.0, idle=0.0),
            ),
        ),
    ],
)
def test_a_url_is_a_place(url: str, place: Place) -> None:
    assert read_url(url) == place
    assert "ann" not in repr(place)


def test_a_place_is_shown_as_host_and_port() -> None:
    assert read_url("smtp://ann@[::1]").shown == "[::1]:587"
    assert read_url("smtp://ann@relay.example").shown == "relay.example:587"


@pytest.mark.parametrize(
    ("url", "line"),
    [
        (
            "smtp://ann:s3cret@relay.example",
            "a password does not belong in a URL; set CONVALIAS_MAIL_PASSWORD, or CONVALIAS_MAIL_PASSWORD_FILE",
        ),
        ("smtp://ann:@relay.example", "a password does not belong in a URL"),
        ("smtp://", "names no mail server"),
        ("smtp://s3cret/@relay.example", "names no mail server"),
        ("smtp://relay.example/path", "names no mail server"),
        ("smtp://relay.example#s3cret", "names no mail server"),
        ("smtp://rel ay.example", "names no mail server"),
        ("smtp://relay.example:s3cret", "cannot be read"),
        ("lmtp://relay.example", "unknown scheme"),
        ("smtp://relay.example?password=s3cret", "unknown option; expected some of begin, ca, connections"),
        ("smtp://relay.example?receipt=Bcc", "expected the beginning of two names of header fields"),
        ("smtps://relay.example?tls=off", "expected nothing, or tls=off behind smtp://"),
        ("smtp://relay.example?tls=maybe", "expected nothing, or tls=off behind smtp://"),
        ("smtp://ann@relay.example?tls=off", "a password is sent over TLS only"),
        ("smtp://relay.example?helo=a%20b", "expected a host name"),
        ("smtp://relay.example?ca=/no/such/file.pem", "expected a file with certificates in PEM"),
        ("smtp://relay.example?timeout=0", "timeout in the URL: expected a number above 0"),
        ("smtp://relay.example?connections=1.5", "connections in the URL: expected a whole number above 0"),
        ("smtp://relay.example?begin=5&timeout=5", "begin in the URL: expected less than timeout"),
    ],
)
def test_a_wrong_url_is_one_line_without_the_url(url: str, line: str) -> None:
    with pytest.raises(UnusableServerError) as raised:
        read_url(url)
    said = str(raised.value)
    assert line in said
    assert said.startswith("mail: ")
    assert "\n" not in said
    assert "s3cret" not in said


def test_a_file_without_certificates_is_refused_before_anything_is_sent(tmp_path: Path) -> None:
    file = tmp_path / "ca.pem"
    file.write_text("no certificate")
    with pytest.raises(UnusableServerError, match="certificates in PEM"):
        tls_context(read_url(f"smtp://relay.example?ca={file}"))
