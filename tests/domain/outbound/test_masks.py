"""No address of a participant stands in what others read; everything else arrives as it was written."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from convalias.domain.addresses.email_address import EmailAddress
from convalias.domain.conversations import events as e
from convalias.domain.conversations.events import ConversationEvent, Happening, Origin
from convalias.domain.conversations.participants import AccountAuthor, Participant, PeripheralAuthor
from convalias.domain.ids import AccountId, ConversationId, EventId, Seq, UseCase
from convalias.domain.mail.envelope import Attachment
from convalias.domain.outbound.masks import MASK, Masks, addresses_in, may_hold_address

ANN = EmailAddress.parse("ann@home.example")
MASKS = Masks.of(
    [ANN, EmailAddress.parse("o'neil@home.example"), EmailAddress.parse("bo@xn--mller-kva.example")],
    shown_domains=["reply.example"],
)
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("ann@home.example", MASK),
        ("Ann <ANN@Home.Example>, or", f"Ann <{MASK}>, or"),
        ("mailto:ann@home.example?subject=x", f"mailto:{MASK}?subject=x"),
        ("https://x.example/?to=ann%40home.example&x", f"https://x.example/?to={MASK}&x"),
        ("ann\uff20home.example", MASK),
        ("ann+jobs@home.example.", f"{MASK}."),
        ("*ann@home.example* _ann@home.example_", f"*{MASK}* _{MASK}_"),
        ("\u201eann@home.example\u201c", f"\u201e{MASK}\u201c"),
        ("ann@home.example...", f"{MASK}..."),
        ("ann@home.example,ann@home.example", f"{MASK},{MASK}"),
        ("o'neil@home.example", MASK),
        ("bo@m\u00fcller.example bo@xn--mller-kva.example", f"{MASK} {MASK}"),
    ],
)
def test_an_address_of_a_participant_is_masked_however_it_is_written(text: str, masked: str) -> None:
    assert MASKS.text(text) == masked


@pytest.mark.parametrize(
    "text",
    [
        "mary.ann@home.example",
        "joann@home.example",
        "zoe@private.example",
        "ann@home.example.org",
        "@ann and @home.example, 5 @ 3",
        "ann@ home.example",
        "a@",
        "Phone: 1\nMail: me@firm.example\nWeb: firm.example",
        "I wrote to zoe@private.example:\nand so on",
    ],
)
def test_other_text_stays_as_it_was_written(text: str) -> None:
    assert MASKS.text(text) == text


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("> zoe@private.example", f"> {MASK}"),
        ("On 1 Mar 2026, Zoe <zoe@private.example> wrote:\n> hi", f"On 1 Mar 2026, Zoe <{MASK}> wrote:\n> hi"),
        ("On 1 Mar, Zoe <zoe@private.example>\nwrote:\n\n> hi", f"On 1 Mar, Zoe <{MASK}>\nwrote:\n\n> hi"),
        ("---- Forwarded message ----\nFrom: z@p.example\nTo: a@reply.example",
         f"---- Forwarded message ----\nFrom: {MASK}\nTo: a@reply.example"),
        ("Von: Z <z@p.example>\nGesendet: 1. M\u00e4rz 2026\nBetreff: x\n\nz@p.example",
         f"Von: Z <{MASK}>\nGesendet: 1. M\u00e4rz 2026\nBetreff: x\n\nz@p.example"),
        ("> x@local", "> x@local"),
        (">", ">"),
    ],
)  # fmt: skip
def test_quoted_history_and_forwarded_headers_name_nobody(text: str, masked: str) -> None:
    assert MASKS.text(text) == masked


def test_a_file_name_may_go_on_behind_the_address() -> None:
    assert MASKS.file_name("ann@home.example.vcf") == f"{MASK}.vcf"
    assert MASKS.file_name("cv.pdf") == "cv.pdf"
    assert MASKS.file_name("zoe@private.example.vcf") == "zoe@private.example.vcf"


def test_a_label_that_is_no_punycode_is_left_as_it_is() -> None:
    assert Masks.of([EmailAddress.parse("a@xn--99999999.example")]).text("a@xn--99999999.example") == MASK


def test_every_text_of_a_message_is_masked() -> None:
    said = e.MessageAdded(
        author=AccountAuthor(AccountId("ann")),
        text="ann@home.example",
        full_text="x\nann@home.example",
        subject="ann@home.example",
        attachments=(Attachment("ann@home.example.vcf", "text/vcard", 1, "ff"),),
    )
    assert may_hold_address(said)
    assert "home.example" not in repr(MASKS.message(said))
    assert not may_hold_address(e.MessageAdded(author=said.author, text="hello"))


def test_addresses_are_those_of_all_who_took_part_or_wrote() -> None:
    bob = Participant.of("bob", addresses=["bob@home.example", "bob@work.example"])
    guest = PeripheralAuthor(EmailAddress.parse("guest@corp.example"))
    happenings: list[Happening] = [
        e.ConversationCreated(UseCase("x"), participants=(Participant.of("ann", addresses=["ann@home.example"]),)),
        e.ParticipantAdded(bob),
        e.ParticipantRemoved(AccountId("bob")),
        e.MessageAdded(author=guest, text=""),
        e.MessageAdded(author=AccountAuthor(AccountId("ann")), text=""),
    ]
    events = (
        ConversationEvent(EventId(str(n)), ConversationId("c"), Seq(n), one, str(n), Origin.CHAT, NOON, NOON)
        for n, one in enumerate(happenings, 1)
    )
    assert set(addresses_in(events)) == {ANN, *bob.addresses, guest.address}


@given(
    st.lists(st.sampled_from(["ann@home.example", "ANN+x@HOME.example", " ", "\n", ">", "<", ">,", ";", "From: ", "'"]))
)
def test_no_byte_of_an_address_is_left(parts: list[str]) -> None:
    spaced = "".join(f"{part} " if "@" in part else part for part in parts)
    assert "home.example" not in MASKS.text(spaced).lower()
