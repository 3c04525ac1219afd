"""SpamAssassin with its own rules, offline, finds nothing in ordinary mail of ours."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import pytest

from system.pictures import mails
from system.programs import installed

MOST: Final = 0.5
"""Points. From 5 on a mail is spam by default."""
# A server that takes the mail adds these; the address is a public one, as the rules know those of documents.
RECEIVED: Final = (
    b"Return-Path: <b-token@bounce.reply.example>\n"
    b"Received: from mail.reply.example (mail.reply.example [93.184.215.14])\n"
    b"\tby mx.home.example (Postfix) with ESMTPS id 4AbCdEf\n"
    b"\tfor <bob@home.example>; Sun, 1 Mar 2026 12:00:05 +0000 (UTC)\n"
)
SPAM: Final = b"Subject: win $$$ now\n\nXJS*C4JDBQADN1.NSBN3*2IDNEN*GTUBE-STANDARD-ANTI-UBE-TEST-EMAIL*C.34X\n"


@pytest.fixture(scope="module")
def written() -> Mapping[str, bytes]:
    return mails()


def points(raw: bytes, home: Path) -> tuple[float, str]:
    """The score of a mail, and the names of the rules that it met."""
    program = installed("spamassassin", "spamassassin")
    done = subprocess.run(
        [program, "--local", "--test-mode"],
        input=RECEIVED + raw.replace(b"\r\n", b"\n"),
        capture_output=True,
        check=True,
        env={"HOME": str(home), "PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8"},
        timeout=120,
    )
    told = done.stdout.decode("utf-8", "replace")
    found = re.search(r"^Content analysis details: +\((-?[0-9.]+) points", told, re.MULTILINE)
    assert found is not None, told[-2_000:]
    return float(found[1]), told[found.start() :]


@pytest.mark.slow
@pytest.mark.parametrize("name", ["message", "invitation", "unverified", "closed", "short"])
def test_an_ordinary_mail_scores_next_to_nothing(written: Mapping[str, bytes], name: str, tmp_path: Path) -> None:
    score, rules = points(written[name], tmp_path)
    assert score <= MOST, rules


@pytest.mark.slow
def test_the_rules_are_at_work(tmp_path: Path) -> None:
    assert points(SPAM, tmp_path)[0] > 100
