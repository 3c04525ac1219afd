"""Mails and pages of ours as a reader sees them, the pictures of them in the documents, and the diagrams there.

`python -m system.pictures` in `tests` takes the pictures anew. It needs Chromium, and Mermaid at `build/mermaid`, where
`make pictures` puts it.
"""

from __future__ import annotations

import asyncio
import json
import re
import shutil
import sys
import tempfile
from collections.abc import Mapping
from datetime import UTC, datetime
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from typing import Any, Final, cast

import httpx
from attrs import evolve, frozen
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ed25519

from convalias import Convalias, IncomingMail, Participant
from convalias.adapters import asgi, memory
from convalias.adapters.mime.authentication.signer import Signer, Signing
from convalias.adapters.mime.compose import compose
from convalias.app.memory import memory_ports, memory_wiring
from convalias.domain.addresses.email_address import EmailAddress
from convalias.domain.approvals.holds import HeldPage, Proof
from convalias.domain.ids import ConversationId
from convalias.domain.inbound.held import HoldState
from convalias.domain.outbound.enclosures import LinkedFile
from convalias.domain.outbound.suppressions import Subscription
from convalias.services.conversations.messaging import introduce
from docs.sites import module_of_the_site
from system.browser import Page, browser

PROJECT: Final = Path(__file__).resolve().parents[2]
PICTURES: Final = PROJECT / "docs" / "explanation" / "pictures"
DIAGRAMS: Final = PICTURES / "diagrams"
MERMAID: Final = PROJECT / "build" / "mermaid" / "node_modules" / "mermaid" / "dist" / "mermaid.min.js"
COLOURS: Final = {
    "#fdfdf1": ("--color-background-secondary", "#f8f9fb"),
    "#010102": ("--color-foreground-primary", "#1f2328"),
    "#010103": ("--color-foreground-muted", "#6b6f76"),
    "#010104": ("--color-foreground-secondary", "#5a5c63"),
    "#fdfdf5": ("--color-background-primary", "#ffffff"),
}
"""Colours that Mermaid draws with, by the variable of the site that takes their place, and the colour elsewhere."""
KEY: Final = ed25519.Ed25519PrivateKey.from_private_bytes(b"k" * 32).private_bytes(
    serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
)
BORDER: Final = "mx.border.example"
TEXT: Final = """Hello Bob,

thank you for your application. Could we talk on Tuesday at ten? Three things that I should like to hear about:

1. your last project,
2. why you want to change,
3. when you could begin.

The office is here: https://maps.example/place/corp+headquarters/@52.5200066,13.404954,17z/data=!3m1!4b1!4m6!3m5!1s0x47a84e373f035901
Our door code is LLANFAIRPWLLGWYNGYLLGOGERYCHWYRNDROBWLLLLANTYSILIOGOGOGOCHPLANTSYMUDIADAUGYMREIGPETHAU.

Best regards
Ann"""
INVITATION: Final = (
    "BEGIN:VCALENDAR\r\nMETHOD:REQUEST\r\nBEGIN:VEVENT\r\nUID:1@home\r\nDTSTART;TZID=Europe/Berlin:20260310T100000\r\n"
    "DTEND;TZID=Europe/Berlin:20260310T110000\r\nSUMMARY:Interview\r\nLOCATION:Room 5\\, second floor\r\nEND:VEVENT\r\n"
    "END:VCALENDAR\r\n"
)


@frozen
class Look:
    """A window in which a document is looked at."""

    name: str
    width: int
    dark: bool


LOOKS: Final = (Look("light", 720, dark=False), Look("dark", 720, dark=True), Look("phone", 360, dark=False))
SHOWN: Final = ("message", "invitation", "page of approvals")
"""Documents that are kept as pictures."""


def documents() -> Mapping[str, str]:
    """Mails of each kind and pages, as HTML, by name."""
    found = {name: html_of(raw) for name, raw in mails().items()}
    return {**found, **asyncio.run(_pages())}


def mails() -> Mapping[str, bytes]:
    """A mail of each kind to Bob, by name."""
    return asyncio.run(_mails())


async def _mails() -> Mapping[str, bytes]:
    return {
        "message": await _mail("en", TEXT),
        "invitation": await _mail("de", "Hallo Bob,\n\nhier ist die Einladung.", with_files=True),
        "unverified": await _mail("fr", "Bonjour", proved=False),
        "closed": await _mail(
            "ja",
            "\u3053\u3093\u306b\u3061\u306f\u3002\n\n\u660e\u65e5\u306f\u4f11\u307f\u3067\u3059\u3002",
            closed=True,
        ),
        "short": await _mail("en", "ok"),
    }


def html_of(raw: bytes) -> str:
    """The HTML of a mail."""
    parsed = message_from_bytes(raw, policy=policy.default)
    assert isinstance(parsed, EmailMessage)
    body = parsed.get_body(("html",))
    assert body is not None
    html = body.get_content()
    assert isinstance(html, str)
    return html


class _Doors:
    """Services behind the pages, which find what each link is about."""

    def __init__(self, found: object) -> None:
        self.found = found

    async def show(self, token: str) -> Any:
        return self.found


async def _pages() -> Mapping[str, str]:
    """Each page in another language."""
    now = datetime(2026, 3, 1, 12, tzinfo=UTC)
    held = HeldPage(
        state=HoldState.HELD,
        sender="e\u2026@corp.example",
        proof=Proof.SIGNED,
        since=now,
        expires_at=now,
        may_admit_address=True,
    )
    file = LinkedFile(name="Unterlagen zum Gespr\u00e4ch.zip", size=1_234_567, author="Ann", until=now)
    doors = asgi.Doors(
        approvals=cast("Any", _Doors(held)),
        attachments=cast("Any", _Doors(file)),
        unsubscribing=cast("Any", _Doors(Subscription.MAILED)),
        checks={},
    )
    asked = {"approvals": "en", "attachments": "fr", "unsubscribe": "de"}
    transport = httpx.ASGITransport(asgi.app(lambda: doors))
    async with httpx.AsyncClient(transport=transport, base_url="http://x") as http:
        return {
            f"page of {path}": (await http.get(f"/{path}/token", headers={"Accept-Language": language})).text
            for path, language in asked.items()
        }


async def _mail(
    language: str, text: str, *, with_files: bool = False, proved: bool = True, closed: bool = False
) -> bytes:
    """What Bob gets when Ann writes by mail, or in the app where a conversation is closed."""
    wiring = evolve(
        memory_wiring("reply.example", None, None),
        trusted_authserv_ids=frozenset({BORDER}),
        platform="Jobs Fair",
        base_url="https://jobs.example",
        conversation_url="https://jobs.example/conversations/{conversation}",
        compose=Signing(compose, Signer(KEY, selector="s1")),
    )
    async with Convalias.over(memory_ports(legacy=False), wiring) as cv:
        people = [
            Participant.of(one, name=one.title(), addresses=[f"{one}@home.example"]) for one in ("ann", "bob", "eve")
        ]
        await cv.messaging.create("hiring", people, conversation="c1", market=language)
        for one in people:
            await introduce(cv.services.stores.directory, one)
        to = next(
            str(one.address)
            for one in await cv.services.stores.aliases.of(ConversationId("c1"))
            if one.stands_for == "bob"
        )
        if closed:
            await cv.messaging.send("c1", text, author="ann", key="1")
            await cv.messaging.close("c1")
        else:
            raw = _written(to, text, with_files=with_files, proved=proved)
            await cv.receiver.accept(IncomingMail(raw, recipients=[to], sender="ann@home.example"))
        await cv.run_until_idle()
        assert isinstance(cv.ports.mail, memory.Outbox)
        (mail,) = cv.ports.mail.mailbox(EmailAddress.parse("bob@home.example"))
    return mail.raw


def _written(to: str, text: str, *, with_files: bool, proved: bool) -> bytes:
    mail = EmailMessage(policy=policy.SMTP)
    if proved:
        mail["Authentication-Results"] = f"{BORDER}; dmarc=pass header.from=home.example; spf=pass"
        mail["Received"] = f"from x by {BORDER}; Sun, 01 Mar 2026 12:00:00 +0000"
    mail["From"], mail["To"], mail["Subject"] = "ann@home.example", to, "Interview"
    mail["Message-ID"], mail["Date"] = "<1@home>", "Sun, 01 Mar 2026 12:00:00 +0000"
    mail.set_content(f"{text}\n")
    if with_files:
        mail.add_attachment(
            INVITATION.encode(), "text", "calendar", filename="invite.ics", params={"method": "REQUEST"}
        )
        mail.add_attachment(b"%PDF-1.4", "application", "pdf", filename="Wegbeschreibung.pdf")
        mail.add_attachment(b"PK", "application", "zip", filename="Unterlagen zum Gespr\u00e4ch.zip")
    return mail.as_bytes()


def file_of(document: str, look: Look) -> Path:
    """Where the picture of a document lies."""
    return PICTURES / f"{document.replace(' ', '-')}-{look.name}.png"


def diagrams() -> Mapping[Path, str]:
    """The Mermaid text of each diagram in the documents, by the file in which its picture lies."""
    site = module_of_the_site("pages")
    pages = [page.read_text(encoding="utf-8") for page in sorted((PROJECT / "docs").rglob("*.md"))]
    return {DIAGRAMS / f"{site.digest(one)}.svg": one for page in pages for one in site.diagrams(page)}


def draw(page: Page) -> None:
    """Draw the diagrams that have no picture, and remove pictures of diagrams that are gone."""
    asked = diagrams()
    for old in {*DIAGRAMS.glob("*.svg")} - {*asked}:
        old.unlink()
    DIAGRAMS.mkdir(exist_ok=True)
    page.show(f"<!doctype html><body><script>{MERMAID.read_text(encoding='utf-8')}</script>", width=1200)
    background, text, border, line, behind = COLOURS
    theme = {
        "primaryColor": background,
        "primaryTextColor": text,
        "primaryBorderColor": border,
        "lineColor": line,
        "textColor": text,
        "edgeLabelBackground": behind,
        "fontFamily": "system-ui, sans-serif",
        "fontSize": "15px",
    }
    how = {"startOnLoad": False, "theme": "base", "themeVariables": theme, "htmlLabels": False}
    page.value(f"mermaid.initialize({json.dumps(how)})")
    for file, source in asked.items():
        if not file.exists():
            svg = page.value(f"mermaid.render('d{file.stem}', {json.dumps(source)}).then(drawn => drawn.svg)")
            file.write_text(coloured(svg), encoding="utf-8")


def coloured(svg: str) -> str:
    """A drawing in the colours of the page that it stands in."""
    for drawn, (variable, elsewhere) in COLOURS.items():
        svg = svg.replace(drawn, f"var({variable}, {elsewhere})")
    # Most of a drawing is digits that nobody sees, and what only Mermaid's own program reads.
    lean = re.sub(r' data-[a-z-]+="[^"]*"', "", svg)
    return re.sub(r"(\d\.\d)\d+", r"\1", lean) + "\n"


def take() -> None:
    """Take all pictures anew."""
    program = shutil.which("chromium")
    if program is None:
        sys.exit("chromium is not installed: the package chromium")
    if not MERMAID.exists():
        sys.exit(f"{MERMAID} is not there; make pictures brings it")
    PICTURES.mkdir(exist_ok=True)
    found = documents()
    with tempfile.TemporaryDirectory() as folder, browser(program, Path(folder)) as page:
        for document in SHOWN:
            for look in LOOKS:
                page.show(found[document], width=look.width, dark=look.dark)
                file_of(document, look).write_bytes(page.picture())
        draw(page)


if __name__ == "__main__":
    take()
