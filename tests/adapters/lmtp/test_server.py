"""LMTP over a real socket: one answer for each recipient, and nothing is kept that was not answered 250."""

from __future__ import annotations

import asyncio
import logging
import smtplib
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta

import pytest
from attrs import evolve

from convalias.adapters import memory
from convalias.adapters.lmtp import Bounds, LmtpServer, log
from convalias.codec import loads
from convalias.domain.inbound.posts import EnvelopeRecord
from convalias.domain.mail.envelope import NULL_RETURN_PATH
from convalias.services.inbound.receiver import Receiver
from convalias.services.running.log_lines import LogLines

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
JOHN, MARY = "john-smith-1ab131e2@reply.example", "mary-major-0f3a52c7@reply.example"
RAW = b"From: mary@corp.example\r\nSubject: Hi\r\n\r\nHello\r\n"
QUICK = Bounds(drain=timedelta(seconds=5))


class Post:
    """A server over a receiver in memory, and what a client says to it."""

    def __init__(self, bounds: Bounds = QUICK, limit: int = 10_000) -> None:
        self.clock = memory.Clock(NOON)
        self.blobs = memory.Blobs()
        self.faults = memory.Faults()
        receiver = Receiver(
            blobs=memory.faulty.Blobs(self.blobs, self.faults),
            queue=memory.JobQueue(self.clock),
            clock=self.clock,
            telemetry=memory.Telemetry(),
        )
        self.server = LmtpServer(
            accept=receiver.accept, mail_limit=limit, bounds=bounds, lines=LogLines(log, self.clock)
        )
        self.stop = asyncio.Event()
        self.listening = socket.create_server(("127.0.0.1", 0))

    @asynccontextmanager
    async def served(self) -> AsyncIterator[Post]:
        with self.listening:
            began = asyncio.Event()
            task = asyncio.create_task(self.server.serve(self.listening, self.stop, ready=began.set))
            try:
                await asyncio.wait_for(began.wait(), 10)
                yield self
            finally:
                self.stop.set()
                await task

    def client(self) -> smtplib.LMTP:
        host, port = self.listening.getsockname()
        return smtplib.LMTP(host, port, timeout=10)

    async def deliver(
        self, *recipients: str, raw: bytes = RAW, sender: str = "mary@corp.example", is_stuffed: bool = False
    ) -> list[int]:
        """The status of each step: LHLO, MAIL, each RCPT, DATA, and one for each recipient behind it."""
        stuffed = raw if is_stuffed else raw.replace(b"\r\n.", b"\r\n..")
        return await asyncio.to_thread(self._delivered, recipients, stuffed, sender)

    def _delivered(self, recipients: tuple[str, ...], raw: bytes, sender: str) -> list[int]:
        with self.client() as lmtp:
            told = [lmtp.ehlo()[0], lmtp.mail(sender)[0], *(lmtp.rcpt(one)[0] for one in recipients)]
            told.append(lmtp.docmd("DATA")[0])
            if told[-1] == 354:
                lmtp.send(raw + b".\r\n")
                told += [lmtp.getreply()[0] for _ in range(told[2 : 2 + len(recipients)].count(250))]
            assert lmtp.noop()[0] == 250, "nothing that nobody waits for lies on the wire"
            return told

    async def say(self, *lines: bytes, size: int = 65_536) -> bytes:
        """What the server says to these octets until it ends or the client has had enough."""

        def talk() -> bytes:
            with socket.create_connection(self.listening.getsockname(), timeout=10) as connection:
                connection.sendall(b"".join(lines))
                said = bytearray()
                while b"\r\n221 " not in said and (piece := connection.recv(size)):
                    said += piece
                return bytes(said)

        return await asyncio.to_thread(talk)

    async def records(self) -> list[EnvelopeRecord]:
        names = await self.blobs.names("envelopes/", after="", limit=1_000)
        return [loads(await self.blobs.get(name) or b"", EnvelopeRecord) for name in names]


async def test_each_recipient_has_an_answer_and_the_mail_is_kept_once() -> None:
    async with Post().served() as post:
        assert await post.deliver(JOHN, MARY) == [250, 250, 250, 250, 354, 250, 250]
        (record,) = await post.records()
        assert sorted(map(str, record.post.recipients)) == [JOHN, MARY]
        assert (str(record.post.return_path), record.source) == ("mary@corp.example", "lmtp")
        assert await post.blobs.get(record.raw) == RAW


async def test_a_delivery_that_comes_again_is_the_same_mail() -> None:
    async with Post().served() as post:
        assert [(await post.deliver(JOHN))[-1] for _ in range(2)] == [250, 250]
        assert len(await post.records()) == 1


async def test_the_null_return_path_is_kept_as_such() -> None:
    async with Post().served() as post:
        assert (await post.deliver(JOHN, sender=""))[-1] == 250
        assert (await post.records())[0].post.return_path is NULL_RETURN_PATH


async def test_octets_beyond_ascii_and_leading_dots_and_long_lines_come_through() -> None:
    raw = b"Subject: Gr\xfc\xdfe\r\n\r\n.\xff\x00bare\nfeed\r\n..\r\n" + b"x" * 700_000 + b"\r\n"
    async with Post(limit=1_000_000).served() as post:
        assert (await post.deliver(JOHN, raw=raw))[-1] == 250
        assert await post.blobs.get((await post.records())[0].raw) == raw


@pytest.mark.parametrize("raw", [b"", b"\r\n", b".\r\n", b"..\r\n", b"\r\n.x\r\n", b".\n.\r\n", b"x\r\n.\r\n"])
async def test_a_mail_of_hardly_anything_comes_through(raw: bytes) -> None:
    async with Post().served() as post:
        stuffed = (b"\r\n" + raw).replace(b"\r\n.", b"\r\n..")[2:]
        assert (await post.deliver(JOHN, raw=stuffed, is_stuffed=True))[-1] == 250
        assert await post.blobs.get((await post.records())[0].raw) == raw


@pytest.mark.parametrize("line", [b"\r\n", b"..\r\n", b"x", b"\r\n\r"])
async def test_lines_cost_nothing_of_their_own(line: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    """A mail of empty lines took a hundred thousand times as many reads as one of the same size in long lines."""
    reads = 0
    read = asyncio.StreamReader.readuntil

    async def counted(reader: asyncio.StreamReader, separator: bytes = b"\n") -> bytes:
        nonlocal reads
        reads += 1
        return await read(reader, separator)

    monkeypatch.setattr(asyncio.StreamReader, "readuntil", counted)
    raw = line * (1_000_000 // len(line)) + b"\r\n"
    async with Post(limit=2_000_000).served() as post:
        assert (await post.deliver(JOHN, raw=raw, is_stuffed=True))[-1] == 250
    assert reads < 20


async def test_a_mail_of_exactly_the_limit_comes_through() -> None:
    async with Post(limit=100).served() as post:
        assert (await post.deliver(JOHN, raw=b"x" * 98 + b"\r\n"))[-1] == 250
        assert (await post.deliver(JOHN, raw=b"x" * 99 + b"\r\n"))[-1] == 552
        assert (await post.deliver(JOHN, raw=b"x" * 500_000 + b"\r\n"))[-1] == 552


async def test_a_mail_that_comes_ahead_of_the_354_is_refused_whole() -> None:
    """Two octets of it were lost, silently."""
    async with Post().served() as post:
        said = await post.say(
            b"LHLO here\r\nMAIL FROM:<a@b.example>\r\nRCPT TO:<" + JOHN.encode() + b">\r\nDATA\r\n" + RAW,
            b".\r\nQUIT\r\n",
        )
        assert b"\r\n503 5.5.1 the mail came before the 354\r\n" in said
        assert await post.records() == []


async def test_data_takes_no_argument_and_a_greeting() -> None:
    async with Post().served() as post:
        begun = b"MAIL FROM:<a@b.example>\r\nRCPT TO:<" + JOHN.encode() + b">\r\nDATA now\r\nQUIT\r\n"
        assert b"501 5.5.4 syntax: DATA\r\n" in await post.say(b"LHLO here\r\n", begun)
        assert (await post.say(b"DATA\r\nQUIT\r\n")).splitlines()[1].startswith(b"503 5.5.1 ")


async def test_the_server_offers_what_rfc_2033_asks_for() -> None:
    async with Post().served() as post:
        said = await post.say(b"LHLO here\r\nQUIT\r\n")
        offers = {line[4:].split(b" ")[0] for line in said.splitlines()[2:-1]}
        assert {b"PIPELINING", b"ENHANCEDSTATUSCODES", b"8BITMIME", b"SIZE", b"SMTPUTF8"} <= offers
        assert b"STARTTLS" not in offers
        for word in (b"HELO", b"EHLO"):  # RFC 2033 §4.1
            assert (await post.say(word + b" here\r\nQUIT\r\n")).splitlines()[1].startswith(b"500 5.5.2 ")


async def test_every_answer_has_an_enhanced_code() -> None:
    async with Post().served() as post:
        said = await post.say(
            b"LHLO here\r\nMAIL FROM:<a@b.example>\r\nRCPT TO:<",
            JOHN.encode(),
            b">\r\nRCPT TO:<x>\r\nFROB\r\nMAIL FROM:<c@d.example>\r\nVRFY x@y.example\r\nQUIT\r\n",
        )
        answers = [line for line in said.split(b"\r\n")[1:] if line and not line.startswith(b"250-")]
        assert answers[0] == b"250 HELP"
        assert [line[:9].rstrip() for line in answers[1:]] == [
            b"250 2.0.0",
            b"250 2.1.5",
            b"553 5.1.3",
            b"500 5.5.2",
            b"503 5.5.1",
            b"252 2.0.0",
            b"221 2.0.0",
        ]


async def test_too_large_a_mail_is_552_for_each_recipient_and_the_session_goes_on() -> None:
    async with Post(limit=1_000).served() as post:
        assert await post.deliver(JOHN, MARY, raw=b"x" * 998 + b"\r\n" + b"y" * 900 + b"\r\n") == [
            *(250, 250, 250, 250, 354),
            *(552, 552),
        ]
        assert await post.records() == []
        said = await post.say(b"LHLO here\r\nMAIL FROM:<a@b.example> SIZE=1001\r\nQUIT\r\n")
        assert b"552 5.3.4 " in said, "told before it is sent"


async def test_while_the_store_is_away_each_recipient_is_to_be_tried_again(caplog: pytest.LogCaptureFixture) -> None:
    post = Post()
    post.faults.fail("blobs.put", memory.before("raw store"), times=1)
    async with post.served():
        assert (await post.deliver(JOHN, MARY))[-2:] == [451, 451]
        assert (await post.deliver(JOHN, MARY))[-2:] == [250, 250]
    (line,) = caplog.messages
    assert line.startswith("LMTP: mail not taken, raw store is unavailable")


async def test_a_fault_of_ours_is_451_for_each_recipient_and_quotes_nothing(caplog: pytest.LogCaptureFixture) -> None:
    post = Post()
    post.faults.fail("blobs.put", evolve(memory.before("x"), cause=ZeroDivisionError(JOHN)))
    async with post.served():
        assert (await post.deliver(JOHN, MARY))[-2:] == [451, 451]
    assert "ZeroDivisionError" in caplog.text
    assert JOHN not in caplog.text


@pytest.mark.parametrize(
    "address",
    [
        b"<>",
        b"<x>",
        b"<@>",
        b"<john@>",
        b"<\xff@reply.example>",
        b"john",
        b"<a@b.example>\x00",
        b"<" + b"x" * 400 + b"@b.example>",
    ],
)
async def test_a_recipient_that_is_no_address_is_refused_and_nothing_is_kept(address: bytes) -> None:
    async with Post().served() as post:
        said = await post.say(b"LHLO here\r\nMAIL FROM:<a@b.example>\r\nRCPT TO:", address, b"\r\nDATA\r\nQUIT\r\n")
        refused, data = said.split(b"\r\n")[-4:-2]
        assert (refused[:1] in b"45", data) == (True, b"503 5.5.1 need RCPT command")
        assert await post.records() == []


async def test_good_recipients_are_answered_beside_one_that_is_refused() -> None:
    async with Post(evolve(QUICK, recipients=2)).served() as post:
        assert await post.deliver(JOHN, "nobody", MARY, "c@reply.example") == [
            250,
            250,
            250,
            553,
            250,
            452,
            354,
            250,
            250,
        ]
        assert len((await post.records())[0].post.recipients) == 2


async def test_a_mail_that_stops_half_way_is_not_kept() -> None:
    async with Post().served() as post:
        head = b"LHLO here\r\nMAIL FROM:<a@b.example>\r\nRCPT TO:<" + JOHN.encode() + b">\r\nDATA\r\nSubject: x\r\n"

        def break_off() -> None:
            with socket.create_connection(post.listening.getsockname(), timeout=10) as connection:
                connection.sendall(head)
                connection.recv(65_536)

        await asyncio.to_thread(break_off)
        assert (await post.deliver(MARY))[-1] == 250
        assert [str(one) for record in await post.records() for one in record.post.recipients] == [MARY]


async def test_a_lone_dot_ends_a_mail_between_whole_line_ends_only() -> None:
    """What other servers take for an end would let a mail bring a second one with an envelope of its own."""
    for end in (b"\n.\n", b"\n.\r\n", b"\r.\r", b"\r\n.\n"):
        async with Post().served() as post:
            inner = b"MAIL FROM:<eve@evil.example>\r\nRCPT TO:<" + MARY.encode() + b">\r\nDATA\r\nEvil\r\n"
            assert (await post.deliver(JOHN, raw=b"Subject: x\r\n\r\nx" + end + inner))[-1] == 250
            (record,) = await post.records()
            assert [str(one) for one in record.post.recipients] == [JOHN]


async def test_a_session_beyond_the_bound_is_asked_to_come_again() -> None:
    async with Post(evolve(QUICK, sessions=1)).served() as post:

        def crowd() -> tuple[bytes, int]:
            with post.client() as first:
                with socket.create_connection(post.listening.getsockname(), timeout=10) as second:
                    said = second.recv(100)
                return said, first.noop()[0]

        assert await asyncio.to_thread(crowd) == (b"421 4.3.2 too many sessions, try again\r\n", 250)
        assert (await post.deliver(JOHN))[-1] == 250


async def test_a_silent_session_is_ended() -> None:
    async with Post(evolve(QUICK, idle=timedelta(milliseconds=50))).served() as post:
        assert (await post.say(b"")).startswith(b"220 ")


async def test_the_end_waits_for_a_session_but_not_for_ever() -> None:
    post = Post(evolve(QUICK, drain=timedelta(milliseconds=50)))
    async with post.served():
        client = await asyncio.to_thread(post.client)
    with pytest.raises((smtplib.SMTPServerDisconnected, ConnectionError)):
        client.noop()
    client.close()


async def test_no_line_of_a_log_names_anybody(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    async with Post().served() as post:
        await post.deliver(JOHN, "nobody-of-note")
        await post.say(b"LHLO here\r\n" + JOHN.encode() + b" x\r\nQUIT\r\n")
    for name in (JOHN, "nobody-of-note", "mary@corp.example", "Hello"):
        assert name not in caplog.text


@pytest.mark.parametrize("bound", ["sessions", "recipients"])
def test_a_bound_is_more_than_nothing(bound: str) -> None:
    make: Callable[..., Bounds] = Bounds
    with pytest.raises(ValueError, match="must be > 0"):
        make(**{bound: 0})
