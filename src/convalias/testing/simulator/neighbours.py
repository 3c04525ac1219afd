"""The ports behind which other systems stand: directory, legacy relay, hub, mail, flags, and the process itself."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import Final

from attrs import frozen

from convalias.domain.addresses.email_address import EmailAddress
from convalias.domain.aliases.alias import LegacyAlias
from convalias.domain.conversations.participants import Account, AddressTenure
from convalias.domain.ids import AccountId, ConversationId, UseCase
from convalias.domain.inbound.posts import Post
from convalias.domain.migration.rollout import Axis, Rollout
from convalias.domain.outbound.delivery import Channel
from convalias.domain.outbound.notifications import Notification
from convalias.ports.hub import Answer, Declined, Guarantee, Sent
from convalias.ports.legacy import HandOff, IndexCall
from convalias.ports.legacy import LegacyRelay as LegacyRelayPort
from convalias.ports.mail import MailReader as MailReaderPort
from convalias.ports.mail import Outgoing, ReadMail
from convalias.ports.mail import OutgoingMail as OutgoingMailPort
from convalias.testing.simulator import engines
from convalias.testing.simulator.gate import Gate
from convalias.testing.simulator.process import Process

FLAG_LAG: Final = 30.0
RAISES: Final = b"X-Poison: raises"
KILLS: Final = b"X-Poison: kills"


@frozen
class IdentityDirectory:
    """`ports.IdentityDirectory` of a platform of its own."""

    gate: Gate
    engine: engines.Directory

    async def at(self, addresses: Collection[EmailAddress]) -> Mapping[EmailAddress, tuple[Account, ...]]:
        """Do what the port says."""
        return await self.gate.call("directory.at", _listed(addresses), lambda: self.engine.at(addresses))

    async def get(self, accounts: Collection[AccountId]) -> Mapping[AccountId, Account]:
        """Do what the port says."""
        return await self.gate.call("directory.get", " ".join(sorted(accounts)), lambda: self.engine.get(accounts))

    async def authenticated(self, addresses: Collection[EmailAddress]) -> frozenset[EmailAddress]:
        """Do what the port says."""
        about = _listed(addresses)
        return await self.gate.call("directory.authenticated", about, lambda: self.engine.authenticated(addresses))


@frozen
class LegacyRelay:
    """`ports.LegacyRelay` in front of the system that is being left."""

    gate: Gate
    engine: LegacyRelayPort

    async def aliases(self, addresses: Collection[EmailAddress]) -> Mapping[EmailAddress, LegacyAlias]:
        """Do what the port says."""
        return await self.gate.call("legacy.aliases", _listed(addresses), lambda: self.engine.aliases(addresses))

    async def of_conversations(
        self, conversations: Collection[ConversationId]
    ) -> Mapping[ConversationId, tuple[LegacyAlias, ...]]:
        """Do what the port says."""
        about = " ".join(sorted(conversations))
        return await self.gate.call(
            "legacy.of_conversations", about, lambda: self.engine.of_conversations(conversations)
        )

    async def tenures(self, addresses: Collection[EmailAddress]) -> Mapping[EmailAddress, tuple[AddressTenure, ...]]:
        """Do what the port says."""
        return await self.gate.call("legacy.tenures", _listed(addresses), lambda: self.engine.tenures(addresses))

    async def process(self, mail: HandOff) -> None:
        """Do what the port says."""
        await self.gate.call("legacy.process", mail.external_id, lambda: self.engine.process(mail))

    async def index(self, call: IndexCall) -> None:
        """Do what the port says."""
        await self.gate.call("legacy.index", call.external_id, lambda: self.engine.index(call))


@frozen
class NotificationHub:
    """`ports.NotificationHub`: e-mail only, held to what its kind says."""

    gate: Gate
    engine: engines.Hub

    @property
    def channels(self) -> Mapping[Channel, Guarantee]:
        """E-mail."""
        kind = self.engine.kind
        return {Channel.EMAIL: Guarantee(kind.remembers_for, self._ask if kind.answers else None)}

    async def send(self, notification: Notification) -> Sent | Declined:
        """Do what the port says."""

        async def effect() -> Sent:
            self.engine.send(notification)
            return Sent(f"hub-{notification.id}")

        return await self.gate.call("hub.send", notification.id, effect, surely=True)

    async def _ask(self, key: str) -> Answer:
        async def effect() -> Answer:
            return self.engine.answer(key)

        return await self.gate.call("hub.ask", key, effect)


@frozen
class MailReader:
    """`ports.MailReader` that some mails are too much for."""

    gate: Gate
    engine: MailReaderPort

    async def read(self, raw: bytes, post: Post) -> ReadMail:
        """Read as the port says, poison aside."""
        if KILLS in raw:
            self.gate.world.crash(self.gate.process)
            await self.gate.process.never()
        if RAISES in raw:
            raise ValueError("poison")
        return await self.engine.read(raw, post)


@frozen
class OutgoingMail:
    """`ports.OutgoingMail`."""

    gate: Gate
    engine: OutgoingMailPort

    async def send(self, mail: Outgoing) -> None:
        """Do what the port says."""
        await self.gate.call("outgoing.send", mail.key, lambda: self.engine.send(mail), surely=True)


@frozen
class Flags:
    """`ports.Flags` of a flag service whose answer may be half a minute old."""

    gate: Gate
    engine: engines.Flags
    is_stale: Callable[[], bool]

    async def read(self, use_case: UseCase, axis: Axis) -> Rollout | None:
        """Do what the port says."""

        async def effect() -> Rollout | None:
            return self.engine.read(use_case, axis, lag=FLAG_LAG if self.is_stale() else 0.0)

        async def rival() -> None:
            self.engine.turn_back(use_case, axis)

        return await self.gate.call("flags.read", f"{use_case} {axis.value}", effect, rival=rival)


@frozen
class Incarnation:
    """`ports.Incarnation`: whether it can be told that a process died depends on where processes run."""

    process: Process
    gone: Callable[[str], bool]

    @property
    def name(self) -> str:
        """Return the name of this run."""
        return self.process.name

    def is_gone(self, name: str) -> bool:
        """Do what the port says."""
        return self.gone(name)


def _listed(addresses: Collection[EmailAddress]) -> str:
    return " ".join(sorted(one.key for one in addresses))
