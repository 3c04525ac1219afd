"""A channel of somebody else: found by its scheme or given as an object, chosen by participants, or refused at start."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Collection, Mapping
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from attrs import evolve

from convalias import Convalias, ConversationThread, Participant, registry
from convalias.adapters import hub, memory
from convalias.cli import main
from convalias.domain.conversations.events import ConversationClosed
from convalias.domain.ids import AccountId
from convalias.ports import FOR_EVER, Channel, ChannelAt, Declined, Guarantee, Notification, Sent, Unavailable
from convalias.settings import WrongSettings, read_settings
from convalias.testing import conformance
from convalias.testing.conformance import Check
from services.outbound_world import Hub

TOYS = Path(__file__).resolve().parents[1] / "toys"
NUMBER = "+44 20 7946 0018"


@pytest.fixture
def toys(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(TOYS))


class BobByText:
    """Bob has chosen SMS, and nobody else anything."""

    async def of(self, thread: ConversationThread) -> Mapping[AccountId, tuple[Channel, ...]]:
        return {AccountId("bob"): (Channel.SMS,)}


class Numbers:
    async def of(self, channel: Channel, accounts: Collection[AccountId]) -> Mapping[AccountId, str]:
        return {one: NUMBER for one in accounts if (channel, one) == (Channel.SMS, "bob")}


class Texts:
    """Sends by one channel, and remembers what it sent."""

    def __init__(self, channel: Channel = Channel.SMS) -> None:
        self.channel = channel
        self.sent: list[Notification] = []

    @property
    def channels(self) -> Mapping[Channel, Guarantee]:
        return {self.channel: Guarantee(FOR_EVER)}

    async def send(self, notification: Notification) -> Sent | Declined:
        if all(one.id != notification.id for one in self.sent):
            self.sent.append(notification)
        return Sent()


async def talked(cv: Convalias) -> None:
    """Ann writes to Bob, of whom no mailbox is known, and to Cid."""
    people = [
        Participant.of("ann", name="Ann", addresses=["ann@home.example"]),
        Participant.of("bob"),
        Participant.of("cid", addresses=["cid@home.example"]),
    ]
    await cv.open_conversation("c1", use_case="hiring", participants=people)
    await cv.messaging.send("c1", "Hello Bob, write to ann@home.example!", author="ann", key="k1")
    for _ in range(2):
        await cv.run_until_idle()


def settings_file(folder: Path, text: str) -> Path:
    path = folder / "convalias.toml"
    path.write_text(f'data = "{folder / "data"}"\nalias_domains = ["reply.example"]\n{text}', encoding="utf-8")
    return path


def refusal(**given: Any) -> Mapping[str, str]:
    with pytest.raises(WrongSettings) as raised:
        Convalias.in_memory(alias_domain="reply.example", **given)
    return raised.value.problems


def mailed(cv: Convalias) -> list[str]:
    outbox = cv.ports.mail
    assert isinstance(outbox, memory.Outbox)
    return [str(mail.to) for mail in outbox.mails]


# --- the whole path ---------------------------------------------------------------------------------


async def test_one_who_prefers_sms_gets_one_with_the_number_and_the_others_get_mail() -> None:
    sms = Texts()
    async with Convalias.in_memory(
        alias_domain="reply.example",
        channels={Channel.SMS: sms},
        channel_choice=BobByText(),
        endpoints=Numbers(),
    ) as cv:
        await talked(cv)
        assert mailed(cv) == ["cid@home.example"]
    (text,) = sms.sent
    assert (text.recipient, text.endpoint, text.reply_alias, text.recipient_address) == ("bob", NUMBER, None, None)
    assert text.author_name == "Ann"
    assert "ann@home.example" not in str(text.event)


@pytest.mark.usefixtures("toys")
async def test_a_channel_of_another_distribution_is_found_by_the_scheme_of_its_url(tmp_path: Path) -> None:
    file = settings_file(tmp_path, f'[channels]\nsms = "toy://{tmp_path.name}"\n')
    async with Convalias.from_toml(file, environ={}, channel_choice=BobByText(), endpoints=Numbers()) as cv:
        await talked(cv)
    from convalias_toys.channel import SENT  # noqa: PLC0415 - it is found by the fixture

    (text,) = SENT[tmp_path.name].values()
    assert (text.recipient, text.channel, text.endpoint) == ("bob", Channel.SMS, NUMBER)


async def test_a_folder_is_a_channel_whose_files_somebody_else_sends(tmp_path: Path) -> None:
    file = settings_file(tmp_path, f'[channels]\nsms = "file://{tmp_path}/left%20here"\n')
    async with Convalias.from_toml(file, environ={}, channel_choice=BobByText(), endpoints=Numbers()) as cv:
        await talked(cv)
    (path,) = (tmp_path / "left here").iterdir()
    body = json.loads(path.read_text(encoding="utf-8"))
    assert (body["to"], body["channel"], body["recipient"], body["author"]) == (NUMBER, "sms", "bob", "Ann")
    assert body["text"].startswith("Hello Bob, write to ")


async def test_a_hub_that_is_given_stands_before_the_one_of_the_settings(tmp_path: Path) -> None:
    file, sms = settings_file(tmp_path, '[channels]\nsms = "file:///nowhere"\n'), Texts()
    given: Any = {"channels": {Channel.SMS: sms}, "channel_choice": BobByText(), "endpoints": Numbers()}
    async with Convalias.from_toml(file, environ={}, **given) as cv:
        await talked(cv)
    assert len(sms.sent) == 1


async def test_a_hub_that_raises_what_its_port_does_not_name_may_have_sent_and_is_noted() -> None:
    class Breaks(Texts):
        async def send(self, notification: Notification) -> Sent | Declined:
            await super().send(notification)
            raise KeyError(NUMBER)

    sms = Breaks()
    given: Any = {"channels": {Channel.SMS: sms}, "channel_choice": BobByText(), "endpoints": Numbers()}
    async with Convalias.in_memory(alias_domain="reply.example", **given) as cv:
        await talked(cv)
        assert len(sms.sent) == 1
        assert mailed(cv) == ["cid@home.example"]
        noted = cv._faults
        assert noted is not None
        assert "channels.sms.send: KeyError" in noted.lately()
        assert NUMBER not in noted.lately()


# --- refused at start -------------------------------------------------------------------------------


def test_a_channel_that_nobody_chooses_or_that_reaches_nobody_is_refused() -> None:
    sms: Any = {Channel.SMS: Texts()}
    assert "expected one: without it everybody is notified by e-mail" in refusal(channels=sms)["channels.sms"]
    told = refusal(channels=sms, channel_choice=BobByText())
    assert told == {
        "channels.sms": "found no endpoints= beside it, expected one that says where sms reaches an account"
    }
    in_app: Any = {Channel.IN_APP: Texts(Channel.IN_APP)}
    assert not Convalias.in_memory(alias_domain="r.example", channels=in_app, channel_choice=BobByText()).is_open
    mail: Any = {Channel.EMAIL: Texts(Channel.EMAIL)}
    assert not Convalias.in_memory(alias_domain="r.example", channels=mail).is_open


class CannotSay(Texts):
    @property
    def channels(self) -> Mapping[Channel, Guarantee]:
        raise KeyError(NUMBER)


class ServesNothing(Texts):
    @property
    def channels(self) -> Mapping[Channel, Guarantee]:
        return {}


@pytest.mark.parametrize(
    ("channels", "key", "problem"),
    [
        ([Texts()], "channels", "found list, expected hubs by Channel, such as {Channel.SMS: hub}"),
        ({"sms": Texts()}, "channels", "found 'sms', expected a Channel, such as Channel.SMS"),
        ({Channel.SMS: object()}, "channels.sms", "found object without channels"),
        ({Channel.SMS: Texts}, "channels.sms", "found the class Texts, expected an object of it"),
        ({Channel.SMS: Texts(Channel.PUSH)}, "channels.sms", "found a hub that serves push, expected one that serves"),
        ({Channel.SMS: ServesNothing()}, "channels.sms", "found a hub that serves nothing, expected"),
        ({Channel.SMS: CannotSay()}, "channels.sms", "found a hub that cannot say what it serves: KeyError"),
    ],
)
def test_what_is_no_hub_of_its_channel_is_refused(channels: object, key: str, problem: str) -> None:
    told = refusal(channels=channels, channel_choice=BobByText(), endpoints=Numbers())
    assert list(told) == [key]
    assert told[key].startswith(problem)
    assert NUMBER not in told[key]


@pytest.mark.usefixtures("toys")
async def test_a_registered_hub_that_serves_another_channel_is_refused_when_it_is_opened(tmp_path: Path) -> None:
    file = settings_file(tmp_path, '[channels]\nsms = "toy://wrong"\n')
    with pytest.raises(WrongSettings, match="found a hub that serves push, expected one that serves sms"):
        async with Convalias.from_toml(file, environ={}, channel_choice=BobByText(), endpoints=Numbers()):
            pass


def test_settings_name_channels_by_url_and_secrets_come_from_the_environment(tmp_path: Path) -> None:
    file = settings_file(tmp_path, '[channels]\nsms = "file:///sms"\n')
    assert read_settings(file, environ={}).channels == {Channel.SMS: "file:///sms"}
    read = read_settings(file, environ={"CONVALIAS_CHANNEL_PUSH": "file://key@host/push"})
    assert read.channels == {Channel.SMS: "file:///sms", Channel.PUSH: "file://key@host/push"}
    assert "key@" not in repr(read)


@pytest.mark.parametrize(
    ("text", "key", "problem"),
    [
        ("[channels]\nfax = 'file:///fax'", "channels.fax", "unknown; expected one of in_app, push, sms"),
        ("[channels]\nemail = 'file:///mail'", "channels.email", "unknown; expected one of in_app, push, sms"),
        ("[channels]\nsms = 1", "channels.sms", "a URL"),
        ("[channels]\nsms = 'post://x'", "channels.sms", "expected a URL that starts with file://"),
        ("[channels]\nsms = 'file://key@host/sms'", "channels.sms", "set CONVALIAS_CHANNEL_SMS"),
    ],
)
def test_wrong_channels_are_told_by_their_key(tmp_path: Path, text: str, key: str, problem: str) -> None:
    with pytest.raises(WrongSettings) as raised:
        read_settings(settings_file(tmp_path, text), environ={})
    assert problem in raised.value.problems[key]


@pytest.mark.parametrize("command", [["worker", "outbound", "--once"], ["run", "--port", "0"]])
def test_the_command_line_notifies_nobody_by_mail_alone_where_a_program_chooses_channels(
    tmp_path: Path, command: list[str], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CONVALIAS_MAILGUN_SIGNING_KEY", "key")
    file = settings_file(tmp_path, '[channels]\nsms = "file:///sms"\n')
    assert main([*command, "--config", str(file)]) == 78
    assert "channels.sms: found no channel_choice=" in capsys.readouterr().err


# --- the adapters -----------------------------------------------------------------------------------


@pytest.mark.parametrize("scheme", ["toy", "file"])
@pytest.mark.parametrize("check", conformance.NOTIFICATION_HUB, ids=str)
@pytest.mark.usefixtures("toys")
async def test_a_registered_channel_keeps_the_promises_of_a_hub(
    check: Check[conformance.MakeNotificationHub], scheme: str, tmp_path: Path
) -> None:
    @asynccontextmanager
    async def open_hub(place: str) -> AsyncIterator[conformance.HubUnderTest]:
        name = f"{tmp_path.name}-{place}"
        url = f"toy://{name}" if scheme == "toy" else f"file://{tmp_path}/{place}"
        engine = registry.load(registry.CHANNELS, scheme, "opened")

        async def left() -> list[str]:
            if scheme == "file":
                folder = tmp_path / place
                return [path.stem for path in folder.iterdir()] if folder.exists() else []
            from convalias_toys.channel import SENT  # noqa: PLC0415 - it is found by the fixture

            return [*SENT[name]]

        at = ChannelAt(
            url=url,
            within=timedelta(0),
            clock=memory.Clock(),
            incarnation=memory.Incarnation("a"),
            channel=Channel.SMS,
        )
        async with engine.opened(at) as opened:
            yield conformance.HubUnderTest(port=opened, left=left)

    await check(open_hub)


async def test_a_folder_that_cannot_be_written_sent_nothing_and_takes_messages_alone(tmp_path: Path) -> None:
    (tmp_path / "sms").write_text("a file where the folder would be", encoding="utf-8")
    engine = registry.load(registry.CHANNELS, "file", "opened")
    sms = Texts()
    given: Any = {"channels": {Channel.SMS: sms}, "channel_choice": BobByText(), "endpoints": Numbers()}
    async with Convalias.in_memory(alias_domain="reply.example", **given) as cv:
        await talked(cv)
    at = ChannelAt(
        url=f"file://{tmp_path}/sms",
        within=timedelta(0),
        clock=memory.Clock(),
        incarnation=memory.Incarnation("a"),
        channel=Channel.SMS,
    )
    async with engine.opened(at) as folder:
        with pytest.raises(Unavailable, match="the folder of sms"):
            await folder.send(sms.sent[0])
        other = evolve(sms.sent[0], event=evolve(sms.sent[0].event, happening=ConversationClosed()))
        assert isinstance(await folder.send(other), Declined)


async def test_each_channel_is_asked_of_its_own_hub_and_one_that_cannot_tell_stops_no_other() -> None:
    broken = hub.ChannelsHub(Hub(memory.Clock()), {Channel.SMS: CannotSay(), Channel.PUSH: Texts(Channel.PUSH)})
    assert broken.channels.get(Channel.PUSH) == Guarantee(FOR_EVER)
    assert broken.channels.get(Channel.IN_APP) is None
    assert Channel.EMAIL in broken.channels
    whole = hub.ChannelsHub(Hub(memory.Clock()), {Channel.PUSH: Texts(Channel.PUSH)})
    assert [*whole.channels] == [Channel.PUSH, Channel.EMAIL]
    assert len(whole.channels) == 2
