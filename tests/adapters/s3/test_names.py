import pytest
from hypothesis import given
from hypothesis import strategies as st

from convalias.adapters.s3.blobs import PARTS
from convalias.adapters.s3.names import MOST_OCTETS, key_of, name_of, start_of
from convalias.ports.errors import Rejected

CHARACTERS = [chr(code) for code in range(0x20, 0x7F)]
# Few letters, so that keys share beginnings; runs, so that segments are cut.
PIECES = st.sampled_from(["a", "b", "!", " ", "-", ".", "/", "0", "~", "!a", "a" * 119, "a" * 120, "~" * 120, "!" * 60])
KEYS = st.one_of(st.lists(PIECES, min_size=1, max_size=8).map("".join), st.text(CHARACTERS, min_size=1, max_size=30))


def is_key(text: str) -> bool:
    try:
        name_of(text)
    except Rejected:
        return False
    return True


@given(KEYS.filter(is_key), KEYS.filter(is_key))
def test_names_sort_as_their_keys_do(one: str, other: str) -> None:
    assert (name_of(one) < name_of(other)) == (one < other)


@given(KEYS.filter(is_key))
def test_a_key_comes_back_from_its_name(key: str) -> None:
    assert key_of(name_of(key)) == key


@given(KEYS.filter(is_key), st.integers(0, 400))
def test_names_begin_as_their_keys_begin(key: str, length: int) -> None:
    assert name_of(key).startswith(start_of(key[:length]))


@given(KEYS.filter(is_key))
def test_every_part_of_a_name_is_a_name_of_a_file(key: str) -> None:
    parts = name_of(key).split("/")
    assert all(0 < len(part) <= 255 for part in parts)
    assert not {".", ".."} & {*parts}


@given(KEYS.filter(is_key), KEYS.filter(is_key))
def test_no_name_is_the_folder_of_another(one: str, other: str) -> None:
    assert not name_of(one).startswith(name_of(other) + "/")


@given(st.text(CHARACTERS, max_size=300))
def test_an_object_of_somebody_else_is_no_key(name: str) -> None:
    key = key_of(name)
    assert key is None or name_of(key) == name


def test_a_plain_key_is_read_off_its_name() -> None:
    digest = "ab" * 32
    assert name_of(f"raw/2026/03/01/{digest}") == f"raw/2026/03/01/{digest}!"


def test_the_place_of_parts_is_no_key_of_anybody() -> None:
    assert key_of(PARTS + "x!") is None


@pytest.mark.parametrize(
    "text", ["", "/a", "a//b", "../a", "a/../b", "a/..", "..", "./a", "é", "a\n", "a" * (MOST_OCTETS + 1)]
)
def test_what_is_no_key_is_rejected(text: str) -> None:
    with pytest.raises(Rejected, match="no key of a blob"):
        name_of(text)
