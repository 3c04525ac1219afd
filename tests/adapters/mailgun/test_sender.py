"""Mail by Mailgun's API: each answer says whether the mail may have left, and the key goes nowhere else."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from datetime import timedelta

import pytest
from attrs import evolve

from adapters.mailgun.api_server import KEY, Answer, Api, Fault, api_server
from convalias.adapters import memory, system
from convalias.adapters.mailgun.place import Place, UnusableDomainError, read_url
from convalias.adapters.mailgun.sender import ENGINE, AnswerLost, OutgoingMail
from convalias.domain.addresses.email_address import EmailAddress
from convalias.ports.engines import EngineAt
from convalias.ports.errors import EngineAway, PortError, Rejected
from convalias.ports.examining import Grade
from convalias.ports.hub import Guarantee
from convalias.ports.mail import Outgoing, guarantee_of

RAW = b"From: a@reply.example\r\nTo: Ann@home.example\r\nSubject: Hi\r\n\r\nHello\r\n"
MAIL = Outgoing(
    key="e1.0123456789abcdef.message.email",
    raw=RAW,
    to=EmailAddress.parse("Ann@home.example"),
    return_path="b-x@bounce.reply.example",
    receipt_token="e1.0123456789abcdef.message.email.mac",
)
BRIEF = "&timeout=0.3&begin=0.2"


@asynccontextmanager
async def opened(api: Api, more: str = "", *, key: str = KEY) -> AsyncGenerator[OutgoingMail]:
    async with api_server(api) as url, OutgoingMail(url + more, key=key, variable="CONVALIAS_MAIL") as sender:
        yield sender


async def test_a_mail_is_posted_with_its_recipient_and_what_events_give_back() -> None:
    api = Api()
    async with opened(api) as sender:
        await sender.send(MAIL)
        await sender.send(evolve(MAIL, receipt_token=""))
    first, second = api.taken
    assert (first.to, first.raw) == ("Ann@home.example", RAW)
    assert (first.fields["v:convalias"], first.fields["o:tracking"]) == (MAIL.receipt_token, "no")
    assert "v:convalias" not in second.fields


async def test_a_recipient_that_looks_like_two_stays_one() -> None:
    api = Api()
    async with opened(api) as sender:
        await sender.send(evolve(MAIL, to=EmailAddress.parse('"ann, eve"@home.example')))
    assert [one.to for one in api.taken] == ['"ann, eve"@home.example']


@pytest.mark.parametrize("status", [400, 406, 413, 415, 422])
async def test_what_is_refused_for_good_is_rejected(status: int) -> None:
    async with opened(Api(then=[Answer(status)])) as sender:
        with pytest.raises(Rejected, match=str(status)):
            await sender.send(MAIL)


@pytest.mark.parametrize("status", [401, 402, 403, 404, 407, 408, 429, 301, 307])
async def test_what_speaks_of_no_one_mail_is_an_engine_that_is_away(status: int) -> None:
    async with opened(Api(then=[Answer(status, {"Location": "http://127.0.0.1:9/"})])) as sender:
        with pytest.raises(EngineAway, match=rf"mailgun for mg.example at .*CONVALIAS_MAIL.*{status}") as away:
            await sender.send(MAIL)
    assert away.value.retry_after is None


@pytest.mark.parametrize(
    ("text", "pause"),
    [
        ("30", timedelta(seconds=30)),
        ("999999", timedelta(hours=1)),
        ("9" * 5000, None),
        ("-1", None),
        ("soon", None),
        ("Sun, 01 Mar 2026 12:00:00 GMT", None),
    ],
)
async def test_a_pause_is_kept_within_an_hour(text: str, pause: timedelta | None) -> None:
    async with opened(Api(then=[Answer(429, {"Retry-After": text})])) as sender:
        with pytest.raises(EngineAway) as away:
            await sender.send(MAIL)
    assert away.value.retry_after == pause


@pytest.mark.parametrize("takes", [True, False])
@pytest.mark.parametrize("status", [201, 500, 502, 503, 504])
async def test_any_other_answer_says_nothing_about_the_mail(status: int, *, takes: bool) -> None:
    async with opened(Api(then=[Answer(status, takes=takes)])) as sender:
        with pytest.raises(AnswerLost):
            await sender.send(MAIL)


@pytest.mark.parametrize("fault", [Fault.AFTER, Fault.STALL, Fault.BEFORE])
async def test_a_mail_that_was_handed_over_whole_may_have_left(fault: Fault) -> None:
    async with opened(Api(then=[fault]), BRIEF) as sender:
        with pytest.raises(AnswerLost):
            await sender.send(MAIL)


async def test_a_mail_that_was_not_handed_over_whole_surely_did_not_leave() -> None:
    api = Api(then=[Fault.DEAF])
    async with opened(api, BRIEF) as sender:
        with pytest.raises(EngineAway, match="in time"):
            await sender.send(evolve(MAIL, raw=RAW + b"x" * 50_000_000))
    assert api.taken == []


async def test_nobody_there_surely_took_nothing() -> None:
    async with api_server(Api()) as url:
        pass
    async with OutgoingMail(url, key=KEY) as sender:
        with pytest.raises(EngineAway, match="cannot be reached"):
            await sender.send(MAIL)
        with pytest.raises(EngineAway, match="cannot be reached"):
            await sender.examine()


async def test_a_place_that_never_comes_free_surely_took_nothing() -> None:
    api = Api(then=[Fault.STALL])
    async with opened(api, "&connections=1&timeout=0.5&begin=0.1") as sender:
        first = asyncio.create_task(sender.send(MAIL))
        await api.heard.wait()
        with pytest.raises(EngineAway, match="in time"):
            await sender.send(MAIL)
        with pytest.raises(AnswerLost):
            await first


async def test_the_key_stands_in_no_error_no_log_and_no_representation(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    api = Api(then=[Answer(401), Answer(500), Fault.AFTER, Answer(400)])
    async with opened(api) as sender:
        shown = repr(sender)
        for _ in range(4):
            with pytest.raises(PortError) as failed:
                await sender.send(MAIL)
            assert failed.value.__cause__ is None
            shown += repr(failed.value) + str(failed.value)
    at = EngineAt(
        url=f"mailgun://{'x'}",
        password=KEY,
        within=timedelta(1),
        clock=system.Clock(),
        incarnation=memory.Incarnation(),
    )
    shown += repr(at) + caplog.text
    assert KEY not in shown
    assert "ann@home.example" not in shown.lower()


async def test_a_wrong_key_is_told_without_showing_it() -> None:
    async with opened(Api(), key="key-wrong") as sender:
        with pytest.raises(EngineAway, match="refuses the API key") as away:
            await sender.send(MAIL)
    assert "key-wrong" not in str(away.value)


@pytest.mark.parametrize("key", ["", "  ", "ü", "a\nb"])
def test_a_key_that_no_header_can_hold_is_refused_at_start(key: str) -> None:
    with pytest.raises(UnusableDomainError, match="CONVALIAS_MAIL_PASSWORD"):
        OutgoingMail("mailgun://mg.example", key=key)


def test_it_remembers_nothing_and_cannot_be_asked() -> None:
    assert guarantee_of(OutgoingMail("mailgun://mg.example", key=KEY)) == Guarantee()


async def test_the_engine_opens_the_sender_of_a_url() -> None:
    api = Api()
    async with api_server(api) as url:
        at = EngineAt(
            url=url, password=KEY, within=timedelta(1), clock=system.Clock(), incarnation=memory.Incarnation()
        )
        async with ENGINE.opened(at) as sender:
            await sender.send(MAIL)
    assert len(api.taken) == 1


@pytest.mark.parametrize(
    ("api", "grades", "words"),
    [
        (Api(), [Grade.GOOD], "active"),
        (Api(state="unverified"), [Grade.WRONG], "unverified"),
        (Api(state=None), [Grade.WRONG], "nothing that can be read"),
        (Api(then=[Answer(401)]), [Grade.WEAK], "401"),
        (Api(then=[Answer(403)]), [Grade.WEAK], "403"),
        (Api(then=[Answer(404)]), [Grade.WRONG], "no such domain"),
    ],
)
async def test_doctor_is_told_how_the_domain_is(api: Api, grades: list[Grade], words: str) -> None:
    async with opened(api) as sender:
        found = await sender.examine()
    assert [one.grade for one in found] == grades
    assert words in found[0].found


async def test_doctor_is_told_that_the_api_is_away() -> None:
    async with opened(Api(then=[Answer(503)])) as sender:
        with pytest.raises(EngineAway, match="503"):
            await sender.examine()
    async with opened(Api(then=[Fault.BEFORE])) as sender:
        with pytest.raises(EngineAway, match="lost"):
            await sender.examine()


def test_a_url_names_domain_region_and_limits() -> None:
    assert read_url("mailgun://MG.Example").messages == "https://api.mailgun.net/v3/mg.example/messages.mime"
    place = read_url("mailgun://mg.example?region=eu&connections=8&begin=2&timeout=9")
    assert place.about == "https://api.eu.mailgun.net/v3/domains/mg.example"
    assert (place.limits.connections, place.limits.begin, place.limits.timeout) == (8, 2.0, 9.0)
    assert Place(domain="mg.example").shown == "mg.example at api.mailgun.net"


@pytest.mark.parametrize(
    "url",
    [
        "mailgun://api:key-1@mg.example",
        "mailgun://key-1@mg.example",
        "mailgun://",
        "mailgun://[",
        "mailgun://mg.example:443",
        "mailgun://mg.example/key-1",
        "mailgun://mg.example#key-1",
        "mailgun://mg_.example..",
        "mailgun://mg.example?region=mars",
        "mailgun://mg.example?key=key-1",
        "mailgun://mg.example?api=https://evil.example",
        "mailgun://mg.example?api=http://127.0.0.1@evil.example",
        "mailgun://mg.example?api=http://[",
        "mailgun://mg.example?connections=0",
        "mailgun://mg.example?connections=x",
        "mailgun://mg.example?timeout=-1",
        "mailgun://mg.example?begin=99",
        "smtp://mg.example",
    ],
)
def test_a_url_that_names_no_domain_of_mailgun_is_refused_without_showing_it(url: str) -> None:
    with pytest.raises(UnusableDomainError) as refused:
        read_url(url)
    assert "key-1" not in str(refused.value)
    assert "evil" not in str(refused.value)
