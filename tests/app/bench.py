"""A deployment that a state machine drives step by step: in memory or on disk, with everything it sent in sight."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from datetime import timedelta
from email import message_from_bytes
from email.message import Message
from pathlib import Path
from typing import Any, Final, Literal, TypeVar

from attrs import frozen

from convalias.adapters import embedded, memory
from convalias.app import Convalias
from convalias.app.memory import memory_ports, memory_wiring
from convalias.app.ports import Ports
from convalias.domain.addresses.email_address import EmailAddress
from convalias.domain.aliases.alias import LegacyAlias
from convalias.domain.conversations.events import ConversationEvent
from convalias.domain.ids import ConversationId, EventId
from convalias.domain.inbound.outcomes import OutcomeRecord
from convalias.domain.inbound.posts import RecordKey
from convalias.domain.outbound.delivery import DeliveryDecision

ALIAS_DOMAIN: Final = "reply.example"
LEGACY_DOMAIN: Final = "relay.example"
PATIENCE: Final = 600
"""Seconds until a story that hangs is ended; none that goes on takes so long, however busy the machine is."""
PAGE: Final = 500
System = Literal["hub", "legacy", "refusals"]

T = TypeVar("T")


@frozen
class Sent:
    """One mail that left, and which system sent it."""

    system: System
    key: str
    raw: bytes

    @property
    def parsed(self) -> Message:
        return message_from_bytes(self.raw)

    @property
    def to(self) -> EmailAddress:
        return EmailAddress.parse(str(self.parsed["To"]).strip("<>"))

    def said(self) -> str:
        """All of it that a person or a program can read: fields, and bodies decoded."""
        parts = [part.get_payload(decode=True) for part in self.parsed.walk()]
        bodies = [part.decode("utf-8", "replace") for part in parts if isinstance(part, bytes)]
        return "\n".join([*map(str, self.parsed.values()), *bodies])


class Bench:
    """Runs one deployment at a time; `restart` leaves it and enters another over the same storage."""

    def __init__(self, make: Callable[[], Convalias], sent: Callable[[Convalias], Sequence[Sent]]) -> None:
        self._make = make
        self._sent = sent
        self._runner = asyncio.Runner()
        self.cv = self._entered()

    def run(self, story: Coroutine[Any, Any, T]) -> T:
        return self._runner.run(asyncio.wait_for(story, PATIENCE))

    def restart(self) -> None:
        self.run(self.cv.__aexit__(None, None, None))
        self.cv = self._entered()

    def close(self) -> None:
        self.run(self.cv.__aexit__(None, None, None))
        self._runner.close()

    def sent(self) -> Sequence[Sent]:
        return self._sent(self.cv)

    def pass_time(self, by: timedelta) -> None:
        """Only virtual time can be made to pass."""
        if isinstance(self.cv.ports.clock, memory.Clock):
            self.run(self.cv.ports.clock.advance(by))

    def know_legacy_alias(self, address: EmailAddress, conversation: str) -> None:
        relay = self.cv.ports.legacy
        assert isinstance(relay, memory.LegacyRelay | embedded.LegacyRelay)
        self.run(relay.load([LegacyAlias(address, ConversationId(conversation))], []))

    def events(self, conversation: str) -> Sequence[ConversationEvent]:
        return self.run(self.cv.messaging.events(conversation, limit=PAGE))

    def decision(self, conversation: str, event: EventId) -> DeliveryDecision | None:
        return self.run(self.cv.services.stores.ledger.get(ConversationId(conversation), event))

    def names(self, prefix: str) -> Sequence[str]:
        return self.run(self.cv.ports.blobs.names(prefix, after="", limit=PAGE))

    def outcome(self, record: str) -> OutcomeRecord | None:
        return self.run(self.cv.services.stores.inbound.outcome(RecordKey(record)))

    def _entered(self) -> Convalias:
        cv = self._make()
        return self.run(cv.__aenter__())


def in_memory(change: Callable[[Ports], Ports] = lambda ports: ports) -> Bench:
    ports = memory_ports(legacy=True)
    wiring = memory_wiring(ALIAS_DOMAIN, LEGACY_DOMAIN, None)
    relay = ports.legacy
    assert isinstance(relay, memory.LegacyRelay)
    boxes: dict[System, object] = {"hub": ports.mail, "legacy": relay._outgoing, "refusals": ports.system_mail}

    def sent(_cv: Convalias) -> Sequence[Sent]:
        return [
            Sent(system, mail.key, mail.raw)
            for system, box in boxes.items()
            if isinstance(box, memory.Outbox)
            for mail in box.mails
        ]

    changed = change(ports)
    return Bench(lambda: Convalias.over(changed, wiring), sent)


def on_disk(folder: Path) -> Bench:
    settings = folder / "convalias.toml"
    settings.write_text(f'alias_domains = ["{ALIAS_DOMAIN}"]\nlegacy_domains = ["{LEGACY_DOMAIN}"]\n')
    boxes: dict[System, str] = {"hub": "outbox", "legacy": "legacy-outbox", "refusals": "outbox-system"}

    def sent(_cv: Convalias) -> Sequence[Sent]:
        return [
            Sent(system, path.stem, path.read_bytes())
            for system, box in boxes.items()
            for path in sorted((folder / "data" / box).glob("*.eml"))
        ]

    return Bench(lambda: Convalias.from_toml(settings, data=folder / "data", environ={}), sent)
