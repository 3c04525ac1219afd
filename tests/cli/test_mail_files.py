"""Mail in files, as strangers may have left them there."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from convalias.cli.errors import Failed
from convalias.cli.mail_files import HEAD, mails

LIMIT = 100_000


def read(*paths: Path, limit: int = LIMIT) -> list[tuple[str, bytes, bool]]:
    return [(Path(one.place).name, one.raw, one.too_large) for one in mails([str(path) for path in paths], limit=limit)]


def test_a_pipe_or_a_device_is_no_mail(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.eml")
    for path in (tmp_path / "pipe.eml", Path("/dev/zero")):
        with pytest.raises(Failed, match="no file; expected"):
            read(path)
    (tmp_path / "mail.eml").write_bytes(b"Subject: x\n\n")
    assert read(tmp_path) == [("mail.eml", b"Subject: x\n\n", False)]


def test_a_link_in_a_folder_is_left_out_and_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    secret = tmp_path / "secret"
    secret.write_bytes(b"root:x")
    folder, maildir = tmp_path / "folder", tmp_path / "maildir"
    (maildir / "new").mkdir(parents=True)
    folder.mkdir()
    for link in (folder / "a\x1b[31m.eml", maildir / "new" / "1.host"):
        link.symlink_to(secret)
    assert read(folder, maildir) == []
    told = capsys.readouterr().err
    assert told.count("left out, a symbolic link") == 2
    assert "\x1b" not in told
    # A path that was named is what the caller wants to read, wherever it leads.
    assert read(maildir / "new" / "1.host") == [("1.host", b"root:x", False)]


def test_a_line_without_an_end_is_never_held_whole(tmp_path: Path) -> None:
    box = tmp_path / "box"
    long = b"From " + b"y" * 300_000 + b"\n" + b"Subject: 1\n\n" + b"x" * 500_000 + b"\n\nFrom z\nSubject: 2\n\ntext\n"
    box.write_bytes(long)
    first, second = read(box)
    assert first == ("box#1", b"Subject: 1\n\n" + b"x" * (HEAD - 12), True)
    assert second == ("box#2", b"Subject: 2\n\ntext\n", False)


def test_only_a_line_that_follows_an_empty_one_separates(tmp_path: Path) -> None:
    box = tmp_path / "box"
    piece = b"a" * (64 * 1024 - 1) + b"\n"
    box.write_bytes(b"From a\nSubject: 1\nFrom b\n\n" + piece + b"From c\n\nFrom d\r\n\r\nFrom e\nx")
    assert [raw for _, raw, _ in read(box)] == [
        b"Subject: 1\nFrom b\n\n" + piece + b"From c\n\n",
        b"\r\n",
        b"x",
    ]
