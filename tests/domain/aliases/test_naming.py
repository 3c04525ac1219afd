"""What an alias shows of a name."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from convalias.domain.aliases.naming import NEUTRAL, RESERVED, NamePolicy, alias_name
from convalias.domain.aliases.transliteration import latin

FULL, INITIAL, NONE = NamePolicy.FULL, NamePolicy.FIRST_AND_INITIAL, NamePolicy.NONE


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("John Smith", "john-smith"),
        ("José", "jose"),
        ("Ångström Łukasz", "angstrom-lukasz"),
        ("Weiß Ørsted Đorđe Æsir Œuvre Þór Ðuro", "weiss-orsted-dorde-aesir"),
        ("O'Brien", "obrien"),
        ("D’Arcy Jr.", "darcy-jr"),
        ("Anne-Marie  de la Tour", "anne-marie-de-la-tour"),
        ("Ελένη Παπαδοπούλου", "eleni-papadopoyloy"),
        ("Юрий Щербаков", "yuriy-shcherbakov"),
        ("Ольга", "olga"),
        ("たなか", "tanaka"),
        ("キョウコ スズキ", "kyouko-suzuki"),
        ("しゃちょう", "shachou"),
        ("マッチャ", "matcha"),
        ("にっぽん", "nippon"),
        ("ｶﾞｰﾄﾞ", "gado"),
        ("山田", "member"),
        ("山田 Taro", "taro"),
        ("たなか山", "member"),
        ("", "member"),
        ("!!! 42", "member"),
        ("postmaster", "member"),
        ("No-Reply", "member"),
        ("no reply team", "member"),
        ("Mailer Daemon", "member"),
        ("srs0", "member"),
        ("team request", "member"),
        ("john@home.example", "member"),
        ("a" * 40, "a" * 30),
        ("Bartholomew Montgomery Featherstonehaugh", "bartholomew-montgomery"),
        ("x_y", "x-y"),
        ("ﬁona", "fiona"),
        ("Ⅷ Henry", "viii-henry"),
        ("e\u0301a", "ea"),
        ("a\u20ddb", "ab"),
        ("\u20dd", "member"),
        ("A★B", "a-b"),
        ("ΐ", "i"),
        ("がかˇ", "member"),
        ("か9", "ka9"),
        ("ㇰ", "member"),
        ("ﷺ", "member"),
    ],
)
def test_a_name_is_written_in_plain_letters(name: str, expected: str) -> None:
    assert alias_name(name) == expected


@pytest.mark.parametrize(
    ("name", "policy", "expected"),
    [
        ("John Ronald Smith", INITIAL, "john-s"),
        ("Cher", INITIAL, "cher"),
        ("山田", INITIAL, "member"),
        ("John Smith", NONE, "member"),
    ],
)
def test_a_policy_shows_less(name: str, policy: NamePolicy, expected: str) -> None:
    assert alias_name(name, policy) == expected


@given(st.text(), st.sampled_from(NamePolicy))
def test_any_name_becomes_one_to_thirty_plain_characters(name: str, policy: NamePolicy) -> None:
    text = alias_name(name, policy)
    assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", text)
    assert len(text) <= 30
    assert text not in RESERVED


@given(st.text(min_size=1, max_size=20))
def test_what_cannot_be_written_leaves_nothing_behind(word: str) -> None:
    assert latin(word).isascii()


@pytest.mark.parametrize(
    "name", ["Jobs Fair", "The Jobs Fair Team", "J\u043ebs F\u0430ir", "JobsFair", "J0bs Fa1r", "ᴊobs fair"]
)
def test_an_alias_does_not_hold_the_name_of_the_platform(name: str) -> None:
    assert alias_name(name, brand="Jobs Fair") == NEUTRAL
    assert alias_name(name) != NEUTRAL


def test_a_name_that_merely_contains_the_letters_of_the_platform_stays() -> None:
    assert alias_name("Simon Berg", brand="on") == "simon-berg"
