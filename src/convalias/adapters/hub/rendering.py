"""What a recipient reads: a message as text and as HTML, nothing of it a tag, a header or a name of a mailbox."""

from __future__ import annotations

from html import escape
from typing import Final

from attrs import frozen

from convalias.domain.conversations.events import MessageAdded
from convalias.ports.drafts import REPLY_MARKER, SUBJECT

_STYLE: Final = "color:#777;font-size:12px"


@frozen(kw_only=True)
class Wording:
    """The words of ours in a notification. Plain text; markup in them is shown, not obeyed."""

    subject: str = SUBJECT
    """The same for every message: neither a preview nor a name."""
    attached: str = "Attached:"
    empty: str = "(no text)"
    footer: str = "Answer this e-mail to answer in the conversation."
    unanswerable: str = "This e-mail cannot be answered. Read and answer in the conversation on the platform."


def footer(words: Wording, *, answerable: bool, link: str | None) -> str:
    """What stands below a message: how it is answered, and where the conversation can be read."""
    return words.footer if answerable else "\n".join([words.unanswerable, *([] if link is None else [link])])


def as_text(message: MessageAdded, words: Wording, *, answerable: bool = True, link: str | None = None) -> str:
    """Marker, text, names of attachments, footer; lines end in LF. No marker where nobody is to answer."""
    parts = [*([REPLY_MARKER, ""] if answerable else []), message.text or words.empty]
    if message.attachments:
        parts += ["", words.attached, *(f"- {one.name}" for one in message.attachments)]
    return "\n".join([*parts, "", "-- ", footer(words, answerable=answerable, link=link), ""])


def as_html(message: MessageAdded, words: Wording, *, answerable: bool = True, link: str | None = None) -> str:
    """The same; white space is kept as it was written."""
    names = "".join(f"<li>{escape(one.name)}</li>" for one in message.attachments)
    files = f"<p>{escape(words.attached)}</p><ul>{names}</ul>" if names else ""
    marker = f'<p style="{_STYLE}">{escape(REPLY_MARKER)}</p>\n' if answerable else ""
    below = escape(words.footer if answerable else words.unanswerable)
    if link is not None and not answerable:
        below += f'<br><a href="{escape(link)}">{escape(link)}</a>'
    return (
        "<!DOCTYPE html><html><body>"
        f"{marker}"
        f'<div style="white-space:pre-wrap">{escape(message.text or words.empty)}</div>\n'
        f'{files}\n<p style="{_STYLE}">{below}</p>'
        "</body></html>\n"
    )
