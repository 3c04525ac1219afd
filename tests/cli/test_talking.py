"""`send`, `read` and `timeline`."""

import json
from typing import Any

import pytest

from cli.desk import WORLD, Commands, mail

PARTED = {"id": "c1", "participants": [{"account": "john", "role": "candidate", "name": "John Smith"}]}


def test_a_chat_message_is_sent_once_under_its_key(commands: Commands) -> None:
    commands.load()
    first = commands.ask("send", "c1", "--as", "john", "--key", "k1", "Hello")
    assert commands.ask("send", "c1", "--as", "john", "--key", "k1", "Hello") == first
    (message,) = commands.messages()
    assert (message["author"], message["origin"], message["text"]) == ("john", "chat", "Hello")
    assert message["message_id"] is None


def test_another_text_under_the_same_key_is_refused(commands: Commands) -> None:
    commands.load()
    commands.ask("send", "c1", "--as", "john", "--key", "k1", "Hello")
    assert commands.run("send", "c1", "--as", "john", "--key", "k1", "Good bye").status == 65


def test_who_does_not_take_part_may_not_send(commands: Commands) -> None:
    commands.load()
    ran = commands.run("send", "c1", "--as", "eve", "--key", "k1", "Hello")
    assert ran.status == 77
    assert "NOT_PARTICIPANT" in ran.err


def test_a_read_mark_never_goes_back(commands: Commands) -> None:
    commands.load()
    assert commands.ask("read", "c1", "--as", "john", "--up-to", "3")["read_up_to"] == 3
    assert commands.ask("read", "c1", "--as", "john", "--up-to", "1")["read_up_to"] == 3


def test_nobody_has_read_what_is_not_there(commands: Commands) -> None:
    commands.load()
    assert commands.run("read", "c1", "--as", "john", "--up-to", "99").status == 65


def test_the_timeline_stitches_mail_and_chat(commands: Commands) -> None:
    commands.load()
    commands.ask("ingest", commands.file("mail.eml", mail()))
    commands.work()
    commands.ask("send", "c1", "--as", "john", "--key", "k1", "Hello Mary")
    items = commands.ask("timeline", "c1", "--as", "john")
    assert [(item["medium"], item["author"], item["own"], item["text"]) for item in items] == [
        ("mail", "Mary Major", False, "Hello John"),
        ("chat", "John Smith", True, "Hello Mary"),
    ]
    shown = commands.run("timeline", "c1", "--as", "john").out
    assert "you  (by chat)" in shown
    assert "@" not in shown


def test_a_timeline_of_nothing_says_so(commands: Commands) -> None:
    commands.load()
    assert commands.run("timeline", "c1", "--as", "john").out == "nothing was said yet\n"
    assert commands.run("timeline", "nope", "--as", "john").status == 66


def test_a_timeline_is_for_who_takes_or_took_part(commands: Commands) -> None:
    commands.load()
    commands.ask("send", "c1", "before", "--as", "john", "--key", "k1")
    refused = commands.run("timeline", "c1", "--as", "eve")
    assert (refused.status, "before" in refused.out) == (77, False)
    commands.load(lambda world: world.update(conversations=[PARTED], aliases=world["aliases"][:1]))
    commands.ask("send", "c1", "after", "--as", "john", "--key", "k2")
    assert [item["text"] for item in commands.ask("timeline", "c1", "--as", "mary")] == ["before"]
    assert [item["text"] for item in commands.ask("timeline", "c1", "--as", "john")] == ["before", "after"]


def test_an_erased_conversation_shows_no_word(commands: Commands) -> None:
    commands.load()
    commands.ask("send", "c1", "a secret word", "--as", "john", "--key", "k1")
    stranger = (
        "From: Eve <eve@secret.example>\nTo: john-smith-1ab131e2@reply.example\nMessage-ID: <secret@x>\n\nsecret\n"
    )
    commands.load(lambda world: world.update(policy={"admission": "strict"}))
    commands.ask("ingest", commands.file("held.eml", stranger))
    commands.work()
    commands.load(lambda world: world["conversations"][0].update(state="erased"))
    for command in (
        ["show", "conversation", "c1"],
        ["show", "holds"],
        ["show", "deliveries"],
        ["timeline", "c1", "--as", "john"],
        ["why"],
    ):
        for ran in (commands.run(*command), commands.run(*command, "--json")):
            assert ran.status == (66 if command[0] == "timeline" else 0), ran.err
            assert not [word for word in ("secret", "John Smith", "Mary Major") if word in ran.out], ran.out


ESCAPED = "c\udcff"
"""An octet of the command line that is no UTF-8, as Python hands it over."""


def test_what_no_store_can_hold_is_refused_where_it_enters(commands: Commands) -> None:
    commands.load()
    before = commands.ask("show", "conversation", "c1")
    for command in (
        ["send", ESCAPED, "x", "--as", "john", "--key", "k"],
        ["send", "c1", ESCAPED, "--as", "john", "--key", "k"],
        ["send", "c1", "x", "--as", ESCAPED, "--key", "k"],
        ["send", "c1", "x", "--as", "john", "--key", ESCAPED],
        ["read", "c1", "--as", ESCAPED, "--up-to", "1"],
        ["timeline", ESCAPED, "--as", "john"],
        ["timeline", "c1", "--as", ESCAPED],
        ["show", "conversation", ESCAPED],
        ["alias", "mint", "c1", "--as", "john", "--topic", ESCAPED],
        ["rollout", "set", ESCAPED, "--stage", "native", "--basis-points", "0"],
        ["rollout", "set", "apply", "--stage", "native", "--basis-points", "0", "--reason", ESCAPED],
        ["rollout", "give-back", ESCAPED],
        ["dead", "discard", ESCAPED],
        ["replay", "--job", ESCAPED],
        ["replay", "--conversation", ESCAPED],
        ["why", "--notification", ESCAPED],
        ["why", "--conversation", ESCAPED],
    ):
        ran = commands.run(*command)
        assert (ran.status, ran.err.count("\n")) == (65, 1), (command, ran.err)
    assert commands.ask("show", "conversation", "c1") == before
    assert commands.ask("rollout", "show") == []


@pytest.mark.parametrize(
    ("table", "row"),
    [
        ("conversations", {"id": "c\ud800"}),
        ("conversations", {"id": "c2", "use_case": "\ud800"}),
        ("conversations", {"id": "c2", "participants": [{"account": "x", "name": "\0"}]}),
        ("accounts", {"id": "\ud800"}),
        ("address_history", {"address": "x@y.example", "account": "\udfff", "from": "2020-01-01T00:00:00Z"}),
    ],
)
def test_a_world_that_no_store_can_hold_is_refused_whole(commands: Commands, table: str, row: dict[str, Any]) -> None:
    world = {**WORLD, table: [*WORLD[table], row]}
    ran = commands.run("load", commands.file("world.json", json.dumps(world)))
    assert (ran.status, ran.err.count("\n")) == (65, 1), ran.err
    assert commands.run("show", "conversation", "c1").status == 66
