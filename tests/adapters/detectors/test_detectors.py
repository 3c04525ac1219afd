"""Asking spamd and clamd over real sockets: what their answers mean, and that every question ends."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from pathlib import Path

import pytest

from adapters.detectors.servers import (
    EICAR,
    HEAD,
    HOST,
    SPAM,
    VIRUS,
    ClamdServer,
    Serve,
    SpamdServer,
    at_a_path,
    closed_port,
    saying,
    serving,
    silent,
    without_numbers,
)
from convalias.adapters.detectors import Clamd, Spamd
from convalias.adapters.detectors.connection import LONGEST_ANSWER
from convalias.domain.inbound.posts import Post
from convalias.domain.mail.checks import Checked, Finding
from convalias.ports.errors import AdapterFailed, EngineAway, Unavailable

POST = Post(received_at=datetime(2026, 3, 1, 12, tzinfo=UTC))
HAM = HEAD + b"Shall we meet?\r\n"
ANSWERED = b"SPAMD/1.1 0 EX_OK\r\n"


async def raised(detector: Clamd | Spamd, raw: bytes = HAM) -> Unavailable:
    with pytest.raises(Unavailable) as caught:
        await detector.check(raw, POST)
    return caught.value


async def raised_by(serve: Serve, scheme: type[Clamd | Spamd], *options: str) -> Unavailable:
    async with serving(serve) as port:
        url = f"{'spamd' if scheme is Spamd else 'clamd'}://{HOST}:{port}"
        return await raised(scheme("?".join([url, *options])))


# --- spamd ------------------------------------------------------------------------------------------------------------


async def test_spam_is_found_with_its_score_and_the_rules_that_matched() -> None:
    server = SpamdServer()
    async with serving(server) as port:
        spamd = Spamd(f"spamd://{HOST}:{port}?user=convalias")
        assert await spamd.check(SPAM, POST) == Checked(Finding.SPAM, "999.9 of 5.0: GTUBE, NO_RECEIVED")
        assert await spamd.check(HAM, POST) == Checked(Finding.NOTHING, "-0.1 of 5.0: NO_RECEIVED")
    (head, body), _ = server.requests
    assert body == SPAM
    assert "User: convalias" in head


@pytest.mark.parametrize(
    ("raw", "shown"), [(b"a: b\n" * 300, b"a: b\n" * 200), (b"x" * 1_500, b"x" * 1_000), (b"\n" * 1_000, b"\n" * 1_000)]
)
async def test_of_a_large_mail_whole_lines_of_the_beginning_are_shown(raw: bytes, shown: bytes) -> None:
    server = SpamdServer()
    async with serving(server) as port:
        await Spamd(f"spamd://{HOST}:{port}?largest=1004").check(raw, POST)
        ((_, body),) = server.requests
    assert body[: len(shown)] == shown
    assert len(body) - len(shown) < 5


@pytest.mark.parametrize("answer", [b"Spam: True ; 7.1 / 5", b"Spam: Yes ; 7.1 / 5"])
async def test_a_verdict_without_rules_is_one(answer: bytes) -> None:
    async with serving(saying(ANSWERED, answer, b"\r\n\r\n")) as port:
        assert await Spamd(f"spamd://{HOST}:{port}").check(HAM, POST) == Checked(Finding.SPAM, "7.1 of 5")


@pytest.mark.parametrize("code", [69, 71, 75, 78])
async def test_a_code_about_spamd_itself_says_that_it_is_away(code: int) -> None:
    away = await raised_by(SpamdServer(code), Spamd)
    assert isinstance(away, EngineAway)
    assert without_numbers(str(away)) == f"check: spamd at {HOST}:PORT does not answer: it answers {code}"


@pytest.mark.parametrize("code", [65, 70, 76, 79])
async def test_any_other_code_is_about_the_mail(code: int) -> None:
    failed = await raised_by(SpamdServer(code), Spamd)
    assert isinstance(failed, AdapterFailed)
    assert str(failed).endswith(f"could not look at the mail: it answers {code}")


# --- clamd ------------------------------------------------------------------------------------------------------------


async def test_what_is_harmful_is_found_by_its_name(tmp_path: Path) -> None:
    server = ClamdServer()
    large = HEAD + b"x" * 300_000
    async with serving(server) as port, at_a_path(server, tmp_path / "clamd.ctl"):
        for clamd in (Clamd(f"clamd://{HOST}:{port}"), Clamd(f"clamd://{tmp_path}/clamd.ctl")):
            assert await clamd.check(VIRUS, POST) == Checked(Finding.HARMFUL, "Eicar-Test-Signature")
            assert await clamd.check(large, POST) == Checked(Finding.NOTHING)
            assert server.seen == [VIRUS, large]
            server.seen.clear()


async def test_a_mail_over_the_limit_of_clamd_says_what_to_raise() -> None:
    async with serving(ClamdServer(stream_max_length=100_000)) as port:
        failed = await raised(Clamd(f"clamd://{HOST}:{port}"), b"x" * 8_000_000)
        assert isinstance(failed, AdapterFailed)
        assert "raise its StreamMaxLength to your mail_limit" in str(failed)
        shortened = Clamd(f"clamd://{HOST}:{port}?largest=100000")
        assert await shortened.check(EICAR + b"x" * 8_000_000, POST) == Checked(Finding.HARMFUL, "Eicar-Test-Signature")


async def test_what_clamd_cannot_look_at_is_no_finding() -> None:
    failed = await raised_by(saying(b"stream: Can't allocate memory ERROR\0"), Clamd)
    assert isinstance(failed, AdapterFailed)
    assert "memory" not in str(failed)


# --- both -------------------------------------------------------------------------------------------------------------


async def test_each_says_that_it_is_there() -> None:
    async with serving(SpamdServer()) as spamd, serving(ClamdServer()) as clamd:
        assert [one.found for one in await Spamd(f"spamd://{HOST}:{spamd}").examine()] == ["it is there"]
        (version,) = await Clamd(f"clamd://{HOST}:{clamd}").examine()
        assert version.found.startswith("ClamAV 1.4.3/27500/")


async def test_what_is_another_server_is_not_taken_for_it() -> None:
    async with serving(saying(b"SPAMD/1.5 0 HELLO\r\n")) as port:
        with pytest.raises(EngineAway, match="it is no spamd"):
            await Spamd(f"spamd://{HOST}:{port}").examine()
    async with serving(saying(b"220 mail.example ESMTP\r\n")) as port:
        with pytest.raises(EngineAway, match="it is no clamd"):
            await Clamd(f"clamd://{HOST}:{port}").examine()


@pytest.mark.parametrize("scheme", [Spamd, Clamd])
async def test_who_cannot_be_reached_is_away(scheme: type[Clamd | Spamd], tmp_path: Path) -> None:
    name = scheme.__name__.lower()
    refused = await raised(scheme(f"{name}://{HOST}:{closed_port()}", "checks"))
    assert isinstance(refused, EngineAway)
    assert str(refused) == f"check: {name} at {HOST}:9 (checks) does not answer: it refuses connections"
    missing = await raised(scheme(f"{name}://{tmp_path}/none"))
    assert isinstance(missing, EngineAway)
    assert str(missing).endswith("there is no such socket")
    unknown = await raised(scheme(f"{name}://nobody.invalid"))
    assert isinstance(unknown, EngineAway)


@pytest.mark.parametrize("scheme", [Spamd, Clamd])
@pytest.mark.parametrize(
    ("serve", "said"),
    [
        (saying(), "ended the connection without an answer"),
        (saying(b"250 OK\r\n"), None),
        (saying(ANSWERED, b"Spam: perhaps\r\n\r\n"), None),
        (saying(*[b"x" * LONGEST_ANSWER] * 2), "gave an answer without end"),
    ],
    ids=["nothing", "another protocol", "no verdict", "no end"],
)
async def test_who_answers_nothing_of_use_has_failed_and_is_not_away(
    serve: Serve, said: str | None, scheme: type[Clamd | Spamd]
) -> None:
    failed = await raised_by(serve, scheme)
    assert isinstance(failed, AdapterFailed)
    unread = "gave an answer that cannot be read" if scheme is Spamd else "could not look at the mail"
    assert str(failed).endswith(said or unread)


@pytest.mark.parametrize("scheme", [Spamd, Clamd])
async def test_a_silent_detector_has_failed_in_time(scheme: type[Clamd | Spamd]) -> None:
    failed = await raised_by(silent, scheme, "timeout=0.05")
    assert isinstance(failed, AdapterFailed)
    assert str(failed).endswith("gave no answer within 0.05 s")


async def test_so_many_are_asked_at_once_and_who_finds_no_place_in_time_is_told_so() -> None:
    async with serving(silent) as port:
        clamd = Clamd(f"clamd://{HOST}:{port}?connections=1&timeout=0.2", turn=0.05)
        first, second = await asyncio.gather(*(clamd.check(HAM, POST) for _ in range(2)), return_exceptions=True)
    assert isinstance(first, AdapterFailed)
    assert isinstance(second, EngineAway)
    assert second.because == "all connections are busy"


async def test_who_waits_for_a_turn_has_the_whole_time_from_then_on() -> None:
    async with serving(silent) as port:
        clamd = Clamd(f"clamd://{HOST}:{port}?connections=1&timeout=0.2", turn=5.0)
        found = await asyncio.gather(*(clamd.check(HAM, POST) for _ in range(2)), return_exceptions=True)
    assert [str(one).endswith("gave no answer within 0.2 s") for one in found] == [True, True]


async def test_a_question_that_is_called_off_leaves_its_place() -> None:
    async with serving(silent) as port:
        clamd = Clamd(f"clamd://{HOST}:{port}?connections=1&timeout=0.3")
        question = asyncio.ensure_future(clamd.check(b"x" * 8_000_000, POST))
        await asyncio.sleep(0)
        question.cancel()
        with pytest.raises(asyncio.CancelledError):
            await question
        assert isinstance(await raised(clamd), AdapterFailed)  # it was asked: its place is free
