"""Mail that no border spoke for, through a whole deployment: signed, spoofed, and while no name server answers."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any, TypeAlias

import pytest
from attrs import define, field

from adapters.mime.authentication.signing import Zone, signed, zone
from convalias.adapters import memory, system
from convalias.adapters.dns import DnsResolver
from convalias.adapters.mime.authentication import Authenticator, WithoutSpf
from convalias.app import Convalias
from convalias.domain.addresses.email_address import EmailAddress
from convalias.domain.conversations.events import MessageAdded
from convalias.domain.conversations.participants import Account, Participant
from convalias.domain.ids import AccountId, ConversationId
from convalias.domain.inbound.outcomes import Done, Effect, Held, Refused, Relayed
from convalias.domain.inbound.posts import IncomingMail, RecordKey
from convalias.domain.mail.authentication import SenderEvidence
from convalias.domain.mail.reasons import Reason
from convalias.ports.dns import NoSuchName, TemporaryFailure, TxtAnswer, TxtRecords
from convalias.ports.mail import SenderAuthenticator
from convalias.settings import WrongSettings

ANN = Participant.of("ann", name="Ann Ray", addresses=["ann@home.example"])
BOB = Participant.of("bob", name="Bob Lee", addresses=["bob@corp.example"])
Make: TypeAlias = Callable[[SenderAuthenticator], Convalias]


@define
class Weather:
    """A resolver whose name servers may be away."""

    names: Zone = field(factory=zone)
    away: bool = False

    async def txt(self, name: str) -> TxtAnswer:
        return TemporaryFailure("SERVFAIL") if self.away else await self.names.txt(name)


@pytest.fixture(params=["memory", "embedded"])
def make(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Make:
    """Both under virtual time, so that nobody waits."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "convalias.toml").write_text('alias_domains = ["reply.example"]\n')
    if request.param == "memory":
        return lambda authenticator: Convalias.in_memory(alias_domain="reply.example", authenticator=authenticator)
    monkeypatch.setattr(system, "Clock", memory.Clock)
    return lambda authenticator: Convalias.from_toml(data=tmp_path / "data", environ={}, authenticator=authenticator)


def written(alias: EmailAddress, number: int = 1) -> bytes:
    return (
        f"From: Bob <bob@corp.example>\r\nTo: {alias}\r\nSubject: The job\r\nDate: Mon, 02 Mar 2026 12:00:00 +0100\r\n"
        f"Message-ID: <{number}@corp.example>\r\n\r\nHello {number}\r\n"
    ).encode()


async def alias_of(cv: Convalias) -> EmailAddress:
    return (await cv.open_conversation("c1", use_case="hiring", participants=[ANN, BOB]))[ANN.account]


async def effects(cv: Convalias) -> list[Effect]:
    """Of all mails that came to an end, in no order."""
    keys = await cv.ports.blobs.names("envelopes/", after="", limit=100)
    records = [await cv.services.stores.inbound.outcome(RecordKey(key)) for key in keys]
    outcomes = [record.outcome for record in records if record is not None]
    return [effect for one in outcomes if isinstance(one, Done) for _, effect in one.effects]


async def verified(cv: Convalias) -> list[bool]:
    events = await cv.services.stores.conversations.after(ConversationId("c1"), 0, limit=100)
    return [one.happening.author.verified for one in events if isinstance(one.happening, MessageAdded)]


async def minutes_pass(cv: Convalias, minutes: int) -> None:
    clock = cv.ports.clock
    assert isinstance(clock, memory.Clock)
    for _ in range(minutes):
        await clock.advance(timedelta(minutes=1))
        await cv.run_until_idle()


async def test_a_signed_mail_is_relayed_as_verified(make: Make) -> None:
    async with make(Authenticator(resolver=zone())) as cv:
        alias = await alias_of(cv)
        await cv.receiver.accept(IncomingMail(signed(written(alias)), recipients=[alias]))
        await cv.run_until_idle()
        assert [type(one) for one in await effects(cv)] == [Relayed]
        assert await verified(cv) == [True]


@pytest.mark.parametrize(
    ("spf", "border", "expected"),
    [
        (WithoutSpf.FAIL, None, Refused(Reason.SPOOFED_SENDER)),
        (WithoutSpf.ASK, SenderEvidence(), Refused(Reason.SPOOFED_SENDER)),
        (WithoutSpf.ASK, None, Held),
    ],
    ids=["all sign", "the border saw SPF fail", "nobody saw SPF"],
)
async def test_a_mail_in_the_name_of_a_domain_that_says_reject_is_posted_by_nobody(
    make: Make, spf: WithoutSpf, border: SenderEvidence | None, expected: object
) -> None:
    async with make(Authenticator(resolver=zone(), without_spf=spf)) as cv:
        alias = await alias_of(cv)
        await cv.receiver.accept(IncomingMail(written(alias), recipients=[alias], evidence=border))
        await cv.run_until_idle()
        (effect,) = await effects(cv)
        assert effect == expected or (isinstance(expected, type) and isinstance(effect, expected))
        assert await verified(cv) == []


async def test_while_no_name_server_answers_a_mail_waits_then_is_held_and_a_replay_asks_again(make: Make) -> None:
    weather = Weather(away=True)
    async with make(Authenticator(resolver=weather)) as cv:
        alias = await alias_of(cv)
        await cv.receiver.accept(IncomingMail(signed(written(alias)), recipients=[alias]))
        idle = await cv.run_until_idle()
        assert (idle.waiting, await effects(cv)) == (1, [])
        await minutes_pass(cv, 10)
        assert [type(one) for one in await effects(cv)] == [Held]
        assert (await cv.run_until_idle()).dead == 0
        weather.away = False
        await cv.replay.all(dry_run=False)
        assert [type(one) for one in await effects(cv)] == [Relayed]
        assert await verified(cv) == [True]


async def test_a_name_server_that_comes_back_in_time_costs_a_delay_and_no_more(make: Make) -> None:
    weather = Weather(away=True)
    async with make(Authenticator(resolver=weather)) as cv:
        alias = await alias_of(cv)
        await cv.receiver.accept(IncomingMail(signed(written(alias)), recipients=[alias]))
        await cv.run_until_idle()
        weather.away = False
        await minutes_pass(cv, 2)
        assert await verified(cv) == [True]


# --- settings --------------------------------------------------------------------------------------------


def configured(folder: Path, text: str, environ: Mapping[str, str] | None = None) -> Convalias:
    (folder / "convalias.toml").write_text(text)
    return Convalias.from_toml(folder / "convalias.toml", data=folder / "data", environ=environ or {})


async def test_name_servers_are_asked_by_a_deployment_that_says_so(tmp_path: Path) -> None:
    text = (
        "authenticate_senders = true\n[authentication]\n"
        'sealers = ["fwd.example"]\nwithout_spf = "fail"\nname_servers = ["192.0.2.53"]\n'
    )

    async with configured(tmp_path, "platform = 'x'\n") as cv:
        assert cv.ports.authenticator is None
    async with configured(tmp_path, text) as cv:
        chosen = cv.ports.authenticator
        assert isinstance(chosen, Authenticator)
        assert (chosen.sealers, chosen.without_spf) == ({"fwd.example"}, WithoutSpf.FAIL)
        assert isinstance(chosen.resolver, DnsResolver)
        assert getattr(chosen.resolver.asked, "nameservers", None) == ["192.0.2.53"]
    async with configured(tmp_path, "authenticate_senders = true\n") as cv:
        assert isinstance(cv.ports.authenticator, Authenticator)


def test_without_the_library_that_is_told_as_a_wrong_setting(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [
        one for one in sys.modules if one.partition(".")[0] == "dns" or one.startswith("convalias.adapters.dns")
    ]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "dns", None)
    with pytest.raises(WrongSettings, match=r"convalias\[dns\]"):
        configured(tmp_path, "authenticate_senders = true\n")


async def test_spf_is_computed_by_a_deployment_that_names_its_borders(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def txt(_: object, name: str) -> TxtAnswer:
        records = {"corp.example": b"v=spf1 ip4:11.22.33.44 -all", "_dmarc.corp.example": b"v=DMARC1; p=reject"}
        return TxtRecords((records[name],)) if name in records else NoSuchName()

    monkeypatch.setattr(DnsResolver, "txt", txt)
    text = (
        'alias_domains = ["reply.example"]\nauthenticate_senders = true\n'
        'authentication.spf_borders = ["mx.border.example"]\n'
    )
    async with configured(tmp_path, text) as cv:
        alias = await alias_of(cv)
        for number, client in ((1, "11.22.33.44"), (2, "11.9.9.9")):
            received = f"Received: from x (y [{client}]) by mx.border.example; z\r\n".encode()
            mail = IncomingMail(received + written(alias, number), recipients=[alias], sender="bob@corp.example")
            await cv.receiver.accept(mail)
            await cv.run_until_idle("inbound")
        assert await verified(cv) == [True]
        assert Refused(Reason.SPOOFED_SENDER) in await effects(cv)


def test_without_the_library_for_spf_that_is_told_as_a_wrong_setting(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in [one for one in sys.modules if one.startswith("convalias.adapters.spf")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "spf", None)
    with pytest.raises(WrongSettings, match=r"convalias\[spf\]"):
        configured(tmp_path, 'authenticate_senders = true\nauthentication.spf_borders = ["mx.example"]\n')


# --- a directory of one's own ----------------------------------------------------------------------------


@define
class Directory:
    """Counts how often it was asked who has an address."""

    asked: int = 0

    async def at(self, addresses: Any) -> Mapping[EmailAddress, tuple[Account, ...]]:
        self.asked += 1
        known = Account(AccountId("bob"), BOB.addresses)
        return {one: (known,) if one in BOB.addresses else () for one in addresses}

    async def authenticated(self, addresses: Any) -> frozenset[EmailAddress]:
        return frozenset()

    async def get(self, accounts: Any) -> Mapping[AccountId, Account]:
        return {account: Account(account) for account in accounts}


@pytest.mark.parametrize(("seconds", "asked"), [(60, 1), (0, 2)])
async def test_a_directory_of_ones_own_is_asked_once_in_a_while(tmp_path: Path, seconds: int, asked: int) -> None:
    directory = Directory()
    (tmp_path / "c.toml").write_text(f'alias_domains = ["reply.example"]\nidentity_cache_seconds = {seconds}\n')
    async with Convalias.from_toml(tmp_path / "c.toml", data=tmp_path / "data", environ={}, identity=directory) as cv:
        alias = await alias_of(cv)
        for number in (1, 2):
            await cv.receiver.accept(IncomingMail(written(alias, number), recipients=[alias]))
            await cv.run_until_idle("inbound")
        assert await verified(cv) == [False, False]
        assert directory.asked == asked
