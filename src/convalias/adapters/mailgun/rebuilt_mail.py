"""The parsed form put together again into one mail: fields, files and `message-headers`."""

from __future__ import annotations

import base64
import json
from typing import Final, TypeGuard

from convalias.adapters.mailgun.form import SIGNED, Form
from convalias.codec.mail_of_parts import HEADER_NAME, AttachedPart, MailParts

MOST_HEADERS: Final = 1_000
MOST_OCTETS: Final = 2_000_000
"""Of `message-headers`: the largest header block that is read, with every letter escaped."""


class CannotRebuild(ValueError):
    """`message-headers` is no list of name and value pairs; `str()` says what it is."""


def rebuild(form: Form) -> bytes:
    """Rebuild a mail from what the provider parsed: the same octets for every recipient and try.

    Raises `CannotRebuild`.

    Text parts come as UTF-8, attachments as they were posted, all in base64: nothing of a value can be structure.
    """
    return MailParts(
        headers=_headers(form),
        plain=_first(form, b"body-plain"),
        rich=_first(form, b"body-html"),
        calendar=_first(form, b"body-calendar"),
        files=[
            AttachedPart(
                name=(part.filename or b"").decode("utf-8", "replace"), media_type=part.media_type, content=part.value
            )
            for part in form.files()
        ],
    ).octets()


def _first(form: Form, name: bytes) -> bytes:
    return b"".join(form.values(name)[:1])


def as_posted(form: Form) -> bytes:
    """The form itself, readable, for a mail that cannot be rebuilt: kept, never routed."""
    rows = [
        {
            "name": part.name.decode("utf-8", "replace"),
            "filename": None if part.filename is None else part.filename.decode("utf-8", "replace"),
            "base64": base64.b64encode(part.value).decode("ascii"),
        }
        for part in form.parts
        if part.filename is not None or part.name not in SIGNED
    ]
    return b"X-Convalias-Form: 1\r\n\r\n" + json.dumps(rows, indent=0).encode()


def _headers(form: Form) -> list[tuple[str, str]]:
    given = form.values(b"message-headers")
    if len(given) != 1:
        raise CannotRebuild("message-headers: expected exactly one")
    if len(given[0]) > MOST_OCTETS:
        raise CannotRebuild(f"message-headers: more than {MOST_OCTETS} octets")
    try:
        pairs: object = json.loads(given[0])
    except (ValueError, RecursionError) as error:
        raise CannotRebuild("message-headers: no JSON") from error
    if not _is_list(pairs) or len(pairs) > MOST_HEADERS:
        raise CannotRebuild(f"message-headers: expected a list of at most {MOST_HEADERS} pairs")
    return [_pair(pair) for pair in pairs]


def _is_list(value: object) -> TypeGuard[list[object]]:
    return isinstance(value, list)


def _pair(pair: object) -> tuple[str, str]:
    if _is_list(pair) and len(pair) == 2:  # noqa: PLR2004 - a pair
        name, value = pair
        if isinstance(name, str) and isinstance(value, str) and HEADER_NAME.fullmatch(name):
            return name, value
    raise CannotRebuild("message-headers: expected pairs of header name and value")
