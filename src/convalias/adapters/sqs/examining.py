"""Questions of `convalias doctor` to a queue: its settings, the credentials, its clock. No job is touched."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Final

from convalias.adapters.sqs import errors
from convalias.adapters.sqs.attributes import redrive, shortcomings
from convalias.adapters.sqs.connection import Answer, Connection, Operation
from convalias.ports.errors import Unavailable
from convalias.ports.examining import Observation, clocks, wrong

_NO_RECEIPT: Final = {"Id": "0", "ReceiptHandle": "a-receipt-of-convalias-doctor"}
_PROBES: Final[Mapping[str, tuple[Operation, Sequence[Mapping[str, object]]]]] = {
    "SendMessage": ("send_message_batch", ()),
    "DeleteMessage": ("delete_message_batch", (_NO_RECEIPT,)),
    "ChangeMessageVisibility": ("change_message_visibility_batch", ({**_NO_RECEIPT, "VisibilityTimeout": 0},)),
}
"""Requests that can do nothing: no entry, a receipt that nobody was given. They are refused for that, or for want of
permission; only the latter is told. Receiving is not tried: it would count as a receipt of somebody's job."""


async def examine(connection: Connection) -> Sequence[Observation]:
    """Return every observation. Raises `Unavailable` when the engine does not answer."""
    asked = datetime.now(UTC)
    answer = await connection.call("get_queue_attributes", AttributeNames=["All"])
    answered = datetime.now(UTC)
    attributes = answer.get("Attributes", {})
    short = list(shortcomings(attributes))
    found = [] if any(one.about == "redrive policy" for one in short) else [redrive(attributes)]
    if all(one.about != "settings" for one in short):
        found.append(Observation(about="settings", found="keep jobs for as long as we need them"))
    told = _date(answer)
    clock = [] if told is None else [clocks(told, asked=asked, answered=answered)]
    return [*short, *found, await _permissions(connection), *clock]


async def _permissions(connection: Connection) -> Observation:
    refused = [permission async for permission in _refused(connection)]
    if refused:
        return wrong("permissions", f"{', '.join(refused)} is refused", f"grant {_listed(refused)} on the queue")
    return Observation(about="permissions", found="none is refused; ReceiveMessage shows with the first job")


async def _refused(connection: Connection) -> AsyncIterator[str]:
    for permission, (operation, entries) in _PROBES.items():
        try:
            await connection.call(operation, Entries=list(entries))
        except Unavailable as error:  # of a request that is empty on purpose: only one reason matters
            if errors.is_refused(error):
                yield permission


def _listed(permissions: Sequence[str]) -> str:
    return ", ".join(f"sqs:{permission}" for permission in permissions)


def _date(answer: Answer) -> datetime | None:
    """RFC 9110 section 6.6.1: of whole seconds, cut off. None where the engine sends none."""
    metadata = answer.get("ResponseMetadata")
    text = "" if metadata is None else metadata["HTTPHeaders"].get("date", "")
    try:
        told = parsedate_to_datetime(text)
    except (TypeError, ValueError):
        return None
    return told if told.tzinfo is not None else told.replace(tzinfo=UTC)
