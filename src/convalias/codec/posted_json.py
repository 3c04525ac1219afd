"""JSON as a provider posts it: read within bounds, and asked for one value at a time."""

from __future__ import annotations

import json
from collections.abc import AsyncIterable, Mapping
from typing import Final, TypeAlias, TypeGuard

LONGEST: Final = 1_024
"""Characters of any short text that is looked at."""
PostedObject: TypeAlias = Mapping[str, object]


class UnreadableJson(ValueError):
    """The post is no JSON object; `str()` says what was expected."""


async def read_within(chunks: AsyncIterable[bytes], most: int) -> bytes | None:
    """Read a body; None if it has more than `most` octets. The rest is then left unread."""
    octets = bytearray()
    async for chunk in chunks:
        octets += chunk
        if len(octets) > most:
            return None
    return bytes(octets)


def read_object(content_type: str, body: bytes) -> PostedObject:
    """Return the object of a post. Raises `UnreadableJson`."""
    if content_type.partition(";")[0].strip().lower() != "application/json":
        raise UnreadableJson("content type: expected application/json")
    try:
        found: object = json.loads(body)
    except (ValueError, RecursionError):  # no JSON, no UTF-8, a number of too many digits, too deep
        raise UnreadableJson("body: expected JSON") from None
    if not is_object(found):
        raise UnreadableJson("body: expected a JSON object")
    return found


def is_object(value: object) -> TypeGuard[PostedObject]:
    """Return whether that is a JSON object."""
    return isinstance(value, dict)


def _is_list(value: object) -> TypeGuard[list[object]]:
    return isinstance(value, list)


def list_of(data: PostedObject, key: str) -> list[object]:
    """Return the list under that key; empty where something else stands."""
    found = data.get(key)
    return found if _is_list(found) else []


def objects_of(data: PostedObject, key: str) -> list[PostedObject] | None:
    """Return the list of objects under that key, empty where there is none; None where something else stands."""
    found = data.get(key)
    if found is None:
        return []
    if not _is_list(found):
        return None
    objects = [one for one in found if is_object(one)]
    return objects if len(objects) == len(found) else None


def object_of(data: PostedObject, key: str) -> PostedObject:
    """Return the object under that key; empty where something else stands, as `[]` for variables of which none are."""
    found = data.get(key)
    return found if is_object(found) else {}


def text_of(data: PostedObject, key: str, *, most: int | None = LONGEST) -> str:
    """Return the text under that key, cut (`most` None: whole), in characters that can be encoded; or nothing."""
    found = data.get(key)
    return found[:most].encode("utf-8", "replace").decode() if isinstance(found, str) else ""
