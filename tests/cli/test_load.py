"""`convalias load`: a world into the store, as often as one likes."""

import asyncio
import json
from typing import Any

from cli.desk import JOHN_ALIAS, MARY_ALIAS, WORLD, Commands
from convalias import Convalias
from convalias.domain.ids import UseCase
from convalias.domain.routing.policy import RoutingPolicy


def add(world: dict[str, Any], key: str, *rows: Any) -> None:
    world[key] = [*world.get(key, []), *rows]


def test_what_was_loaded_is_counted(commands: Commands) -> None:
    assert commands.load() == {
        "conversations": 1,
        "aliases": 2,
        "accounts": 2,
        "legacy_aliases": 1,
        "address_history": 1,
    }


def test_the_events_that_made_the_conversation_are_written(commands: Commands) -> None:
    commands.load()
    shown = commands.ask("show", "conversation", "c1")
    assert (shown["id"], shown["state"]) == ("c1", "open")
    assert shown["participants"][0] == {"account": "john", "role": "candidate", "name": "John Smith"}
    assert [event["kind"] for event in shown["events"]] == ["conversation_created", "alias_issued", "alias_issued"]
    assert [event["seq"] for event in shown["events"]] == [1, 2, 3]


def test_twice_is_the_same_as_once(commands: Commands) -> None:
    commands.load()
    first = commands.ask("show", "conversation", "c1")
    commands.load()
    assert commands.ask("show", "conversation", "c1") == first


def test_a_second_load_changes_what_differs(commands: Commands) -> None:
    commands.load()

    def close(world: dict[str, Any]) -> None:
        world["conversations"][0]["state"] = "closed"
        world["conversations"][0]["participants"][0]["name"] = "John S."

    commands.load(close)
    shown = commands.ask("show", "conversation", "c1")
    assert (shown["state"], shown["participants"][0]["name"]) == ("closed", "John S.")
    assert [event["kind"] for event in shown["events"][3:]] == ["participant_added", "closed"]


def test_a_conversation_may_be_loaded_in_any_state(commands: Commands) -> None:
    def several(world: dict[str, Any]) -> None:
        add(
            world,
            "conversations",
            *({"id": f"is {state}", "state": state} for state in ("closed", "archived", "erased")),
        )

    commands.load(several)
    for state in ("closed", "archived", "erased"):
        assert commands.ask("show", "conversation", f"is {state}")["state"] == state


def test_of_several_aliases_of_one_participant_the_last_listed_is_live(commands: Commands) -> None:
    newer = "john-smith-99999999@reply.example"
    commands.load(lambda world: add(world, "aliases", {"address": newer, "conversation": "c1", "participant": "john"}))
    assert commands.ask("alias", "mint", "c1", "--as", "john")["address"] == newer
    older = commands.ask("alias", "inspect", JOHN_ALIAS)
    assert older["given_out"]
    assert older["superseded_by"] == commands.ask("alias", "inspect", newer)["id"]


def test_a_world_that_is_not_valid_is_65_and_names_the_key(commands: Commands) -> None:
    path = commands.file("bad.json", json.dumps({**WORLD, "aliases": [{"address": "x@y.example"}]}))
    ran = commands.run("load", path)
    assert ran.status == 65
    assert "aliases[0]" in ran.err
    assert len(ran.err.splitlines()) == 1


def test_text_that_is_no_json_is_65_and_a_missing_file_66(commands: Commands) -> None:
    assert commands.run("load", commands.file("bad.json", "{")).status == 65
    assert commands.run("load", "nowhere.json").status == 66


def test_another_use_case_for_a_conversation_that_is_there_is_refused(commands: Commands) -> None:
    commands.load()
    world = {**WORLD, "conversations": [{**WORLD["conversations"][0], "use_case": "sourcing"}]}
    ran = commands.run("load", commands.file("other.json", json.dumps(world)))
    assert ran.status == 65
    assert "use case" in ran.err


def test_a_world_without_a_policy_leaves_the_one_that_stands(commands: Commands) -> None:
    def strict(world: dict[str, Any]) -> None:
        world["policy"] = {"admission": "strict"}

    commands.load(strict)
    commands.load()
    stranger = commands.file("mail.eml", f"From: x@y.example\nTo: {JOHN_ALIAS}\nMessage-ID: <s@y.example>\n\nHi\n")
    commands.ask("ingest", stranger)
    commands.work()
    (story,) = commands.ask("why")
    assert "UNKNOWN_SENDER" in story["steps"][2]["what"]


def test_aliases_that_no_key_of_ours_made_work_and_are_warned_of(commands: Commands) -> None:
    forged = "john-smith-0123456789abcdefg@reply.example"
    world = {**WORLD, "aliases": [{"address": forged, "conversation": "c1", "participant": "john"}]}
    ran = commands.run("load", commands.file("world.json", json.dumps(world)))
    assert ran.status == 0
    assert "1 aliases" in ran.err
    commands.ask(
        "ingest", commands.file("mail.eml", f"From: mary@corp.example\nTo: {forged}\nMessage-ID: <v@y.example>\n\nHi\n")
    )
    commands.work()
    (story,) = commands.ask("why")
    assert "relayed" in story["steps"][2]["what"]


def test_for_people_the_counts_are_lines(commands: Commands) -> None:
    ran = commands.run("load", commands.file("world.json", json.dumps(WORLD)))
    assert "conversations: 1" in ran.out.splitlines()


def test_an_alias_keeps_its_expiry(commands: Commands) -> None:
    def expire(world: dict[str, Any]) -> None:
        world["aliases"][1]["expires_at"] = "2026-02-01T00:00:00Z"

    commands.load(expire)
    assert commands.ask("alias", "inspect", MARY_ALIAS)["expires_at"] == "2026-02-01T00:00:00+00:00"


def test_settings_are_laid_over_the_loaded_policy_and_doctor_says_so(commands: Commands) -> None:
    commands.load(lambda world: world.update(policy={"admission": "strict", "historical_days": 30}))
    commands.file("convalias.toml", '[policy]\nhistorical_days = 9\n\n[use_case.hire]\nadmission = "free"\n')

    async def look() -> RoutingPolicy:
        async with Convalias.from_toml(commands.folder / "convalias.toml", data=commands.data) as cv:
            return cv.services.inbound.relay.policy

    policy = asyncio.run(look())
    assert (policy.admission.name, policy.historical_days) == ("strict", 9)
    assert policy.admission_for(UseCase("hire")).name == "free"
    (found,) = [one["found"] for one in commands.ask("doctor") if one["check"] == "policy in force"]
    for said in (
        "policy.admission = strict (loaded)",
        "policy.historical_days = 9 (settings)",
        "use_case.hire.admission = free (settings)",
    ):
        assert said in found
