"""A stand-in for the legacy relay: what it was told, whom it notified, which flag it saw first."""

from __future__ import annotations

import hashlib
import re
from abc import ABC, abstractmethod
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from email.utils import format_datetime
from typing import Final

from attrs import evolve

from convalias.domain.addresses.email_address import EmailAddress
from convalias.domain.aliases.alias import LegacyAlias
from convalias.domain.conversations.participants import AddressTenure
from convalias.domain.ids import ConversationId
from convalias.domain.outbound.legacy_calls import LegacyCall
from convalias.ports.ambient import Clock
from convalias.ports.legacy import Audience, HandOff, IndexCall
from convalias.ports.mail import Outgoing, OutgoingMail

INDEX: Final = "index"
HANDOFF: Final = "handoff"
_ID: Final = re.compile(r"<[!-;=?-~]{1,900}>")
_PRINTABLE: Final = re.compile(r"[!-~]{1,200}")


class Telling(ABC):
    """The calls of a stand-in, wherever it keeps its data.

    Row first, then the mails, then the row says so: a call that a crash cut short is completed by its repetition.
    """

    def __init__(self, *, outgoing: OutgoingMail, audience: Audience, clock: Clock) -> None:
        """It notifies through `outgoing`, whoever `audience` says."""
        self._outgoing = outgoing
        self._audience = audience
        self._clock = clock

    async def process(self, mail: HandOff) -> None:
        """Note it once, and tell the conversation of that address."""
        alias = (await self.aliases([mail.address])).get(mail.address)
        row = await self._noted(handed_over(mail, None if alias is None else alias.conversation))
        if row.conversation is None or row.notified:
            return
        await self._notify(row, await self._audience.of_mail(row.conversation, raw_key=mail.raw_key))

    async def index(self, call: IndexCall) -> None:
        """Note it once; notify unless the first call for that event said not to."""
        listed = (await self.of_conversations([call.conversation]))[call.conversation]
        row = await self._noted(indexed(call, listed))
        if row.suppress_notification or row.notified:
            return
        await self._notify(row, await self._audience.of_event(call.conversation, author=call.author))

    async def _notify(self, row: LegacyCall, recipients: Iterable[EmailAddress]) -> None:
        for recipient in recipients:
            await self._outgoing.send(notification(row, recipient, at=self._clock.now()))
        await self._mark(row)

    @abstractmethod
    async def aliases(self, addresses: Collection[EmailAddress]) -> Mapping[EmailAddress, LegacyAlias]:
        """Return the aliases that are known."""

    @abstractmethod
    async def of_conversations(
        self, conversations: Collection[ConversationId]
    ) -> Mapping[ConversationId, tuple[LegacyAlias, ...]]:
        """Return the aliases of these conversations, in the order they were loaded in."""

    @abstractmethod
    async def _noted(self, row: LegacyCall) -> LegacyCall:
        """The row that stands under that external id: the first."""

    @abstractmethod
    async def _mark(self, row: LegacyCall) -> None:
        """Keep that everybody was notified."""


class LegacyRelay(Telling):
    """`ports.LegacyRelay` in memory. Keeps the first flag it saw for an external id, for ever."""

    def __init__(self, *, outgoing: OutgoingMail, audience: Audience, clock: Clock) -> None:
        """Nothing is known yet."""
        super().__init__(outgoing=outgoing, audience=audience, clock=clock)
        self._aliases: dict[EmailAddress, LegacyAlias] = {}
        self._tenures: dict[EmailAddress, dict[tuple[str, datetime], AddressTenure]] = {}
        self._calls: dict[tuple[str, str], LegacyCall] = {}

    async def load(self, aliases: Iterable[LegacyAlias], tenures: Iterable[AddressTenure]) -> None:
        """Know these too; what is known under the same address, or account and beginning, is replaced."""
        self._aliases.update({alias.address: alias for alias in aliases})
        for one in tenures:
            self._tenures.setdefault(one.address, {})[one.account, one.since] = one

    async def aliases(self, addresses: Collection[EmailAddress]) -> Mapping[EmailAddress, LegacyAlias]:
        """Return the aliases that are known."""
        return {address: self._aliases[address] for address in addresses if address in self._aliases}

    async def of_conversations(
        self, conversations: Collection[ConversationId]
    ) -> Mapping[ConversationId, tuple[LegacyAlias, ...]]:
        """Return the aliases of these conversations, in the order they were loaded in."""
        listed = _by_conversation(self._aliases.values())
        return {one: tuple(listed.get(one, ())) for one in conversations}

    async def tenures(self, addresses: Collection[EmailAddress]) -> Mapping[EmailAddress, tuple[AddressTenure, ...]]:
        """Return the tenures by their beginning."""
        return {
            address: tuple(sorted(self._tenures.get(address, {}).values(), key=lambda one: (one.since, one.account)))
            for address in addresses
        }

    async def calls(self) -> Sequence[LegacyCall]:
        """Return the calls that it received, in order."""
        return tuple(self._calls.values())

    async def _noted(self, row: LegacyCall) -> LegacyCall:
        return self._calls.setdefault((row.kind, row.external_id), row)

    async def _mark(self, row: LegacyCall) -> None:
        self._calls[row.kind, row.external_id] = evolve(row, notified=True)


def _by_conversation(aliases: Iterable[LegacyAlias]) -> Mapping[ConversationId | None, Sequence[LegacyAlias]]:
    listed: dict[ConversationId | None, list[LegacyAlias]] = {}
    for alias in aliases:
        listed.setdefault(alias.conversation, []).append(alias)
    return listed


def indexed(call: IndexCall, of_conversation: Sequence[LegacyAlias]) -> LegacyCall:
    """The row of an index call: under the conversation's first legacy alias, else the author's alias."""
    return LegacyCall(
        kind=INDEX,
        external_id=call.external_id,
        message_id=call.message_id,
        address=of_conversation[0].address if of_conversation else call.alias,
        suppress_notification=call.suppress_notification,
        conversation=call.conversation,
    )


def handed_over(mail: HandOff, conversation: ConversationId | None) -> LegacyCall:
    """The row of a hand-off."""
    return LegacyCall(
        kind=HANDOFF,
        external_id=mail.external_id,
        message_id=mail.message_id,
        address=mail.address,
        suppress_notification=False,
        conversation=conversation,
    )


def notification(row: LegacyCall, recipient: EmailAddress, *, at: datetime) -> Outgoing:
    """Return the mail that legacy sends: one per (message, recipient), under a key made of both.

    Mail that came to two legacy aliases of one conversation is one message of it.
    """
    about = row.external_id if row.kind == INDEX else f"{row.conversation} {row.message_id}"
    key = hashlib.sha256(f"{row.kind}\0{about}\0{recipient.key}".encode("utf-8", "surrogatepass")).hexdigest()[:40]
    sender = row.address or EmailAddress.parse("relay@legacy.invalid")
    fields = {
        "From": str(sender),
        "To": str(recipient),
        "Subject": "New message",
        "Date": format_datetime(at),
        "Message-ID": f"<{key}@{sender.domain}>",
        # Ids are other people's text: one that could add a line, or is no id, is left out.
        "References": row.message_id if _ID.fullmatch(row.message_id) else "",
        "X-External-Id": row.external_id if _PRINTABLE.fullmatch(row.external_id) else "",
        "MIME-Version": "1.0",
        "Content-Type": "text/plain; charset=utf-8",
    }
    header = "".join(f"{name}: {value}\r\n" for name, value in fields.items() if value)
    raw = f"{header}\r\nThere is a new message in your conversation.\r\n".encode("utf-8", "replace")
    return Outgoing(key=key, raw=raw, to=recipient)
