"""A name that reads like a participant's is found; another is not."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from convalias.domain.addresses.likeness import holds_brand, resembled, skeleton

NAMES = ("Bob Stone", "Ann Clark", "山田太郎")


@pytest.mark.parametrize(
    ("name", "whose"),
    [
        ("Bob Stone", "Bob Stone"),
        ("Stone, Bob", "Bob Stone"),
        ("BOB  STÖNE", "Bob Stone"),
        ("B\u043eb St\u043ene", "Bob Stone"),
        ("B0b 5tone", "Bob Stone"),
        ("BobStone", "Bob Stone"),
        ("\u202eBob\u200b Stone", "Bob Stone"),
        ("Ｂｏｂ Ｓｔｏｎｅ", "Bob Stone"),
        ("Ann CIark", "Ann Clark"),
        ("山田太郎", "山田太郎"),
    ],
)
def test_a_name_that_looks_like_a_participants_is_found(name: str, whose: str) -> None:
    assert resembled(name, NAMES) == whose


@pytest.mark.parametrize("name", ["", "---", "Bob", "Rob Stone", "Bob Stone Junior", "山田花子"])
def test_another_name_resembles_nobody(name: str) -> None:
    assert resembled(name, NAMES) is None


@given(st.text(max_size=60))
def test_every_name_resembles_itself_in_any_order_and_case(name: str) -> None:
    assert (resembled(name, [name]) == name) == bool(skeleton(name))
    assert skeleton(" ".join(reversed(name.split()))) == skeleton(" ".join(name.split()))


@pytest.mark.parametrize(
    ("name", "brand"),
    [
        ("Jobs Fair", "Jobs Fair"),
        ("Jobs Fair Security Team", "Jobs Fair"),
        ("The JobsFair", "Jobs Fair"),
        ("J\u200bobs Fair", "Jobs Fair"),
        ("J\u043ebs Fair Security", "Jobs Fair"),
        ("J0bs Fair", "Jobs Fair"),
        ("Jobs Fair!", "Jobs Fair"),
        ("J\u3164obs F\u034fair", "Jobs Fair"),
        ("Bamard Support", "Barnard"),
        ("Team Bar nard", "Barnard"),
    ],
)
def test_a_name_that_reads_like_the_platforms_holds_the_brand(name: str, brand: str) -> None:
    assert holds_brand(name, brand)


@pytest.mark.parametrize(
    ("name", "brand"),
    [
        ("Martin Hartmann", "Art"),
        ("Ann Demeester", "Meet"),
        ("Steve Jobson", "Jobs"),
        ("Simon", "on"),
        ("Jacob Sfair", "Jobs Fair"),
        ("Hannah", "Ann"),
        ("", "Jobs"),
        ("Ann", ""),
        ("Ann", "!"),
    ],
)
def test_an_honest_name_holds_no_brand(name: str, brand: str) -> None:
    assert not holds_brand(name, brand)


def test_small_capitals_read_like_capitals() -> None:
    assert holds_brand("ᴊᴏʙs ꜰᴀɪʀ ꜱᴜᴘᴘᴏʀᴛ", "Jobs Fair")
    assert resembled("ʙᴏʙ", ["Bob"]) == "Bob"
