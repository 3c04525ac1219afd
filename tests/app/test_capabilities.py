"""What an adapter of the host can do beyond its port is listed in one table, guarded, and measured by what was asked."""

from __future__ import annotations

import ast
import inspect
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol, cast, get_type_hints

import pytest

import convalias
from convalias.adapters import memory
from convalias.app import Convalias
from convalias.app.answers import MISMATCHES
from convalias.app.capabilities import CAPABILITIES, capabilities_of, methods_of
from convalias.app.guards import AdapterFaults, guarded
from convalias.app.ports import Instead
from convalias.app.workers import log
from convalias.domain.conversations.participants import Account, Participant
from convalias.domain.ids import AccountId
from convalias.domain.outbound.delivery import Channel
from convalias.ports.channels import ChannelEndpoints
from convalias.ports.conversations import (
    Conversations,
    History,
    Message,
    MessageRef,
    NewMessage,
    PostDeclined,
    Posted,
    ReadMarks,
    Thread,
)
from convalias.ports.errors import AdapterFailed
from convalias.ports.hub import Answer, Guarantee, NotificationHub, Sent
from convalias.ports.mail import OutgoingMail, RememberingMail, guarantee_of
from convalias.ports.people import IdentityDirectory
from convalias.services.running.log_lines import LogLines
from convalias.settings import WrongSettings
from ports.minimal import talks

SOURCE = Path(convalias.__file__).parent
NOT_OF_A_HOST = {
    "OpensLate": "ports of ours, opened at their first use",
    "Migrates": "an engine that a URL of the settings names",
    "LongPolls": "the same",
    "Examined": "the same",
    "Asked": "ours",
}
"""What the code asks of objects that no host gives to the facade."""
NOW = memory.Clock().now()


def kept() -> AdapterFaults:
    clock = memory.Clock()
    return AdapterFaults(clock, LogLines(log, clock))


# --- the table ---------------------------------------------------------------------------------------


def asked_for() -> set[str]:
    """Runtime-checkable protocols that the code asks an object for by `isinstance`, outside what tests bring."""
    protocols, asked = set[str](), set[str]()
    for path in SOURCE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ClassDef) and any(
                "runtime_checkable" in ast.dump(one) for one in node.decorator_list
            ):
                protocols.add(node.name)
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "isinstance":
                asked |= {one.attr if isinstance(one, ast.Attribute) else one.id for one in named(node.args[1])}
    return asked & protocols


def named(node: ast.expr) -> list[ast.Name | ast.Attribute]:
    return [one for one in ast.walk(node) if isinstance(one, ast.Name | ast.Attribute)]


def test_the_table_lists_what_the_code_asks_an_object_of_the_host_for() -> None:
    listed = {one.__name__ for capabilities in CAPABILITIES.values() for one in capabilities}
    assert asked_for() - NOT_OF_A_HOST.keys() == listed - {"RememberingMail"}
    assert 'getattr(mail, "guarantee"' in inspect.getsource(guarantee_of)  # how that one is asked for
    assert {*CAPABILITIES} <= {*get_type_hints(Instead)}


# --- guarded -----------------------------------------------------------------------------------------


def failing(*protocols: type) -> object:
    """An object with all that these name, each of which fails."""

    async def later(*args: object, **named: object) -> object:
        raise KeyError("bob@home.example")

    def at_once(*args: object, **named: object) -> object:
        raise KeyError("bob@home.example")

    members: dict[str, object] = {}
    for protocol in protocols:
        for name, asked in methods_of(protocol).items():
            is_property = isinstance(asked, property)
            members[name] = (
                property(at_once) if is_property else later if inspect.iscoroutinefunction(asked) else at_once
            )
    return type("Adapter", (), members)()


EVERY = [
    pytest.param(keyword, one, name, id=f"{keyword} {one.__name__}.{name}")
    for keyword, capabilities in CAPABILITIES.items()
    for one in capabilities
    for name in methods_of(one)
]


@pytest.mark.parametrize(("keyword", "capability", "name"), EVERY)
async def test_a_capability_that_fails_is_try_again_and_names_its_line(
    keyword: str, capability: type[Any], name: str
) -> None:
    faults = kept()
    port = guarded(
        failing(get_type_hints(Instead)[keyword], capability), keyword, get_type_hints(Instead)[keyword], faults
    )
    with pytest.raises(AdapterFailed, match=rf"{keyword}.{name} of the host: KeyError at app/test_capabilities.py:"):
        await asked_of(port, capability, name)
    assert f"{keyword}.{name}" in faults.lately()


async def asked_of(port: object, capability: type[Any], name: str) -> None:
    """Read or call that once, with whatever it takes."""
    asked = methods_of(capability)[name]
    answer: Any = getattr(port, name)
    if isinstance(asked, property):
        return
    given = [one for one in inspect.signature(asked).parameters.values() if one.name != "self"]
    answer = answer(**{one.name: object() for one in given})
    if inspect.isawaitable(answer):
        await answer


class Talks(talks.Conversations):
    """With both capabilities, whose answers a test may set."""

    async def read(self, thread: str, message: str, accounts: Any) -> Any:
        return {*accounts}

    async def history(self, thread: str, *, before: str | None = None, limit: int) -> Any:
        return []


def test_what_a_port_cannot_do_it_cannot_do_behind_its_guard() -> None:
    """`isinstance` answers as it did, and nothing is asked for that."""
    bare: Any = guarded(talks.Conversations(), "conversations", Conversations, kept())
    able: Any = guarded(Talks(), "conversations", Conversations, kept())
    assert (isinstance(bare, ReadMarks), isinstance(bare, History)) == (False, False)
    assert (isinstance(able, ReadMarks), isinstance(able, History)) == (True, True)


def test_an_attribute_that_fails_when_it_is_looked_for_is_no_capability() -> None:
    class Odd(talks.Conversations):
        def __getattr__(self, name: str) -> object:
            raise KeyError(name)

    assert capabilities_of(Odd(), "conversations") == []


def test_a_capability_that_is_not_awaited_is_refused_at_the_start() -> None:
    class Marks(talks.Conversations):
        def read(self, thread: str, message: str, accounts: Any) -> set[str]:
            return set()

    with pytest.raises(WrongSettings, match=r"found def read of Marks, expected async def: ReadMarks.read is awaited"):
        Convalias.in_memory(alias_domain="reply.example", conversations=Marks())


# --- asking about a key ------------------------------------------------------------------------------


class Asked:
    """Sends nothing; when asked about a key, it answers what it was told to."""

    def __init__(self, answer: object) -> None:
        self.answer = answer

    async def ask(self, key: str) -> Answer:
        if isinstance(self.answer, Exception):
            raise self.answer
        return cast("Answer", self.answer)

    @property
    def guarantee(self) -> Guarantee:
        return Guarantee(ask=self.ask)

    @property
    def channels(self) -> Mapping[Channel, Guarantee]:
        return {Channel.SMS: Guarantee(ask=self.ask), Channel.PUSH: Guarantee()}

    async def send(self, mail: object) -> None: ...


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        (KeyError("+44 20"), r"ask of the host: KeyError at app/test_capabilities.py:\d+ in Asked.ask"),
        (None, r"ask of the host: found None, expected Sent | NotSent | Unknown, from Asked.ask in app/test_cap"),
    ],
)
async def test_who_is_asked_about_a_key_and_fails_is_told_of(answer: object, told: str) -> None:
    mail: Any = guarded(Asked(answer), "mail", OutgoingMail, kept())
    hub: Any = guarded(Asked(answer), "channels.sms", NotificationHub, kept())
    for ask in (mail.guarantee.ask, hub.channels[Channel.SMS].ask):
        with pytest.raises(AdapterFailed, match=told):
            await ask("key")
    assert hub.channels[Channel.PUSH].ask is None


async def test_who_answers_about_a_key_is_heard() -> None:
    mail: Any = guarded(Asked(Sent()), "mail", OutgoingMail, kept())
    assert await mail.guarantee.ask("key") == Sent()
    assert methods_of(RememberingMail).keys() == {"guarantee"}


# --- answers of the right type that are not what was asked ---------------------------------------------


class Saying(Talks):
    """Answers what it is told to, whatever it is asked."""

    def __init__(self, answer: object) -> None:
        super().__init__()
        self.said = answer

    async def thread(self, id: str) -> Any:  # noqa: A002 - as the port calls it
        return self.said

    async def post(self, message: NewMessage) -> Any:
        return self.said

    async def find(self, thread: str, *, message: str | None = None, key: str | None = None) -> Any:
        return self.said

    async def untold(self, *, limit: int) -> Any:
        return self.said

    async def told(self, messages: Any) -> Any:
        return self.said

    async def read(self, thread: str, message: str, accounts: Any) -> Any:
        return self.said

    async def history(self, thread: str, *, before: str | None = None, limit: int) -> Any:
        return self.said


def thread(identity: str) -> Thread:
    return Thread(id=identity, use_case="hiring", members=(Participant.of("ann"),))


def message(identity: str, key: str | None = None) -> Message:
    return Message(id=identity, author=None, text="Hello", at=NOW, key=key)


NEW = NewMessage(thread="c1", key="k1", author=None, author_name="Bob", text="Hello", at=NOW)
OTHERS = "accounts that were not asked"


async def unawaited() -> None: ...


@pytest.mark.parametrize(
    ("call", "given", "answer", "found"),
    [
        ("thread", {"id": "c1"}, thread("c2"), "found the Thread of another id, expected that of the id asked for"),
        ("thread", {"id": "c1"}, {"id": "c1"}, "found dict, expected Thread | None"),
        ("post", {"message": NEW}, None, "found None, expected Posted | AlreadyPosted | PostDeclined"),
        (
            "find",
            {"thread": "c1", "message": "7"},
            message("8"),
            "found a Message of another id, expected that of the id",
        ),
        (
            "find",
            {"thread": "c1", "key": "k1"},
            message("7"),
            "found a Message without a key, expected that of the key",
        ),
        ("find", {"thread": "c1", "key": "k1"}, message("7", "k2"), "found a Message of another key, expected that of"),
        ("find", {"thread": "c1", "key": "k1"}, "7", "found str, expected Message | None"),
        (
            "untold",
            {"limit": 1},
            [MessageRef("c1", "1"), MessageRef("c1", "2")],
            "found 2 messages, expected at most 1",
        ),
        ("untold", {"limit": 9}, [("c1", "1")], "found list, expected Sequence[MessageRef]"),
        ("untold", {"limit": 9}, None, "found None, expected Sequence[MessageRef]"),
        ("told", {"messages": []}, 3, "found int, expected None"),
        ("read", {"thread": "c1", "message": "1", "accounts": {"bob"}}, {"ann", "bob"}, f"found 1 {OTHERS} about"),
        ("read", {"thread": "c1", "message": "1", "accounts": {"bob"}}, "bob", "found str, expected Collection[str]"),
        (
            "read",
            {"thread": "c1", "message": "1", "accounts": {"bob"}},
            {"bob": True},
            "found dict, expected Collection",
        ),
        ("read", {"thread": "c1", "message": "1", "accounts": {"bob"}}, [7], "found list, expected Collection[str]"),
        ("history", {"thread": "c1", "limit": 1}, [message("1"), message("2")], "found 2 messages, expected at most 1"),
        ("history", {"thread": "c1", "before": "2", "limit": 9}, [message("2")], "found the message that was given as"),
        ("history", {"thread": "c1", "limit": 9}, ["1"], "found list, expected Sequence[Message]"),
    ],
)
async def test_what_is_not_what_was_asked_is_blamed_on_the_conversations_of_the_host(
    call: str, given: dict[str, Any], answer: object, found: str
) -> None:
    port: Any = guarded(Saying(answer), "conversations", Conversations, kept())
    with pytest.raises(AdapterFailed) as failed:
        await getattr(port, call)(**given)
    assert str(failed.value).startswith(f"conversations.{call} of the host: {found}")
    assert f"from Saying.{call} in app/test_capabilities.py:" in str(failed.value)


@pytest.mark.parametrize(
    ("call", "given", "answer"),
    [
        ("thread", {"id": "c1"}, thread("c1")),
        ("thread", {"id": "c1"}, None),
        ("post", {"message": NEW}, Posted("7")),
        ("post", {"message": NEW}, PostDeclined("closed")),
        ("find", {"thread": "c1", "message": "7"}, message("7")),
        ("find", {"thread": "c1", "key": "k1"}, message("7", "k1")),
        ("find", {"thread": "c1", "key": "k1"}, None),
        ("untold", {"limit": 1}, [MessageRef("c1", "1")]),
        ("told", {"messages": []}, None),
        ("read", {"thread": "c1", "message": "1", "accounts": ["bob"]}, ("bob",)),
        ("history", {"thread": "c1", "before": "3", "limit": 9}, [message("2"), message("1")]),
    ],
)
async def test_what_was_asked_is_given_on(call: str, given: dict[str, Any], answer: object) -> None:
    port: Any = guarded(Saying(answer), "conversations", Conversations, kept())
    assert await getattr(port, call)(**given) is answer


async def test_what_nobody_has_awaited_is_no_answer() -> None:
    """`return self.db.execute(...)` of an async client, without `await`: nothing was done, and nobody would know."""
    port: Any = guarded(Saying(unawaited()), "conversations", Conversations, kept())
    with pytest.raises(AdapterFailed, match="found coroutine, which nobody has awaited, expected None"):
        await port.told([])


class Directory:
    def __init__(self, answer: object) -> None:
        self.answer = answer

    async def at(self, addresses: Any) -> Any:
        return self.answer

    async def authenticated(self, addresses: Any) -> Any:
        return self.answer

    async def get(self, accounts: Any) -> Any:
        return self.answer

    async def of(self, channel: Any, accounts: Any) -> Any:
        return self.answer


ANN, BOB = AccountId("ann"), AccountId("bob")


@pytest.mark.parametrize(
    ("answer", "found"),
    [
        ({ANN: Account(BOB)}, "found an Account of another id, expected that of the id asked for"),
        ({ANN: Account(ANN), BOB: Account(BOB)}, f"found 1 {OTHERS} for, expected some of those asked for"),
    ],
)
async def test_an_account_that_was_not_asked_for_is_no_answer(answer: object, found: str) -> None:
    port: Any = guarded(Directory(answer), "identity", IdentityDirectory, kept())
    with pytest.raises(AdapterFailed, match=found):
        await port.get([ANN])


@pytest.mark.parametrize(
    ("answer", "found"),
    [
        ({ANN: ""}, "found an empty place, expected the account to be missing"),
        ({BOB: "+44 20"}, f"found 1 {OTHERS} for"),
    ],
)
async def test_a_place_that_was_not_asked_for_is_no_answer(answer: object, found: str) -> None:
    port: Any = guarded(Directory(answer), "endpoints", ChannelEndpoints, kept())
    with pytest.raises(AdapterFailed, match=found):
        await port.of(Channel.SMS, [ANN])


def test_every_call_that_is_measured_further_is_one_of_its_port() -> None:
    hints: Mapping[str, type[Protocol]] = get_type_hints(Instead)  # type: ignore[valid-type]
    for keyword, name in MISMATCHES:
        names = {one for protocol in (hints[keyword], *CAPABILITIES.get(keyword, ())) for one in methods_of(protocol)}
        assert name in names
