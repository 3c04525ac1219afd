"""Reading ordinary mail: our reader beside what else reads mail in Python.

The rivals parse and ask for what any relay needs: From, To, Cc, Message-ID, Date, Subject and the text body. Ours does
that and what must follow: classes, digests, quotes, sanitised HTML. Aim: 5 times faster than `email.policy.default`,
which it replaces. mail-parser and django-anymail are measured where they are installed (`requirements/bench.txt`).
"""

from __future__ import annotations

import email
import email.policy
import importlib.util
from collections.abc import Callable
from datetime import UTC, datetime
from email.message import EmailMessage
from pathlib import Path
from typing import Final

from _measure import Row, left_out, machine, row, side_by_side, tell
from convalias.adapters.mime import Reader
from convalias.domain.inbound.posts import Post

FOLDER: Final = Path(__file__).parent.parent / "tests" / "mails"
TIMES: Final = 10
ROUNDS: Final = 5
Read = Callable[[bytes], object]


def ordinary() -> list[bytes]:
    """Mails of common programs and replies of people, as they are written in the tests."""
    return [path.read_bytes() for family in ("shape-*", "reply-*") for path in sorted(FOLDER.rglob(f"{family}.eml"))]


def standard(raw: bytes) -> None:
    message = email.message_from_bytes(raw, policy=email.policy.default)
    for name in ("from", "to", "cc", "message-id", "date", "subject", "in-reply-to", "references"):
        str(message.get(name, ""))
    if isinstance(message, EmailMessage):
        body = message.get_body(("plain", "html"))
        if body is not None:
            body.get_content()


def mail_parser() -> Read:
    from mailparser import parse_from_bytes  # noqa: PLC0415 - a rival need not be there

    def read(raw: bytes) -> None:
        mail = parse_from_bytes(raw)
        _ = (mail.from_, mail.to, mail.cc, mail.message_id, mail.date, mail.subject, mail.text_plain, mail.text_html)

    return read


def anymail() -> Read:
    from anymail.inbound import AnymailInboundMessage  # noqa: PLC0415 - a rival need not be there
    from django.conf import settings  # noqa: PLC0415

    if not settings.configured:
        settings.configure()

    def read(raw: bytes) -> None:
        mail = AnymailInboundMessage.parse_raw_mime_bytes(raw)
        _ = (mail.from_email, mail.to, mail.cc, mail["message-id"], mail.date, mail.subject, mail.text or mail.html)

    return read


RIVALS: Final[dict[str, tuple[str, Callable[[], Read]]]] = {
    "email.policy.default": ("email", lambda: standard),
    "mail-parser": ("mailparser", mail_parser),
    "django-anymail inbound": ("anymail", anymail),
}


def is_readable(read: Read, raw: bytes) -> bool:
    """Whether that reader comes to an end with that mail: each rival has some that it raises an error for."""
    try:
        read(raw)
    except Exception:  # noqa: BLE001 - whatever a rival raises
        return False
    return True


def repeated(read: Read, mails: list[bytes]) -> Callable[[], None]:
    def work() -> None:
        for _ in range(TIMES):
            for raw in mails:
                read(raw)

    return work


def question() -> list[Row]:
    reader, post = (
        Reader(alias_domains=frozenset({"reply.example"})),
        Post(received_at=datetime(2026, 3, 1, tzinfo=UTC)),
    )
    readers: dict[str, Read] = {"convalias": lambda raw: reader.read_now(raw, post)}
    for name, (package, make) in RIVALS.items():
        if importlib.util.find_spec(package) is None:
            left_out(name, "it is not installed; requirements/bench.txt holds it")
        else:
            readers[name] = make()
    mails = [raw for raw in ordinary() if all(is_readable(read, raw) for read in readers.values())]
    print(f"{len(mails)} ordinary mails of {sum(map(len, mails)) // len(mails)} octets on average, {machine()}")
    took = side_by_side({name: repeated(read, mails) for name, read in readers.items()}, rounds=ROUNDS)
    each = {name: seconds / TIMES / len(mails) * 1e3 for name, seconds in took.items()}
    return [
        row(
            "reading an ordinary mail",
            ours=each["convalias"],
            rival=(name, figure),
            unit="ms CPU a mail",
            aim="ratio >= 5" if name == "email.policy.default" else None,
        )
        for name, figure in each.items()
        if name != "convalias"
    ]


if __name__ == "__main__":
    tell(question)
