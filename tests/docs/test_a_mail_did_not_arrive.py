"""The how-to "A mail did not arrive": each fault is made, and the page's commands show it and mend it."""

from __future__ import annotations

import asyncio
import shlex
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Final

import pytest

from cli.conftest import commands
from cli.desk import MARY_ALIAS, Commands, mail
from cli.test_surfaces import Hub
from convalias.app.facade import Convalias
from convalias.domain.ids import AccountId, ConversationId
from convalias.domain.outbound.suppressions import Muted
from convalias.ports.hub import Declined, NotificationHub
from convalias.ports.records import Replace
from docs.howto import HOW_TO, missing, steps

__all__ = ["commands"]

PAGE: Final = HOW_TO / "a-mail-did-not-arrive.md"
Arrange = Callable[[Commands], None]
STRANGER: Final = "eve@else.example"


def worked(commands: Commands, hub: NotificationHub) -> None:
    """All workers in this process, over a hub that fails."""

    async def work() -> None:
        async with Convalias.from_toml(data=commands.data, hub=hub) as cv:
            for _ in range(3):  # what one does makes work for the next
                for loop in cv.loops():
                    await loop.step()

    asyncio.run(work())


def ingested(commands: Commands, raw: bytes) -> None:
    commands.ask("ingest", commands.file("mail.eml", raw))


def stage(commands: Commands, stage: str) -> None:
    commands.ask("rollout", "set", "apply", "--stage", stage, "--basis-points", "10000", "--yes")


def healthy(commands: Commands) -> None:
    ingested(commands, mail(1, text="Hello 1"))
    commands.work()


def waits(commands: Commands) -> None:
    ingested(commands, mail(2))


def held(commands: Commands) -> None:
    ingested(commands, mail(3, sender=STRANGER))
    commands.work()


def revoked(commands: Commands) -> None:
    commands.ask("alias", "revoke", MARY_ALIAS)
    ingested(commands, mail(4, to=MARY_ALIAS, sender="john@home.example"))
    commands.work()


def handed_over(commands: Commands) -> None:
    stage(commands, "legacy")
    ingested(commands, mail(5, to="job-1@relay.example"))
    commands.work()


def muted(commands: Commands) -> None:
    async def mute() -> None:
        async with Convalias.from_toml(data=commands.data) as cv:
            said = Muted(account=AccountId("john"), conversation=ConversationId("c1"), at=datetime.now(UTC))
            await cv.services.stores.suppressions.mute(said)

    asyncio.run(mute())
    ingested(commands, mail(6))
    commands.work()


def uncertain(commands: Commands) -> None:
    ingested(commands, mail(7))
    worked(commands, hub=Hub(TimeoutError()))


def refused_by_the_channel(commands: Commands) -> None:
    ingested(commands, mail(8))
    worked(commands, hub=Hub(Declined("no such mailbox")))


def rewritten(commands: Commands, mark: str) -> None:
    """The last event of c1, in the format of another release."""

    async def rewrite() -> None:
        async with Convalias.from_toml(data=commands.data) as cv:
            row = await cv.ports.records.latest("events", "c1")
            assert row is not None
            await cv.ports.records.write([Replace(row.key, row.version, {**row.body, "$": mark}, row.due)])

    asyncio.run(rewrite())


def parked(commands: Commands) -> None:
    ingested(commands, mail(9))
    commands.ask("worker", "inbound", "--once")
    rewritten(commands, "event/9")
    commands.work()


def an_upgrade(commands: Commands) -> None:
    rewritten(commands, "event/1")


def nothing(commands: Commands) -> None:
    del commands


FAULTS: Final[Mapping[str, Sequence[Arrange]]] = {
    "a mail that was told of": (healthy, nothing),
    "a mail that never came": (nothing,),
    "no inbound worker runs": (waits,),
    "nobody proves senders, and the mail is held": (held,),
    "the alias was revoked": (revoked,),
    "the legacy relay has it": (handed_over,),
    "the recipient wants no mail": (muted,),
    "the answer of the channel was lost": (uncertain,),
    "the channel refused it": (refused_by_the_channel,),
    "the conversation is parked": (parked, an_upgrade),
    "an engine is away": (nothing,),
}
"""Under each heading of the page: what is done before each of its blocks of commands."""
STEPS: Final = list(steps(PAGE))


def test_every_fault_of_the_page_is_made() -> None:
    titles = [step.title for step in STEPS]
    assert {title: titles.count(title) for title in titles} == {title: len(them) for title, them in FAULTS.items()}


@pytest.mark.slow
@pytest.mark.parametrize("title", FAULTS)
def test_the_page_shows_what_is_printed(title: str, commands: Commands, monkeypatch: pytest.MonkeyPatch) -> None:
    commands.load()
    stage(commands, "native")
    if title == "an engine is away":
        monkeypatch.setenv("CONVALIAS_KEYS", (commands.data / "keys").read_text())
        monkeypatch.setenv("CONVALIAS_STORE", "mongodb://127.0.0.1:9/convalias")
    for arrange, step in zip(FAULTS[title], [one for one in STEPS if one.title == title], strict=True):
        arrange(commands)
        out = ""
        for line in step.commands:
            program, *arguments = shlex.split(line)
            assert program == "convalias"
            ran = commands.run(*arguments)
            out += ran.out + ran.err
        assert missing(step, out) is None, f"{missing(step, out)} is not in:\n{out}"
