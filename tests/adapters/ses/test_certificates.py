"""Fetching from SNS: TLS is verified, the answer bounded, nothing followed; and what is kept of certificates."""

from __future__ import annotations

import asyncio
import http.server
import ipaddress
import ssl
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from adapters.ses.posting import NOON, certificate
from convalias.adapters import memory
from convalias.adapters.ses import certificates
from convalias.adapters.ses.certificates import (
    LARGEST,
    MOST,
    WAITING,
    Certificates,
    NothingThere,
    UnusableCertificate,
    fetched,
)
from convalias.ports.errors import Unavailable


class Answers(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        match self.path:
            case "/there?x=1":
                self._say(200, b"octets")
            case "/moved":
                self.send_response(302)
                self.send_header("Location", "/there?x=1")
                self.end_headers()
            case "/long":
                self._say(200, b"x" * (LARGEST + 1))
            case _:
                self._say(404, b"no")

    def _say(self, status: int, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None: ...


def self_signed() -> tuple[bytes, bytes]:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.now(UTC)
    built = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key()).serial_number(7)
    built = built.not_valid_before(now - timedelta(days=1)).not_valid_after(now + timedelta(days=1))
    here = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
    made = built.add_extension(here, critical=False).sign(key, SHA256())
    return made.public_bytes(Encoding.PEM), key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Path]]:
    """A server of TLS, and the file of its certificate."""
    file = tmp_path_factory.mktemp("tls") / "both.pem"
    public, private = self_signed()
    file.write_bytes(public + private)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Answers) as served:
        served.socket = context.wrap_socket(served.socket, server_side=True)
        thread = threading.Thread(target=served.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield f"https://127.0.0.1:{served.server_address[1]}", file
        served.shutdown()
        thread.join()


async def test_a_host_that_tls_does_not_prove_is_not_believed(server: tuple[str, Path]) -> None:
    with pytest.raises(Unavailable) as raised:
        await fetched(f"{server[0]}/there?x=1")
    assert isinstance(raised.value.__cause__, ssl.SSLCertVerificationError)


async def test_what_is_there_is_fetched_and_nothing_else(
    server: tuple[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    url, file = server
    monkeypatch.setattr(certificates.ssl, "create_default_context", lambda: trusting(file))
    assert await fetched(f"{url}/there?x=1") == b"octets"
    for path, is_there in (("/moved", True), ("/long", True), ("/nowhere", False), ("", False)):
        with pytest.raises(Unavailable) as raised:
            await fetched(url + path)
        assert isinstance(raised.value, NothingThere) is not is_there


def trusting(file: Path) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(file)
    return context


async def test_no_more_certificates_are_kept_than_there_may_be() -> None:
    asked: list[str] = []

    async def fetch(url: str) -> bytes:
        asked.append(url)
        return certificate()

    known = Certificates(memory.Clock(NOON), fetch)
    for number in (*range(MOST + 1), MOST, 0):
        await known.key(f"https://x/{number}")
    assert asked == [f"https://x/{number}" for number in (*range(MOST + 1), 0)]


async def test_a_certificate_with_another_key_than_sns_signs_with_is_none() -> None:
    public, _ = self_signed()

    async def fetch(_: str) -> bytes:
        return public

    with pytest.raises(UnusableCertificate, match="another key than RSA"):
        await Certificates(memory.Clock(NOON), fetch).key("https://x/")


async def test_where_nothing_lies_nothing_is_looked_for_again_and_an_outage_is_not_remembered() -> None:
    asked: list[str] = []

    async def fetch(url: str) -> bytes:
        asked.append(url)
        raise NothingThere("it") if url == "https://x/none" else Unavailable("it")

    known = Certificates(memory.Clock(NOON), fetch)
    for _ in range(3):
        with pytest.raises(UnusableCertificate):
            await known.key("https://x/none")
        with pytest.raises(Unavailable):
            await known.key("https://x/away")
    assert (asked.count("https://x/none"), asked.count("https://x/away")) == (1, 3)


async def test_so_many_urls_are_waited_for_and_for_more_sns_is_told_to_post_again_at_once() -> None:
    asked: list[str] = []
    begun, answers = asyncio.Event(), asyncio.Event()

    async def fetch(url: str) -> bytes:
        asked.append(url)
        begun.set()
        await answers.wait()
        return certificate() if url == "https://x/0" else b"no certificate"

    known = Certificates(memory.Clock(NOON), fetch)
    urls = [f"https://x/{number}" for number in range(WAITING)]
    waiting = [asyncio.create_task(known.key(url)) for url in (*urls, "https://x/0", "https://x/1")]
    await begun.wait()
    with pytest.raises(Unavailable, match="too many certificates are waited for"):
        async with asyncio.timeout(2):
            await known.key("https://x/another")
    answers.set()
    found = await asyncio.gather(*waiting, return_exceptions=True)
    assert [type(one).__name__ for one in found].count("UnusableCertificate") == WAITING
    assert asked == urls  # whoever waits for the same one waits together
    with pytest.raises(UnusableCertificate):
        await known.key("https://x/another")
