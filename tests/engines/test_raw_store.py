"""A deployment whose raw store is an S3 by URL, and the rest embedded: the settings, the way of a mail, the commands."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import pytest

from adapters.s3.buckets import Bucket
from convalias import Convalias, IncomingMail
from convalias.adapters import memory
from convalias.cli import main
from convalias.domain.conversations.participants import Participant
from engines.fixtures import AwsServer

pytestmark = pytest.mark.engine


@pytest.fixture
def bucket(s3: AwsServer, monkeypatch: pytest.MonkeyPatch) -> Bucket:
    """One that the settings may name: its keys are in the environment, as AWS's own tools take them."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", s3.access_key)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", s3.secret_key)
    return Bucket.made(s3)


def deployment(tmp_path: Path, raw: str) -> tuple[str, str]:
    config = tmp_path / "convalias.toml"
    config.write_text(f'data = "{tmp_path / "data"}"\nraw = "{raw}"\nalias_domains = ["reply.example"]\n')
    return str(config), str(tmp_path / "data")


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    capsys.readouterr()
    status = main(list(arguments))
    said = capsys.readouterr()
    return status, said.out, said.err


def mail_in(folder: Path) -> str:
    """A command that needs the raw store takes it in."""
    path = folder / "mail.eml"
    path.write_bytes(b"From: bob@home.example\nTo: ann@reply.example\nMessage-ID: <1@home>\n\nHello\n")
    return str(path)


def test_mail_is_kept_in_the_bucket_and_relayed_from_there(tmp_path: Path, bucket: Bucket) -> None:
    config, data = deployment(tmp_path, bucket.url("mail/eu"))

    async def story() -> None:
        async with Convalias.from_toml(config, mail=memory.Outbox()) as cv:
            people = [
                Participant.of(who, name=who.title(), addresses=[f"{who}@home.example"]) for who in ("ann", "bob")
            ]
            alias = await cv.open_conversation("c1", use_case="hiring", participants=people)
            raw = f"From: bob@home.example\nTo: {alias['ann']}\nMessage-ID: <1@home>\n\nHello Ann!\n".encode()
            await cv.receiver.accept(IncomingMail(raw, recipients=[alias["ann"]]))
            assert (await cv.run_until_idle()).dead == 0
            assert len(cv.mailbox("ann@home.example")) == 1

    asyncio.run(story())
    listed = [one["Key"] for one in bucket.plainly().list_objects_v2(Bucket=bucket.name)["Contents"]]
    assert any(key.startswith("mail/eu/raw/") for key in listed)
    assert any(key.startswith("mail/eu/envelopes/") for key in listed)
    kept = Path(data) / "blobs"
    assert not kept.exists() or not any(found.is_file() for found in kept.rglob("*="))


def test_the_doctor_sees_the_bucket_answer(tmp_path: Path, bucket: Bucket, capsys: pytest.CaptureFixture[str]) -> None:
    config, _ = deployment(tmp_path, bucket.url())
    status, out, _ = run(capsys, "doctor", "--config", config)
    assert status == 0, out
    assert "raw" in out


def test_a_bucket_that_is_not_there_is_a_wrong_setting(
    tmp_path: Path, bucket: Bucket, capsys: pytest.CaptureFixture[str]
) -> None:
    config, _ = deployment(tmp_path, Bucket(bucket.server, "convalias-nowhere").url())
    status, out, err = run(capsys, "ingest", mail_in(tmp_path), "--config", config)
    assert (status, out) == (78, "")
    assert err.count("\n") == 1
    assert "the bucket does not exist; create it" in err
    assert run(capsys, "doctor", "--config", config)[0] == 78


def test_a_server_that_is_away_is_no_wrong_setting(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "a")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "hunter2")
    config, _ = deployment(tmp_path, "s3://bucket?endpoint=http://127.0.0.1:9&retries=0&timeout=1")
    status, _, err = run(capsys, "ingest", mail_in(tmp_path), "--config", config)
    assert status == 69
    assert "raw: s3 at 127.0.0.1:9 (CONVALIAS_RAW) does not answer" in err
    assert "hunter2" not in err
    assert run(capsys, "doctor", "--config", config)[0] == 69


def test_an_option_that_is_none_is_a_wrong_setting(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    config, _ = deployment(tmp_path, "s3://bucket?colour=red")
    status, _, err = run(capsys, "ingest", mail_in(tmp_path), "--config", config)
    assert status == 78
    assert "unknown option" in err


def test_a_missing_client_is_told_with_what_brings_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for module in [name for name in sys.modules if name.startswith(("obstore", "convalias.adapters.s3"))]:
        monkeypatch.delitem(sys.modules, module)
    from convalias import adapters  # noqa: PLC0415

    monkeypatch.delattr(adapters, "s3", raising=False)
    monkeypatch.setitem(sys.modules, "obstore", None)
    config, _ = deployment(tmp_path, "s3://bucket")

    with pytest.raises(ModuleNotFoundError, match=r"pip install 'convalias\[s3\]'"):
        asyncio.run(_opened(Convalias.from_toml(config)))
    status, _, err = run(capsys, "ingest", mail_in(tmp_path), "--config", config)
    assert status == 69
    assert "pip install" in err


async def _opened(cv: Convalias) -> None:
    async with cv:
        pass
