"""The least that the docstrings of the other ports ask for, written from them alone: no optional capability."""

from __future__ import annotations

import asyncio
import email
import email.policy
import hashlib
import os
import time
from collections.abc import Collection, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from datetime import UTC, datetime, timedelta
from itertools import count

from convalias.domain.addresses.email_address import EmailAddress, InvalidAddress
from convalias.domain.aliases.alias import LegacyAlias
from convalias.domain.conversations.participants import Account, AddressTenure
from convalias.domain.conversations.threads import ConversationThread
from convalias.domain.ids import AccountId, ConversationId, UseCase
from convalias.domain.inbound.posts import Post
from convalias.domain.mail.authentication import SenderEvidence
from convalias.domain.mail.checks import Checked, Finding
from convalias.domain.mail.envelope import AmbiguousFrom, ClearFrom, MailContent, MessageEnvelope
from convalias.domain.mail.message_id import MessageId
from convalias.domain.migration.rollout import Axis, Rollout
from convalias.domain.outbound.delivery import Channel
from convalias.domain.outbound.notifications import Notification
from convalias.ports.errors import Unavailable
from convalias.ports.hub import Declined, Guarantee, Sent
from convalias.ports.legacy import HandOff, IndexCall
from convalias.ports.mail import Outgoing, ReadMail

DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz"


class Clock:
    """The machine's own."""

    def __init__(self) -> None:
        self.ids = count(1)

    def now(self) -> datetime:
        return datetime.now(UTC)

    async def sleep(self, duration: timedelta) -> None:
        await asyncio.sleep(duration.total_seconds())

    def new_id(self) -> str:
        number, text = (time.time_ns() << 40) + next(self.ids), ""
        while number:
            number, digit = divmod(number, 36)
            text = DIGITS[digit] + text
        return text.rjust(26, "0")[-26:]

    def entropy(self, octets: int) -> bytes:
        return os.urandom(octets)


class Telemetry:
    def measure(self, name: str, value: float, **tags: str) -> None:
        """Nobody looks at it."""

    def span(self, name: str, trace: str, **tags: str) -> AbstractContextManager[None]:
        return nullcontext()


class Incarnation:
    """It can tell of nobody that he is dead."""

    name = "incarnation-1"

    def is_gone(self, name: str) -> bool:
        return False


class IdentityDirectory:
    """It keeps no memory of what passed authentication."""

    def __init__(self, accounts: Collection[Account]) -> None:
        self.accounts = {account.id: account for account in accounts}

    async def at(self, addresses: Collection[EmailAddress]) -> Mapping[EmailAddress, tuple[Account, ...]]:
        await asyncio.sleep(0)
        return {one: tuple(who for who in self.accounts.values() if one in who.addresses) for one in addresses}

    async def authenticated(self, addresses: Collection[EmailAddress]) -> frozenset[EmailAddress]:
        return frozenset(
            one for one in addresses if any(one in account.authenticates for account in self.accounts.values())
        )

    async def get(self, accounts: Collection[AccountId]) -> Mapping[AccountId, Account]:
        return {one: self.accounts[one] for one in accounts if one in self.accounts}


class LegacyRelay:
    """Tells who listens by external id."""

    def __init__(self, aliases: Sequence[LegacyAlias] = (), tenures: Sequence[AddressTenure] = ()) -> None:
        self.known, self.history = tuple(aliases), tuple(tenures)
        self.flags: dict[str, bool] = {}
        self.processed: dict[str, HandOff] = {}
        self.told: list[str] = []

    async def aliases(self, addresses: Collection[EmailAddress]) -> Mapping[EmailAddress, LegacyAlias]:
        await asyncio.sleep(0)
        return {one.address: one for one in self.known if one.address in addresses}

    async def of_conversations(
        self, conversations: Collection[ConversationId]
    ) -> Mapping[ConversationId, tuple[LegacyAlias, ...]]:
        return {of: tuple(one for one in self.known if one.conversation == of) for of in conversations}

    async def tenures(self, addresses: Collection[EmailAddress]) -> Mapping[EmailAddress, tuple[AddressTenure, ...]]:
        return {of: tuple(one for one in self.history if one.address == of) for of in addresses}

    async def process(self, mail: HandOff) -> None:
        await asyncio.sleep(0)
        if mail.external_id not in self.processed:
            self.processed[mail.external_id] = mail
            self.told.append(mail.external_id)

    async def index(self, call: IndexCall) -> None:
        await asyncio.sleep(0)
        if call.external_id not in self.flags:
            self.flags[call.external_id] = call.suppress_notification
            if not call.suppress_notification:
                self.told.append(call.external_id)


class NotificationHub:
    """E-mail only; it remembers nothing and cannot be asked."""

    def __init__(self) -> None:
        self.sent: list[Notification] = []

    @property
    def channels(self) -> Mapping[Channel, Guarantee]:
        return {Channel.EMAIL: Guarantee()}

    async def send(self, notification: Notification) -> Sent | Declined:
        await asyncio.sleep(0)
        if notification.channel is not Channel.EMAIL:
            return Declined("e-mail only")
        self.sent.append(notification)
        return Sent()


class ChannelChoice:
    """Nobody has chosen anything."""

    def __init__(self, chosen: Mapping[AccountId, tuple[Channel, ...]] | None = None) -> None:
        self.chosen = chosen or {}

    async def of(self, thread: ConversationThread) -> Mapping[AccountId, tuple[Channel, ...]]:
        await asyncio.sleep(0)
        return self.chosen


class ChannelEndpoints:
    """It knows what it was given."""

    def __init__(self, places: Mapping[tuple[Channel, AccountId], str] | None = None) -> None:
        self.places = places or {}

    async def of(self, channel: Channel, accounts: Collection[AccountId]) -> Mapping[AccountId, str]:
        await asyncio.sleep(0)
        return {one: self.places[channel, one] for one in accounts if (channel, one) in self.places}


class Flags:
    def __init__(self, rollouts: Mapping[tuple[UseCase, Axis], Rollout]) -> None:
        self.rollouts = dict(rollouts)

    async def read(self, use_case: UseCase, axis: Axis) -> Rollout | None:
        return self.rollouts.get((use_case, axis))


class OutgoingMail:
    """It sends, and remembers nothing."""

    def __init__(self) -> None:
        self.sent: list[Outgoing] = []

    async def send(self, mail: Outgoing) -> None:
        await asyncio.sleep(0)
        self.sent.append(mail)


class SenderAuthenticator:
    """It proves nothing that the source did not."""

    async def evidence(self, raw: bytes, post: Post) -> SenderEvidence:
        return post.evidence or SenderEvidence()


class Check:
    """It knows one text."""

    def __init__(self, *, away: bool = False) -> None:
        self.away = away

    async def check(self, raw: bytes, post: Post) -> Checked:
        if self.away:
            raise Unavailable("check")
        return Checked(Finding.SPAM, "it sells pills") if b"pills" in raw else Checked(Finding.NOTHING)


class MailReader:
    """One plain text, one From; whatever else there may be in a mail it leaves out."""

    async def read(self, raw: bytes, post: Post) -> ReadMail:
        mail = email.message_from_bytes(raw, policy=email.policy.compat32)
        text = raw.partition(b"\n\n")[2].decode("utf-8", "replace").strip()
        found = str(mail.get("Message-ID", "")).strip(" <>") or hashlib.sha256(raw).hexdigest()
        envelope = MessageEnvelope(
            sender=_sender(str(mail.get("From", ""))),
            message_id=MessageId(found.encode()),
            received_at=post.received_at,
            recipients=post.recipients,
            return_path=post.return_path,
            to=tuple(_addresses(str(mail.get("To", "")))),
            evidence=post.evidence or SenderEvidence(),
            spam=post.spam,
            size=len(raw),
            content=MailContent(
                subject=str(mail.get("Subject", "")),
                text=text,
                full_text=text,
                digest=hashlib.sha256(raw).hexdigest(),
                body_digest=hashlib.sha256(text.encode()).hexdigest(),
            ),
        )
        return ReadMail(envelope)


def _addresses(text: str) -> list[EmailAddress]:
    try:
        return [EmailAddress.parse(one.strip()) for one in text.split(",") if one.strip()]
    except InvalidAddress:
        return []


def _sender(text: str) -> ClearFrom | AmbiguousFrom:
    found = _addresses(text)
    return ClearFrom(found[0]) if len(found) == 1 else AmbiguousFrom()
