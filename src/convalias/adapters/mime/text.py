"""Text of a mail, chosen among its parts, its attachments, and the digests of both."""

from __future__ import annotations

import hashlib
import itertools
import re
from collections.abc import Iterable, Sequence
from typing import Final

from attrs import define, field, frozen

from convalias.adapters.mime import enriched, limits
from convalias.adapters.mime.charsets import decode, is_known
from convalias.adapters.mime.fields import read_block
from convalias.adapters.mime.flowed import unwrapped
from convalias.adapters.mime.html import Room, sanitised, to_text
from convalias.adapters.mime.limits import OverLimit
from convalias.adapters.mime.signed import enclosed, without_armour
from convalias.adapters.mime.structure import Part, Tree
from convalias.adapters.mime.transfer import goes_on_after_padding, undone, words_undone
from convalias.adapters.mime.uuencoded import taken_apart
from convalias.domain.mail.envelope import Attachment
from convalias.domain.mail.file_names import neutralised
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
_TNEF: Final = frozenset({"application/ms-tnef", "application/vnd.ms-tnef"})
_TNEF_TEXT: Final = "[Message in Outlook's own format (winmail.dat): the original is attached.]"
_ENVELOPED: Final = frozenset({"application/pkcs7-mime", "application/x-pkcs7-mime"})
_ENVELOPES: Final = 4
"""Signed messages in one another whose text is read: RFC 2634 §1.1 wraps three times."""
# What programs add for programs: signatures (RFC 1847 §2.1, RFC 3156 §5, RFC 8551 §3.5.3), the control part of
# encrypted mail, forms of the text for one program, resource forks.
_TECHNICAL: Final = frozenset(
    {"application/pkcs7-signature", "application/x-pkcs7-signature", "application/pgp-signature",
     "application/pgp-encrypted", "text/x-amp-html", "text/watch-html", "application/applefile"}
)  # fmt: skip
_SIGNATURE_FILE: Final = re.compile(
    r"smime\.p7s|(?:openpgp_)?signature\.(?:asc|sig)|openpgp_signature|openpgp_0x[0-9a-f]{8,40}\.asc"
    r"|publickey - .{1,200}\.asc|pgp(?:mime)?version identification",
    re.IGNORECASE,
)
"""Names that programs give to the signatures and keys they attach by themselves."""
_SIGNATURE_TYPES: Final = frozenset({"application/octet-stream", "application/pgp-keys"})
_DATA_TEXT: Final = frozenset(
    {"text/calendar", "text/vcard", "text/x-vcard", "text/directory", "text/csv", "text/tab-separated-values",
     "text/rfc822-headers", "text/vnd.google.email-reaction+json", "text/css", "text/javascript", "text/xml", "text/rtf"}
)  # fmt: skip
"""Kinds of text that are no words to a reader; every other is (RFC 2046 §4.1.4)."""
_COMPARED: Final = 3
"""Further plain forms of one text that are compared with it: each costs as much as both are long."""
_LINK: Final = re.compile(r"\[?<?https?://[^\s<>\]]++[>\]]?|\[(?:image|cid):[^\[\]]{0,200}\]", re.IGNORECASE)
_WORD: Final = re.compile(r"[^\W_]++")


@frozen
class Said:
    """The sum of the parts of a mail."""

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
    weak: bool = False
    """Its plain form is another subtype of text, with marks in it."""

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
    """A walk over the tree that decodes each leaf once."""

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
    envelopes: int = _ENVELOPES
    """Signed messages that may still be opened."""
    unread: list[Part] = field(factory=list[Part])
    """Text parts that went to the attachments."""
    promoted: frozenset[int] = frozenset()
    """Where the text parts begin that are text of the message although they are marked as attachments."""

    def said(self, root: Part) -> Said:
        """All that the tree says."""
        words, text = self._words_of(root)
        if not text:
            only = self._only_text(root)
            if only:
                again = Extraction(self.data, promoted=only)
                words, text = again._words_of(root)
                self.attachments, self.content, self.others = again.attachments, again.content, again.others
                self.odd = self.odd or again.odd
        if not text and self.attachments:
            text = _placeholder(root)
        html = self._html(words)
        digest = hashlib.sha256()
        for kind, part in self.content:
            digest.update(b"%d:%b%b" % (len(kind), kind.encode("utf-8", "replace"), part))
        return Said(text, html, tuple(self.attachments), digest.digest(), self.odd, not self.others)

    def _words_of(self, root: Part) -> tuple[list[_Words], str]:
        """The words of the tree, and its text; what is said in two forms side by side is shown once."""
        words = self._walk(root, first=True)
        room = Room()
        shown: list[tuple[bool, str]] = []
        for one in words:
            text = one.text(room).strip("\n ")
            if not text:
                continue
            rendered = one.html is not None
            if shown and shown[-1][0] is not rendered and (same := said_twice(shown[-1][1], text)) is not None:
                shown[-1] = (rendered, same)
            else:
                shown.append((rendered, text))
        return words, "\n\n".join(text for _, text in shown)

    def _only_text(self, root: Part) -> frozenset[int]:
        """The text of a mail that seems to have none: marked as an attachment, but nameless, or all there is."""
        return frozenset(part.start for part in self.unread if part is root or not _name(part))

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
            case kind if kind.startswith("text/") and self._is_inline(part, first=first):
                if part.start in self.promoted and _name(part):
                    self._attach(part)
                return [self._words(part)]
            case kind if kind in _ENVELOPED and (inner := self._opened(part)) is not None:
                return inner
            case _:
                self._attach(part)
                return []

    def _is_inline(self, part: Part, *, first: bool) -> bool:
        """Whether a text part is text of the message: not an attachment, and a file name only on the first of them."""
        kind = part.media_type
        if kind in _DATA_TEXT or kind in _TECHNICAL:
            return False
        if part.start in self.promoted:
            return True
        is_file = bool(_name(part)) and not (first and kind in _PLAIN_OR_HTML)
        if is_file or part.disposition.value == "attachment":
            self.unread.append(part)
            return False
        return True

    def _opened(self, part: Part) -> list[_Words] | None:
        """The words inside a signed message (RFC 8551 §3.5.2); None when it is encrypted, or cannot be read."""
        octets = self._octets(part) if self.envelopes else b""
        content = enclosed(octets)
        if content is None:
            return None
        tree = Tree(content)
        try:
            root = tree.entity(read_block(content, 0, len(content)), len(content), limits.NESTING - self.envelopes)
        except OverLimit:
            return None
        inside = Extraction(
            content, shown=self.shown, stepwise=self.stepwise, flowed=self.flowed, envelopes=self.envelopes - 1
        )
        words = inside._walk(root, first=True)
        self.envelopes = 0
        self.shown, self.stepwise, self.flowed = inside.shown, inside.stepwise, inside.flowed
        self.attachments += inside.attachments
        self.content += inside.content
        self.odd = self.odd or tree.odd or inside.odd
        self.others = self.others or inside.others
        return words

    def _alternative(self, children: Iterable[Part], *, first: bool) -> list[_Words]:
        """RFC 2046 §5.1.4: each child is one form of the whole. A plain form and the last one with HTML are taken.

        A plain part behind the HTML is a notice that somebody added: it never takes the place of what was written.
        """
        forms = [form for child in children if (form := self._walk(child, first=first))]
        rich = [form for form in forms if any(one.html is not None for one in form)]
        plain = [form for form in forms if form not in rich]
        strong = [form for form in plain if _says(form, weak=False)]
        if not strong:
            weak = [form for form in plain if _says(form, weak=True)]
            return [*itertools.chain(*rich)] if rich else [*itertools.chain(*(weak or plain)[-1:])]
        if rich and forms.index(strong[0]) > forms.index(rich[0]):
            return [*itertools.chain(*rich), *itertools.chain(*strong)]
        main = "\n\n".join(one.plain or "" for one in strong[0])
        others = [one.plain for one in itertools.chain(*strong[1:], *rich[-1:]) if one.html is None and one.plain]
        if not rich and others:  # two plain forms of one text: the better one is the last
            main = "\n\n".join(one.plain or "" for one in strong[-1])
            others = ["\n\n".join(one.plain or "" for one in form) for form in strong[:-1]]
        html = "\n".join(one.html for form in rich[-1:] for one in form if one.html is not None) if rich else None
        few, many = others[:_COMPARED], others[_COMPARED:]
        added = [other for other in few if said_twice(main, other) is None and not _is_within(other, main)] + many
        return [_Words(main, html), *map(_Words, added)]

    def _octets(self, part: Part) -> bytes:
        raw = self.data[part.start : part.end]
        self._note(part, raw)
        return undone(raw, part.encoding)

    def _note(self, part: Part, raw: bytes) -> None:
        """Note what parsers disagree about in the encoding."""
        if part.encoding == "base64" and b"=" in raw and goes_on_after_padding(raw):
            self.odd = True

    def _words(self, part: Part) -> _Words:
        """The text of one leaf."""
        raw = self.data[part.start : part.end]
        self._note(part, raw)
        octets = self._within(part, words_undone(raw, part.encoding))
        label = part.labels.text("charset")
        if part.media_type == "text/html" and not (label and is_known(label)):
            found = _META_CHARSET.search(octets, 0, _META_WITHIN)
            label = found[1].decode("ascii") if found else label
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
        if part.media_type in enriched.KINDS:
            text = enriched.without_marks(text, part.media_type)
        return _Words(plain=self._without_files(without_armour(text)), weak=part.media_type != "text/plain")

    def _without_files(self, text: str) -> str:
        """Take out what programs wrote into a text before there were attachments."""
        if "\nend" not in text:
            return text
        text, files = taken_apart(text)
        for file in files:
            self._list(neutralised(file.name, _OCTETS), _OCTETS, file.content)
        return text

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
        self.content.append(("attachment", digest.digest()))
        name = _name(part)
        if _is_technical(part, name):
            return
        self._list(neutralised(name, part.media_type), part.media_type, content, inline=_is_shown_inline(part))

    def _list(self, name: str, media_type: str, content: bytes, *, inline: bool = False) -> None:
        self.others = True
        described = Attachment(name, media_type, len(content), hashlib.sha256(content).hexdigest())
        self.attachments.append(ReadAttachment(described, content, inline=inline))


_OCTETS: Final = "application/octet-stream"
_PLAIN_OR_HTML: Final = frozenset({"text/plain", "text/html"})


def _name(part: Part) -> str:
    return part.disposition.text("filename") or part.labels.text("name")


def _is_shown_inline(part: Part) -> bool:
    """RFC 2183 §2.1, or a picture that HTML refers to (RFC 2392) without a word about how it is shown."""
    how = part.disposition.value
    return how == "inline" or (not how and part.block.first(b"content-id") is not None)


def _is_technical(part: Part, name: str) -> bool:
    """Whether a part is there for programs and no file that somebody sent."""
    kind = part.media_type
    return kind in _TECHNICAL or (kind in _SIGNATURE_TYPES and _SIGNATURE_FILE.fullmatch(name.strip()) is not None)


def _says(form: Iterable[_Words], *, weak: bool) -> bool:
    """Whether a plain form holds words."""
    return any(one.weak is weak and one.plain and _SIGNIFICANT.search(one.plain) for one in form)


def said_twice(one: str, other: str) -> str | None:
    """The longer of two texts that say the same, or None when each has words of its own.

    The same are texts of the same letters, or of which one has all the words of the other in their order and few more.
    """
    bare = [_WORD.findall(_LINK.sub(" ", text)) for text in (one, other)]
    (_, least), (long, most) = sorted(zip((one, other), bare, strict=True), key=lambda found: len(found[1]))
    if not least or "".join(least) == "".join(most):
        return None if not least else long if len(most) > len(least) else one
    rest = iter(most)
    return long if 2 * len(least) >= len(most) and all(word in rest for word in least) else None


def _is_within(part: str, whole: str) -> bool:
    """Whether all words of a text stand in another, in one stretch."""
    return " ".join(_WORD.findall(part)) in " ".join(_WORD.findall(whole))


def _placeholder(root: Part) -> str:
    """What stands for a mail that is only encrypted, opaquely signed, in Outlook's format or a calendar entry."""
    leaves = list(root.leaves())
    kinds = {leaf.media_type for leaf in leaves}
    if kinds & _ENCRYPTED or root.media_type == "multipart/encrypted":
        return _ENCRYPTED_TEXT
    if kinds & _TNEF or any(_name(leaf).lower() == "winmail.dat" for leaf in leaves):
        return _TNEF_TEXT
    return _CALENDAR_TEXT if "text/calendar" in kinds else ""
