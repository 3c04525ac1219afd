"""What lies in a data directory is read by its owner alone, whatever the umask and whoever made it."""

from __future__ import annotations

import asyncio
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from convalias import Convalias
from convalias.domain.conversations.participants import Participant
from convalias.domain.ids import UseCase
from convalias.domain.inbound.posts import IncomingMail
from convalias.domain.migration.rollout import Stage

ANN = Participant.of("ann", name="Ann Ray", addresses=["ann@home.example"])
BOB = Participant.of("bob", name="Bob Lee", addresses=["bob@corp.example"])
WIDEST = 0o777


@contextmanager
def umask(mask: int) -> Iterator[None]:
    before = os.umask(mask)
    try:
        yield
    finally:
        os.umask(before)


def for_others(folder: Path) -> list[str]:
    """What is not for its owner alone, of everything below and of the folder itself."""
    modes = {path: stat.S_IMODE(path.stat().st_mode) for path in [folder, *folder.rglob("*")]}
    return [
        f"{path.relative_to(folder)} {mode:o}"
        for path, mode in modes.items()
        if mode != (0o700 if path.is_dir() else 0o600)
    ]


def letter(alias: str, *, sender: str) -> IncomingMail:
    raw = (
        f"From: {sender}\nTo: {alias}\nMessage-ID: <{sender}>\nMIME-Version: 1.0\nContent-Type: multipart/mixed;"
        ' boundary="b"\n\n--b\n\nHello\n--b\nContent-Disposition: attachment; filename="cv.txt"\n\nmy life\n--b--\n'
    )
    return IncomingMail(raw.encode(), recipients=[alias])


async def whole_path(folder: Path, *, looked: list[str]) -> None:
    """Mail in, message, notification, hand-over, refusal; what others may see while it is open, and afterwards."""
    settings = folder.parent / "convalias.toml"
    settings.write_text('alias_domains = ["reply.example"]\nlegacy_domains = ["relay.example"]\n')
    async with Convalias.from_toml(settings, data=folder, environ={}) as cv:
        await cv.rollout.set(UseCase("hiring"), stage=Stage.PARALLEL, basis_points=10_000)
        aliases = await cv.open_conversation("c1", use_case="hiring", participants=[ANN, BOB])
        alias = str(aliases[ANN.account])
        await cv.receiver.accept(letter(alias, sender="bob@corp.example"))
        await cv.receiver.accept(letter("nobody-1ab131e2@reply.example", sender="bob@corp.example"))
        await cv.receiver.accept(letter("job-1@relay.example", sender="eve@evil.example"))
        await cv.run_until_idle()
        looked += for_others(folder)


@pytest.mark.parametrize("mask", [0, 0o022, 0o077, 0o277])
def test_a_data_directory_is_its_owners_alone(tmp_path: Path, mask: int) -> None:
    looked: list[str] = []
    data = tmp_path / "data"
    with umask(mask):
        (tmp_path / "convalias.toml").touch(0o600)
        (tmp_path / "convalias.toml").chmod(0o600)
        asyncio.run(whole_path(data, looked=looked))
    assert (looked, for_others(data)) == ([], [])
    made = {path.name for path in data.iterdir()}
    assert {"blobs", "keys", "legacy.db", "outbox", "store.db", ".tmp"} <= made
    assert list((data / "blobs").rglob("*="))
    assert list((data / "outbox").glob("*.eml"))


def test_what_an_older_release_made_is_tightened_once_it_is_opened(tmp_path: Path) -> None:
    data = tmp_path / "data"
    asyncio.run(whole_path(data, looked=[]))
    for path in [data, *data.rglob("*")]:
        path.chmod(0o777 if path.is_dir() else 0o666)
    for left in (data / ".tmp").glob("private-*"):
        left.unlink()
    for left in (data / "blobs" / ".tmp").glob("private-*"):
        left.unlink()
    looked: list[str] = []
    asyncio.run(whole_path(data, looked=looked))
    assert (looked, for_others(data)) == ([], [])


def test_the_files_of_an_older_release_are_looked_at_once(tmp_path: Path) -> None:
    data = tmp_path / "data"
    asyncio.run(whole_path(data, looked=[]))
    (mail,) = (data / "outbox").glob("*.eml")
    mail.chmod(0o644)  # its owner wants it so
    asyncio.run(whole_path(data, looked=[]))
    assert stat.S_IMODE(mail.stat().st_mode) == 0o644
    assert [path.name for path in (data / "outbox").iterdir() if path.suffix != ".eml"] == []
