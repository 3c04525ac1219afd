"""Readings taken by eye (tests/mails), compared with what the reader makes of the bytes."""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from convalias.adapters.mime import Reader
from convalias.domain.inbound.posts import Post
from convalias.domain.mail.envelope import (
    AmbiguousFrom,
    ClearFrom,
    InboundMail,
    MessageEnvelope,
    Oddity,
    UnreadableMail,
)

MAILS = Path(__file__).parents[2] / "mails"
CORPORA = Path(__file__).parents[4] / "shared" / "corpora"
READER = Reader(alias_domains=frozenset({"reply.example"}))
NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)
POST = Post(received_at=NOW)


def table(name: str) -> dict[str, dict[str, Any]]:
    """One table of expectations."""
    found: dict[str, dict[str, Any]] = json.loads((MAILS / name).read_text("utf-8"))
    return found


def read(raw: bytes) -> InboundMail:
    """The mail as the reader of all readings sees it."""
    return READER.read_now(raw, POST).mail


def differences(raw: bytes, want: dict[str, Any]) -> list[str]:
    """Every key of the reading that the reader does not meet, said in words; empty: all met."""
    mail = read(raw)
    if isinstance(mail, UnreadableMail):
        return [] if want.get("malformed") == mail.limit else [f"unreadable: {mail.limit} of {mail.found}"]
    if "malformed" in want:
        return [f"read, but over the limit {want['malformed']}"]
    return [*_header(mail, want), *_text(mail, want), *_attachments(mail, want)]


def _differ(key: str, want: object, got: object) -> Iterator[str]:
    if want != got:
        yield f"{key}: expected {want!r}, read {got!r}"


def _words(text: str) -> str:
    return " ".join(text.split())


def _parts(want: str | list[str]) -> list[str]:
    return [want] if isinstance(want, str) else want


def _header(mail: MessageEnvelope, want: dict[str, Any]) -> Iterator[str]:
    got: dict[str, object] = {
        "message_id": str(mail.message_id),
        "synthetic": mail.message_id.synthetic,
        "class": mail.mail_class.value,
        "oddity": "header" if Oddity.HEADER in mail.oddities else "body" if Oddity.BODY in mail.oddities else None,
        "to": sorted(one.key for one in mail.to),
        "cc": sorted(one.key for one in mail.cc),
        "empty": mail.content.empty,
    }
    for key, value in got.items():
        if key in want:
            yield from _differ(key, sorted(want[key]) if key in {"to", "cc"} else want[key], value)
    if "class_in" in want and mail.mail_class.value not in want["class_in"]:
        yield f"class: expected one of {want['class_in']}, read {mail.mail_class.value!r}"
    if "date" in want:
        date = None if want["date"] is None else datetime.fromisoformat(want["date"]).astimezone(UTC)
        yield from _differ("date", date, mail.date)
    yield from _sender(mail, want)
    yield from _spelled("subject", mail.content.subject, want)
    if "subject" in want:
        yield from _differ("subject", _words(want["subject"]), _words(mail.content.subject))


def _sender(mail: MessageEnvelope, want: dict[str, Any]) -> Iterator[str]:
    match mail.sender, want.get("from"):
        case _, None:
            pass
        case ClearFrom(address=address), {"kind": "clear", "address": expected}:
            yield from _differ("from", expected, address.key)
        case AmbiguousFrom(readings=readings), {"kind": "ambiguous", **rest}:
            missing = set(rest.get("readings", ())) - {one.key for one in readings}
            if missing:
                yield f"readings: {missing} not among {readings}"
        case sender, expected:
            yield f"from: expected {expected}, read {sender}"
    if "display" in want and isinstance(mail.sender, ClearFrom):
        yield from _differ("display", want["display"], mail.sender.display)


def _spelled(key: str, text: str, want: dict[str, Any]) -> Iterator[str]:
    """`key_starts`, `key_contains`, `key_lacks`."""
    words = _words(text)
    if (start := want.get(f"{key}_starts")) is not None and not words.startswith(_words(start)):
        yield f"{key}: expected to start with {start!r}, read {words[:200]!r}"
    for part in _parts(want.get(f"{key}_contains", [])):
        if _words(part) not in words:
            yield f"{key}: lacks {part!r}, read {words[:300]!r}"
    for part in _parts(want.get(f"{key}_lacks", [])):
        if (_words(part) or part) in (words if part.strip() else text):
            yield f"{key}: holds {part!r}, read {words[:300]!r}"


def _trimmed(text: str) -> str:
    return "\n".join(line.rstrip() for line in text.replace("\r\n", "\n").split("\n")).strip("\n")


def _text(mail: MessageEnvelope, want: dict[str, Any]) -> Iterator[str]:
    content = mail.content
    if "text" in want:
        yield from _differ("text", _trimmed(want["text"]), _trimmed(content.text))
    if "text_words" in want:
        yield from _differ("text", _words(want["text_words"]), _words(content.text))
    if want.get("whole"):
        yield from _differ("whole", content.full_text, content.text)
    yield from _spelled("text", content.text, want)
    yield from _spelled("full_text", content.full_text, want)
    yield from _spelled("html", content.html or "", want)


def _attachments(mail: MessageEnvelope, want: dict[str, Any]) -> Iterator[str]:
    got = [{"name": one.name, "media_type": one.media_type} for one in mail.content.attachments]
    if "attachments" in want:
        if len(got) != len(want["attachments"]):
            yield f"attachments: expected {want['attachments']}, read {got}"
        for expected, one in zip(want["attachments"], got, strict=False):
            if not _is_like(one, expected):
                yield f"attachment: expected {expected}, read {one}"
    for expected in want.get("attachments_contain", []):
        if not any(_is_like(one, expected) for one in got):
            yield f"attachments: lacks {expected}, read {got}"


def _is_like(got: dict[str, str], want: dict[str, Any]) -> bool:
    return all(is_safe_name(got["name"]) if key == "name_safe" else got[key] == value for key, value in want.items())


def is_safe_name(name: str) -> bool:
    """Nothing in it that a file system or an eye mistakes."""
    device = name.split(".", maxsplit=1)[0].upper().strip()
    odd = any(char in "/\\" or unicodedata.category(char) in {"Cc", "Cf"} for char in name)
    names = {"CON", "PRN", "AUX", "NUL", *(f"{port}{number}" for port in ("COM", "LPT") for number in range(10))}
    return 0 < len(name) <= 255 and not odd and name not in {".", ".."} and device not in names
