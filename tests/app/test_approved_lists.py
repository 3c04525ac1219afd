"""Mail of a participant that comes by a mailing list: signed for the list, it waits once, until a participant lets the list in."""

from __future__ import annotations

import re
from datetime import timedelta
from email import message_from_bytes

import httpx

from adapters.mime.authentication.signing import OTHER, PLAIN, signed, zone
from convalias import Convalias, IncomingMail, Participant
from convalias.adapters import asgi, memory
from convalias.adapters.mime.authentication import Authenticator
from convalias.domain.addresses.email_address import EmailAddress

ANN = Participant.of("ann", addresses=["ann@home.example"])
BOB = Participant.of("bob", addresses=["bob@corp.example"])


def by_list(number: int, text: str) -> bytes:
    """What Bob wrote to the list, as the list posts it: his signature holds, and its own stands on top."""
    raw = PLAIN.replace(b"ann-1ab131e2@reply.example", b"dev@lists.example")
    raw = raw.replace(b"<1@", b"<%d@" % number).replace(b"Hello  Ann,", text.encode())
    return signed(
        b"List-Id: Developers <dev.lists.example>\r\n" + signed(raw),
        domain="lists.example",
        selector="l1",
        key=OTHER,
        names="from:to:subject:date:message-id:list-id",
    )


async def pass_by(cv: Convalias, time: timedelta) -> None:
    assert isinstance(cv.ports.clock, memory.Clock)
    await cv.run_until_idle()
    await cv.ports.clock.advance(time)
    await cv.run_until_idle()


async def texts(cv: Convalias) -> list[str]:
    events = await cv.messaging.events("c1")
    return [text.split()[0] for one in events if (text := getattr(one.happening, "text", ""))]


async def test_a_list_is_let_in_by_its_page_and_its_next_mail_does_not_wait() -> None:
    names = zone(l1___domainkey__lists__example=OTHER.record)
    async with Convalias.in_memory(alias_domain="reply.example", authenticator=Authenticator(resolver=names)) as cv:
        alias = (await cv.open_conversation("c1", use_case="hiring", participants=[ANN, BOB]))[ANN.account]
        await cv.receiver.accept(IncomingMail(by_list(1, "First"), recipients=[alias]))
        await pass_by(cv, timedelta(minutes=2))
        assert await texts(cv) == []
        assert isinstance(cv.ports.system_mail, memory.Outbox)
        asked = message_from_bytes(cv.ports.system_mail.mailbox(EmailAddress.parse("ann@home.example"))[-1].raw)
        path = re.search(r"https://[^/]+(/approvals/\S+)", str(asked.get_payload(decode=True), "utf-8"))  # type: ignore[arg-type]
        assert path is not None
        transport = httpx.ASGITransport(asgi.app(lambda: asgi.Doors(approvals=cv.approvals, checks={})))
        async with httpx.AsyncClient(transport=transport, base_url="https://x") as http:
            assert "that come by the mailing list dev.lists.example" in (await http.get(path[1])).text
            assert (await http.post(path[1], content="answer=approve&admit=list")).status_code == 200
        await pass_by(cv, timedelta(minutes=1))
        assert await texts(cv) == ["First"]
        await cv.receiver.accept(IncomingMail(by_list(2, "Second"), recipients=[alias]))
        forged = by_list(3, "Third").replace(b"<dev.lists", b"<men.lists")
        await cv.receiver.accept(IncomingMail(forged, recipients=[alias]))
        await pass_by(cv, timedelta(minutes=1))
        assert await texts(cv) == ["First", "Second"]
