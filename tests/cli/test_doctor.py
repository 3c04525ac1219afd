"""`convalias doctor`: each fault is found, and what mends it is said."""

import asyncio
import json
import os
import time
from typing import Any

import pytest

from adapters.mime.authentication.signing import Zone
from adapters.mime.authentication.test_signer import ED_PEM
from cli.desk import WORLD, Commands, mail, told_by_default
from convalias import registry
from convalias.adapters.dns import DnsResolver
from convalias.adapters.mime.authentication.signer import Signer
from convalias.app import Convalias
from convalias.cli import main
from convalias.extras import MissingPackageError
from convalias.ports.dns import TemporaryFailure, TxtAnswer
from convalias.ports.mail import Outgoing


def findings(commands: Commands, *arguments: str, status: int = 0) -> dict[str, Any]:
    ran = commands.run("doctor", "--json", *arguments)
    assert ran.status == status, ran.out + ran.err
    return {row["check"]: row for row in json.loads(ran.out)}


def test_what_is_good_is_0_with_warnings(commands: Commands) -> None:
    commands.load()
    found = findings(commands)
    assert found["signing key"]["health"] == "warning"
    assert "CONVALIAS_MAILGUN_SIGNING_KEY" in found["signing key"]["mend"]
    assert found["who proves senders"]["health"] == "warning"
    warned = {"signing key", "who proves senders", "asking about held mail", "unsubscribe links"}
    for worker in ("inbound worker", "feed worker", "outbound worker"):
        assert (found[worker]["health"], found[worker]["found"]) == ("warning", "no sign of life")
        warned.add(worker)
    assert {row["health"] for name, row in found.items() if name not in warned} == {"good"}


def test_a_variable_that_is_nearly_a_setting_is_a_warning_here_and_at_the_start(
    commands: Commands, monkeypatch: pytest.MonkeyPatch
) -> None:
    commands.load()
    monkeypatch.setenv("CONVALIAS_LEGACY_DOMAIN", "relay.example")
    row = findings(commands)["variable CONVALIAS_LEGACY_DOMAIN"]
    assert (row["health"], row["found"]) == ("warning", "nobody reads it")
    assert row["mend"] == "set legacy_domains in convalias.toml, if that is meant"
    said = commands.run("worker", "feed", "--once")
    assert said.status == 0
    assert "nobody reads the variable CONVALIAS_LEGACY_DOMAIN: is legacy_domains in convalias.toml meant?" in said.err
    assert "relay.example" not in said.err


def test_a_use_case_that_only_the_settings_name_is_a_warning(commands: Commands) -> None:
    commands.load()
    tables = (
        '[use_case.aply]\nadmission = "free"\n[use_case.apply]\nsender_trust = "accept_known"\n'
        "[aliases.use_case.aply]\ndays = 1\n[aliases.use_case.apply]\ndays = 1\n[aliases.use_case.soon]\ndays = 1\n"
    )
    commands.file("convalias.toml", tables)
    assert commands.run("rollout", "set", "soon", "--stage", "native", "--basis-points", "1").status == 0
    warned = {check: row for check, row in findings(commands).items() if "use_case." in check}
    assert sorted(warned) == ["setting aliases.use_case.aply", "setting use_case.aply"]
    assert {row["health"] for row in warned.values()} == {"warning"}
    assert "no conversation is of that use case" in warned["setting use_case.aply"]["found"]


def test_that_all_is_by_default_is_said(
    commands: Commands, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def settings(*arguments: str) -> tuple[str, str]:
        assert main(["doctor", "--json", *arguments]) == 0
        (row,) = [row for row in json.loads(capsys.readouterr().out) if row["check"] == "settings"]
        return row["health"], row["found"]

    # How a process logs says nothing about a deployment.
    monkeypatch.setenv("CONVALIAS_LOG_FORMAT", "json")
    assert settings() == ("warning", told_by_default(commands))
    elsewhere = commands.file("elsewhere.toml", "")
    assert settings("--data", str(commands.data)) == settings("--config", elsewhere) == ("good", "read")
    with monkeypatch.context() as patched:
        patched.setenv("CONVALIAS_PLATFORM_SAID", "yes")
        assert settings() == ("good", "read")
    commands.file("convalias.toml", "")
    assert settings() == ("good", "read")


def test_who_proves_senders_is_said(commands: Commands) -> None:
    config = commands.file("proving.toml", 'trusted_authserv_ids = ["mx.example"]\nauthenticate_senders = true\n')
    found = findings(commands, "--config", config)["who proves senders"]
    assert (found["health"], found["found"]) == ("good", "mx.example, name servers")


def test_who_tells_of_spf_is_said(commands: Commands) -> None:
    asked = "authenticate_senders = true\n"
    nobody = findings(commands, "--config", commands.file("asked.toml", asked))["SPF of senders"]
    assert (nobody["health"], "nobody tells" in nobody["found"]) == ("warning", True)
    text = asked + 'authentication.spf_borders = ["mx.example"]\n'
    computed = findings(commands, "--config", commands.file("spf.toml", text))["SPF of senders"]
    assert (computed["health"], computed["found"]) == ("good", "computed for the client in the Received of mx.example")
    text = asked + 'trusted_authserv_ids = ["mx.example"]\n'
    assert findings(commands, "--config", commands.file("t.toml", text))["SPF of senders"]["health"] == "good"


SIGNED = '[dkim]\nselector = "s1"\n'


def test_the_published_key_of_our_signatures_is_looked_up(commands: Commands, monkeypatch: pytest.MonkeyPatch) -> None:
    commands.load()
    signer = Signer(ED_PEM, selector="s1")
    answers: dict[str, str | TxtAnswer] = {}

    async def txt(_: object, name: str) -> TxtAnswer:
        return await Zone(answers).txt(name)

    monkeypatch.setattr(DnsResolver, "txt", txt)
    config = commands.file("signed.toml", SIGNED)
    found = findings(commands, "--config", config, status=78)["setting CONVALIAS_DKIM_KEY"]
    assert "not set" in found["found"]
    monkeypatch.setenv("CONVALIAS_DKIM_KEY", "secret words")
    found = findings(commands, "--config", config, status=78)["setting CONVALIAS_DKIM_KEY"]
    assert "secret words" not in str(found)
    monkeypatch.setenv("CONVALIAS_DKIM_KEY", ED_PEM.decode())
    missing = findings(commands, "--config", config)["DKIM of reply.example"]
    assert (missing["health"], missing["found"]) == ("warning", "s1._domainkey.reply.example: no key is published")
    assert missing["mend"].endswith(signer.record)
    answers["s1._domainkey.reply.example"] = TemporaryFailure("SERVFAIL")
    assert findings(commands, "--config", config)["DKIM of reply.example"]["health"] == "unknown"
    answers["s1._domainkey.reply.example"] = signer.record
    there = findings(commands, "--config", config)["DKIM of reply.example"]
    assert (there["health"], there["found"]) == ("good", "s1._domainkey.reply.example holds the key")
    elsewhere = commands.file("elsewhere.toml", SIGNED + 'domain = "else.example"\n')
    other = findings(commands, "--config", elsewhere)["DKIM of reply.example"]
    assert (other["health"], other["found"]) == ("warning", "not signed: dkim.domain is else.example")
    monkeypatch.setattr("convalias.cli.examining_signing.resolver_of", _without_dnspython)
    assert findings(commands, "--config", config)["DKIM"]["health"] == "unknown"


def _without_dnspython(_: object) -> None:
    raise MissingPackageError("dns", extra="dns")


def test_unsigned_mail_is_said(commands: Commands) -> None:
    commands.load()
    assert findings(commands)["DKIM"]["found"] == "mail leaves unsigned: the relay has to sign it"


def test_before_the_first_use_there_is_nothing_wrong(commands: Commands) -> None:
    assert findings(commands)["alias domains"]["health"] == "warning"


def test_wrong_settings_are_all_told_and_78(commands: Commands) -> None:
    config = commands.file("bad.toml", "mail_limit = -1\nunknown = 1\n")
    found = findings(commands, "--config", config, status=78)
    assert {"setting mail_limit", "setting unknown"} <= set(found)


def test_every_command_tells_all_wrong_settings_in_one_line(commands: Commands) -> None:
    ran = commands.run("show", "jobs", "--config", commands.file("bad.toml", "mail_limit = -1\nunknown = 1\n"))
    assert ran.status == 78
    assert len(ran.err.splitlines()) == 1
    assert "mail_limit" in ran.err
    assert "unknown" in ran.err


def test_a_domain_where_everybody_has_a_mailbox_is_wrong(commands: Commands) -> None:
    world = {"now": WORLD["now"], "alias_domains": ["gmail.com", "yahoo.co.in"]}
    commands.ask("load", commands.file("world.json", json.dumps(world)))
    found = findings(commands, status=78)
    assert found["domain gmail.com"]["health"] == found["domain yahoo.co.in"]["health"] == "misconfigured"


def test_an_account_at_a_domain_of_ours_is_wrong(commands: Commands) -> None:
    commands.load()
    later = {"now": WORLD["now"], "alias_domains": ["home.example"]}
    commands.ask("load", commands.file("world.json", json.dumps(later)))
    assert "john" in findings(commands, status=78)["addresses of accounts"]["found"]


def test_keys_that_others_can_read_are_warned_of(commands: Commands) -> None:
    commands.load()
    (commands.data / "keys").chmod(0o644)
    assert "chmod 600" in findings(commands)["keys"]["mend"]


def test_a_key_file_that_is_damaged_is_wrong(commands: Commands) -> None:
    commands.load()
    (commands.data / "keys").write_text("nonsense")
    assert findings(commands, status=78)["keys"]["health"] == "misconfigured"


def test_aliases_of_a_key_that_is_gone_are_found(commands: Commands, monkeypatch: pytest.MonkeyPatch) -> None:
    commands.load(lambda world: world.update(aliases=[]))
    commands.ask("alias", "mint", "c1", "--as", "john")
    assert findings(commands)["aliases by key"]["found"] == "key 0: 1"
    monkeypatch.setenv("CONVALIAS_KEYS", "5:" + "A" * 44)
    found = findings(commands, status=78)
    assert "1 in use, 0 retired" in found["keys"]["found"]
    assert "CONVALIAS_KEYS" in found["aliases by key"]["mend"]


def test_a_clock_that_is_not_set_is_wrong(commands: Commands) -> None:
    commands.load()
    tomorrow = time.time() + 86_400
    os.utime(commands.data / "store.db", (tomorrow, tomorrow))
    assert findings(commands, status=78)["clock"]["health"] == "misconfigured"


def test_a_data_directory_of_another_program_is_wrong(commands: Commands) -> None:
    commands.file("data/store.db", b"no database of ours, and long enough to be looked at by SQLite " * 20)
    assert findings(commands, status=78)["store"]["health"] == "misconfigured"
    assert commands.run("show", "jobs").status == 78


def test_people_read_a_table(commands: Commands) -> None:
    commands.load()
    commands.ask("ingest", commands.file("mail.eml", mail()))
    ran = commands.run("doctor")
    assert ran.status == 0
    assert "1 ready, 0 in flight" in ran.out


def test_held_mail_that_nobody_is_asked_about_is_warned_of(commands: Commands) -> None:
    assert "base_url" in findings(commands)["asking about held mail"]["mend"]
    config = commands.file("asking.toml", 'base_url = "https://mail.example"\n')
    found = findings(commands, "--config", config)["asking about held mail"]
    assert (found["health"], found["found"]) == ("good", "links to https://mail.example")


def test_notifications_without_list_unsubscribe_are_warned_of(commands: Commands) -> None:
    found = findings(commands)["unsubscribe links"]
    assert (found["health"], "List-Unsubscribe" in found["found"], "base_url" in found["mend"]) == (
        "warning",
        True,
        True,
    )
    config = commands.file("linking.toml", 'base_url = "https://mail.example"\n')
    found = findings(commands, "--config", config)["unsubscribe links"]
    assert (found["health"], found["found"]) == ("good", "lead to https://mail.example")


def test_events_without_a_key_are_warned_of_where_no_mail_comes_in(
    commands: Commands, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = commands.file("events.toml", 'inbound = []\ndelivery_events = ["mailgun"]\n')
    check = "signing key of mailgun events"
    found = findings(commands, "--config", config)[check]
    assert (found["health"], "CONVALIAS_MAILGUN_EVENTS_SIGNING_KEY" in found["mend"]) == ("warning", True)
    assert commands.run("serve", "--port", "0", "--config", config).status == 78
    monkeypatch.setenv("CONVALIAS_MAILGUN_EVENTS_SIGNING_KEY", "new, old")
    assert findings(commands, "--config", config)[check]["found"] == "2 set"


def test_a_door_of_ses_without_buckets_is_warned_of(commands: Commands, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CONVALIAS_SES_TOPICS", "arn:aws:sns:eu-west-1:123456789012:mail")
    config = commands.file("ses.toml", 'inbound = ["ses"]\n')
    found = findings(commands, "--config", config)["buckets of ses"]
    assert (found["health"], "no mail is fetched" in found["found"]) == ("warning", True)
    assert "CONVALIAS_SES_BUCKETS" in found["mend"]
    monkeypatch.setenv("CONVALIAS_SES_BUCKETS", "s3://my-mail")
    assert "buckets of ses" not in findings(commands, "--config", config)


def test_a_door_whose_package_is_missing_is_told(commands: Commands, monkeypatch: pytest.MonkeyPatch) -> None:
    def load(group: str, name: str, *needed: str) -> object:
        raise MissingPackageError(f"{group} {name} {needed}", extra="mailgun")

    monkeypatch.setattr(registry, "load", load)
    found = findings(commands, status=78)["door mailgun"]
    assert (found["health"], "convalias[mailgun]" in found["found"]) == ("misconfigured", True)


def test_mail_that_may_have_left_is_counted_and_shown(commands: Commands) -> None:
    class LosesAnswers:
        async def send(self, mail: Outgoing) -> None:
            raise TimeoutError

    async def worked() -> None:
        async with Convalias.from_toml(data=commands.data, environ={}, mail=LosesAnswers()) as cv:
            await cv.run_until_idle()

    commands.load()
    commands.ask("rollout", "set", "apply", "--stage", "native", "--basis-points", "10000")
    commands.ask("send", "c1", "--as", "john", "--key", "k1", "Hello")
    assert findings(commands)["uncertain deliveries"]["health"] == "good"
    asyncio.run(worked())
    found = findings(commands)["uncertain deliveries"]
    assert found["health"] == "warning"
    states = [row["state"] for row in commands.ask("show", "deliveries")]
    assert set(states) == {"uncertain"}
    assert found["found"].startswith(f"{len(states)} ")
