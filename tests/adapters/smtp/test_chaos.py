"""The whole path with a mail server that fails at every step: nothing is doubled, nothing is lost, what may have left is so.

Connections, sessions and time-outs are real; the services' clock is virtual, so that half a day of retries takes seconds.
"""

from __future__ import annotations

import asyncio
import os
import random
from collections import Counter, defaultdict
from datetime import timedelta
from typing import Final

import pytest
from attrs import define, evolve, field

from adapters.smtp.servers import DROP, GOOD, HOST, SILENT, Scripted, _Dropped, scripted_server
from convalias import IncomingMail, Participant
from convalias.adapters.smtp import Limits, OutgoingMail, read_url
from convalias.app import Convalias
from convalias.app.memory import memory_ports, memory_wiring
from convalias.app.wiring import seals
from convalias.domain.addresses.email_address import EmailAddress
from convalias.domain.ids import ConversationId
from convalias.domain.outbound.delivery import Delivery, DeliveryState

SOAK: Final = os.environ.get("CONVALIAS_SOAK") == "1"
SEEDS: Final = range(int(os.environ.get("CONVALIAS_SMTP_SEEDS", "60" if SOAK else "3")))
MAILS: Final = 40 if SOAK else 24
CONVERSATIONS: Final = 4
PEOPLE: Final = ("ann", "bob", "cid")
ROUNDS: Final = 100
LATE: Final = 9.5
"""Seconds that a silent server takes; more than a send has, less than its caller waits."""
GONE: Final = "gone@home.example"
"""Nobody has this mailbox: 550 for ever."""
FAULTS: Final = {
    "greeting": [DROP, "421 4.3.2 closing", "554 5.3.2 no service", SILENT],
    "MAIL": [DROP, "451 4.3.0 not now", "421 closing", SILENT],
    "RCPT": [DROP, "450 4.2.0 greylisted", "452 4.2.2 full", SILENT],
    "DATA": [DROP, "451 4.7.1 not now", SILENT],
    "body": [DROP],
    "end": [DROP, "taken, " + DROP, "451 4.7.1 not now", SILENT, "taken, " + SILENT, "taken, garbage"],
}


@define
class Chaotic(Scripted):
    """Fails one step in eight, until it is told to be good."""

    rng: random.Random = field(factory=random.Random)
    is_good: bool = False
    skipped: float = 0.0
    faults: Counter[str] = field(factory=Counter[str])
    paths: dict[asyncio.StreamWriter, str] = field(factory=dict[asyncio.StreamWriter, str])
    announced: Counter[str] = field(factory=Counter[str])
    """By return path: how often the server asked for the mail."""
    ambiguous: set[str] = field(factory=set[str])
    """Return paths whose mail was handed over whole and not answered."""
    delivered: defaultdict[str, list[bytes]] = field(factory=lambda: defaultdict(list))
    """By return path: mails that the server took, whatever it answered."""

    def drawn(self, step: str) -> str:
        """A reply, or what goes wrong."""
        if self.is_good or step not in FAULTS or self.rng.random() > 1 / 8:
            return ""
        fault = self.rng.choice(FAULTS[step])
        self.faults[f"{step}: {fault}"] += 1
        if SILENT in fault:
            self.skipped += LATE
        return fault

    async def _answer(self, step: str, writer: asyncio.StreamWriter) -> str:
        if step == "MAIL":
            self.paths[writer] = self.commands[-1].partition("<")[2].partition(">")[0]
        reply = self.drawn(step)
        if step == "RCPT" and GONE in self.commands[-1]:
            reply = "550 5.1.1 no such mailbox"
        if reply:
            self.says[step] = [reply]
        said = await Scripted._answer(self, step, writer)
        if step == "DATA" and said == GOOD["DATA"]:
            self.announced[self.paths[writer]] += 1
        return said

    async def _mail(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        path = self.paths[writer]
        if self.drawn("body"):
            await reader.readexactly(200)  # a client that has written all by then cannot know; others can
            raise _Dropped
        raw = await reader.readuntil(b"\r\n.\r\n")
        fault = self.drawn("end")
        if not fault or fault.startswith("taken"):
            self.delivered[path].append(raw)
        if fault and not fault[0].isdigit():
            self.ambiguous.add(path)
        if fault:
            self.says["end"] = [fault.removeprefix("taken, ")]
        await Scripted._answer(self, "end", writer)


async def talked(cv: Convalias, rng: random.Random) -> None:
    """Conversations of three people, one of whom has no mailbox any more; messages by chat and by mail."""
    addresses = {"ann": "ann@home.example", "bob": "bob@home.example", "cid": GONE}
    aliases = {}
    for number in range(CONVERSATIONS):
        people = [Participant.of(name, addresses=[addresses[name]]) for name in PEOPLE]
        aliases[number] = await cv.open_conversation(f"c{number}", use_case="hiring", participants=people)
    for number in range(MAILS):
        talk, author = rng.randrange(CONVERSATIONS), rng.choice(PEOPLE[:2])
        words = " ".join(rng.choices("we can meet near the old mill or at home on any day you like".split(), k=9))
        if rng.random() < 1 / 2:
            await cv.messaging.send(f"c{talk}", words, author=author, key=f"chat-{number}")
            continue
        to = aliases[talk]["cid"]
        raw = f"From: {addresses[author]}\nTo: {to}\nMessage-ID: <{number}@home.example>\n\n{words}\n"
        await cv.receiver.accept(IncomingMail(raw.encode(), recipients=[to]))


async def rows_of(cv: Convalias) -> list[Delivery]:
    talks = [ConversationId(f"c{number}") for number in range(CONVERSATIONS)]
    decisions = [one for talk in talks async for one in cv.services.stores.ledger.of(talk)]
    return [row for decision in decisions for row in decision.deliveries]


@pytest.mark.soak
@pytest.mark.parametrize("seed", SEEDS)
async def test_a_failing_mail_server_doubles_nothing_and_loses_nothing(
    seed: int, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> None:
    rng, loop = random.Random(seed), asyncio.get_running_loop()
    server, real = Chaotic(rng=random.Random(seed)), loop.time
    monkeypatch.setattr(loop, "time", lambda: real() + server.skipped)
    async with scripted_server(server) as port:
        place = read_url(f"smtp://{HOST}:{port}?tls=off&helo=here.test")
        limits = Limits(begin=8, timeout=9, pause=0)  # no pause: hours of the services' clock are no time here
        sender = OutgoingMail(evolve(place, limits=limits))
        wiring = memory_wiring("reply.example", None, None)
        async with sender, Convalias.over(memory_ports(legacy=False).but(mail=sender), wiring) as cv:
            await talked(cv, rng)
            for number in range(ROUNDS):
                server.is_good = number > ROUNDS // 2
                await cv.run_until_idle()
                await cv.ports.clock.advance(timedelta(minutes=20))  # type: ignore[attr-defined]
            rows = await rows_of(cv)
    paths = {seals(wiring.keyring).bounced(EmailAddress.parse(path)): path for path in server.announced}
    states = Counter(row.state.value for row in rows)
    doubled = [path for path, mails in server.delivered.items() if len(mails) > 1]
    assert not doubled, f"{len(doubled)} of {len(rows)} mails were sent twice"
    assert rows
    for row in rows:
        path = paths.get(row.id, "")
        taken, told = len(server.delivered[path]), f"{row} {states}"
        match row.state:
            case DeliveryState.SENT:
                assert taken == 1, f"lost: {told}"
            case DeliveryState.FAILED:
                assert taken == 0, told
                assert "550 5.1.1" in row.reason, told
            case DeliveryState.UNCERTAIN:
                assert server.announced[path], f"surely not sent: {told}"
            case _:
                pytest.fail(f"not at rest: {told}")
        assert (path in server.ambiguous) <= (row.state is DeliveryState.UNCERTAIN), f"not told: {told}"
    assert states["sent"] > 0
    assert states["uncertain"] > 0
    assert states["failed"] > 0
    if SOAK:
        print(f"\n{request.node.name}: {dict(states)}, {server.faults.total()} faults of {len(server.faults)} kinds")  # noqa: T201 - what a soak comes to
