"""Mail that nobody of this project wrote: every one, and every damage to it, ends in an envelope or a refusal."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from adapters.mime.expectations import POST, READER, differences, table
from convalias.domain.mail.envelope import MessageEnvelope, UnreadableMail

pytestmark = pytest.mark.corpora
EXPECTED = table("corpora_expected.json")


@pytest.mark.parametrize("name", EXPECTED)
def test_a_mail_of_the_corpora_is_read_as_a_person_reads_it(name: str, corpora: Path) -> None:
    assert differences((corpora / name).read_bytes(), EXPECTED[name]) == []


def test_every_mail_of_the_corpora_is_read(corpora: Path) -> None:
    mails = sorted(corpora.rglob("*.eml"))
    assert len(mails) == 156
    for path in mails:
        assert isinstance(READER.read_now(path.read_bytes(), POST).mail, MessageEnvelope), path.name


def test_every_prefix_and_every_damage_is_read_or_refused(corpora: Path) -> None:
    draw = random.Random(20260302)
    for path in sorted(corpora.rglob("*.eml")):
        raw = path.read_bytes()[:20_000]
        for _ in range(6):
            damaged = bytearray(raw[: draw.randrange(len(raw) + 1)])
            for _ in range(draw.randrange(8)):
                if damaged:
                    damaged[draw.randrange(len(damaged))] = draw.choice(b'\0\r\n\t :;,<>()"@=?-\x1b\xff\x80a')
            assert isinstance(READER.read_now(bytes(damaged), POST).mail, MessageEnvelope | UnreadableMail), path.name
