"""Root secrets: what is read, what is refused, and that no two uses share a key."""

from __future__ import annotations

import base64
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from convalias.domain.aliases.alias import KEY_IDS, InvalidKey
from convalias.domain.deployment.keyring import LEAST_OCTETS, Keyring, KeyUse, RootKey
from convalias.domain.errors import InvalidValue

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
OLD, NEW = b"old secret, old secret, old sec.", b"new secret, new secret, new sec."
BOTH = Keyring((RootKey(1, NEW), RootKey(0, OLD)))


def shown(number: str, secret: bytes) -> str:
    return f"{number}:{base64.b64encode(secret).decode()}"


def test_what_is_rendered_is_read_again() -> None:
    assert Keyring.parse(BOTH.render()) == BOTH


def test_spaces_and_empty_entries_between_keys_do_not_matter() -> None:
    assert Keyring.parse(f" {shown('1', NEW)} ,, {shown('0', OLD)},\n") == BOTH


@pytest.mark.parametrize(
    "text",
    [
        *("", " , ", "nonsense", "0", "0:", "x:AAAA", "-1:AAAA", "²:AAAA", "٣:AAAA"),
        shown("32", NEW),
        shown("9" * 5_000, NEW),
        shown("0", NEW[: LEAST_OCTETS - 1]),
        f"0:{base64.urlsafe_b64encode(b'?' * 32).decode()}",
        f"0:{'ü' * 44}",
        f"0:{'A' * 43}",
    ],
    ids=lambda text: f"{text[:12]}...{len(text)}",
)
def test_what_is_no_key_is_refused_and_never_quoted(text: str) -> None:
    with pytest.raises(InvalidValue) as refused:
        Keyring.parse(text)
    _, _, secret = text.partition(":")
    assert not secret or secret not in str(refused.value)


def test_an_id_stands_for_one_key_only() -> None:
    with pytest.raises(InvalidKey, match="each id once"):
        Keyring.parse(f"{shown('0', NEW)},{shown('0', OLD)}")


def test_the_least_secret_is_taken() -> None:
    assert Keyring.parse(shown("31", NEW[:LEAST_OCTETS])).keys[0].id == 31


def test_no_secret_is_shown() -> None:
    assert "secret" not in repr(BOTH)
    assert base64.b64encode(NEW).decode() not in repr(BOTH)


def test_a_new_key_stands_first_under_the_lowest_free_id() -> None:
    assert [key.id for key in BOTH.with_new(b"x" * 32).keys] == [2, 1, 0]
    assert Keyring((RootKey(1, NEW),)).with_new(OLD).keys[0] == RootKey(0, OLD)


def test_the_ids_run_out() -> None:
    full = Keyring(tuple(RootKey(number, NEW) for number in range(KEY_IDS)))
    with pytest.raises(InvalidKey, match="retired"):
        full.with_new(OLD)


def test_each_use_has_a_key_of_its_own_and_it_changes_with_the_newest() -> None:
    uses = ("links", "return-path", "message-id", "alias")
    assert len({BOTH.derived(use) for use in uses}) == len(uses)
    assert BOTH.derived("links") != Keyring((RootKey(0, OLD),)).derived("links")
    assert NEW not in {BOTH.derived(use) for use in uses}


def test_derivation_is_one_block_of_hkdf_expand() -> None:
    """RFC 5869 §2.3: T(1) = HMAC-SHA256(PRK, info || 0x01). The value is fixed: links already sent depend on it."""
    assert Keyring((RootKey(0, bytes(32)),)).derived("links").hex() == (
        "fef5070695f591a0a507df76f57eea982d0901d0580e1494290e5c8bd17c2ba9"
    )


def test_every_key_verifies_aliases_under_its_own_id() -> None:
    keys = BOTH.alias_keys()
    assert [key.id for key in keys.keys] == [1, 0]
    assert keys.newest.id == 1


def test_two_secrets_under_one_id_are_no_keyring() -> None:
    with pytest.raises(InvalidKey, match="each id once"):
        Keyring((RootKey(0, NEW), RootKey(0, OLD)))


def test_keyrings_are_joined_unless_they_clash() -> None:
    old, other = Keyring((RootKey(0, OLD),)), Keyring((RootKey(0, NEW),))
    assert Keyring((RootKey(1, NEW),)).joined(old) == BOTH
    assert BOTH.joined(old) == BOTH
    assert (BOTH.clashes(old), BOTH.clashes(other)) == ((), (0,))
    with pytest.raises(InvalidKey, match="two secrets under id 0"):
        BOTH.joined(other)


def test_a_key_is_found_by_its_id() -> None:
    assert BOTH.get(0) == RootKey(0, OLD)
    assert BOTH.get(2) is None


def test_a_fingerprint_tells_secrets_apart_and_gives_none_away() -> None:
    first, second = (key.fingerprint for key in BOTH.keys)
    assert first != second
    assert len(first) == 32
    assert RootKey(7, NEW).fingerprint == first
    assert not BOTH.derived("links").hex().startswith(first)


def test_a_keyring_lacks_what_another_secret_made() -> None:
    mine = KeyUse(0, BOTH.keys[1].fingerprint, NOON)
    other, gone, unknown = KeyUse(1, mine.fingerprint, NOON), KeyUse(5, mine.fingerprint, NOON), KeyUse(0, "", NOON)
    assert BOTH.lacks([mine, other, gone, unknown]) == (other, gone, unknown)


@given(st.text(max_size=60))
def test_any_text_is_keys_or_is_refused(text: str) -> None:
    try:
        ring = Keyring.parse(text)
    except InvalidValue:
        return
    assert Keyring.parse(ring.render()) == ring
