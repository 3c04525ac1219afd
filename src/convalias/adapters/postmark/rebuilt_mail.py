"""A mail put together from the fields of a post, where the raw mail is not included."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterator
from typing import Final

from convalias.codec.addresses import address_in
from convalias.codec.mail_of_parts import HEADER_NAME, AttachedPart, MailParts
from convalias.codec.posted_json import PostedObject, object_of, objects_of, text_of

MOST: Final = 1_000
"""Header fields; so many attachments too."""
LONGEST: Final = 102_400
"""Characters of one header field."""
_FIELDS: Final = (("To", "To"), ("Cc", "Cc"), ("ReplyTo", "Reply-To"), ("Subject", "Subject"), ("Date", "Date"))
"""Header fields that have a place of their own in the post, as they are written there and in a mail."""


class CannotRebuild(ValueError):
    """The post cannot be made into a mail; `str()` says why."""


def rebuild(posted: PostedObject) -> bytes:
    """Rebuild the mail: the same octets each time that it is posted. Raises `CannotRebuild`.

    Its header fields are those of `Headers`, and From, To, Cc, Reply-To, Subject and Date from their own places.
    """
    return MailParts(
        headers=[*_own(posted), *_others(posted)],
        plain=_text(posted, "TextBody"),
        rich=_text(posted, "HtmlBody"),
        files=list(_files(posted)),
    ).octets()


def _text(posted: PostedObject, key: str) -> bytes:
    return text_of(posted, key, most=None).encode()


def _own(posted: PostedObject) -> Iterator[tuple[str, str]]:
    if sender := _from(posted):
        yield "From", sender
    for key, name in _FIELDS:
        if value := _bounded(text_of(posted, key, most=LONGEST + 1)):
            yield name, value


def _from(posted: PostedObject) -> str:
    """Name and address are posted apart: they are put together so that no name can be an address."""
    full = object_of(posted, "FromFull")
    address = text_of(full, "Email") or text_of(posted, "From")
    if address_in(address) is None or set(address) & set("<>\r\n\0,;"):
        return _bounded(text_of(posted, "From", most=LONGEST + 1))
    name = text_of(full, "Name").replace("\\", "\\\\").replace('"', '\\"')
    return f'"{name}" <{address}>' if name else f"<{address}>"


def _others(posted: PostedObject) -> Iterator[tuple[str, str]]:
    headers = objects_of(posted, "Headers")
    if headers is None or len(headers) > MOST:
        raise CannotRebuild(f"Headers: expected a list of at most {MOST} objects")
    own = {name.lower() for name, _ in _own(posted)}
    for header in headers:
        name, value = header.get("Name"), header.get("Value")
        if not isinstance(name, str) or not isinstance(value, str) or not HEADER_NAME.fullmatch(name):
            raise CannotRebuild("Headers: expected objects with the Name and Value of a header field")
        if name.lower() not in own:
            yield name, _bounded(value)


def _bounded(value: str) -> str:
    if len(value) > LONGEST:
        raise CannotRebuild(f"a header field: more than {LONGEST} characters")
    return value


def _files(posted: PostedObject) -> Iterator[AttachedPart]:
    attachments = objects_of(posted, "Attachments")
    if attachments is None or len(attachments) > MOST:
        raise CannotRebuild(f"Attachments: expected a list of at most {MOST} objects")
    for attachment in attachments:
        content = attachment.get("Content")
        if not isinstance(content, str):
            raise CannotRebuild("Attachments: expected the Content of each")
        try:
            octets = base64.b64decode(content.encode("ascii"), validate=True)
        except (UnicodeEncodeError, binascii.Error):
            raise CannotRebuild("Attachments: expected base64") from None
        yield AttachedPart(
            name=text_of(attachment, "Name"),
            media_type=text_of(attachment, "ContentType").encode("ascii", "replace"),
            content=octets,
        )
