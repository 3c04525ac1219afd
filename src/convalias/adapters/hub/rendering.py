"""Render a message for a recipient as text and HTML, with nothing in it that acts as markup or header."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from html import escape
from typing import Final

from attrs import frozen

from convalias.adapters.hub.wordings import Wording
from convalias.domain.conversations.events import MessageAdded
from convalias.domain.conversations.shown_names import MISLEADING, name_line, shown_name
from convalias.domain.mail.subjects import own_subject, without_marks
from convalias.domain.outbound.invitations import Meeting
from convalias.ports.drafts import REPLY_MARKER

_SMALL: Final = "font-size:13px"
_BELOW: Final = "border-top:1px solid;padding-top:8px"
"""A line in the colour of the text."""
_FONT: Final = "font-family:system-ui,-apple-system,'Segoe UI',Arial,sans-serif;font-size:16px;line-height:1.5"
_BODY_OCTETS: Final = 80_000
"""HTML of one message. Gmail hides all behind about 102,000 octets, and the footer stands at the end."""
_NAMED: Final = 5
"""Readers that are named before the others are counted."""
_WEB: Final = re.compile(r"https?://[^\s<>\"'`\u200b-\u200f\u202a-\u202e\u2066-\u2069]{1,1500}", re.IGNORECASE)
_TRAILING: Final = ".,;:!?*_\u3002\uff0c\uff1a\uff1b\uff01\uff1f\u3001"
_COLONS: Final = " \u00a0\u202f:\uff1a"
_BRACKETS: Final = {")": "(", "]": "[", "}": "{"}
_BREAK: Final = re.compile(r"\r\n?|\n|\x85|\u2028|\u2029")


@frozen(kw_only=True)
class Enclosed:
    """A line about an attached file: it is in the mail, or behind a link, or neither."""

    name: str
    along: bool = False
    link: str | None = None
    harmful: bool = False
    meeting: Meeting | None = None
    """What a calendar entry says."""


@frozen(kw_only=True)
class Footing:
    """The facts of what stands below a message."""

    answerable: bool = True
    closed: bool = False
    """The conversation takes no more messages."""
    unverified: bool = False
    """Nothing proved who wrote the message."""
    readers: tuple[str, ...] = ()
    """Who reads an answer, the author first."""
    platform: str = ""
    about: str = ""
    """The subject."""
    link: str | None = None
    """Where the conversation is read."""
    written: datetime | None = None
    """When the message was written, if that is long ago."""
    stop: str | None = None
    """Where e-mail about it is stopped."""

    @property
    def is_answered_by_mail(self) -> bool:
        """Whether the mail may invite an answer."""
        return self.answerable and not self.closed


def shown_text(message: MessageAdded, words: Wording) -> str:
    """The author's words: the subject first where it is their own, and not that of a reply."""
    subject = message.subject.strip()
    said = own_subject(subject, ()) if without_marks(subject) == subject else ""
    text = _BREAK.sub("\n", message.text).strip("\n")
    if not text.strip():
        return said or words.empty
    return f"{said}\n\n{text}" if said and not text.startswith(said) else text


def as_text(
    message: MessageAdded, words: Wording, footing: Footing | None = None, files: Sequence[Enclosed] = ()
) -> str:
    """The message, attached files, marker, footer; lines end in LF. No marker where nobody is to answer."""
    below = footing or Footing()
    text, is_cut = _fitting(shown_text(message, words))
    parts = [text, *(["", words.cut] if is_cut else [])]
    for meeting in _meetings(files, words):
        parts += ["", *meeting]
    if files:
        parts += ["", words.attached, *(f"- {said} {link or ''}".rstrip() for said, link in _listing(files, words))]
    if below.is_answered_by_mail:
        parts += ["", REPLY_MARKER]
    lines = (f"{said} {url}".strip() for said, url in _below(words, below))
    return "\n".join([*parts, "", "-- ", *lines, ""])


def as_html(
    message: MessageAdded, words: Wording, footing: Footing | None = None, files: Sequence[Enclosed] = ()
) -> str:
    """The same. Lines are broken by tags: Outlook drops the white space that a style keeps."""
    below = footing or Footing()
    text, is_cut = _fitting(shown_text(message, words))
    title = escape(text.strip().partition("\n")[0][:80])
    body = [f'<div dir="auto">{_paragraphs(text)}</div>']
    if is_cut:
        body.append(f"<p>{escape(words.cut)}</p>")
    body += ["<p>" + "<br>\n".join(map(_spaced, meeting)) + "</p>" for meeting in _meetings(files, words)]
    if files:
        lines = "".join(
            f'<li><a href="{escape(link)}">{escape(said)}</a></li>' if link else f"<li>{escape(said)}</li>"
            for said, link in _listing(files, words)
        )
        body.append(f"<p>{escape(words.attached)}</p><ul>{lines}</ul>")
    if below.is_answered_by_mail:
        body.append(f'<p style="{_SMALL}">{escape(REPLY_MARKER)}</p>')
    lines = "<br>\n".join(_with_link(said, url) for said, url in _below(words, below))
    body.append(f'<p style="{_SMALL};{_BELOW}">{lines}</p>')
    inner = "\n".join(body)
    # No colours: text and background are those of the reader's scheme, so that they contrast in light and in dark.
    return (
        f'<!DOCTYPE html>\n<html lang="{escape(words.language)}"><head><meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta name="color-scheme" content="light dark"><meta name="supported-color-schemes" content="light dark">\n'
        f"<title>{title}</title></head>\n<body>"
        f'<div style="{_FONT};max-width:40em;overflow-wrap:anywhere">\n{inner}\n</div></body></html>\n'
    )


def _meetings(files: Sequence[Enclosed], words: Wording) -> Iterator[list[str]]:
    """The lines about each calendar entry; some senders attach one twice."""
    for meeting in dict.fromkeys(one.meeting for one in files if one.meeting is not None):
        when = f"{meeting.when} {words.repeats}" if meeting.repeats else meeting.when
        places = ((words.when, when), (words.where, meeting.where))
        title = f"{words.cancelled} {meeting.title}".rstrip() if meeting.cancelled else meeting.title
        yield [*filter(None, [title]), *(f"{said} {what}" for said, what in places if what)]


def _listing(files: Sequence[Enclosed], words: Wording) -> Iterator[tuple[str, str | None]]:
    """Each file's name, what is to be said of it, and its link."""
    for one in files:
        name = _file_name(one.name)
        is_there = one.along or one.link is not None
        why = words.harmful if one.harmful else words.not_sent_along
        yield name if is_there else f"{name} {why}", one.link


def _below(words: Wording, below: Footing) -> Iterator[tuple[str, str]]:
    """Lines of the footer: words of ours, and the address they lead to or nothing."""
    if below.written is not None:
        yield words.written.replace("{when}", f"{below.written.astimezone(UTC):%Y-%m-%d %H:%M} UTC"), ""
    if below.unverified:
        yield words.unverified, ""
    if below.closed:
        yield words.closed, ""
    elif not below.answerable:
        yield words.unanswerable, ""
    else:
        yield words.footer, ""
        if below.readers:
            yield words.readers.replace("{names}", _listed(below, words)), ""
    about = " \u00b7 ".join(part for part in (name_line(below.platform), below.about) if part)
    if about:
        yield about, ""
    if below.link is not None:
        yield words.conversation, below.link
    if below.stop is not None:
        yield words.stop, below.stop


def _listed(below: Footing, words: Wording) -> str:
    """Names as From shows people: nobody is the platform, no name holds an address or turns its line around."""
    names = [shown_name(name, below.platform) for name in below.readers[:_NAMED]]
    return ", ".join([*names, *([words.others] if len(below.readers) > _NAMED else [])])


def _file_name(name: str) -> str:
    return " ".join(name.translate(MISLEADING).split())


def _with_link(said: str, url: str) -> str:
    """Words of ours as a link: a reader sees what it does, and not the token in it."""
    return f'<a href="{escape(url)}">{escape(said.rstrip(_COLONS))}</a>' if url else escape(said)


def _fitting(text: str) -> tuple[str, bool]:
    """As much of the text as a mail may hold, and whether that is not all of it."""
    if 3 * len(text) < _BODY_OCTETS and _octets(text) <= _BODY_OCTETS:
        return text, False
    left, kept = _BODY_OCTETS, list[str]()
    for line in text.split("\n"):
        size = _octets(line) + len("</p>\n<p>")
        if size > left:
            shorter = line
            while shorter and _octets(shorter) > left:
                shorter = shorter[: len(shorter) // 2]
            return "\n".join([*kept, shorter]).rstrip(), True
        left -= size
        kept.append(line)
    return text, False


def _octets(text: str) -> int:
    return len(_paragraphs(text).encode("utf-8", "replace"))


def _paragraphs(text: str) -> str:
    """Text as paragraphs: a blank line ends one, every other end of a line is a break."""
    blocks = re.split(r"\n[ \t]*(?:\n[ \t]*)+", text)
    return "\n".join("<p>" + "<br>\n".join(map(_line, block.split("\n"))) + "</p>" for block in blocks)


def _line(line: str) -> str:
    """One line as HTML, web addresses as links, spaces that a browser would fold kept."""
    parts, at = list[str](), 0
    for found in _WEB.finditer(line):
        url = _without_trailing(found[0])
        parts += [_spaced(line[at : found.start()]), f'<a href="{escape(url)}">{escape(url)}</a>']
        at = found.start() + len(url)
    return "".join([*parts, _spaced(line[at:])])


def _without_trailing(url: str) -> str:
    """An address without the punctuation of the sentence around it; brackets inside it stay."""
    while True:
        last = url[-1]
        opened = _BRACKETS.get(last)
        if last not in _TRAILING and (opened is None or url.count(opened) >= url.count(last)):
            return url
        url = url[:-1]


def _spaced(text: str) -> str:
    text = escape(text.expandtabs(4))
    if text.startswith(" "):
        text = "\u00a0" + text[1:]
    return text.replace("  ", " \u00a0")
