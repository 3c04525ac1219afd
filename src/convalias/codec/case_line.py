"""A line of a batch: a mail and the world it comes into."""

from __future__ import annotations

import binascii
import json
from base64 import b64decode

from convalias.codec.document import Json, Node, Problem
from convalias.codec.doors_world import World, read_world
from convalias.codec.errors import CodecError


class InvalidLine(CodecError, ValueError):
    """A line that holds no case: says what is there and what would be right."""


def read_line(line: bytes) -> tuple[bytes, World]:
    """The mail's octets and its world. Raises `InvalidLine`, `InvalidWorld`."""
    try:
        document: Json = json.loads(line.decode("utf-8-sig"))
    except (ValueError, RecursionError) as error:
        raise InvalidLine(f"no JSON ({error}); expected a case in one line") from None
    problems: list[Problem] = []
    case = Node(document, problems)
    raw = _mail(case) if case.is_object() else None
    if raw is None:
        raise InvalidLine("; ".join(map(str, problems)))
    world = case.get("world")
    if not isinstance(world.value, dict):
        world.wrong("a world")
        raise InvalidLine(str(problems[-1]))
    return raw, read_world(world.value)


def _mail(case: Node) -> bytes | None:
    text, coded = case.get("mail"), case.get("mail_base64")
    if text.missing is coded.missing:
        text.wrong("either mail or mail_base64", found="missing" if text.missing else "mail and mail_base64")
        return None
    try:
        if isinstance(text.value, str):
            return text.value.encode()
        if isinstance(coded.value, str):
            return b64decode(coded.value, validate=True)
    except UnicodeEncodeError:
        text.wrong("text in UTF-8 (mail_base64 takes any octets)", found="a lone surrogate")
        return None
    except (binascii.Error, ValueError):
        coded.wrong("base64", found="something else")
        return None
    (coded if text.missing else text).wrong("text")
    return None
