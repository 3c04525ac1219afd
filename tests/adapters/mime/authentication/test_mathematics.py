"""Mathematics of public keys: ours and that of `cryptography` say the same of every signature, and false ones fail."""

from __future__ import annotations

import asyncio
import hashlib
import sys
import threading
from datetime import timedelta

import pytest
from attrs import define, evolve, field
from cryptography.exceptions import UnsupportedAlgorithm
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.mime.authentication.signing import ED, KEY, OTHER, PLAIN, POST, EdPair, RsaPair, signed, zone
from convalias.adapters.mime.authentication import Authenticator, library, mathematics
from convalias.adapters.mime.authentication.ed25519 import _ORDER, _P, _SMALL, _point, _times, ed25519_key
from convalias.adapters.mime.authentication.key_checks import KeyChecks
from convalias.adapters.mime.authentication.keys import PublicKey
from convalias.adapters.mime.authentication.library import LibraryMathematics
from convalias.adapters.mime.authentication.mathematics import Mathematics, OwnMathematics, best_mathematics
from convalias.adapters.mime.authentication.rsa import RsaKey, rsa_key
from convalias.domain.mail.authentication import Dmarc

BOTH = pytest.mark.parametrize("maths", [OwnMathematics(), LibraryMathematics()], ids=["own", "library"])
DIGEST = hashlib.sha256(b"the head of a mail").digest()
BY_RSA, BY_ED = KEY.sign(DIGEST), ED.sign(DIGEST)
INFO = bytes.fromhex("3031300d060960864801650304020105000420") + DIGEST


def key_of(pair: RsaPair) -> RsaKey:
    key = rsa_key(pair.public)
    assert key is not None
    return key


def padded(text: bytes, pair: RsaPair = KEY) -> bytes:
    """Sign an encoded message that the test wrote, whatever is wrong with it."""
    size = ((pair.p * pair.q).bit_length() + 7) // 8
    return pow(int.from_bytes(text.rjust(size, b"\0"), "big"), pair.secret, pair.p * pair.q).to_bytes(size, "big")


def encoded(info: bytes = INFO, *, start: bytes = b"\x00\x01", fill: bytes = b"\xff", end: bytes = b"\x00") -> bytes:
    """An encoded message of 128 octets (RFC 8017 §9.2)."""
    return start + fill * (128 - len(start) - len(end) - len(info)) + end + info


LONG = RsaPair.seeded(7, 2048)


@BOTH
@pytest.mark.parametrize("pair", [KEY, LONG], ids=["1024", "2048"])
def test_a_signature_verifies(maths: Mathematics, pair: RsaPair) -> None:
    assert maths.rsa_verifies(key_of(pair), pair.sign(DIGEST), DIGEST)
    assert not maths.rsa_verifies(key_of(pair), pair.sign(DIGEST), hashlib.sha256(b"another").digest())
    assert not maths.rsa_verifies(key_of(OTHER), pair.sign(DIGEST), DIGEST)


# Seeds whose primes have a secret to that exponent.
ODD = {exponent: RsaPair.seeded(seed) for exponent, seed in ((3, 21), (17, 20), (2**31 - 1, 20))}


@BOTH
@pytest.mark.parametrize("exponent", ODD)
def test_odd_exponents_verify(maths: Mathematics, exponent: int) -> None:
    pair = evolve(ODD[exponent], exponent=exponent)
    assert maths.rsa_verifies(key_of(pair), pair.sign(DIGEST), DIGEST)


FALSE_RSA = {
    "empty": b"",
    "cut": BY_RSA[:-1],
    "with an octet more": BY_RSA + b"\0",
    "with an octet more in front": b"\0" + BY_RSA,
    "zero": b"\0" * 128,
    "one": b"\0" * 127 + b"\1",
    "the modulus": (KEY.p * KEY.q).to_bytes(128, "big"),
    "the modulus less one": (KEY.p * KEY.q - 1).to_bytes(128, "big"),
    "all ones": b"\xff" * 128,
    "one more than the modulus": ((int.from_bytes(BY_RSA, "big") + KEY.p * KEY.q) % 2**1024).to_bytes(128, "big"),
    "padded for encryption": padded(encoded(start=b"\x00\x02")),
    "padded with zeros": padded(encoded(fill=b"\x00")),
    "padded with something else": padded(encoded(fill=b"\xfe")),
    "padded too short, with garbage behind": padded(b"\x00\x01" + b"\xff" * 8 + b"\x00" + INFO + b"\0" * 66),
    "without the zero that ends the padding": padded(encoded(end=b"")),
    "of SHA-1": padded(encoded(bytes.fromhex("3021300906052b0e03021a05000414") + DIGEST[:20])),
    "without the parameters of the hash": padded(
        encoded(bytes.fromhex("302f300b0609608648016503040201" + "0420") + DIGEST)
    ),
    "with parameters of the hash that are not null": padded(
        encoded(bytes.fromhex("3033300f06096086480165030402010502aaaa0420") + DIGEST)
    ),
    "with a length in long form": padded(encoded(bytes.fromhex("308131300d060960864801650304020105000420") + DIGEST)),
    "of the bare digest": padded(encoded(DIGEST)),
    "of another digest": padded(encoded(INFO[:-1] + b"\0")),
}


@BOTH
@pytest.mark.parametrize("signature", FALSE_RSA.values(), ids=list(FALSE_RSA))
def test_what_is_nearly_a_signature_of_rsa_is_none(maths: Mathematics, signature: bytes) -> None:
    assert not maths.rsa_verifies(key_of(KEY), signature, DIGEST)


@BOTH
def test_a_cube_root_is_no_signature(maths: Mathematics) -> None:
    # With exponent 3 anybody can write one whose cube begins rightly, for verifiers that parse and stop early.
    public = RsaKey(LONG.p * LONG.q, 3)
    text = (b"\x00\x01" + b"\xff" * 8 + b"\x00" + INFO).ljust(256, b"\xff")
    low, high = 0, 2**683
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if middle**3 <= int.from_bytes(text, "big") else (low, middle - 1)
    assert (low**3).to_bytes(256, "big").startswith(text[:62])
    assert not maths.rsa_verifies(public, low.to_bytes(256, "big"), DIGEST)


FALSE_ED = {
    "empty": b"",
    "cut": BY_ED[:-1],
    "with an octet more": BY_ED + b"\0",
    "zero": b"\0" * 64,
    "all ones": b"\xff" * 64,
    "the number and the order": BY_ED[:32] + (int.from_bytes(BY_ED[32:], "little") + _ORDER).to_bytes(32, "little"),
    "the order": BY_ED[:32] + _ORDER.to_bytes(32, "little"),
    "the neutral point and zero": b"\1" + b"\0" * 63,
    "the neutral point, written in a second way": b"\1" + b"\0" * 30 + b"\x80" + b"\0" * 32,
    "a point above the prime": (_P + 1).to_bytes(32, "little") + b"\0" * 32,
    "halves exchanged": BY_ED[32:] + BY_ED[:32],
}


@BOTH
def test_an_ed25519_signature_verifies(maths: Mathematics) -> None:
    assert maths.ed25519_verifies(ED.public, BY_ED, DIGEST)
    assert not maths.ed25519_verifies(ED.public, BY_ED, DIGEST + b"\0")
    assert not maths.ed25519_verifies(EdPair(b"t" * 32).public, BY_ED, DIGEST)


@BOTH
@pytest.mark.parametrize("signature", FALSE_ED.values(), ids=list(FALSE_ED))
def test_what_is_nearly_an_ed25519_signature_is_none(maths: Mathematics, signature: bytes) -> None:
    assert not maths.ed25519_verifies(ED.public, signature, DIGEST)


@BOTH
@pytest.mark.parametrize("octets", [b"", b"\2" + b"\0" * 31, ED.public[:-1], ED.public + b"\0"])
def test_octets_that_are_no_point_are_a_key_that_verifies_nothing(maths: Mathematics, octets: bytes) -> None:
    assert not maths.ed25519_verifies(octets, BY_ED, DIGEST)


@pytest.mark.parametrize("y", sorted(_SMALL))
@pytest.mark.parametrize("sign", [0, 1])
def test_a_key_for_which_anybody_can_sign_is_none(y: int, sign: int) -> None:
    octets = (y | sign << 255).to_bytes(32, "little")
    assert ed25519_key(octets) is None
    point = _point(octets)
    if point is not None:
        eight_times = _times(8, point)
        assert (eight_times[0] % _P, (eight_times[1] - eight_times[2]) % _P) == (0, 0)


def test_a_key_is_written_in_one_way_alone() -> None:
    assert ed25519_key(ED.public) == ED.public
    assert ed25519_key((2**255 - 1).to_bytes(32, "little")) is None
    assert ed25519_key(_P.to_bytes(32, "little")) is None
    assert ed25519_key(ED.public[:-1]) is None


@settings(deadline=None, max_examples=25)
@given(st.integers(0, 1023), st.integers(0, 255))
def test_both_say_the_same_when_bits_are_flipped(at: int, of_digest: int) -> None:
    own, theirs = OwnMathematics(), LibraryMathematics()
    for key, signature in ((key_of(KEY), BY_RSA), (ED.public, BY_ED)):
        broken, other = flipped(signature, at), flipped(DIGEST, of_digest)
        for made, digest in ((broken, DIGEST), (signature, other), (broken, other)):
            if isinstance(key, RsaKey):
                assert not own.rsa_verifies(key, made, digest)
                assert not theirs.rsa_verifies(key, made, digest)
            else:
                assert not own.ed25519_verifies(key, made, digest)
                assert not theirs.ed25519_verifies(key, made, digest)


def flipped(octets: bytes, bit: int) -> bytes:
    at, mask = bit // 8 % len(octets), 1 << bit % 8
    return octets[:at] + bytes([octets[at] ^ mask]) + octets[at + 1 :]


@settings(deadline=None, max_examples=25)
@given(st.binary(max_size=140), st.integers(0, 255), st.binary(min_size=32, max_size=32))
def test_both_say_the_same_of_any_octets_and_of_odd_keys(octets: bytes, bit: int, drawn: bytes) -> None:
    own, theirs = OwnMathematics(), LibraryMathematics()
    odd = RsaKey(KEY.p * KEY.q ^ (1 << (bit + 1)), KEY.exponent)
    for signature in (octets, octets.rjust(128, b"\0")[-128:], BY_RSA):
        assert own.rsa_verifies(odd, signature, DIGEST) == theirs.rsa_verifies(odd, signature, DIGEST) is False
    for key in (flipped(ED.public, bit), drawn):
        usable = ed25519_key(key)
        if usable is not None:
            for signature in (octets, BY_ED):
                found = own.ed25519_verifies(usable, signature, DIGEST)
                assert found == theirs.ed25519_verifies(usable, signature, DIGEST)


# --- which one, and where it runs ------------------------------------------------------------------------


def test_the_library_is_used_where_it_is_installed() -> None:
    assert isinstance(best_mathematics(), LibraryMathematics)


def test_without_the_library_our_own_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, library.__name__)
    monkeypatch.setitem(sys.modules, "cryptography.exceptions", None)
    assert isinstance(best_mathematics(), OwnMathematics)


def test_a_library_that_cannot_do_ed25519_is_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    def unsupported(*_: object) -> bool:
        raise UnsupportedAlgorithm("not in this build")

    monkeypatch.setattr(LibraryMathematics, "ed25519_verifies", unsupported)
    assert isinstance(mathematics.best_mathematics(), OwnMathematics)


@BOTH
@pytest.mark.parametrize(("key", "selector"), [(KEY, "s1"), (ED, "ed")])
def test_a_signed_mail_passes_by_either(maths: Mathematics, key: RsaPair | EdPair, selector: str) -> None:
    authenticator = Authenticator(resolver=zone(), keys=KeyChecks(maths))
    raw = signed(PLAIN, key=key, selector=selector)
    assert asyncio.run(authenticator.evidence(raw, POST)).dkim_aligned
    assert not asyncio.run(authenticator.evidence(raw.replace(b"yes.", b"no."), POST)).dkim_aligned


@define
class Slow:
    """Mathematics that waits to be let on, and remembers where it was called."""

    may_go_on: threading.Event = field(factory=threading.Event)
    threads: set[str] = field(factory=set[str])
    at_once: list[int] = field(factory=list[int])
    takes_long: bool = True
    _now: int = 0

    def rsa_verifies(self, key: RsaKey, signature: bytes, digest: bytes) -> bool:
        self._now += 1
        self.at_once.append(self._now)
        self.threads.add(threading.current_thread().name)
        self.may_go_on.wait(30)
        self._now -= 1
        return True

    def ed25519_verifies(self, key: bytes, signature: bytes, message: bytes) -> bool:
        raise AssertionError


def test_slow_checks_leave_the_loop_on_few_threads() -> None:
    async def story() -> list[bool]:
        slow = Slow()
        checks = KeyChecks(slow, threads=2)
        tasks = [
            asyncio.create_task(checks.verifies(PublicKey(key_of(KEY), exact=False), b"", DIGEST)) for _ in range(5)
        ]
        await asyncio.sleep(0)  # the loop goes on while they wait
        slow.may_go_on.set()
        found = await asyncio.gather(*tasks)
        assert threading.current_thread().name not in slow.threads
        assert len(slow.threads) <= 2
        assert max(slow.at_once) <= 2
        return found

    assert asyncio.run(story()) == [True] * 5


def test_a_check_that_gets_no_thread_in_time_is_a_temporary_error() -> None:
    async def story() -> None:
        slow = Slow()
        checks = KeyChecks(slow, threads=1, within=timedelta(0))
        authenticator = Authenticator(resolver=zone(), keys=checks)
        found = await authenticator.evidence(signed(), POST)
        assert found.dmarc is Dmarc.TEMPERROR
        slow.may_go_on.set()

    asyncio.run(story())
