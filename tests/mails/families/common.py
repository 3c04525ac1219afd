"""What the families share: a mail with its expected reading, and an ordinary letter to start from."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple

ALIAS = "john-smith-1ab131e2@reply.example"
MARKER = "##- Please type your reply above this line -##"
MARY: Mapping[str, object] = {"kind": "clear", "address": "mary@corp.example"}


class Mail(NamedTuple):
    """One file: its name, the reason for its bytes, the bytes, and what a reader must make of them."""

    name: str
    why: str
    raw: bytes
    expected: Mapping[str, object]


def octets(text: str | bytes) -> bytes:
    """UTF-8 for text, bytes as they are."""
    return text if isinstance(text, bytes) else text.encode()


def clear(address: str) -> Mapping[str, object]:
    """A From with one reading; `address` is the canonical key."""
    return {"kind": "clear", "address": address}


def ambiguous(*readings: str) -> Mapping[str, object]:
    """A From with several readings or none; the named addresses must be among them."""
    return {"kind": "ambiguous", "readings": list(readings)}


def raw(name: str, why: str, text: str | bytes, expected: Mapping[str, object], *, eol: str = "\r\n") -> Mail:
    """A mail written out whole; a line feed becomes `eol` (bytes that hold a CR of their own ask for LF)."""
    return Mail(name, why, octets(text).replace(b"\n", eol.encode()), expected)


def letter(
    name: str,
    why: str,
    body: str | bytes,
    expected: Mapping[str, object] | None = None,
    *,
    sender: str | bytes = "From: Mary Jones <mary@corp.example>\n",
    subject: str | bytes = "Subject: Re: the job\n",
    message_id: str | bytes = "",
    date: str | bytes = "Date: Mon, 02 Mar 2026 10:14:00 +0100\n",
    to: str | bytes = f"To: {ALIAS}\n",
    fields: str | bytes = "",
    content: str | bytes = "Content-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: 8bit\n",
    eol: str = "\r\n",
    omit: Iterable[str] = (),
) -> Mail:
    """An ordinary mail in which one thing is special; `expected` adds to the ordinary reading, `omit` takes away."""
    stem = name.rsplit("/", 1)[-1]
    fallback = f"Message-ID: <{stem}@corp.example>\n"
    head = (sender, to, subject, date, message_id or fallback, fields, "MIME-Version: 1.0\n", content)
    whole = b"".join(map(octets, head)) + b"\n" + octets(body)
    reading: dict[str, object] = {
        "subject": "Re: the job",
        "from": MARY,
        "message_id": f"<{stem}@corp.example>",
        "class": "human",
        "oddity": None,
        "to": [ALIAS],
        "cc": [],
        "date": "2026-03-02T09:14:00Z",
        "empty": False,
    }
    if isinstance(body, str) and octets(content).startswith(b"Content-Type: text/plain; charset=utf-8\n"):
        reading["text"] = body.strip("\n")
    reading.update(expected or {})
    if reading.get("synthetic"):
        reading.pop("message_id", None)
    for key in omit:
        reading.pop(key, None)
    return Mail(name, why, whole.replace(b"\n", eol.encode()), reading)
