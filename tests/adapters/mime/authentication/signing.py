"""Keys, zones and signed mails made in the test itself: nothing of them is anybody's."""

from __future__ import annotations

import base64
import hashlib
import random
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

from attrs import field, frozen

from convalias.adapters.mime.authentication.canonical import SignedField, SignedMail
from convalias.adapters.mime.authentication.ed25519 import _BASE, _ORDER, _P, _times
from convalias.domain.inbound.posts import Post
from convalias.ports.dns import NoSuchName, TemporaryFailure, TxtAnswer, TxtRecords

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)
POST = Post(received_at=NOW)
_SHA256 = bytes.fromhex("3031300d060960864801650304020105000420")


@frozen
class Zone:
    """A resolver over recorded answers; it remembers what it was asked."""

    records: Mapping[str, str | bytes | Sequence[str] | TxtAnswer]
    asked: list[str] = field(factory=list)

    async def txt(self, name: str) -> TxtAnswer:
        self.asked.append(name)
        found = self.records.get(name)
        match found:
            case None:
                exists = any(one.endswith(f".{name}") for one in self.records)
                return TxtRecords() if exists else NoSuchName()
            case TxtRecords() | NoSuchName() | TemporaryFailure():
                return found
            case str():
                return TxtRecords((found.encode(),))
            case bytes():
                return TxtRecords((found,))
            case _:
                return TxtRecords(tuple(one.encode() for one in found))


def _der(tag: int, *contents: bytes) -> bytes:
    inside = b"".join(contents)
    size = len(inside)
    length = bytes([size]) if size < 128 else b"\x82" + size.to_bytes(2, "big")
    return bytes([tag]) + length + inside


def _integer(number: int) -> bytes:
    return _der(2, number.to_bytes(number.bit_length() // 8 + 1, "big"))


def _prime(bits: int, draw: random.Random) -> int:
    while True:
        number = draw.getrandbits(bits) | 1 | 3 << (bits - 2)
        if number % 65537 != 1 and all(pow(base, number - 1, number) == 1 for base in (2, 3, 5, 7)):
            return number


@frozen
class RsaPair:
    """An RSA key that anybody can make again from its seed."""

    p: int
    q: int
    exponent: int = 65537

    @classmethod
    def seeded(cls, seed: int, bits: int = 1024) -> RsaPair:
        draw = random.Random(seed)
        return cls(_prime(bits // 2, draw), _prime(bits // 2, draw))

    @property
    def secret(self) -> int:
        return pow(self.exponent, -1, (self.p - 1) * (self.q - 1))

    @property
    def bare(self) -> bytes:
        return _der(0x30, _integer(self.p * self.q), _integer(self.exponent))

    @property
    def public(self) -> bytes:
        kind = _der(0x30, bytes.fromhex("06092a864886f70d010101"), b"\x05\x00")
        return _der(0x30, kind, _der(3, b"\x00" + self.bare))

    @property
    def pem(self) -> bytes:
        d, p, q = self.secret, self.p, self.q
        numbers = (0, p * q, self.exponent, d, p, q, d % (p - 1), d % (q - 1), pow(q, -1, p))
        return b"-----BEGIN X-----\n" + base64.b64encode(_der(0x30, *map(_integer, numbers))) + b"\n-----END X-----\n"

    @property
    def record(self) -> str:
        return f"v=DKIM1; k=rsa; p={base64.b64encode(self.public).decode()}"

    def sign(self, digest: bytes) -> bytes:
        size = ((self.p * self.q).bit_length() + 7) // 8
        info = _SHA256 + digest
        text = b"\x00\x01" + b"\xff" * (size - len(info) - 3) + b"\x00" + info
        return pow(int.from_bytes(text, "big"), self.secret, self.p * self.q).to_bytes(size, "big")


@frozen
class EdPair:
    """An Ed25519 key (RFC 8032 §5.1.5, §5.1.6)."""

    seed: bytes

    @property
    def _halves(self) -> tuple[int, bytes]:
        octets = hashlib.sha512(self.seed).digest()
        return int.from_bytes(octets[:32], "little") & (2**254 - 8) | 2**254, octets[32:]

    @property
    def public(self) -> bytes:
        return _encoded(self._halves[0])

    @property
    def record(self) -> str:
        return f"v=DKIM1; k=ed25519; p={base64.b64encode(self.public).decode()}"

    def sign(self, digest: bytes) -> bytes:
        scalar, prefix = self._halves
        nonce = int.from_bytes(hashlib.sha512(prefix + digest).digest(), "little") % _ORDER
        commitment = _encoded(nonce)
        challenge = int.from_bytes(hashlib.sha512(commitment + self.public + digest).digest(), "little") % _ORDER
        return commitment + ((nonce + challenge * scalar) % _ORDER).to_bytes(32, "little")


def _encoded(scalar: int) -> bytes:
    x, y, z, _ = _times(scalar, _BASE)
    x, y = x * pow(z, -1, _P) % _P, y * pow(z, -1, _P) % _P
    return (y | (x & 1) << 255).to_bytes(32, "little")


KEY, OTHER = RsaPair.seeded(1), RsaPair.seeded(2)
ED = EdPair(b"s" * 32)
HEAD = (
    "From: Bob <bob@corp.example>\r\nTo: ann-1ab131e2@reply.example\r\nSubject: The   job\r\n"
    "Date: Mon, 02 Mar 2026 12:00:00 +0100\r\nMessage-ID: <1@corp.example>\r\n"
)
BODY = "Hello  Ann,\r\n\r\nyes. \r\n\r\n\r\n"
PLAIN = (HEAD + "\r\n" + BODY).encode()


def taken(raw: bytes) -> SignedMail:
    head, _, _ = raw.partition(b"\r\n\r\n")
    return SignedMail.of(raw, len(head) + 4)


def signed(
    raw: bytes = PLAIN,
    *,
    domain: str = "corp.example",
    selector: str = "s1",
    key: RsaPair | EdPair = KEY,
    mode: str = "relaxed/relaxed",
    names: str = "from:to:subject:date:message-id",
    extra: str = "",
    name: str = "DKIM-Signature",
    start: str = "v=1; ",
) -> bytes:
    """The mail with one more signature on top."""
    mail = taken(raw)
    header, _, body = mode.partition("/")
    kind = "ed25519" if isinstance(key, EdPair) else "rsa"
    body_hash = base64.b64encode(mail.body_hash(relaxed=body == "relaxed")).decode()
    value = (
        f" {start}a={kind}-sha256; c={mode}; d={domain}; s={selector};\r\n\th={names}; {extra}bh={body_hash};\r\n b="
    )
    empty = SignedField(name.lower().encode(), f"{name}:{value}".encode(), len(name) + 1)
    digest = hashlib.sha256()
    for one in mail.chosen(word.strip().lower() for word in names.split(":")):
        digest.update(one.canonical(relaxed=header == "relaxed") + b"\r\n")
    digest.update(empty.canonical(relaxed=header == "relaxed"))
    text = base64.b64encode(key.sign(digest.digest())).decode()
    return f"{name}:{value}{text[:60]}\r\n {text[60:]}\r\n".encode() + raw


def sealed(
    raw: bytes,
    *,
    domain: str = "lists.example",
    results: str = "dmarc=pass header.from=corp.example",
    cv: str = "none",
    key: RsaPair = OTHER,
    instance: int = 1,
) -> bytes:
    """The mail with one more ARC set on top (RFC 8617 §5.1)."""
    before = taken(raw)
    older = [
        (number, name)
        for number in range(1, instance)
        for name in ("arc-authentication-results", "arc-message-signature", "arc-seal")
    ]
    raw = signed(raw, domain=domain, selector="arc", key=key, name="ARC-Message-Signature", start=f"i={instance}; ")
    raw = f"ARC-Authentication-Results: i={instance}; mx.{domain}; {results}\r\n".encode() + raw
    value = f" i={instance}; a=rsa-sha256; cv={cv}; d={domain}; s=arc; b="
    seal = SignedField(b"arc-seal", f"ARC-Seal:{value}".encode(), 9)
    digest = hashlib.sha256()
    for number, name in older:
        found = next(one for one in before.all(name.encode()) if f"i={number};".encode() in one.value)
        digest.update(found.canonical(relaxed=True) + b"\r\n")
    now = taken(raw)
    digest.update(now.all(b"arc-authentication-results")[0].canonical(relaxed=True) + b"\r\n")
    digest.update(now.all(b"arc-message-signature")[0].canonical(relaxed=True) + b"\r\n")
    digest.update(seal.canonical(relaxed=True))
    text = base64.b64encode(key.sign(digest.digest())).decode()
    return f"ARC-Seal:{value}{text}\r\n".encode() + raw


def zone(*, policy: str | None = "v=DMARC1; p=reject", **more: str | bytes | TxtAnswer) -> Zone:
    """corp.example with its keys and policy, a list with its ARC key; `__` in a name stands for a dot."""
    records: dict[str, str | bytes | Sequence[str] | TxtAnswer] = {
        "s1._domainkey.corp.example": KEY.record,
        "ed._domainkey.corp.example": ED.record,
        "s1._domainkey.evil.example": OTHER.record,
        "arc._domainkey.lists.example": OTHER.record,
        "arc._domainkey.second.example": OTHER.record,
    }
    if policy is not None:
        records["_dmarc.corp.example"] = policy
    records |= {name.replace("__", "."): answer for name, answer in more.items()}
    return Zone(records)
