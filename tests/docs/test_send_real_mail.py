"""The how-to "Send real mail": its settings, its zone and its commands, against a mail server that asks for TLS and a password."""

from __future__ import annotations

import asyncio
import re
import shlex
import threading
from collections.abc import Iterator, Mapping
from concurrent.futures import Future
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import pytest
from attrs import frozen

from adapters.smtp.servers import HOST, PASSWORD, Certificate, Mailbox, aiosmtpd_server, certificate
from cli.desk import Commands
from convalias.cli.examining_domains import examine_names
from convalias.ports.dns import HostAnswer, HostKind, HostRecords, NoSuchName, TemporaryFailure, TxtAnswer, TxtRecords
from docs.howto import HOW_TO, Step, missing, steps

PAGE: Final = (HOW_TO / "send-real-mail.md").read_text(encoding="utf-8")
RECORD: Final = re.compile(r"^(\S+)\.\s+(MX|TXT)\s+(.*)$", re.MULTILINE)


def block(kind: str) -> str:
    (found,) = re.findall(rf"^```{kind}\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    return str(found)


@frozen
class Zone:
    """The records of the page, asked as name servers are."""

    records: Mapping[tuple[str, str], tuple[str, ...]]
    silent: frozenset[str] = frozenset()

    async def txt(self, name: str) -> TxtAnswer:
        if name in self.silent:
            return TemporaryFailure("SERVFAIL")
        found = self.records.get((name, "TXT"))
        return NoSuchName() if found is None else TxtRecords(tuple(text.encode() for text in found))

    async def hosts(self, name: str, kind: HostKind) -> HostAnswer:
        if name in self.silent:
            return TemporaryFailure("SERVFAIL")
        found = self.records.get((name, kind))
        return NoSuchName() if found is None else HostRecords(found)


def zone() -> Zone:
    found: dict[tuple[str, str], tuple[str, ...]] = {}
    for name, kind, value in RECORD.findall(block("dns")):
        shown = value.strip('"') if kind == "TXT" else value.split()[1].removesuffix(".")
        found[name, kind] = (*found.get((name, kind), ()), shown)
    return Zone(found)


@contextmanager
def relay(box: Mailbox, shown: Certificate) -> Iterator[int]:
    """A mail server in a thread of its own: commands run in loops of theirs."""
    port: Future[int] = Future()
    loop, stop = asyncio.new_event_loop(), asyncio.Event()

    async def serve() -> None:
        async with aiosmtpd_server(box, starttls=shown, login=True, user="user") as listening:
            port.set_result(listening)
            await stop.wait()

    thread = threading.Thread(target=loop.run_until_complete, args=[serve()])
    thread.start()
    try:
        yield port.result(10)
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join(10)
        loop.close()


def run(commands: Commands, step: Step, config: str) -> str:
    """The commands of one block; what they print."""
    printed: list[str] = []
    for line in step.commands:
        name, *arguments = shlex.split(line)
        assert name == "convalias"
        ran = commands.run(*arguments, "--config", config)
        assert ran.status == 0, (line, ran.err)
        printed.append(ran.out)
    return "".join(printed)


@pytest.mark.slow
def test_the_page_sends_a_mail(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    box, shown = Mailbox(), certificate(tmp_path)
    commands = Commands(tmp_path, capsys)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "400")
    monkeypatch.setenv("CONVALIAS_MAIL_PASSWORD_FILE", commands.file("password", PASSWORD + "\n"))
    monkeypatch.setattr("convalias.cli.examining_domains.resolver_of", lambda asked: zone())
    commands.file("world.json", block("json"))
    _, doctor, sending = [one for one in steps(HOW_TO / "send-real-mail.md") if one.commands]
    with relay(box, shown) as port:
        text = block("toml").replace("relay.example:587", f"{HOST}:{port}?ca={shown.pem}&helo=here.test")
        config = commands.file("convalias.toml", text)
        assert missing(doctor, run(commands, doctor, config)) is None
        assert missing(sending, run(commands, sending, config)) is None
    ((return_path, recipient, raw),) = box.taken
    assert recipient == "mary@corp.example"
    assert return_path.endswith("@bounce.reply.example")
    assert b"Does this arrive?" in raw


# --- what the doctor says of other zones ------------------------------------------------------------------------------


def said(answers: Zone) -> dict[str, tuple[str, str]]:
    found = asyncio.run(examine_names(["reply.example"], answers))
    assert all(one.mend for one in found if one.health.value != "good")
    return {one.check.removesuffix("reply.example"): (one.health.value, one.found) for one in found}


def test_without_records_each_is_a_warning() -> None:
    assert said(Zone({})) == {
        "MX of ": ("warning", "none"),
        "MX of bounce.": ("warning", "none"),
        "SPF of ": ("warning", "none"),
        "SPF of bounce.": ("warning", "none"),
        "DMARC of ": ("warning", "none"),
    }


def test_silent_name_servers_are_no_missing_records() -> None:
    silent = frozenset({"reply.example", "bounce.reply.example", "_dmarc.reply.example"})
    assert {*said(Zone({}, silent)).values()} == {("unknown", "no answer (SERVFAIL)")}


@pytest.mark.parametrize(
    ("name", "kind", "values", "check", "health", "found"),
    [
        ("reply.example", "MX", (".",), "MX of ", "warning", "none"),
        ("reply.example", "TXT", ("v=spf1 -all", "v=spf1 a -all"), "SPF of ", "warning", "2 records, which is none"),
        ("reply.example", "TXT", ("v=spf1 a +all",), "SPF of ", "warning", "anybody may send"),
        ("reply.example", "TXT", ("v=spf1 a ?all",), "SPF of ", "warning", "anybody may send"),
        ("reply.example", "TXT", ("v=spf10 -all", "other"), "SPF of ", "warning", "none"),
        ("reply.example", "TXT", ("V=SPF1 a ~all", "other"), "SPF of ", "good", "one record"),
        ("_dmarc.reply.example", "TXT", ("v=DMARC1; p=none",), "DMARC of ", "warning", "p=none"),
        ("_dmarc.reply.example", "TXT", ("v=DMARC1; p=reject; t=y",), "DMARC of ", "warning", "p=quarantine"),
        ("_dmarc.reply.example", "TXT", ("v=DMARC1; p=reject",) * 2, "DMARC of ", "warning", "none"),
    ],
)
def test_a_record_that_does_not_help_is_a_warning(
    name: str, kind: str, values: tuple[str, ...], check: str, health: str, found: str
) -> None:
    health_found = said(Zone({(name, kind): values}))[check]
    assert health_found[0] == health
    assert health_found[1].startswith(found)
