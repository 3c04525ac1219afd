"""Mails over (and just under) the limits of the reader, made from ordinary ones."""

from __future__ import annotations

import dataclasses
from random import Random

from doors.mails import TEXT, multipart
from doors.naive_mail import MailFacts

TOO_MUCH = ("headers", "block", "to", "cc", "message-id", "items", "nesting", "parts", "boundary")
JUST_FITS = ("headers", "subject", "nesting", "parts", "references")


def over_a_limit(rng: Random, mail: bytes, facts: MailFacts) -> tuple[bytes, MailFacts]:
    """The same mail with one limit broken."""
    limit = rng.choice(TOO_MUCH)
    padded = {
        "headers": "X-Pad: 1\n" * 1001,
        "block": f"X-Pad: {'y' * 100_000}\n" * 3,
        "to": f"To: {'t' * 103_000}@else.example\n",
        "cc": f"Cc: {'t' * 103_000}@else.example\n",
        "message-id": f"Message-ID: <{'m' * 103_000}@else.example>\n",
        "items": "To: " + "a," * 10_300 + "b\n",
        "nesting": _typed(_nested(40)),
        "parts": _typed(multipart("multipart/mixed", *[("text/plain", ["x"])] * 1100)),
        "boundary": _typed(('multipart/mixed; boundary="' + "b" * 300 + '"', ["--" + "b" * 300, "", "x"])),
    }[limit]
    return _with(padded, mail), dataclasses.replace(facts, malformed=True)


def just_fitting(rng: Random, mail: bytes, facts: MailFacts) -> tuple[bytes, MailFacts]:
    """The same mail as large as it may be in one respect."""
    limit = rng.choice(JUST_FITS)
    if facts.empty or b"multipart" in mail or b"Content-Type: text/plain; charset=utf-8" not in mail:
        limit = "headers"
    padded = {
        "headers": "X-Pad: 1\n" * 900,
        "subject": f"X-Thread-Topic: {'a ' * 60_000}\n",
        "nesting": _typed(_nested(20)),
        "parts": _typed(multipart("multipart/mixed", *[("text/plain", ["x"])] * 900)),
        "references": f"References: {'<r@x.example> ' * 9_000}\n",
    }[limit]
    return _with(padded, mail), dataclasses.replace(facts, mime_ambiguous=None)


def _with(head: str, mail: bytes) -> bytes:
    newline = "\r\n" if b"\r\n" in mail else "\n"
    if not head.startswith("Content-Type"):
        return head.replace("\n", newline).encode() + mail
    old, _, _ = mail.decode("utf-8", "surrogateescape").partition(newline * 2)
    kept = [line for line in old.split(newline) if not line.lower().startswith(("content-type", "mime-version"))]
    return (newline.join(kept) + newline + head.replace("\n", newline)).encode("utf-8", "surrogateescape")


def _typed(part: tuple[str, list[str]]) -> str:
    return "\n".join([f"Content-Type: {part[0]}", "MIME-Version: 1.0", "", *part[1], ""])


def _nested(depth: int) -> tuple[str, list[str]]:
    kind, body = "text/plain", TEXT
    for level in range(depth):
        boundary = f"level-{level}-"
        kind, body = (
            f'multipart/mixed; boundary="{boundary}"',
            [f"--{boundary}", f"Content-Type: {kind}", "", *body, f"--{boundary}--"],
        )
    return kind, body
