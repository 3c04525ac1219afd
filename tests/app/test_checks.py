"""A detector of the host in the whole path: what it finds is told to whoever decides, and flagged once it is let in."""

from __future__ import annotations

import re
from datetime import timedelta
from email import message_from_bytes

import httpx
import pytest

from convalias import Convalias, IncomingMail, Participant
from convalias.adapters import asgi, memory
from convalias.domain.addresses.email_address import EmailAddress
from convalias.domain.conversations.events import MessageAdded
from convalias.domain.inbound.held import HoldState
from convalias.domain.mail.authentication import Dmarc, SenderEvidence
from convalias.domain.mail.checks import Finding
from convalias.ports import Checked, Post
from convalias.settings import WrongSettings

PEOPLE = [Participant.of(name, addresses=[f"{name}@home.example"]) for name in ("ann", "bob")]
ANN = EmailAddress.parse("ann@home.example")
VIRUS = memory.Check().harmful[0].decode()


class Detector:
    """A host's own, which knows what ours in memory knows."""

    def __init__(self) -> None:
        self.asked = 0

    async def check(self, raw: bytes, post: Post) -> Checked:
        self.asked += 1
        return await memory.Check().check(raw, post)


async def test_a_participants_harmful_mail_waits_and_is_flagged_once_it_is_let_in() -> None:
    async with Convalias.in_memory(alias_domain="reply.example", check=Detector()) as cv:
        ann = (await cv.open_conversation("c1", use_case="hiring", participants=PEOPLE))[PEOPLE[0].account]
        raw = f"From: bob@home.example\nTo: {ann}\nMessage-ID: <1@home>\n\n{VIRUS}\n"
        await cv.receiver.accept(IncomingMail(raw.encode(), recipients=[ann], evidence=SenderEvidence(Dmarc.PASS)))
        await cv.run_until_idle()
        thread = await cv.messaging.thread("c1")
        (hold,) = await cv.services.stores.holds.waiting(thread.id)
        assert (hold.state, hold.finding) == (HoldState.HELD, Finding.HARMFUL)
        assert isinstance(cv.ports.clock, memory.Clock)
        await cv.ports.clock.advance(timedelta(minutes=2))
        await cv.run_until_idle()
        assert isinstance(cv.ports.system_mail, memory.Outbox)
        asked = message_from_bytes(cv.ports.system_mail.mailbox(ANN)[-1].raw).get_payload(decode=True)
        assert isinstance(asked, bytes)
        assert b"A detector says that the mail is harmful." in asked
        path = re.search(rb"https://[^/]+(/approvals/\S+)", asked)
        assert path is not None
        transport = httpx.ASGITransport(asgi.app(lambda: asgi.Doors(approvals=cv.approvals, checks={})))
        async with httpx.AsyncClient(transport=transport, base_url="https://x") as http:
            assert "A detector says that the mail is harmful." in (await http.get(path[1].decode())).text
            await http.post(path[1].decode(), content="answer=approve&admit=mail")
        await cv.ports.clock.advance(timedelta(minutes=1))
        await cv.run_until_idle()
        (said,) = [one.happening for one in await cv.messaging.events("c1") if isinstance(one.happening, MessageAdded)]
        assert "harmful" in said.flags


async def test_a_dry_run_asks_no_detector_and_counts_mail_as_if_nothing_were_found() -> None:
    detector = Detector()
    async with Convalias.in_memory(alias_domain="reply.example", check=detector) as cv:
        ann = (await cv.open_conversation("c1", use_case="hiring", participants=PEOPLE))[PEOPLE[0].account]
        raw = f"From: bob@home.example\nTo: {ann}\nMessage-ID: <1@home>\n\n{VIRUS}\n"
        await cv.receiver.accept(IncomingMail(raw.encode(), recipients=[ann], evidence=SenderEvidence(Dmarc.PASS)))
        assert isinstance(cv.ports.clock, memory.Clock)
        await cv.ports.clock.advance(timedelta(hours=7))
        assert (await cv.replay.all(dry_run=True)).events == 1
        assert detector.asked == 0
        done = await cv.replay.all(dry_run=False)
        assert (done.decided, done.events) == (1, 0)
        assert detector.asked == 1


@pytest.mark.parametrize("wrong", [object(), memory.Check, memory.Flags()])
def test_what_is_no_check_is_refused_at_start(wrong: object) -> None:
    with pytest.raises(WrongSettings, match=r"check: found .*, expected"):
        Convalias.in_memory(alias_domain="reply.example", check=wrong)  # type: ignore[arg-type]
