"""`convalias suppressions`: what takes no mail is seen, made and lifted by a command."""

from __future__ import annotations

import asyncio

from cli.desk import Commands, mail
from convalias.app.facade import Convalias
from convalias.ports.records import Insert, Key

JOHN = "john@home.example"


def test_an_address_is_added_listed_and_lifted(commands: Commands) -> None:
    commands.load()
    added = commands.ask("suppressions", "add", "John@HOME.example")
    assert added == {"kind": "address", "address": JOHN, "added": True}
    assert commands.run("suppressions", "add", JOHN).out == f"{JOHN} is suppressed already\n"
    (row,) = commands.ask("suppressions", "list")
    assert (row["kind"], row["address"], row["account"], row["status"]) == ("address", JOHN, None, "")
    assert commands.run("suppressions", "lift", JOHN).out == f"mail leaves again: {JOHN}\n"
    again = commands.run("suppressions", "lift", JOHN)
    assert (again.status, "nothing is suppressed there" in again.err) == (66, True)
    assert commands.ask("suppressions", "list") == []


def test_a_mute_is_lifted_against_a_wish_only_with_yes(commands: Commands) -> None:
    commands.load()
    about = ("--account", "john", "--conversation", "c1")
    assert commands.ask("suppressions", "add", *about)["added"]
    assert [row["kind"] for row in commands.ask("suppressions", "list", "--account", "john")] == ["conversation"]
    assert commands.ask("suppressions", "list", "--account", "mary") == []
    refused = commands.run("suppressions", "lift", *about)
    assert (refused.status, "--yes" in refused.err) == (77, True)
    lifted = {"kind": "conversation", "account": "john", "conversation": "c1", "lifted": True}
    assert commands.ask("suppressions", "lift", *about, "--yes") == lifted
    assert commands.run("suppressions", "lift", *about, "--yes").status == 66


def test_either_an_address_or_both_of_the_others_are_named(commands: Commands) -> None:
    commands.load()
    for action in ("add", "lift"):
        assert commands.run("suppressions", action).status == 64
        assert commands.run("suppressions", action, "--account", "john").status == 64
        assert commands.run("suppressions", action, JOHN, "--account", "john", "--conversation", "c1").status == 64
        assert commands.run("suppressions", action, "no address").status == 65
        assert commands.run("suppressions", action, "--account", "", "--conversation", "c1").status in {65, 77}


def test_mail_to_a_suppressed_address_is_cancelled_and_why_says_so(commands: Commands) -> None:
    commands.load(lambda world: world.update(legacy_domains=[], legacy_aliases=[]))
    commands.ask("suppressions", "add", JOHN)
    commands.ask("ingest", commands.file("mail.eml", mail()))
    commands.work()
    assert [row["state"] for row in commands.ask("show", "deliveries")] == ["cancelled"]
    assert commands.ask("dead", "list") == []
    (story,) = commands.ask("why", "--conversation", "c1")
    words = [step["what"] for step in story["steps"]]
    assert any(one.startswith("suppressed the address of john, by an operator") for one in words)
    assert JOHN not in str(story)


def test_what_a_newer_release_suppressed_is_counted(commands: Commands) -> None:
    async def write() -> None:
        async with Convalias.from_toml(data=commands.data) as cv:
            await cv.ports.records.write([Insert(Key("muted", "c1", "x"), {"$": "muted/99"})])

    commands.load()
    asyncio.run(write())
    assert "1 left out" in commands.run("suppressions", "list").err
