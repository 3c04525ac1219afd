"""Mail of a deployment that signs: what leaves verifies, whatever it leaves by."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import dkim
import pytest
from attrs import evolve

from adapters.mime.authentication.test_signer import rsa_pem
from convalias.adapters.mime import compose
from convalias.adapters.mime.authentication.signer import Signer, Signing
from convalias.app import Convalias
from convalias.app.memory import memory_ports, memory_wiring
from convalias.domain.conversations.participants import Participant
from convalias.settings import WrongSettings

ANN = Participant.of("ann", name="Ann Ray", addresses=["ann@home.example"])
BOB = Participant.of("bob", name="Bob Lee", addresses=["bob@corp.example"])
SIGNER = Signer(rsa_pem(), selector="s1")
TOML = 'alias_domains = ["reply.example"]\n[dkim]\nselector = "s1"\n'


def verifies(raw: bytes) -> bool:
    def answer(name: bytes, timeout: int = 5) -> bytes:
        return SIGNER.record.encode() if name.rstrip(b".") == b"s1._domainkey.reply.example" else b""

    return bool(dkim.verify(raw, dnsfunc=answer))


async def say_hello(cv: Convalias) -> None:
    await cv.open_conversation("c1", use_case="hiring", participants=[ANN, BOB])
    await cv.messaging.send("c1", "hello", author="bob", key="1")
    await cv.run_until_idle()


def test_the_folder_of_a_trial_gets_signed_mail(tmp_path: Path) -> None:
    async def story() -> None:
        (tmp_path / "convalias.toml").write_text(TOML)
        environ = {"CONVALIAS_DKIM_KEY": rsa_pem().decode()}
        async with Convalias.from_toml(tmp_path / "convalias.toml", data=tmp_path / "data", environ=environ) as cv:
            await say_hello(cv)
        (path,) = (tmp_path / "data" / "outbox").glob("*.eml")
        raw = path.read_bytes()
        assert raw.startswith(b"Return-Path: <b-")
        assert verifies(raw)

    asyncio.run(story())


def test_a_host_that_wires_services_itself_signs_by_its_compose() -> None:
    async def story() -> None:
        wiring = evolve(memory_wiring("reply.example", None, None), compose=Signing(compose, SIGNER))
        async with Convalias.over(memory_ports(legacy=False), wiring) as cv:
            await say_hello(cv)
            assert [verifies(raw) for raw in cv.mailbox("ann@home.example")] == [True]

    asyncio.run(story())


@pytest.mark.parametrize("key", [{}, {"CONVALIAS_DKIM_KEY": "secret words"}])
def test_a_deployment_without_a_key_is_not_opened(tmp_path: Path, key: dict[str, str]) -> None:
    (tmp_path / "convalias.toml").write_text(TOML)
    with pytest.raises(WrongSettings, match=r"CONVALIAS_DKIM_KEY: .*in PEM") as refused:
        Convalias.from_toml(tmp_path / "convalias.toml", data=tmp_path / "data", environ=key)
    assert "secret words" not in str(refused.value)


def test_without_the_library_that_is_told_as_a_wrong_setting(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "convalias.adapters.mime.authentication.signer")
    monkeypatch.setitem(sys.modules, "cryptography.exceptions", None)
    (tmp_path / "convalias.toml").write_text(TOML)
    with pytest.raises(WrongSettings, match=r"convalias\[dkim\]"):
        Convalias.from_toml(tmp_path / "convalias.toml", data=tmp_path / "data", environ={"CONVALIAS_DKIM_KEY": "x"})
