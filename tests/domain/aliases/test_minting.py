"""New alias addresses: formats, redraws, and what they never look like."""

import random as chance

import pytest
from hypothesis import given
from hypothesis import strategies as st

from convalias.domain.addresses.email_address import EmailAddress
from convalias.domain.aliases.alias import AliasFormat, AliasKeys, Token
from convalias.domain.aliases.minting import DRAW, is_unsightly, mint
from convalias.domain.aliases.naming import RESERVED, NamePolicy
from convalias.domain.aliases.tokens import is_v1, is_v2, read_v3, token_text
from convalias.domain.errors import InvalidValue

DOMAIN = "reply.example"
OLD = AliasKeys.of({0: b"the older secret"})
KEYS = AliasKeys.of({1: b"the newer secret", 0: b"the older secret"})
draws = st.binary(min_size=DRAW, max_size=DRAW)


@given(st.text(max_size=60), draws)
def test_a_minted_v3_alias_reads_back_as_its_token_and_nothing_else(name: str, random: bytes) -> None:
    address = mint(name, domain=DOMAIN, random=random, keys=KEYS)
    if address is None:
        return
    token = token_text(address.local)
    assert token is not None
    assert read_v3(address.local, DOMAIN, KEYS) == Token(token, DOMAIN)
    assert not is_v1(address.local)
    assert not is_v2(address.local)


@given(
    st.text(max_size=60),
    draws,
    st.sampled_from(AliasFormat),
    st.sampled_from(NamePolicy),
)
def test_a_minted_address_is_canonical_short_and_not_reserved(
    name: str, random: bytes, form: AliasFormat, naming: NamePolicy
) -> None:
    address = mint(name, domain=DOMAIN, random=random, keys=KEYS, naming=naming, format=form)
    if address is None:
        return
    assert EmailAddress.parse(address.written) == address
    assert len(address.local) <= 64
    assert address.local not in RESERVED


def test_the_bare_uuid_is_v1() -> None:
    address = mint(
        "John Smith",
        domain=DOMAIN,
        random=bytes(range(16)),
        keys=KEYS,
        format=AliasFormat.V1,
    )
    assert str(address) == "00010203-0405-4607-8809-0a0b0c0d0e0f@reply.example"
    assert address is not None
    assert is_v1(address.local)


def test_a_name_and_eight_hex_digits_are_v2() -> None:
    random = bytes.fromhex("1ab131e2") + bytes(12)
    address = mint("John Smith", domain=DOMAIN, random=random, keys=KEYS, format=AliasFormat.V2)
    assert str(address) == "john-smith-1ab131e2@reply.example"
    assert address is not None
    assert is_v2(address.local)


def test_the_newest_key_mints_and_the_older_ones_verify() -> None:
    random = bytes.fromhex("3c5a96e1d278b4") + bytes(9)
    old, new = (mint("John", domain=DOMAIN, random=random, keys=keys) for keys in (OLD, KEYS))
    assert old is not None
    assert new is not None
    assert token_text(new.local) != token_text(old.local)
    assert (token_text(new.local) or "")[0] == "1"
    assert isinstance(read_v3(old.local, DOMAIN, KEYS), Token)


def test_the_same_octets_make_the_same_alias() -> None:
    random = bytes.fromhex("3c5a96e1d278b4") + bytes(9)
    assert mint("J", domain=DOMAIN, random=random, keys=KEYS) == mint("J", domain=DOMAIN, random=random, keys=KEYS)


def test_fifty_bits_of_the_octets_count() -> None:
    one, other = (
        mint(
            "J",
            domain=DOMAIN,
            random=bytes.fromhex(f"3c5a96e1d278{last}") + bytes(9),
            keys=KEYS,
        )
        for last in ("80", "c0")
    )
    assert one is not None
    assert other is not None
    assert one != other


@pytest.mark.parametrize(
    ("token", "unsightly"),
    [
        ("0bcdfghj0a0a0a0a0", True),
        ("0bcdfgh0a0a0a0a0a", False),
        ("a123456aaaaaaaaaa", True),
        ("a12345aaaaaa1aa1a", False),
        ("axsexa0a0a0a0a0a0", True),
        ("ap0rna0a0a0a0a0a0", True),
    ],
)
def test_runs_and_listed_words_are_drawn_again(token: str, *, unsightly: bool) -> None:
    assert is_unsightly(token) is unsightly


def test_a_token_that_looks_bad_mints_nothing() -> None:
    assert mint("John", domain=DOMAIN, random=bytes(16), keys=KEYS) is None


def test_about_a_fifth_of_the_draws_is_thrown_away() -> None:
    source = chance.Random(1)
    none = sum(mint("John", domain=DOMAIN, random=source.randbytes(16), keys=KEYS) is None for _ in range(4000))
    assert 0.12 < none / 4000 < 0.28


def test_too_few_octets_are_refused() -> None:
    with pytest.raises(InvalidValue, match="16 or more"):
        mint("John", domain=DOMAIN, random=bytes(15), keys=KEYS)
