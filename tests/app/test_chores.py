"""What workers do beside their work, each at its time and by whoever is there."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from convalias import Convalias, Participant
from convalias.adapters import memory
from convalias.app.chores import EVERY, Chores, Trimmed
from convalias.domain.inbound.posts import IncomingMail
from convalias.ports.errors import Unavailable
from convalias.ports.event_log import EventLog
from convalias.ports.records import Due, Insert, Key, Partitioned
from convalias.services.operations.retention import PAGES
from convalias.stores.operations.endings import PAGE
from convalias.stores.retention import LANE
from ports.minimal import storing as minimal

NO_WAIT = timedelta(0)


class Log(memory.EventLog):
    """Counts how often it is trimmed; may be away."""

    def __init__(self, clock: memory.Clock) -> None:
        super().__init__(clock)
        self.trims = 0
        self.away = False

    async def trim(self) -> int:
        if self.away:
            raise Unavailable("event log")
        self.trims += 1
        return 0


async def test_a_log_that_can_be_trimmed_is_once_in_ten_minutes() -> None:
    clock = memory.Clock()
    log: EventLog = Log(clock)
    assert isinstance(log, Log)
    async with Convalias.in_memory(alias_domain="reply.example", clock=clock, events=log) as cv:
        await cv.run_until_idle()
        await cv.run_until_idle()
        assert log.trims == 1
        await clock.advance(EVERY)
        log.away = True
        with pytest.raises(Unavailable):
            await cv.run_until_idle("feed")
        log.away = False
        await cv.run_until_idle("inbound")
        assert log.trims == 1
        await cv.run_until_idle("feed")
        assert log.trims == 2


async def test_a_log_that_cannot_be_trimmed_is_left_alone() -> None:
    clock = memory.Clock()
    async with Convalias.in_memory(alias_domain="reply.example", clock=clock, events=minimal.EventLog(clock)) as cv:
        assert not isinstance(cv.ports.events, Trimmed)
        await Chores().trim(cv.ports)


async def test_the_log_on_files_keeps_what_the_settings_say(tmp_path: Path) -> None:
    settings = tmp_path / "convalias.toml"
    settings.write_text('alias_domains = ["reply.example"]\nevents_kept = 1\n')
    clock = memory.Clock()
    async with Convalias.from_toml(settings, data=tmp_path / "data", environ={}, clock=clock) as cv:
        people = [Participant.of(one, addresses=[f"{one}@home.example"]) for one in ("ann", "bob")]
        await cv.open_conversation("c1", use_case="apply", participants=people)
        await cv.run_until_idle()
        before = cv.ports.events.records("before")
        published = await before.take(limit=99, wait=NO_WAIT)
        assert len(published) > 1
        await clock.advance(EVERY)
        await cv.run_until_idle()
        await before.close()
        before = cv.ports.events.records("before")
        assert await before.take(limit=99, wait=NO_WAIT) == published
        await before.commit()
        await clock.advance(EVERY)
        await cv.run_until_idle()
        left = await cv.ports.events.records("after").take(limit=99, wait=NO_WAIT)
        assert list(left) == list(published)[-1:]


async def test_mail_of_a_data_directory_ends_after_the_days_that_are_set(tmp_path: Path) -> None:
    settings = tmp_path / "convalias.toml"
    settings.write_text('alias_domains = ["reply.example"]\nmail_kept_days = 30\n')
    ann = Participant.of("ann", addresses=["ann@home.example"])
    bob = Participant.of("bob", addresses=["bob@corp.example"])

    clock = memory.Clock()
    async with Convalias.from_toml(settings, data=tmp_path / "data", environ={}, clock=clock) as cv:
        aliases = await cv.open_conversation("c1", use_case="hiring", participants=[ann, bob])
        alias = str(aliases[ann.account])
        raw = f"From: bob@corp.example\nTo: {alias}\nMessage-ID: <1@corp>\n\nHello\n".encode()
        await cv.receiver.accept(IncomingMail(raw, recipients=[alias]))
        await cv.run_until_idle()
        tables = ("outcomes", "claims")
        for days, left in ((31, [1, 1]), (2, [0, 0])):
            clock.step(timedelta(days=days))
            await cv.run_until_idle("inbound")
            assert isinstance(cv.ports.records, Partitioned)
            assert [len(await cv.ports.records.partitions(one, after="", limit=9)) for one in tables] == left
            assert list(await cv.ports.blobs.names("", after="", limit=9)) == []
        assert len([event for event in await cv.messaging.events("c1") if event.origin.value == "alias_mail"]) == 1


async def test_a_worker_that_has_more_to_end_goes_on_at_its_next_step() -> None:
    clock = memory.Clock()
    async with Convalias.in_memory(alias_domain="reply.example", clock=clock) as cv:
        at = Due(LANE, clock.now())
        rows = [Insert(Key("texts", "x", f"{number:05d}"), {}, due=at) for number in range(PAGES * PAGE + 1)]
        await cv.ports.records.write(rows)
        chores = Chores()
        for left in (1, 0, 0):
            await chores.retain(cv.services, cv.ports)
            assert len(await cv.ports.records.due(LANE, until=clock.now(), limit=9)) == left
