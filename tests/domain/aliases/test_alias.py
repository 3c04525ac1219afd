"""Aliases and their keys: what is refused, and by what an alias is looked up."""

import pytest

from convalias.domain.addresses.email_address import EmailAddress
from convalias.domain.aliases.alias import AliasKey, AliasKeys, ByName, InvalidKey, Token


def test_a_key_has_an_id_that_a_character_stands_for() -> None:
    assert AliasKey(31, b"secret").id == 31
    for number in (-1, 32):
        with pytest.raises(InvalidKey, match="alias key id"):
            AliasKey(number, b"secret")


def test_a_key_has_a_secret_and_never_shows_it() -> None:
    with pytest.raises(InvalidKey, match="secret of alias key 3"):
        AliasKey(3, b"")
    assert "secret" not in repr(AliasKeys.of({0: b"secret"}))


def test_the_first_key_is_the_newest_and_all_are_found() -> None:
    keys = AliasKeys.of({2: b"new", 1: b"old"})
    assert keys.newest == AliasKey(2, b"new")
    assert keys.get(1) == AliasKey(1, b"old")
    assert keys.get(0) is None


def test_two_keys_of_one_id_are_refused() -> None:
    with pytest.raises(InvalidKey, match="each id once"):
        AliasKeys([AliasKey(1, b"a"), AliasKey(1, b"b")])


def test_without_keys_nothing_is_minted() -> None:
    with pytest.raises(InvalidKey, match="at least one"):
        _ = AliasKeys(()).newest


def test_handles_of_one_alias_are_one_key() -> None:
    shouted, plain = EmailAddress.parse("A@X.example"), EmailAddress.parse("a@x.example")
    assert {ByName(shouted): 1}[ByName(plain)] == 1
    assert Token("t", "x.example") != Token("t", "y.example")
