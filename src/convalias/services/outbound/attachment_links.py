"""Open a link to an attached file: for whom it was made, as long as they may read the message."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Collection
from contextlib import asynccontextmanager

from attrs import field, frozen

from convalias.domain.conversations.events import HARMFUL, UNVERIFIED, MessageAdded
from convalias.domain.conversations.shown_names import shown_name
from convalias.domain.mail.envelope import Attachment
from convalias.domain.outbound.enclosures import LinkedFile
from convalias.domain.outbound.invitations import Calendar, calendar, is_calendar
from convalias.domain.outbound.masks import Masks
from convalias.domain.outbound.seals import Seals
from convalias.ports.ambient import Clock
from convalias.ports.event_log import UNPLACED
from convalias.services.conversations.contacts import Contacts
from convalias.services.running.octets import Octets
from convalias.stores.conversations.access import ConversationAccess, EventGone, events_before
from convalias.stores.conversations.attachments import Attachments

MOST_OCTETS = 64 * 1024 * 1024
"""Octets of files that are sent at once."""


@frozen(kw_only=True)
class AttachmentLinks:
    """Acts on the tokens of `Seals.file_token`. Changes nothing; every call may be repeated. Raises `Unavailable`.

    A link ends when its time is over, when the message is redacted or erased, and when its reader leaves.
    """

    seals: Seals
    conversations: ConversationAccess
    contacts: Contacts
    attachments: Attachments
    clock: Clock
    alias_domain: str
    """The right side of sealed UIDs of calendar entries."""
    platform: str
    """The platform's name, by which no sender goes."""
    shown_domains: Collection[str] = ()
    """Domains of aliases, which masks leave as they are."""
    octets: Octets = field(factory=lambda: Octets(MOST_OCTETS))

    async def show(self, token: str) -> LinkedFile | None:
        """Return what the link opens, or None if it opens nothing (any more)."""
        found = await self._find(token)
        return None if found is None else found[0]

    @asynccontextmanager
    async def opened(self, token: str) -> AsyncGenerator[tuple[LinkedFile, bytes] | None]:
        """Hold the file and its content while it is sent.

        None where the link opens nothing, or the file is not kept any more. Waits while `octets` are all in use.
        """
        found = await self._find(token)
        if found is None:
            yield None
            return
        shown, attachment, masks = found
        async with self.octets.held(attachment.size):
            content = await self.attachments.get(attachment.digest)
            if content is not None and is_calendar(attachment):
                entry = calendar(content)  # the octets that came name people by their addresses
                content = None if entry is None else self._without_people(entry, masks)
            yield None if content is None else (shown, content)

    def _without_people(self, entry: Calendar, masks: Masks) -> bytes:
        return entry.with_uids(self.seals, self.alias_domain, masks=masks).without_people().encode()

    async def _find(self, token: str) -> tuple[LinkedFile, Attachment, Masks] | None:
        link = self.seals.linked_file(token)
        if link is None or link.until <= self.clock.now():
            return None
        try:
            scene = await self.conversations.scene(link.conversation, link.event, UNPLACED)
        except EventGone:
            return None
        message = scene.event.happening
        if not isinstance(message, MessageAdded) or HARMFUL in message.flags:
            return None
        if scene.is_withdrawn or not scene.thread.takes_part(link.reader):
            return None
        attachment = next(iter(message.attachments[link.number :]), None)
        if attachment is None:
            return None
        before = await events_before(self.conversations, scene.event)
        masks = await self.contacts.masks(scene.event, scene.thread, before, shown_domains=self.shown_domains)
        name = await self.contacts.name(message.author, scene.thread)
        shown = LinkedFile(
            name=masks.file_name(attachment.name),
            size=attachment.size,
            author=shown_name(name, self.platform),
            until=link.until,
            verified=UNVERIFIED not in message.flags,
        )
        return shown, attachment, masks
