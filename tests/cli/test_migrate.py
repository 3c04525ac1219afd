"""`convalias migrate` without a server: what it says, and when it refuses."""

import asyncio

import pytest

from cli.desk import Commands, mail, told_by_default
from convalias.app import Convalias
from convalias.cli import main
from ports.minimal.talks import Conversations


def test_the_embedded_backend_has_nothing_to_migrate(commands: Commands) -> None:
    assert commands.run("migrate").out == "nothing to migrate\n"
    assert commands.ask("migrate") == {"made": {}}


def test_that_all_is_by_default_is_said(capsys: pytest.CaptureFixture[str], commands: Commands) -> None:
    assert main(["migrate"]) == 0
    said = capsys.readouterr()
    assert said.out == "nothing to migrate\n"
    assert said.err == f"convalias: {told_by_default(commands)}\n"


def test_mail_goes_to_the_raw_store_that_is_set(commands: Commands, monkeypatch: pytest.MonkeyPatch) -> None:
    commands.load()
    commands.ask("ingest", commands.file("mail.eml", mail()))
    refused = commands.run("migrate", "--from", str(commands.data))
    assert (refused.status, refused.out) == (75, "")
    assert "1 jobs wait" in refused.err
    assert refused.err.count("\n") == 1
    commands.work()
    kept = commands.folder / "kept"
    monkeypatch.setenv("CONVALIAS_RAW", f"file://{kept}")
    moved = commands.ask("migrate", "--from", str(commands.data))["moved"]
    assert moved["blobs"] == len([path for path in kept.rglob("*") if path.is_file()]) > 0
    assert moved["records"] == 0
    assert "were there" in commands.run("migrate", "--from", str(commands.data)).out
    commands.ask("replay", "--all")
    commands.work()
    assert len(commands.messages()) == 1


def test_what_is_no_data_directory_is_told(commands: Commands) -> None:
    ran = commands.run("migrate", "--from", str(commands.folder / "nowhere"))
    assert ran.status == 65
    assert "expected a data directory that was used before" in ran.err


def test_workers_of_a_command_are_refused_where_a_platform_keeps_its_conversations(commands: Commands) -> None:
    commands.load()

    async def first_start() -> None:
        async with Convalias.from_toml(data=commands.data, conversations=Conversations()) as cv:
            await cv.run_until_idle("feed")

    asyncio.run(first_start())
    refused = commands.run("worker", "inbound", "--once")
    assert (refused.status, refused.out) == (78, "")
    assert "convalias migrate --own-conversations" in refused.err
    assert refused.err.count("\n") == 1
    assert "our own events from now on" in commands.run("migrate", "--own-conversations").out
    commands.work()


def test_a_used_directory_without_its_store_is_refused_until_an_empty_one_is_asked_for(commands: Commands) -> None:
    commands.load()
    commands.ask("ingest", commands.file("mail.eml", mail()))
    (commands.data / "store.db").unlink()
    for command in (
        ["worker", "inbound", "--once"],
        ["ingest", commands.file("mail.eml", mail(2))],
        ["show", "jobs"],
        ["load", str(commands.folder / "world.json")],
        ["migrate", "--take-over"],
    ):
        ran = commands.run(*command)
        assert (ran.status, ran.err.count("\n")) == (78, 1)
        assert "store.db is gone" in ran.err
    (row,) = [row for row in commands.run("doctor", "--json").json if row["check"] == "data directory"]
    assert (row["health"], "--new-store" in row["found"]) == ("misconfigured", True)
    (commands.data / "keys").unlink()
    assert commands.run("doctor").status == commands.run("worker", "inbound", "--once").status == 78
    assert not [name for name in ("store.db", "keys") if (commands.data / name).exists()]
    assert "store.db: an empty one was made" in commands.run("migrate", "--new-store").out
    assert "store.db: is there and stays" in commands.run("migrate", "--new-store").out
    assert commands.ask("show", "jobs")["ready"] == 0
