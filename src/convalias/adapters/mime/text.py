"""What a mail says: its text chosen among the parts, its attachments, and the digests of both."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Sequence
from typing import Final

from attrs import define, field, frozen

from convalias.adapters.mime import limits
from convalias.adapters.mime.charsets import decode
from convalias.adapters.mime.files import neutralised
from convalias.adapters.mime.flowed import unwrapped
from convalias.adapters.mime.html import Room, sanitised, to_text
from convalias.adapters.mime.structure import Part
from convalias.adapters.mime.transfer import goes_on_after_padding, undone
from convalias.domain.envelope import Attachment
from convalias.ports.mail import ReadAttachment

_META_CHARSET: Final = re.compile(
    rb"<meta[^>]{0,200}?charset\s{0,4}=\s{0,4}[\"']?([A-Za-z0-9_.:-]{1,40})", re.IGNORECASE
)
_META_WITHIN: Final = 2_048
_STUB: Final = 400
_STUB_WORD: Final = re.compile(r"html", re.IGNORECASE)
_SIGNIFICANT: Final = re.compile(r"\w")
_ENCRYPTED: Final = frozenset({"application/pkcs7-mime", "application/x-pkcs7-mime", "application/pgp-encrypted"})
_ENCRYPTED_TEXT: Final = "[Encrypted or signed message: the original is attached.]"
_CALENDAR_TEXT: Final = "[Calendar entry: the original is attached.]"


@frozen
class Said:
    """What the parts of a mail amount to."""

    text: str = ""
    html: str | None = None
    attachments: tuple[ReadAttachment, ...] = ()
    digest: bytes = b""
    """Over the content of text and attachments, the same however it was encoded on the way."""
    odd: bool = False
    """Something in the body on which parsers disagree, or HTML beyond the bounds."""
    bare: bool = False
    """Nothing but text parts."""


@frozen
class _Words:
    """One stretch of text in one or both of its forms."""

    plain: str | None = None
    html: str | None = None

    def text(self, room: Room) -> str:
        """The plain form, unless it is empty or a stub beside HTML that says more."""
        if self.html is None:
            return self.plain or ""
        if self.plain is None or not _SIGNIFICANT.search(self.plain):
            return to_text(self.html, room) or self.plain or ""
        if len(self.plain) <= _STUB and _STUB_WORD.search(self.plain):
            rendered = to_text(self.html, room)
            if len(rendered) > len(self.plain) or not _STUB_WORD.search(rendered):
                return rendered or self.plain
        return self.plain


@define
class Extraction:
    """One walk over the tree that decodes each leaf once."""

    data: bytes
    attachments: list[ReadAttachment] = field(factory=list[ReadAttachment])
    content: list[tuple[str, bytes]] = field(factory=list[tuple[str, bytes]])
    """Kind and digest of each leaf, for the digest of the whole."""
    odd: bool = False
    others: bool = False
    shown: int = limits.SHOWN
    """Octets of text that may still be read."""
    stepwise: int = limits.JAPANESE
    """Octets of text that may still be read step by step."""
    flowed: int = limits.FLOWED
    """Characters that may still be unwrapped."""

    def said(self, root: Part) -> Said:
        """All that the tree says."""
        words = self._walk(root, first=True)
        room = Room()
        text = "\n\n".join(shown for one in words if (shown := one.text(room).strip("\n ")))
        if not text and self.attachments:
            text = _placeholder(root)
        html = self._html(words)
        digest = hashlib.sha256()
        for kind, part in self.content:
            digest.update(b"%d:%b%b" % (len(kind), kind.encode("utf-8", "replace"), part))
        return Said(text, html, tuple(self.attachments), digest.digest(), self.odd, not self.others)

    def _html(self, words: Sequence[_Words]) -> str | None:
        """The HTML of the mail, sanitised; None when it has none, or it is beyond the bounds (then it is noted)."""
        sources = [one.html for one in words if one.html is not None]
        if not sources:
            return None
        clean = sanitised("\n<hr>\n".join(sources))
        if clean is None:
            self.odd = True
        return clean

    def _walk(self, part: Part, *, first: bool) -> list[_Words]:
        """The words of one part; what is no text goes to the attachments."""
        match part.media_type:
            case "multipart/alternative":
                return self._alternative(part.children, first=first)
            case "multipart/encrypted":
                for leaf in part.leaves():
                    self._attach(leaf)
                return []
            case kind if kind.startswith("multipart/"):
                words: list[_Words] = []
                for child in part.children:
                    words += self._walk(child, first=first and not words)
                return words
            case "text/plain" | "text/html" if _is_inline(part, first=first):
                return [self._words(part)]
            case _:
                self._attach(part)
                return []

    def _alternative(self, children: Iterable[Part], *, first: bool) -> list[_Words]:
        """RFC 2046 §5.1.4: forms of one thing. One plain form and one HTML form are taken, the last of each."""
        plain: list[str] = []
        html: list[str] = []
        for child in children:
            words = self._walk(child, first=first)
            plains = [one.plain for one in words if one.plain is not None]
            htmls = [one.html for one in words if one.html is not None]
            plain = plains or plain
            html = htmls or html
        if not plain and not html:
            return []
        return [_Words("\n\n".join(plain) if plain else None, "\n".join(html) if html else None)]

    def _octets(self, part: Part) -> bytes:
        raw = self.data[part.start : part.end]
        if part.encoding == "base64" and b"=" in raw and goes_on_after_padding(raw):
            self.odd = True
        return undone(raw, part.encoding)

    def _words(self, part: Part) -> _Words:
        """The text of one leaf."""
        octets = self._within(part, self._octets(part))
        label = part.labels.text("charset")
        if part.media_type == "text/html" and not label:
            found = _META_CHARSET.search(octets, 0, _META_WITHIN)
            label = found[1].decode("ascii") if found else ""
        text = decode(octets, label, stepwise=self.stepwise)
        if b"\x1b" in octets or not octets.isascii():
            self.stepwise = max(self.stepwise - len(octets), 0)
        text = text.replace("\r\n", "\n").replace("\r", "\n").removeprefix("\ufeff").replace("\0", "\ufffd")
        self.content.append((part.media_type, hashlib.sha256(text.strip().encode("utf-8", "replace")).digest()))
        if part.media_type == "text/html":
            return _Words(html=text)
        if part.labels.text("format").lower() == "flowed" and len(text) <= self.flowed:
            self.flowed -= len(text)
            text = unwrapped(text, delete_space=part.labels.text("delsp").lower() == "yes")
        return _Words(plain=text)

    def _within(self, part: Part, octets: bytes) -> bytes:
        """As much of a text as may be read; of what is cut the original is attached, and it is noted."""
        if len(octets) > self.shown:
            self.odd = True
            self._keep(part, octets)
            octets = octets[: self.shown]
        self.shown -= len(octets)
        return octets

    def _attach(self, part: Part) -> None:
        """One attachment. The message in a message/rfc822 is kept as it came."""
        self._keep(part, self._octets(part))

    def _keep(self, part: Part, content: bytes) -> None:
        digest = hashlib.sha256(content)
        self.others = True
        name = part.disposition.text("filename") or part.labels.text("name")
        described = Attachment(neutralised(name, part.media_type), part.media_type, len(content), digest.hexdigest())
        self.attachments.append(ReadAttachment(described, content))
        self.content.append(("attachment", digest.digest()))


def _is_inline(part: Part, *, first: bool) -> bool:
    """Whether a text part is text of the message: not an attachment, and a file name only on the first of them."""
    if part.disposition.value == "attachment":
        return False
    return first or not (part.disposition.text("filename") or part.labels.text("name"))


def _placeholder(root: Part) -> str:
    """What stands for a mail that is only encrypted, opaquely signed or a calendar entry."""
    kinds = {leaf.media_type for leaf in root.leaves()}
    if kinds & _ENCRYPTED or root.media_type == "multipart/encrypted":
        return _ENCRYPTED_TEXT
    return _CALENDAR_TEXT if "text/calendar" in kinds else ""
