"""No octet of a notification names another participant's address, whatever people write and however they quote."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from email import message_from_bytes, policy
from email.message import EmailMessage

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from convalias import Convalias, Participant
from convalias.adapters import memory
from convalias.domain.addresses.email_address import EmailAddress
from convalias.ports.drafts import AttachedFile
from convalias.ports.mail import Outgoing

ADDRESSES = {
    "ann": "ann.lee@home.example",
    "bob": "bob+work@corp.example",
    "eve": "eve@xn--bcher-kva.example",
    "jo": "jo.o'neil@mail.corp.example",
}
WRITTEN = {**ADDRESSES, "eve": "eve@b\u00fccher.example"}
"""As people write them."""
NAMES = {"ann": "Ann Lee", "bob": "bob+work@corp.example", "eve": "Eve", "jo": ""}
SHAPES = st.sampled_from(
    [
        "{a}",
        "<{a}>",
        "mailto:{a}?subject=x",
        "write to {a}.",
        "**{A}**",
        "\u201e{a}\u201c",
        "On Sun, 1 Mar 2026 at 12:00, Ann <{a}> wrote:\n> yes, {a}\n>> {A}",
        'Am 01.03.2026 schrieb "{a}" <{a}>:\n\n> ja',
        "---------- Forwarded message ----------\nFrom: Ann <{a}>\nDate: Sun, 1 Mar 2026\nTo: <{A}>\nCc: {a}\nSubject: job\n\nhello",
        "-----Urspr\u00fcngliche Nachricht-----\nVon: {a}\nGesendet: 1. M\u00e4rz 2026\nAn: {a}\n\nHallo",
        "Best\n-- \nAnn\n{a} \u00b7 +49 30 1234",
        "({a}), [{a}]; {a}:",
        "https://x.example/?u={a}&v=1",
        "hello",
    ]
)
FILES = st.sampled_from(["{a}.pdf", "CV of {a}.txt", "{A}.ics", "plain.pdf", "{a}"])
WHO = st.sampled_from(sorted(ADDRESSES))
PIECE = st.tuples(SHAPES, WHO).map(lambda drawn: filled(*drawn))
MESSAGE = st.tuples(
    WHO,
    st.lists(PIECE, min_size=1, max_size=4).map("\n\n".join),
    st.lists(st.tuples(FILES, WHO).map(lambda drawn: filled(*drawn)), max_size=2),
)
ENTRY = "BEGIN:VCALENDAR\r\nMETHOD:REQUEST\r\nBEGIN:VEVENT\r\nUID:{a}-1\r\nDTSTART:20260310T100000Z\r\nSUMMARY:{a}\r\nORGANIZER;CN={a}:mailto:{a}\r\nEND:VEVENT\r\nEND:VCALENDAR"


def filled(shape: str, who: str) -> str:
    return shape.replace("{a}", WRITTEN[who]).replace("{A}", WRITTEN[who].upper())


def shown(raw: bytes) -> Iterator[str]:
    """All that a person or a program may read of a mail: octets as they are, fields and parts decoded, file names."""
    yield raw.decode("utf-8", "replace")
    mail = message_from_bytes(raw, policy=policy.default)
    assert isinstance(mail, EmailMessage)
    for part in mail.walk():
        yield from (f"{name}: {value}" for name, value in part.items())
        yield part.get_filename() or ""
        content = part.get_payload(decode=True)
        if isinstance(content, bytes):
            yield content.decode("utf-8", "replace")


def spellings(who: str) -> set[str]:
    one = EmailAddress.parse(ADDRESSES[who])
    return {ADDRESSES[who], WRITTEN[who], one.key.lower()}


@pytest.mark.slow
@settings(max_examples=25)
@given(st.lists(MESSAGE, min_size=1, max_size=4))
@example(
    [("ann", filled("{a} and {A}", "eve"), ["x.pdf"]), ("eve", filled("> {a}", "ann"), [filled("{a}.ics", "eve")])]
)
def test_no_octet_of_a_notification_names_another_participant(messages: list[tuple[str, str, list[str]]]) -> None:
    sent = asyncio.run(told(messages))
    assert len(sent) == len(messages) * (len(ADDRESSES) - 1)
    for mail in sent:
        others = {one for who in ADDRESSES if EmailAddress.parse(ADDRESSES[who]) != mail.to for one in spellings(who)}
        for text in map(str.lower, shown(mail.raw)):
            assert not {one for one in others if one in text}, text


async def told(messages: list[tuple[str, str, list[str]]]) -> Sequence[Outgoing]:
    async with Convalias.in_memory(alias_domain="reply.example") as cv:
        people = [Participant.of(who, name=NAMES[who], addresses=[one]) for who, one in ADDRESSES.items()]
        await cv.open_conversation("c1", use_case="hiring", participants=people)
        for number, (author, text, names) in enumerate(messages):
            files = [attached(name, author) for name in names]
            await cv.messaging.send("c1", text, author=author, key=str(number), attachments=files)
        await cv.run_until_idle()
        assert isinstance(cv.ports.mail, memory.Outbox)
        return list(cv.ports.mail.mails)


def attached(name: str, author: str) -> AttachedFile:
    if name.lower().endswith(".ics"):
        return AttachedFile(name, "text/calendar", filled(ENTRY, author).encode())
    return AttachedFile(name, "application/pdf", b"%PDF")
