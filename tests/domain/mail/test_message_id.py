"""The one rule by which two spellings of a Message-ID are the same id."""

from __future__ import annotations

import pytest

from convalias.domain.mail.message_id import LONGEST, MessageId, canonical, synthetic

SPELLINGS = [
    (b"<1@x>", b"1@x"),
    (b"1@x", b"1@x"),
    (b"  <1@x> (a comment)", b"1@x"),
    (b"<1 @\r\n\tx>", b"1@x"),
    (b"1 @ x", b"1@x"),
    (b"<<1@x>>", b"<1@x>"),
    (b"<a><b>", b"a><b"),
    (b"<1@x", b"<1@x"),
    (b"1@x>", b"1@x>"),
    (b">1@x<", b">1@x<"),
    (b"<\xff@x>", b"\xff@x"),
    (b"no-at-sign", b"no-at-sign"),
    (b"<nullable@x>", b"nullable@x"),
    (b"<1.null@x>", b"1.null@x"),
    (b"nothing", b"nothing"),
    (b"<null.1@x>", b"null.1@x"),
    (b"<{1AB131E2-9B14-4A49-93BC-56CB01E413A6}@x>", b"{1AB131E2-9B14-4A49-93BC-56CB01E413A6}@x"),
    (b"<{a1}@x>", b"{a1}@x"),
    (b"<%1@x>", b"%1@x"),
    (b"<00000000-0000-0000-0000-000000000001@x>", b"00000000-0000-0000-0000-000000000001@x"),
]
NOBODYS = [
    *(b"null", b"<NULL>", b"<null@mail.example>", b"(null)", b"<undefined@undefined>", b"none", b"[object Object]"),
    *(b"<None>", b"nil", b"NaN", b"<n/a>", b"<False@mail.example>", b"empty"),
    *(
        b"<${messageId}@mail.example>",
        b"<{{ message_id }}>",
        b"{id}",
        b"#{id}",
        b"<<%= id %>@x>",
        b"%MESSAGE_ID%@x",
        b"<%s@x>",
    ),
    *(b"<@mail.example>", b"<@localhost>", b"@x", b"<00000000-0000-0000-0000-000000000000@x>"),
]
"""What programs write that have no id: many mails share it."""
UNUSABLE = [*NOBODYS, b"", b"  ", b"<>", b"< >", b"@", b"<@>", b"<" + b"x" * (LONGEST + 1) + b">"]


@pytest.mark.parametrize(("written", "octets"), SPELLINGS)
def test_an_id_is_what_its_brackets_hold_without_white_space(written: bytes, octets: bytes) -> None:
    assert canonical(written) == MessageId(octets)


@pytest.mark.parametrize("written", UNUSABLE)
def test_an_id_that_serves_nobody_is_none(written: bytes) -> None:
    assert canonical(written) is None


def test_the_longest_line_is_an_id_still() -> None:
    assert canonical(b"x" * LONGEST) == MessageId(b"x" * LONGEST)


def test_a_synthetic_id_is_the_same_for_the_same_digest_and_says_what_it_is() -> None:
    made = synthetic("ab" * 32)
    assert made == synthetic("ab" * 32)
    assert made.synthetic
    assert str(made) == "<" + "ab" * 20 + "@synthetic.invalid>"
