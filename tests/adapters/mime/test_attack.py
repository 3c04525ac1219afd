"""Mail of up to 25 MB made to be slow or large: a second of CPU, four times the memory, and never an exception."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from adapters.mime.attacks import ATTACKS, LARGEST, READER
from adapters.mime.expectations import POST
from convalias.adapters.mime import limits
from convalias.domain.mail.envelope import MessageEnvelope, Oddity, UnreadableMail

WHOLE = os.environ.get("CONVALIAS_SOAK") == "1"
SIZE = LARGEST if WHOLE else LARGEST // 10
SECONDS = 1.0
MEASURE = """
import resource, sys
from adapters.mime.expectations import POST
from convalias.adapters.mime import Reader
reader = Reader(alias_domains=frozenset({"reply.example"}))
reader.read_now(b"From: a@b.cd\\r\\n\\r\\nx", POST)
with open(sys.argv[1], "rb") as file:
    raw = file.read()
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
reader.read_now(raw, POST)
print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * 1024, len(raw))
"""


def spent(make: Callable[[int], bytes], size: int) -> float:
    """CPU seconds of reading it, the least of some; it must end in an envelope or a refusal."""
    raw, least = make(size), 1e9
    for _ in range(2 if WHOLE else 1):
        start = time.process_time()
        mail = READER.read_now(raw, POST).mail
        least = min(least, time.process_time() - start)
        assert isinstance(mail, MessageEnvelope | UnreadableMail)
    return least


@pytest.mark.soak
@pytest.mark.slow
@pytest.mark.parametrize("name", ATTACKS)
def test_a_large_hostile_mail_is_read_within_a_second_and_in_linear_time(name: str) -> None:
    whole = spent(ATTACKS[name], SIZE)
    print(f"{whole:7.3f} s  {name}")  # noqa: T201 - for `make soak`
    assert whole <= SECONDS or not WHOLE  # only `make soak` has the machine to itself

    def is_linear(whole: float) -> bool:  # below half a second the clock measures the machine
        return whole <= 0.45 or whole < 9 * max(spent(ATTACKS[name], SIZE // 4), 0.05)

    # A busy machine makes one of the two dearer for once; what is quadratic is so each time.
    assert is_linear(whole) or any(is_linear(spent(ATTACKS[name], SIZE)) for _ in range(4))


@pytest.mark.soak
@pytest.mark.slow
@pytest.mark.skipif(not WHOLE, reason="a process for each: `make soak`")
@pytest.mark.parametrize("name", ATTACKS)
def test_a_large_hostile_mail_takes_four_times_its_size_at_most(name: str, tmp_path: Path) -> None:
    tests, mail = Path(__file__).parents[2], tmp_path / "mail"
    mail.write_bytes(ATTACKS[name](LARGEST))
    ran = subprocess.run(
        [sys.executable, "-c", MEASURE, str(mail)],
        capture_output=True, text=True, check=True, timeout=120, env={**os.environ, "PYTHONPATH": str(tests)},
    )  # fmt: skip
    more, size = map(int, ran.stdout.split())
    # The measured growth is beside the mail itself; the first megabytes are tables and arenas.
    assert more <= 3 * size + 16_000_000, f"{more / size:.1f} times the mail of {size} octets"


def test_text_beyond_what_is_read_is_attached_whole_and_noted() -> None:
    body = b"word " * (limits.SHOWN // 5 + 1)
    found = READER.read_now(b"From: a@b.cd\r\n\r\n" + body, POST)
    assert isinstance(found.mail, MessageEnvelope)
    assert len(found.mail.content.full_text) <= limits.SHOWN
    assert [one.content for one in found.attachments] == [body]
    assert Oddity.BODY in found.mail.oddities


def test_the_bounds_of_text_are_those_of_the_mail_not_of_each_part() -> None:
    part = b"--b\r\nContent-Type: text/plain; format=flowed\r\n\r\n" + b"a \r\nb\r\n" * 20_000
    raw = b"From: a@b.cd\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n" + part * 3
    mail = READER.read_now(raw, POST).mail
    assert isinstance(mail, MessageEnvelope)
    assert mail.content.full_text.count("a b\n") > 20_000
    assert mail.content.full_text.count("a \nb") == 20_000
