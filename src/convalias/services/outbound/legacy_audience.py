"""The audience of a stand-in legacy relay: the participants in the conversation store."""

from __future__ import annotations

from collections.abc import Sequence

from attrs import frozen

from convalias.domain.addresses.email_address import EmailAddress
from convalias.domain.ids import AccountId, ConversationId
from convalias.domain.inbound.posts import Post
from convalias.domain.mail.envelope import ClearFrom, MessageEnvelope
from convalias.ports.ambient import Clock
from convalias.ports.blobs import Blobs
from convalias.ports.mail import MailReader
from convalias.services.conversations.contacts import Contacts


@frozen(kw_only=True)
class ParticipantsAudience:
    """`ports.legacy.Audience`. Raises `Unavailable`."""

    contacts: Contacts
    blobs: Blobs
    reader: MailReader
    clock: Clock

    async def of_event(self, conversation: ConversationId, *, author: str) -> Sequence[EmailAddress]:
        """Return all participants except that account; `peripheral` is no account's id."""
        return await self.contacts.audience(conversation, but=AccountId(author))

    async def of_mail(self, conversation: ConversationId, *, raw_key: str) -> Sequence[EmailAddress]:
        """Return all participants except the one in the mail's From."""
        sender = await self._sender(raw_key)
        holders = () if sender is None else (await self.contacts.identities.at([sender])).get(sender, ())
        thread = await self.contacts.conversations.thread(conversation)
        known = {one.id for one in holders}
        author = next((one.account for one in thread.participants if one.account in known), None) if thread else None
        found = await self.contacts.audience(conversation, but=author)
        return tuple(address for address in found if address != sender)

    async def _sender(self, raw_key: str) -> EmailAddress | None:
        raw = await self.blobs.get(raw_key)
        if raw is None:
            return None
        mail = (await self.reader.read(raw, Post(received_at=self.clock.now()))).mail
        if not isinstance(mail, MessageEnvelope) or not isinstance(mail.sender, ClearFrom):
            return None
        return mail.sender.address
