"""Detectors that the settings name, in the whole path: each mail is shown to all of them."""

from __future__ import annotations

from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from adapters.detectors.servers import EICAR, GTUBE, HOST, ClamdServer, SpamdServer, closed_port, serving
from convalias import Convalias, IncomingMail, Participant
from convalias.adapters import memory
from convalias.adapters.detectors import UnusableDetectorError
from convalias.app.engines import detector, examine
from convalias.domain.mail.authentication import Dmarc, SenderEvidence
from convalias.domain.mail.checks import Finding
from convalias.ports import Unavailable
from convalias.settings import Settings

PEOPLE = [Participant.of(name, addresses=[f"{name}@home.example"]) for name in ("ann", "bob")]


def settings_file(folder: Path, *urls: str) -> Path:
    path = folder / "convalias.toml"
    path.write_text(f'data = "{folder / "data"}"\nalias_domains = ["reply.example"]\nchecks = {[*urls]}\n')
    return path


async def test_mail_is_shown_to_spamd_and_clamd(tmp_path: Path) -> None:
    spamd, clamd = SpamdServer(), ClamdServer()
    async with serving(spamd) as spamd_port, serving(clamd) as clamd_port:
        file = settings_file(tmp_path, f"spamd://{HOST}:{spamd_port}", f"clamd://{HOST}:{clamd_port}")
        async with Convalias.from_toml(file, environ={}) as cv:
            ann = (await cv.open_conversation("c1", use_case="hiring", participants=PEOPLE))[PEOPLE[0].account]
            for number, text in enumerate(("Hello Ann", GTUBE.decode(), EICAR.decode())):
                raw = f"From: bob@home.example\nTo: {ann}\nMessage-ID: <{number}@home.example>\n\n{text}\n"
                proved = SenderEvidence(Dmarc.PASS) if text == EICAR.decode() else None
                await cv.receiver.accept(IncomingMail(raw.encode(), recipients=[ann], evidence=proved))
            await cv.receiver.accept(IncomingMail(b"From: a@b.example\n\nNobody's\n", recipients=["a@other.example"]))
            await cv.run_until_idle()
            events = await cv.messaging.events("c1")
            texts = [text.strip() for one in events if (text := getattr(one.happening, "text", ""))]
            thread = await cv.messaging.thread("c1")
            (hold,) = await cv.services.stores.holds.waiting(thread.id)
    assert texts == ["Hello Ann"]
    assert hold.finding is Finding.HARMFUL
    assert len(spamd.requests) == len(clamd.seen) == 3


async def test_a_check_that_is_bound_is_asked_instead(tmp_path: Path) -> None:
    own = memory.Check()
    async with Convalias.from_toml(settings_file(tmp_path, "spamd://nobody.invalid"), environ={}, check=own) as cv:
        assert cv.ports.check is own


async def test_without_a_detector_there_is_no_check() -> None:
    async with detector(Settings()) as none:
        assert none is None


@pytest.mark.parametrize("url", ["spamd://host?colour=red", "clamd://host/path"])
async def test_a_wrong_url_is_refused_at_start(tmp_path: Path, url: str) -> None:
    with pytest.raises(UnusableDetectorError):
        async with Convalias.from_toml(settings_file(tmp_path, url), environ={}):
            pass


async def test_each_detector_is_looked_at_by_itself() -> None:
    async with AsyncExitStack() as stack:
        port = await stack.enter_async_context(serving(SpamdServer()))
        urls = (f"spamd://{HOST}:{port}", f"clamd://{HOST}:{closed_port()}")
        found = {setting: seen async for setting, seen in examine(Settings(checks=urls))}
    assert isinstance(found["check by clamd"], Unavailable)
    spamd = found["check by spamd"]
    assert not isinstance(spamd, Exception)
    assert [one.about for one in spamd] == ["answer"]
