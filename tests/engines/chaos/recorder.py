"""A notification hub and a mail server that keep on disk what they were told, by idempotency key, for all processes."""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import time
from base64 import b64decode, b64encode
from collections.abc import Mapping, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

from attrs import define, field, frozen

from convalias.codec import dumps, loads
from convalias.domain.addresses.email_address import EmailAddress
from convalias.domain.conversations.events import ConversationEvent
from convalias.domain.ids import AccountId, ConversationId, UseCase
from convalias.domain.outbound.delivery import Channel, NotificationId, NotificationKind
from convalias.domain.outbound.notifications import Notification
from convalias.ports.hub import Guarantee, Sent
from convalias.ports.mail import Outgoing

_A_YEAR: Final = timedelta(days=365)
_LOST: Final = 8
"""Of so many first answers one is lost: it was sent, and who asked does not know."""


@frozen
class Told:
    """One call: when, under which key, and whether it was the first under that key."""

    at: float
    """Seconds since 1970."""
    key: str
    first: bool
    what: Mapping[str, Any] = field(repr=False)


@define
class Ledger:
    """A file of lines, one per call, written whole under a lock: no kill tears one or loses what was answered."""

    path: Path
    _known: set[str] = field(factory=set[str], init=False)
    _read_to: int = field(default=0, init=False)

    def tell(self, key: str, what: Mapping[str, Any]) -> bool:
        """Whether it was the first time for that key."""
        with self.path.open("a+b") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            file.seek(self._read_to)
            for line in file:
                self._known.add(json.loads(line)["key"])
                self._read_to += len(line)
            first = key not in self._known
            line = {"at": time.time(), "key": key, "first": first, "what": what}
            os.write(file.fileno(), json.dumps(line).encode() + b"\n")
        return first

    def told(self) -> Sequence[Told]:
        """All calls, in order."""
        if not self.path.exists():
            return ()
        lines = map(json.loads, self.path.read_text(encoding="ascii").splitlines())
        return [Told(one["at"], one["key"], one["first"], one["what"]) for one in lines]


class AnswerLost(Exception):
    """It is sent, and the answer did not come back."""


class Hub:
    """`ports.NotificationHub`: sends each key once, and remembers it for good."""

    channels: Final = {Channel.EMAIL: Guarantee(remembers_keys_for=_A_YEAR)}

    def __init__(self, ledger: Ledger) -> None:
        """Every process on one file is the same hub."""
        self._ledger = ledger

    async def send(self, notification: Notification) -> Sent:
        """Told; now and then the first answer is lost."""
        first = self._ledger.tell(notification.id, _written(notification))
        if first and hashlib.sha256(notification.id.encode()).digest()[0] % _LOST == 0:
            raise AnswerLost
        return Sent(f"hub-{notification.id}")


class Mailbox:
    """`ports.OutgoingMail` for refusals and questions, by the same rule."""

    def __init__(self, ledger: Ledger) -> None:
        """Every process on one file is the same mail server."""
        self._ledger = ledger

    async def send(self, mail: Outgoing) -> None:
        """Told."""
        self._ledger.tell(mail.key, {"to": str(mail.to), "raw": b64encode(mail.raw).decode()})


def notification(told: Told) -> Notification:
    """What was sent by that call."""
    what = told.what
    address = what["address"]
    return Notification(
        id=NotificationId(told.key),
        kind=NotificationKind(what["kind"]),
        channel=Channel(what["channel"]),
        conversation=ConversationId(what["conversation"]),
        use_case=UseCase(what["use_case"]),
        recipient=AccountId(what["recipient"]),
        recipient_address=None if address is None else EmailAddress.parse(address),
        author_name=what["author_name"],
        reply_alias=EmailAddress.parse(what["reply_alias"]),
        event=loads(b64decode(what["event"]), ConversationEvent),
        in_reply_to=what["in_reply_to"],
    )


def outgoing(told: Told) -> Outgoing:
    """What was mailed by that call."""
    return Outgoing(key=told.key, raw=b64decode(told.what["raw"]), to=EmailAddress.parse(told.what["to"]))


def _written(notification: Notification) -> Mapping[str, Any]:
    address = notification.recipient_address
    return {
        "kind": notification.kind.value,
        "channel": notification.channel.value,
        "conversation": notification.conversation,
        "use_case": notification.use_case,
        "recipient": notification.recipient,
        "address": None if address is None else str(address),
        "author_name": notification.author_name,
        "reply_alias": str(notification.reply_alias),
        "event": b64encode(dumps(notification.event)).decode(),
        "in_reply_to": notification.in_reply_to,
    }
