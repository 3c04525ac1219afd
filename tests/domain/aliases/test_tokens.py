"""The token of a v3 alias: what it is made of, what it survives, how hard it is to guess."""

import base64
import hashlib
import hmac
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from convalias.domain.aliases.alias import AliasKey, AliasKeys, Forged, InvalidKey, Token
from convalias.domain.aliases.tokens import (
    ALPHABET,
    TOKEN_LENGTH,
    base32,
    collision_chance,
    guess_chance,
    is_v1,
    is_v2,
    mac,
    read_v3,
    seal,
    token_text,
)

DOMAIN = "reply.example"
KEYS = AliasKeys.of({1: b"the newer secret", 0: b"the older secret"})
KEY = KEYS.keys[0]
ids = st.text(ALPHABET, min_size=10, max_size=10)


def test_the_mac_is_the_first_thirty_bits_of_hmac_sha256_over_key_id_random_id_and_domain() -> None:
    digest = hmac.new(b"the newer secret", b"v3|1|0123456789|reply.example", hashlib.sha256).digest()
    bits = "".join(f"{octet:08b}" for octet in digest)[:30]
    expected = "".join(ALPHABET[int(bits[at : at + 5], 2)] for at in range(0, 30, 5))
    assert mac(KEY, "0123456789", DOMAIN) == expected


def test_the_mac_of_known_values_never_changes() -> None:
    key = AliasKey(10, base64.b64decode("AAECAwQFBgcICQoLDA0ODw=="))
    assert seal(key, "hj4kq0vw2z", "reply.example") == "ahj4kq0vw2zdhvc8r"


def test_the_key_id_is_the_first_character() -> None:
    assert [seal(AliasKey(number, b"x"), "0" * 10, DOMAIN)[0] for number in range(32)] == list(ALPHABET)


@given(ids)
def test_a_sealed_token_reads_back_behind_any_name(random_id: str) -> None:
    token = seal(KEY, random_id, DOMAIN)
    assert len(token) == TOKEN_LENGTH
    for local in (token, f"john-smith-{token}", f"-{token}", f"somebody.else-{token}"):
        assert read_v3(local, DOMAIN, KEYS) == Token(token, DOMAIN)


@given(ids)
def test_letters_that_look_like_digits_read_as_those_digits(random_id: str) -> None:
    token = seal(KEY, random_id, DOMAIN)
    for one in "il":
        written = token.replace("0", "o").replace("1", one)
        assert read_v3(f"john-{written}", DOMAIN, KEYS) == Token(token, DOMAIN)


@given(ids, st.integers(0, 16), st.sampled_from(ALPHABET))
def test_one_changed_character_is_a_forgery(random_id: str, at: int, other: str) -> None:
    token = seal(KEY, random_id, DOMAIN)
    changed = token[:at] + other + token[at + 1 :]
    expected = Token(token, DOMAIN) if changed == token else Forged(changed)
    assert read_v3(f"john-{changed}", DOMAIN, KEYS) == expected


def test_a_token_of_another_domain_is_a_forgery() -> None:
    token = seal(KEY, "0123456789", "other.example")
    assert read_v3(token, DOMAIN, KEYS) == Forged(token)


def test_an_unknown_key_id_is_a_forgery() -> None:
    token = seal(AliasKey(2, b"the newer secret"), "0123456789", DOMAIN)
    assert read_v3(token, DOMAIN, KEYS) == Forged(token)


def test_every_key_of_the_ring_verifies() -> None:
    token = seal(KEYS.keys[1], "0123456789", DOMAIN)
    assert read_v3(token, DOMAIN, KEYS) == Token(token, DOMAIN)


def test_without_keys_no_mac_is_checked() -> None:
    assert read_v3("john-0123456789abcdefg", DOMAIN, None) == Token("0123456789abcdefg", DOMAIN)


@pytest.mark.parametrize(
    "local",
    [
        "john-smith-1ab131e2",
        "1ab131e2-9b14-4a49-93bc-56cb01e413a6",
        "0123456789abcdefgh",
        "john.0123456789abcdefg",
        "john-0123456789abcdef",
        "john-0123456789abcdefu",
        "john-0123456789abcd-efg",
        '"john-0123456789abcdefg"',
        "john-٠123456789abcdefg",
        "",
    ],
)
def test_what_is_no_token_is_none(local: str) -> None:
    assert token_text(local) is None
    assert read_v3(local, DOMAIN, KEYS) is None


def test_the_older_formats_are_recognised() -> None:
    assert is_v1("1ab131e2-9b14-4a49-93bc-56cb01e413a6")
    assert not is_v1("john-smith-1ab131e2")
    assert is_v2("john-smith-1ab131e2")
    assert not is_v2("1ab131e2-9b14-4a49-93bc-56cb01e413a6")
    assert not is_v2("1ab131e2")


def test_no_text_is_of_two_formats() -> None:
    samples = [
        "1ab131e2-9b14-4a49-93bc-56cb01e413a6",
        "john-smith-1ab131e2",
        "john-0123456789abcdefg",
    ]
    for local in samples:
        assert [is_v1(local), is_v2(local), token_text(local) is not None].count(True) == 1


def test_the_arithmetic_of_the_docstring_holds() -> None:
    billion = 10**9
    assert guess_chance(living=billion, space_bits=80) == pytest.approx(8.3e-16, rel=0.01)
    assert guess_chance(living=billion, space_bits=80, guesses=10**6) == pytest.approx(8.3e-10, rel=0.01)
    assert guess_chance(living=billion, space_bits=50) == pytest.approx(8.9e-7, rel=0.01)
    assert guess_chance(living=10_000, space_bits=32) == pytest.approx(2.3e-6, rel=0.02)
    assert collision_chance(living=77_000, space_bits=32) == pytest.approx(0.5, abs=0.002)
    assert math.sqrt(2 * math.log(2) * 2**32) == pytest.approx(77_000, rel=0.01)


def test_a_chance_is_never_above_one() -> None:
    assert guess_chance(living=10, space_bits=2) == 1


def test_base32_writes_the_lowest_bits_highest_first() -> None:
    assert base32(0b00001_11111_00000, 3) == "1z0"
    assert base32(2**50 - 1, 10) == "z" * 10


def test_a_ring_without_keys_cannot_mint_and_verifies_nothing() -> None:
    empty = AliasKeys(())
    assert read_v3("0123456789abcdefg", DOMAIN, empty) == Forged("0123456789abcdefg")
    with pytest.raises(InvalidKey):
        _ = empty.newest
