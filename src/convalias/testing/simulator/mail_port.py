"""A host's mail port, by which notifications leave: held to what it states, which may be nothing."""

from __future__ import annotations

from collections.abc import Sequence
from email import message_from_bytes, policy
from email.headerregistry import AddressHeader
from email.message import EmailMessage
from typing import Final

from attrs import frozen

from convalias.codec import load
from convalias.domain.addresses.email_address import EmailAddress
from convalias.domain.conversations.events import (
    ConversationCreated,
    ConversationEvent,
    Happening,
    MessageAdded,
    Origin,
    ParticipantAdded,
)
from convalias.domain.conversations.participants import NOBODY, Participant
from convalias.domain.conversations.projection import fold
from convalias.domain.ids import ConversationId, EventId
from convalias.domain.outbound.delivery import Channel, NotificationId, NotificationKind, notification_id
from convalias.domain.outbound.notifications import Notification
from convalias.ports.event_log import UNPLACED
from convalias.ports.hub import Answer, Guarantee
from convalias.ports.mail import Outgoing
from convalias.stores.conversations.event_store import TABLE
from convalias.stores.encoding import encoded
from convalias.stores.outbound.suppressions import Suppressions
from convalias.testing.simulator import engines
from convalias.testing.simulator.gate import Gate
from convalias.testing.simulator.platform import Platform
from convalias.testing.simulator.ports import EPOCH
from convalias.testing.simulator.releases import as_ours

_PAGE: Final = 1_000


@frozen
class NotifyingMail:
    """`ports.OutgoingMail` with `send` alone, as a host would write it first."""

    gate: Gate
    engine: engines.Hub
    records: engines.Records
    platform: Platform | None = None

    async def send(self, mail: Outgoing) -> None:
        """Do what the port says."""
        # Read before it is on its way: a backup that is restored meanwhile takes away what it is read by.
        told = await read(mail, self.records, self.platform)

        async def effect() -> None:
            self.engine.send(told)

        await self.gate.call("hub.send", mail.key, effect, surely=True)


@frozen
class RememberingMail(NotifyingMail):
    """`ports.RememberingMail`, which says what it remembers and answers."""

    @property
    def guarantee(self) -> Guarantee:
        """State what its kind promises."""
        kind = self.engine.kind
        return Guarantee(kind.remembers_for, self._ask if kind.answers else None)

    async def _ask(self, key: str) -> Answer:
        async def effect() -> Answer:
            return self.engine.answer(key)

        return await self.gate.call("hub.ask", key, effect)


def _named(happening: Happening) -> Sequence[Participant]:
    match happening:
        case ConversationCreated(participants=participants):
            return participants
        case ParticipantAdded(participant):
            return (participant,)
        case _:
            return ()


def _unknown(conversation: ConversationId, event: EventId) -> ConversationEvent:
    """A message that is in no history of the platform: the laws say what is wrong with that."""
    return ConversationEvent(
        id=event,
        conversation=conversation,
        seq=UNPLACED,
        happening=MessageAdded(author=NOBODY, text=""),
        dedup_key="",
        origin=Origin.CHAT,
        occurred_at=EPOCH,
        appended_at=EPOCH,
    )


def by_mail(
    gate: Gate, engine: engines.Hub, records: engines.Records, platform: Platform | None = None
) -> NotifyingMail:
    """Return a port that states no more than it must."""
    states = engine.kind.answers or engine.kind.remembers_for
    return (RememberingMail if states else NotifyingMail)(gate, engine, records, platform)


async def read(mail: Outgoing, records: engines.Records, platform: Platform | None = None) -> Notification:
    """Return what a mail tells, read off its bytes: whom, of which event, under which name and address."""
    place = await Suppressions(records=records).where(NotificationId(mail.key))
    assert place is not None, "an event is placed before its notification leaves"  # noqa: S101
    if platform is None:
        rows = await records.range(TABLE, encoded(place.conversation), after="", limit=_PAGE)
        events: Sequence[ConversationEvent] = [load(as_ours(row.body), ConversationEvent) for row in rows]
    else:
        events = platform.histories()[place.conversation]
    thread = fold(events)
    known = [one for one in events if one.id == place.event]
    event = known[0] if known else _unknown(place.conversation, place.event)
    everybody = {known.account for one in events for known in _named(one.happening)}
    (recipient,) = [
        one
        for one in sorted(everybody)
        if notification_id(event.id, one, NotificationKind.MESSAGE, Channel.EMAIL) == mail.key
    ]
    message = message_from_bytes(mail.raw, EmailMessage, policy=policy.default)
    shown = message["From"]
    assert isinstance(shown, AddressHeader)  # noqa: S101
    return Notification(
        id=NotificationId(mail.key),
        kind=NotificationKind.MESSAGE,
        channel=Channel.EMAIL,
        conversation=place.conversation,
        use_case=thread.use_case,
        recipient=recipient,
        recipient_address=mail.to,
        author_name=shown.addresses[0].display_name,
        reply_alias=EmailAddress.parse(shown.addresses[0].addr_spec),
        event=event,
        in_reply_to=message["In-Reply-To"],
    )
