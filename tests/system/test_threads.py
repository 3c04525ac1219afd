"""Three people write ten mails: each of them reads one thread, in real mail programs and by models of two others."""

from __future__ import annotations

import asyncio
import base64
import os
import re
import subprocess
from collections.abc import Callable, Sequence
from datetime import timedelta
from email import message_from_bytes
from email.message import EmailMessage, Message
from email.utils import format_datetime
from pathlib import Path
from typing import Final

import pytest
from attrs import define, field

from convalias import Convalias, IncomingMail, Participant
from system.programs import installed

PEOPLE: Final = ("ann", "bob", "cid")
AUTHORS: Final = ("bob", "ann", "cid", "bob", "bob", "cid", "ann", "cid", "ann", "bob")
"""Ten mails. Bob's first one begins a thread; whoever has got a mail answers the latest."""
ID: Final = re.compile(r"<[^<>\s]+>")


@define
class Mailbox:
    """All that one person's mail program has: what came, and what was sent, in that order."""

    name: str
    mails: list[bytes] = field(factory=list[bytes])
    come: int = 0

    @property
    def parsed(self) -> Sequence[Message]:
        return [message_from_bytes(raw) for raw in self.mails]


def ids(mail: Message, *fields: str) -> list[str]:
    return [one for name in fields for one in ID.findall(str(mail.get(name, "")))]


def written(box: Mailbox, number: int, to: str, when: str) -> bytes:
    """A mail as a mail program writes it: an answer to the latest that came, else a new one."""
    mail = EmailMessage()
    mail["From"], mail["To"], mail["Date"] = f"{box.name}@home.example", to, when
    mail["Message-ID"] = f"<{number}.{box.name}@home.example>"
    latest = next((one for one in reversed(box.parsed) if "X-Convalias-Id" in one), None)
    if latest is None:
        mail["Subject"] = f"{box.name.title()} on Thursday's interview"
    else:
        subject = str(latest["Subject"])
        mail["Subject"] = subject if subject.startswith("Re: ") else f"Re: {subject}"
        mail["In-Reply-To"] = str(latest["Message-ID"])
        mail["References"] = " ".join([*ids(latest, "References"), str(latest["Message-ID"])])
    mail.set_content(
        f"This is thought number {'abcdefghij'[number]} of {box.name}, and a long one about the interview."
    )
    return mail.as_bytes()


async def conversed() -> Sequence[Mailbox]:
    boxes = {name: Mailbox(name) for name in PEOPLE}
    async with Convalias.in_memory(alias_domain="reply.example") as cv:
        people = [Participant.of(name, name=name.title(), addresses=[f"{name}@home.example"]) for name in PEOPLE]
        aliases = await cv.open_conversation("c1", use_case="hiring", participants=people)
        for number, author in enumerate(AUTHORS):
            others = [name for name in PEOPLE if name != author]
            to = aliases[others[number % 2]]
            raw = written(boxes[author], number, str(to), format_datetime(cv.ports.clock.now()))
            boxes[author].mails.append(raw)
            await cv.receiver.accept(IncomingMail(raw, recipients=[to]))
            await cv.run_until_idle()
            await cv.ports.clock.advance(timedelta(minutes=7))  # type: ignore[attr-defined]
            await cv.run_until_idle()
            for box in boxes.values():
                came = cv.mailbox(f"{box.name}@home.example")
                box.mails += came[box.come :]
                box.come = len(came)
    return [*boxes.values()]


@pytest.fixture(scope="module")
def mailboxes() -> Sequence[Mailbox]:
    boxes = asyncio.run(conversed())
    assert [len(box.mails) for box in boxes] == [10, 10, 10], "each message reached the two others, once"
    return boxes


# --- models -----------------------------------------------------------------------------------------------------------


def joined(mails: Sequence[Message], belongs: Callable[[Message, Sequence[Message]], bool]) -> list[list[Message]]:
    """The threads: each mail joins the first one that it belongs to."""
    threads: list[list[Message]] = []
    for mail in mails:
        thread = next((one for one in threads if belongs(mail, one)), None)
        if thread is None:
            threads.append([mail])
        else:
            thread.append(mail)
    return threads


def base_subject(mail: Message) -> str:
    """RFC 5256 section 2.1, as far as these subjects need it."""
    return re.sub(r"^(?:(?:re|aw|fwd?):\s*)+", "", str(mail["Subject"]), flags=re.IGNORECASE).strip().lower()


def as_gmail(mail: Message, thread: Sequence[Message]) -> bool:
    """The same base subject, and an id in References or In-Reply-To that a mail of the thread has or names."""
    known = {one for other in thread for one in ids(other, "Message-ID", "References", "In-Reply-To")}
    return base_subject(mail) == base_subject(thread[0]) and bool(known & {*ids(mail, "References", "In-Reply-To")})


def as_references(mail: Message, thread: Sequence[Message]) -> bool:
    """Ids alone, whatever the subject: as most programs for Unix do."""
    known = {one for other in thread for one in ids(other, "Message-ID", "References", "In-Reply-To")}
    return bool(known & {*ids(mail, "Message-ID", "References", "In-Reply-To")})


def test_each_reads_one_thread_by_a_model_of_gmail(mailboxes: Sequence[Mailbox]) -> None:
    assert {box.name: len(joined(box.parsed, as_gmail)) for box in mailboxes} == {"ann": 1, "bob": 1, "cid": 1}


def test_each_reads_one_thread_by_ids_alone(mailboxes: Sequence[Mailbox]) -> None:
    assert {box.name: len(joined(box.parsed, as_references)) for box in mailboxes} == {"ann": 1, "bob": 1, "cid": 1}


def test_each_reads_one_thread_by_a_model_of_outlook(mailboxes: Sequence[Mailbox]) -> None:
    """The first 22 octets of Thread-Index are the conversation's, and Thread-Topic is the same; answers are longer."""
    for box in mailboxes:
        came = [mail for mail in box.parsed if "X-Convalias-Id" in mail]
        indexes = [base64.b64decode(str(mail["Thread-Index"])) for mail in came]
        assert len({index[:22] for index in indexes}) == 1
        assert len({str(mail["Thread-Topic"]) for mail in came}) == 1
        assert all((len(index) - 22) % 5 == 0 for index in indexes)
        assert all(base_subject(mail) == str(mail["Thread-Topic"]).lower() for mail in came)


def test_no_thread_is_that_of_another_person(mailboxes: Sequence[Mailbox]) -> None:
    """No id of one mailbox is named in another, but for the mails that a person wrote."""
    for box in mailboxes:
        own = {one for mail in box.parsed for one in ids(mail, "Message-ID")}
        for other in mailboxes:
            if other is not box:
                theirs = {one for mail in other.parsed for one in ids(mail, "Message-ID", "References", "In-Reply-To")}
                assert not own & theirs, (box.name, other.name)


# --- programs ---------------------------------------------------------------------------------------------------------


def maildir(folder: Path, box: Mailbox) -> Path:
    for name in ("cur", "new", "tmp"):
        (folder / name).mkdir(parents=True)
    for number, raw in enumerate(box.mails):
        (folder / "cur" / f"{number}.{box.name}:2,S").write_bytes(raw)
    return folder


def test_each_reads_one_thread_in_notmuch(mailboxes: Sequence[Mailbox], tmp_path: Path) -> None:
    program = installed("notmuch", "notmuch")
    for box in mailboxes:
        folder = maildir(tmp_path / box.name, box)
        config = tmp_path / f"{box.name}.config"
        config.write_text(
            f"[database]\npath={folder}\n[user]\nname={box.name}\nprimary_email={box.name}@home.example\n"
            "[new]\ntags=inbox\n[search]\n[maildir]\nsynchronize_flags=false\n"
        )
        surroundings = {**os.environ, "NOTMUCH_CONFIG": str(config), "HOME": str(tmp_path)}
        subprocess.run([program, "new"], env=surroundings, check=True, capture_output=True, timeout=60)
        counted = {
            what: subprocess.run(
                [program, "count", f"--output={what}", "*"],
                env=surroundings,
                check=True,
                capture_output=True,
                text=True,
                timeout=60,
            ).stdout.strip()
            for what in ("threads", "messages")
        }
        assert counted == {"threads": "1", "messages": "10"}, box.name


def test_each_reads_one_thread_in_mblaze(mailboxes: Sequence[Mailbox], tmp_path: Path) -> None:
    program, lister = installed("mthread", "mblaze"), installed("mlist", "mblaze")
    for box in mailboxes:
        folder = maildir(tmp_path / box.name, box)
        listed = subprocess.run([lister, str(folder)], check=True, capture_output=True, text=True, timeout=60).stdout
        threaded = subprocess.run(
            [program], input=listed, check=True, capture_output=True, text=True, timeout=60
        ).stdout.splitlines()
        present = [line for line in threaded if not line.strip().startswith("<")]
        assert len(present) == 10
        # A root that is in no mailbox (the id of the thread) stands above all; nothing else has its depth.
        depths = [len(line) - len(line.lstrip(" ")) for line in threaded]
        assert depths.count(min(depths)) == 1, "\n".join(threaded)
