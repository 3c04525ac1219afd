"""`why`, `replay`, `dead`, `rollout`, `alias`, `keys`: what an operator types."""

import asyncio
import getpass
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from attrs import evolve

from cli.desk import JOHN_ALIAS, MARY, Commands, mail
from convalias.app.facade import Convalias
from convalias.cli.exits import Exit
from convalias.domain.deployment.keyring import Keyring
from convalias.domain.inbound.dead_letters import DeadLetter, DeadLetterId
from convalias.domain.operations.advice import ADVICE, Situation
from convalias.ports.records import Delete, Key, Replace
from convalias.stores.deployment.deployments import KEY

SECRET = "A" * 43 + "="


def ingested(commands: Commands, raw: bytes) -> str:
    (row,) = commands.ask("ingest", commands.file("mail.eml", raw))
    commands.work()
    return str(row["record"])


def buried(commands: Commands, letter: DeadLetter) -> None:
    async def bury() -> None:
        async with Convalias.from_toml(data=commands.data) as cv:
            await cv.services.stores.dead_letters.put(letter)

    asyncio.run(bury())


def dead_letter(record: str, lane: str = "inbound") -> DeadLetter:
    return DeadLetter(
        id=DeadLetterId("d1"), lane=lane, subject=record, reason="ValueError", tries=3, at=datetime.now(UTC)
    )


# --- why ---------------------------------------------------------------------------------------------


def test_why_tells_the_way_of_a_mail_and_what_to_do_next(commands: Commands) -> None:
    commands.load()
    record = ingested(commands, mail())
    for question in (
        ["--message-id", "<m1@corp.example>"],
        ["--message-id", "m1@corp.example"],
        ["--sender", MARY],
        ["--recipient", JOHN_ALIAS],
        ["--record", record],
        ["--since", "2026-01-01"],
    ):
        (story,) = commands.ask("why", *question)
        assert story["record"] == record
        words = [step["what"].split()[0] for step in story["steps"]]
        assert words == ["received", "sender", "relayed", "event", "decided", "sent", "index"]
        assert "stand-in" in story["next"]
        assert story["cut"] is False


def test_why_answers_nothing_for_what_never_came(commands: Commands) -> None:
    commands.load()
    assert commands.ask("why", "--message-id", "<other@corp.example>") == []
    assert "no such mail" in commands.run("why", "--sender", "x@y.example").out
    assert commands.run("why", "--since", "yesterday").status == 64


def test_why_says_where_to_look_by_what_was_asked(commands: Commands) -> None:
    commands.load()
    record = ingested(commands, mail())
    assert f"record               {record}" in commands.run("why", "--record", record).out
    wrong = commands.run("why", "--record", "raw/2026/03/01/ab")
    assert (wrong.status, "expected envelopes/" in wrong.err) == (64, True)
    assert "show conversation none" in commands.run("why", "--conversation", "none").out
    assert "show deliveries" in commands.run("why", "--notification", "none").out
    assert "no such record" in commands.run("why", "--record", "envelopes/2026/03/01/none.json").out


def test_why_says_that_keys_are_gone_and_not_that_no_mail_came(commands: Commands) -> None:
    _minted(commands)
    (commands.data / "keys").unlink()
    assert "what was indexed with that key is not found" in commands.run("why", "--sender", "x@y.example").err


def test_why_follows_a_conversation_and_a_notification(commands: Commands) -> None:
    commands.load()
    commands.ask("rollout", "set", "apply", "--stage", "native", "--basis-points", "10000")
    record = ingested(commands, mail())
    commands.ask("send", "c1", "--as", "john", "--key", "k1", "Hello")
    commands.work()
    chat, came = commands.ask("why", "--conversation", "c1")
    assert (came["record"], chat["record"]) == (record, None)
    (mine,) = [row for row in commands.ask("show", "deliveries") if row["recipient"] == "john"]
    (story,) = commands.ask("why", "--notification", mine["notification_id"])
    assert (story["record"], story["next"]) == (record, ADVICE[Situation.SENT])
    (theirs,) = [row for row in commands.ask("show", "deliveries") if row["recipient"] == "mary"]
    (story,) = commands.ask("why", "--notification", theirs["notification_id"])
    assert story["record"] is None
    assert "no notification" in commands.run("why", "--notification", "none").err
    assert commands.run("why", "--notification", "none", "--sender", MARY).status == 64


@pytest.mark.parametrize(
    "spelling",
    [
        JOHN_ALIAS.upper().replace("REPLY.EXAMPLE", "Reply.example."),
        f"<{JOHN_ALIAS}>",
        JOHN_ALIAS.replace("@", "+tag@"),
        f"prvs=1234567={JOHN_ALIAS}",
        "SRS0=ab=cd=reply.example=john-smith-1ab131e2@relay.example",
    ],
)
def test_why_takes_every_spelling_of_a_recipient(commands: Commands, spelling: str) -> None:
    commands.load()
    record = ingested(commands, mail())
    assert [one["record"] for one in commands.ask("why", "--recipient", spelling)] == [record]


def test_why_takes_any_name_before_a_token(commands: Commands) -> None:
    commands.load(lambda world: world.update(aliases=[]))
    alias = commands.ask("alias", "mint", "c1", "--as", "john")["address"]
    token = alias.rpartition("@")[0][-17:]
    record = ingested(commands, mail(to=f"whoever-{token}@reply.example"))
    for spelling in (alias, f"{token}@reply.example", f"mallory-{token.upper()}+x@reply.example"):
        assert [one["record"] for one in commands.ask("why", "--recipient", spelling)] == [record]


# --- replay ------------------------------------------------------------------------------------------


def test_a_replay_of_everything_twice_adds_nothing(commands: Commands) -> None:
    commands.load()
    ingested(commands, mail())
    for _ in range(2):
        assert {"looked_at": 1, "final": 1, "events": 0}.items() <= commands.ask("replay", "--all").items()
    assert len(commands.messages()) == 1


def test_a_replay_says_whose_message_is_gone_and_what_it_leaves_to_the_workers(commands: Commands) -> None:
    commands.load()
    record = ingested(commands, mail())
    commands.ask("ingest", commands.file("mail.eml", mail(2, text="Another")))
    dropped(commands, "events", "message_added")
    ran = commands.run("replay", "--all")
    (lost, young) = ran.err.splitlines()
    assert lost.startswith(
        "warning: of 1 mail the outcome says that it was added, and its conversation does not have it"
    )
    assert lost.endswith(record)
    assert "--until LOSS --recent" in young
    said = commands.ask("replay", "--all", "--dry-run")
    assert (said["final"], said["waiting"], said["lost"], said["lost_records"]) == (1, 1, 1, [record])
    assert len(said["warnings"]) == 2


def dropped(commands: Commands, table: str, holding: str) -> None:
    """Rows of a table whose bodies hold that."""

    async def drop() -> None:
        async with Convalias.from_toml(data=commands.data) as cv:
            records = cv.ports.records
            rows = await records.range(table, "c1", after="", limit=99)
            gone = [Delete(row.key, row.version) for row in rows if holding in json.dumps(row.body)]
            await records.write(gone)

    asyncio.run(drop())


def test_a_refused_mail_is_decided_anew_once_the_address_is_known(commands: Commands) -> None:
    def strict(world: dict[str, Any]) -> None:
        world["policy"] = {"admission": "strict"}

    def known(world: dict[str, Any]) -> None:
        world["accounts"][1]["addresses"].append("mary@new.example")

    commands.load(strict)
    record = ingested(commands, mail(sender="mary@new.example"))
    commands.load(known)
    assert commands.ask("replay", "--job", record, "--dry-run")["events"] == 1
    assert commands.messages() == []
    assert commands.ask("replay", "--job", record)["events"] == 1
    assert [message["author"] for message in commands.messages()] == ["mary"]


def test_dead_letters_are_listed_and_tried_again(commands: Commands) -> None:
    commands.load()
    (row,) = commands.ask("ingest", commands.file("mail.eml", mail()))
    buried(commands, dead_letter(row["record"]))
    (letter,) = commands.ask("show", "jobs")["dead"]
    assert {"id": "d1", "reason": "ValueError", "attempts": 3, "trace_id": ""}.items() <= letter.items()
    assert [one["id"] for one in commands.ask("dead", "list")] == ["d1"]
    assert commands.ask("replay", "--dead")["events"] == 1
    assert commands.ask("dead", "list") == []


def test_one_dead_letter_is_replayed_by_its_id(commands: Commands) -> None:
    commands.load()
    (row,) = commands.ask("ingest", commands.file("mail.eml", mail()))
    buried(commands, dead_letter(row["record"]))
    assert commands.ask("replay", "--job", "d1")["events"] == 1
    assert commands.ask("show", "jobs")["dead"] == []


def test_a_dead_letter_says_for_whom_and_why_and_is_discarded_by_itself(commands: Commands) -> None:
    commands.load()
    (row,) = commands.ask("ingest", commands.file("mail.eml", mail()))
    one = evolve(dead_letter(row["record"]), recipients=("j…@reply.example",), explanation="rule 6\nsaid so")
    buried(commands, one)
    buried(commands, evolve(dead_letter("c1 e1", lane="deliveries"), id=DeadLetterId("d2"), recipients=("john",)))
    listed = commands.ask("dead", "list")
    assert [(row["id"], row["recipients"], row["explanation"]) for row in listed] == [
        ("d1", ["j…@reply.example"], "rule 6\nsaid so"),
        ("d2", ["john"], ""),
    ]
    assert [row["id"] for row in commands.ask("dead", "list", "--lane", "deliveries")] == ["d2"]
    assert [row["id"] for row in commands.ask("show", "jobs")["dead"]] == ["d1", "d2"]
    for command in (("show", "jobs"), ("dead", "list")):
        lines = [line.split() for line in commands.run(*command).out.splitlines()]
        assert ["d1", "inbound", row["record"], "j…@reply.example"] in [line[:4] for line in lines]
        assert ["d2", "deliveries", "c1", "e1", "john"] in [line[:5] for line in lines]
    assert commands.ask("dead", "discard", "d1")["discarded"] is True
    assert [row["id"] for row in commands.ask("dead", "list")] == ["d2"]
    assert commands.run("dead", "discard", "d1").status == 66


def test_a_dead_delivery_that_was_delivered_is_not_redriven(commands: Commands) -> None:
    commands.load()
    event = commands.ask("send", "c1", "--as", "john", "--key", "k1", "Hello")
    commands.work()
    for arguments in (["--dead"], ["--job", "d1"]):
        buried(commands, dead_letter(f"c1 {event['id']}", lane="deliveries"))
        said = commands.ask("replay", *arguments, "--dry-run")
        assert (
            said["deliveries"] == said["deliveries_cancelled"] == said["deliveries_too_late"] == 0
        )  # it was delivered
        assert commands.ask("replay", *arguments) == {**said, "dry_run": False}
        assert commands.ask("dead", "list") == []


def rewritten(commands: Commands, key: Key, **changed: object) -> None:
    """Another body under that key, as another release leaves it."""

    async def rewrite() -> None:
        async with Convalias.from_toml(data=commands.data) as cv:
            records = cv.ports.records
            stored = (await records.get([key]))[key]
            await records.write([Replace(key, stored.version, {**stored.body, **changed}, stored.due)])

    asyncio.run(rewrite())


@pytest.mark.parametrize("by", ["--dead", "--job"])
def test_a_conversation_with_an_event_of_a_newer_release_waits_and_a_redrive_takes_it_up(
    commands: Commands, by: str
) -> None:
    def native_and_another(world: dict[str, Any]) -> None:
        other = {**world["conversations"][0], "id": "c2"}
        world["conversations"].append(other)
        world["aliases"] += [
            {"address": "john-smith-2ab131e2@reply.example", "conversation": "c2", "participant": "john"},
            {"address": "mary-major-2ab131e2@reply.example", "conversation": "c2", "participant": "mary"},
        ]

    commands.load(native_and_another)
    commands.ask("rollout", "set", "apply", "--stage", "native", "--basis-points", "10000")
    event = commands.ask("send", "c1", "--as", "john", "--key", "k1", "Hello")
    key = Key("events", "c1", f"{event['seq']:012d}")
    rewritten(commands, key, **{"$": "event/9"})
    commands.ask("send", "c2", "--as", "john", "--key", "k1", "Hello")
    commands.ask("ingest", commands.file("mail.eml", mail()))
    commands.work()
    assert {row["conversation"] for row in commands.ask("show", "deliveries")} == {"c2"}

    refused = commands.run("send", "c1", "--as", "john", "--key", "k2", "More")
    assert refused.status == 75
    assert f"conversation 'c1' is parked from event {event['seq']} on" in refused.err
    assert "event/9" in refused.err
    (parked,) = commands.ask("show", "jobs")["parked"]
    assert (parked["conversation"], parked["seq"]) == ("c1", event["seq"])
    assert commands.ask("show", "jobs")["dead"] == []
    (letter,) = commands.ask("dead", "list")
    assert (letter["lane"], letter["id"]) == ("conversations", parked["id"])
    assert commands.ask("replay", "--dead")["parked"] == 1

    rewritten(commands, key, **{"$": "event/1"})
    commands.work()
    assert {row["conversation"] for row in commands.ask("show", "deliveries")} == {"c2"}
    assert commands.ask("replay", *([by] if by == "--dead" else [by, letter["id"]]))["conversations"] == 1
    assert commands.ask("dead", "list") == []
    commands.ask("send", "c1", "--as", "john", "--key", "k2", "More")
    commands.work()
    told = [row for row in commands.ask("show", "deliveries") if row["conversation"] == "c1"]
    assert [row["state"] for row in told] == ["sent", "sent"]


def test_records_that_cannot_be_read_are_left_out_of_a_list_with_a_line(commands: Commands) -> None:
    commands.load()
    event = commands.ask("send", "c1", "--as", "john", "--key", "k1", "Hello")
    commands.work()
    rewritten(commands, Key("decisions", "c1", event["id"]), **{"$": "decision/9"})
    shown = commands.run("show", "deliveries", "--json")
    assert shown.json == []
    assert "decisions: 1 left out, such as decision: found format decision/9" in shown.err


@pytest.mark.parametrize(
    ("changed", "mend"),
    [({"$": "deployment/99"}, "use a newer convalias"), ({"$": None}, "it is damaged: bring it back from a backup")],
    ids=["newer", "damaged"],
)
def test_doctor_tells_a_damaged_record_from_one_of_a_newer_release(
    commands: Commands, changed: dict[str, object], mend: str
) -> None:
    commands.load()
    rewritten(commands, KEY, **changed)
    ran = commands.run("doctor", "--json")
    (row,) = [row for row in ran.json if row["health"] == "misconfigured"]
    assert (ran.status, row["check"], row["mend"]) == (78, "store", mend)


def test_a_replay_needs_to_know_of_what(commands: Commands) -> None:
    assert commands.run("replay").status == 64
    assert commands.run("replay", "--recent").status == 64
    assert commands.run("replay", "--since", "2026-01-01", "--recent").status == 64
    assert commands.run("replay", "--until", "2026-01-01", "--recent", "--notify").status == 64
    assert commands.run("replay", "--all", "--dead").status == 64
    assert commands.run("replay", "--job", "nope").status == 66


# --- rollout -----------------------------------------------------------------------------------------


def test_without_an_axis_all_three_are_set(commands: Commands) -> None:
    commands.ask("rollout", "set", "apply", "--stage", "parallel", "--basis-points", "100", "--salt", "s")
    shown = commands.ask("rollout", "show")
    assert [(row["axis"], row["stage"], row["basis_points"], row["salt"]) for row in shown] == [
        (axis, "parallel", 100, "s") for axis in ("inbound", "minting", "outbound")
    ]


def test_one_axis_may_be_set_alone(commands: Commands) -> None:
    commands.ask("rollout", "set", "apply", "--stage", "native", "--basis-points", "10000", "--axis", "outbound")
    assert [row["axis"] for row in commands.ask("rollout", "show")] == ["outbound"]
    assert commands.run("rollout", "set", "apply", "--stage", "native", "--basis-points", "10001").status == 64


def test_what_was_not_tried_is_given_back(commands: Commands) -> None:
    commands.load()
    commands.ask("rollout", "set", "apply", "--stage", "parallel", "--basis-points", "10000")
    assert commands.ask("rollout", "give-back", "apply") == {"re_owned": 0, "already_tried": 0}


def test_giving_back_what_nobody_has_is_told(commands: Commands) -> None:
    commands.load()
    assert commands.run("rollout", "give-back", "apply").err == ""
    ran = commands.run("rollout", "give-back", "nosuch")
    assert (ran.status, ran.err) == (
        0,
        "warning: use case nosuch: no conversation of it was found; is it written so in the conversations?\n",
    )


# --- alias, keys -------------------------------------------------------------------------------------


def test_an_alias_is_minted_inspected_and_revoked(commands: Commands) -> None:
    commands.load(lambda world: world.update(aliases=[]))
    alias = commands.ask("alias", "mint", "c1", "--as", "john")
    assert alias["format"] == 3
    assert commands.ask("alias", "mint", "c1", "--as", "john") == alias
    read = commands.ask("alias", "inspect", alias["address"].upper().replace("@", "+tag@"))
    assert (read["shape"], read["given_out"], read["participant"]) == ("v3", True, "john")
    assert commands.ask("alias", "revoke", alias["address"])["revoked_at"] is not None


def test_what_was_never_given_out_is_told(commands: Commands) -> None:
    commands.load()
    for address, shape in (
        ("john-smith-00000000@reply.example", "v2"),
        ("c0a8015e-7b2f-4d3c-9a1b-0123456789ab@reply.example", "v1"),
        ("john-smith-0123456789abcdefg@reply.example", "v3, no key of ours made it"),
        ("hello@reply.example", "none of ours"),
    ):
        read = commands.ask("alias", "inspect", address)
        assert (read["shape"], read["given_out"]) == (shape, False)
    assert commands.run("alias", "revoke", "hello@reply.example").status == 66


def test_a_new_key_comes_first_and_the_old_ones_stay(commands: Commands, monkeypatch: pytest.MonkeyPatch) -> None:
    made = commands.run("keys", "new")
    assert "key 0 is new; there was none before" in made.err
    first = made.out.strip()
    monkeypatch.setenv("CONVALIAS_KEYS", first)
    answer = commands.ask("keys", "new")
    assert answer["keys"].endswith(f",{first}")
    assert [key.id for key in Keyring.parse(answer["keys"]).keys] == [1, 0]
    assert (answer["newest"], answer["held"]) == (1, [{"id": 0, "from": "CONVALIAS_KEYS"}])


def _minted(commands: Commands) -> str:
    """A deployment with a key file, and an alias that its key made."""
    commands.load(lambda world: world.update(aliases=[]))
    return str(commands.ask("alias", "mint", "c1", "--as", "john")["address"])


def test_new_keys_beside_a_key_file_hold_its_keys(commands: Commands, monkeypatch: pytest.MonkeyPatch) -> None:
    address = _minted(commands)
    made = commands.run("keys", "new")
    assert f"key 1 is new, in front of key 0 of {commands.data / 'keys'}" in made.err
    monkeypatch.setenv("CONVALIAS_KEYS", made.out.strip())
    commands.ask("ingest", commands.file("m.eml", mail(to=address)))
    commands.work()
    assert [message["author"] for message in commands.messages()] == ["mary"]
    fresh = commands.ask("alias", "mint", "c1", "--as", "mary")["address"]
    assert fresh.partition("@")[0][-17] == "1"


def test_two_secrets_under_one_id_are_refused_in_one_line(commands: Commands, monkeypatch: pytest.MonkeyPatch) -> None:
    _minted(commands)
    monkeypatch.setenv("CONVALIAS_KEYS", f"0:{SECRET}")
    for command in (["worker", "inbound", "--once"], ["keys", "new"], ["alias", "mint", "c1", "--as", "mary"]):
        ran = commands.run(*command)
        assert (ran.status, ran.err.count("\n")) == (78, 1)
        assert str(commands.data / "keys") in ran.err
        assert SECRET not in ran.err


def test_a_new_key_takes_no_id_of_one_that_is_gone(commands: Commands, monkeypatch: pytest.MonkeyPatch) -> None:
    _minted(commands)
    (commands.data / "keys").unlink()
    made = commands.run("keys", "new")
    assert made.out.startswith("1:")
    assert "key 0 made aliases and is gone" in made.err
    assert "missing_key_ids = [0]" in made.err
    monkeypatch.setenv("CONVALIAS_KEYS", made.out.strip())
    commands.file("convalias.toml", "missing_key_ids = [0]\n")
    commands.work()
    (commands.data / "store.db").write_bytes(b"rubbish" * 1000)
    monkeypatch.delenv("CONVALIAS_KEYS")
    assert commands.run("keys", "new").out.startswith("0:"), "a store that cannot be read is no reason to have no keys"


@pytest.mark.parametrize("number", [0, 1])
def test_keys_that_did_not_make_the_aliases_in_use_are_refused(
    commands: Commands, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    address = _minted(commands)
    (commands.data / "keys").unlink()
    monkeypatch.setenv("CONVALIAS_KEYS", f"{number}:{SECRET}")
    for command in (
        ["worker", "inbound", "--once"],
        ["worker", "outbound"],
        ["alias", "mint", "c1", "--as", "mary"],
        ["replay", "--job", commands.file("none", "")],
    ):
        ran = commands.run(*command)
        assert (ran.status, ran.err.count("\n")) == (78 if command[0] != "replay" else 66, 1), command
    assert "missing_key_ids = [0]" in commands.run("worker", "inbound", "--once").err
    for command in (  # what touches no token needs no key
        ["rollout", "set", "apply", "--stage", "legacy", "--basis-points", "10000"],
        ["show", "conversation", "c1"],
        ["alias", "revoke", address],
    ):
        assert commands.run(*command).status == 0, command
    commands.work()  # nothing that is in use needs the old key any more


def test_a_key_may_be_given_up(commands: Commands, monkeypatch: pytest.MonkeyPatch) -> None:
    _minted(commands)
    (commands.data / "keys").unlink()
    monkeypatch.setenv("CONVALIAS_KEYS", f"1:{SECRET}")
    commands.file("convalias.toml", "missing_key_ids = [0]\n")
    commands.work()
    (found,) = [one for one in commands.ask("doctor") if one["check"] == "aliases by key"]
    assert (found["health"], "1 aliases in use of key 0" in found["found"]) == ("warning", True)


def test_a_directory_that_lost_its_keys_gets_no_new_ones(commands: Commands) -> None:
    _minted(commands)
    (commands.data / "keys").unlink()
    ran = commands.run("worker", "inbound", "--once")
    assert (ran.status, "CONVALIAS_KEYS is not set" in ran.err) == (78, True)
    commands.ask("show", "conversation", "c1")
    assert commands.run("doctor").status == 78
    assert not (commands.data / "keys").exists()


def test_a_receiver_with_wrong_keys_does_not_begin(commands: Commands, monkeypatch: pytest.MonkeyPatch) -> None:
    _minted(commands)
    (commands.data / "keys").unlink()
    monkeypatch.setenv("CONVALIAS_KEYS", f"1:{SECRET}")
    monkeypatch.setenv("CONVALIAS_MAILGUN_SIGNING_KEY", "key")
    for command in ("serve", "run"):
        ran = commands.run(command, "--port", "0")
        assert (ran.status, "listening" in ran.out) == (78, False)


def test_who_set_it_when_and_why_are_shown(commands: Commands) -> None:
    common = ("rollout", "set", "apply", "--stage", "shadow", "--basis-points", "10000")
    commands.ask(*common, "--axis", "outbound", "--by", "olga", "--why", "a first look")
    (shown,) = commands.ask("rollout", "show")
    assert (shown["by"], shown["reason"]) == ("olga", "a first look")
    assert datetime.fromisoformat(shown["at"]).tzinfo is not None
    commands.ask(*common, "--axis", "outbound")
    assert commands.ask("rollout", "show")[0]["by"] == getpass.getuser()
    assert "olga" not in commands.run("rollout", "show").out


def test_a_use_case_that_nobody_has_is_a_warning(commands: Commands) -> None:
    commands.load()
    for as_json in ([], ["--json"]):
        told = commands.run("rollout", "set", "aply", "--stage", "shadow", "--basis-points", "10000", *as_json)
        assert told.status == 0
        assert "use case aply: no conversation of it was found" in told.err
    assert any("no conversation" in one for row in json.loads(told.out) for one in row["warnings"])


def test_what_a_setting_moves_is_counted_and_who_has_no_alias_is_told(commands: Commands) -> None:
    minting_off = ("rollout", "set", "apply", "--stage", "legacy", "--basis-points", "10000", "--axis", "minting")
    assert commands.ask(*minting_off)[0]["conversations"] == 0
    commands.load(lambda world: world.update(aliases=[]))
    outbound = ("rollout", "set", "apply", "--stage", "parallel", "--basis-points", "10000", "--axis", "outbound")
    told = commands.run(*outbound)
    assert "forward 1 conversation (100 %), back 0 conversations (0 %)" in told.out
    assert "without an alias: at least 1 conversation of apply" in told.err
    (row,) = commands.ask(*outbound)
    assert (row["without_alias"], row["forward"], row["back"], row["counted_all"]) == (1, 0, 0, True)
    (doctor,) = [one for one in commands.ask("doctor") if one["check"] == "aliases of apply"]
    assert doctor["health"] == "warning"
    assert doctor["mend"].startswith("convalias rollout prepare apply")
    refused = commands.ask("rollout", "prepare", "apply")
    assert (refused["issued"], list(refused["refused"].values())) == (0, [1])
    assert "--axis minting" in commands.run("rollout", "prepare", "apply").out
    commands.ask("rollout", "set", "apply", "--stage", "native", "--basis-points", "10000", "--axis", "minting")
    dry = commands.ask("rollout", "prepare", "apply", "--dry-run")
    assert dry["issued"] > 0
    assert "would be issued" in commands.run("rollout", "prepare", "apply", "--dry-run").out
    assert commands.ask("rollout", "prepare", "apply") == {**dry, "dry_run": False}
    assert commands.ask("rollout", "prepare", "apply")["issued"] == 0
    (doctor,) = [one for one in commands.ask("doctor") if one["check"] == "aliases of apply"]
    assert doctor["health"] == "good"
    assert "no conversation of it was found" in commands.run("rollout", "prepare", "nobody").err


def test_a_setting_that_also_takes_some_back_needs_a_yes(commands: Commands) -> None:
    for stage, points in (("shadow", "10000"), ("parallel", "5000")):
        commands.ask("rollout", "set", "apply", "--stage", stage, "--basis-points", points)
    native = ("rollout", "set", "apply", "--stage", "native", "--basis-points", "100")
    refused = commands.run(*native)
    assert refused.status == 77
    assert "--yes" in refused.err
    assert {row["stage"] for row in commands.ask("rollout", "show")} == {"parallel"}
    commands.ask(*native, "--yes")
    assert {row["stage"] for row in commands.ask("rollout", "show")} == {"native"}


def test_a_stage_of_legacy_without_a_legacy_relay_is_a_warning(commands: Commands) -> None:
    setting = ("rollout", "set", "apply", "--stage", "native", "--basis-points", "100")
    assert "no legacy relay is bound" in commands.run(*setting).err
    commands.load()
    assert "no legacy relay is bound" not in commands.run(*setting).err


def test_a_chat_message_may_bring_files(commands: Commands, tmp_path: Path) -> None:
    commands.load()
    (tmp_path / "CV.pdf").write_bytes(b"%PDF")
    (tmp_path / "odd.thing").write_bytes(b"?")
    files = [f"--attach={tmp_path / name}" for name in ("CV.pdf", "odd.thing")]
    said = commands.ask("send", "c1", "--as", "john", "--key", "k1", *files, "Hello")
    assert said["attachments"] == ["CV.pdf", "odd.thing"]
    again = commands.run("send", "c1", "--as", "john", "--key", "k1", "Hello")
    assert again.status == Exit.DATA, again.err
    nowhere = commands.run("send", "c1", "--as", "john", "--key", "k2", "--attach", str(tmp_path / "none"), "Hello")
    assert nowhere.status == Exit.USAGE
