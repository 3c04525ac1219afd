"""Where people are reached, and under which name and alias they are shown to others."""

from __future__ import annotations

from collections.abc import Sequence

from attrs import frozen

from convalias.domain.addresses.email_address import EmailAddress
from convalias.domain.aliases.alias import ConversationAlias
from convalias.domain.conversations.events import ConversationEvent, MessageAdded
from convalias.domain.conversations.participants import AccountAuthor, Author, PeripheralAuthor
from convalias.domain.conversations.threads import ConversationThread
from convalias.domain.conversations.timeline import SOMEBODY
from convalias.domain.ids import AccountId, ConversationId
from convalias.ports.conversations import ConversationStore
from convalias.ports.people import IdentityDirectory
from convalias.stores.aliases.aliases import Aliases
from convalias.stores.conversations.threads import Threads


@frozen(kw_only=True)
class Contacts:
    """Looks up people of a conversation. Raises `Unavailable`; "nobody" is an answer."""

    conversations: ConversationStore
    threads: Threads
    aliases: Aliases
    identities: IdentityDirectory

    async def address(self, account: AccountId, thread: ConversationThread) -> EmailAddress | None:
        """Return where mail to that account goes: the directory's first address, else the conversation's first one.

        The directory comes first, because a corrected address is corrected there.
        """
        known = (await self.identities.get([account])).get(account)
        if known is not None and known.addresses:
            return known.addresses[0]
        participant = thread.participant(account)
        return participant.addresses[0] if participant is not None and participant.addresses else None

    async def audience(self, conversation: ConversationId, *, but: AccountId | None) -> Sequence[EmailAddress]:
        """The addresses of everybody who takes part now, but one. For a relay that has no list of its own."""
        thread = await self.threads.thread(conversation)
        if thread is None:
            return ()
        found = [await self.address(one.account, thread) for one in thread.participants if one.account != but]
        return tuple(dict.fromkeys(address for address in found if address is not None))

    async def name(self, author: Author, thread: ConversationThread) -> str:
        """What is shown of an author. Of somebody peripheral only the domain: no address stands in what we write."""
        if isinstance(author, PeripheralAuthor):
            return f"Guest from {author.address.domain}"
        participant = thread.participant(author.account)
        if participant is not None and participant.name:
            return participant.name
        known = (await self.identities.get([author.account])).get(author.account)
        return known.name if known is not None and known.name else SOMEBODY

    async def answered(self, event: ConversationEvent, recipient: AccountId) -> str | None:
        """The recipient's own Message-ID, if the event answers a mail of theirs; never another person's."""
        message = event.happening
        if not isinstance(message, MessageAdded) or message.in_reply_to is None:
            return None
        before = await self.conversations.keyed(event.conversation, key=message.in_reply_to)
        asked = None if before is None else before.happening
        if not isinstance(asked, MessageAdded) or not isinstance(asked.author, AccountAuthor):
            return None
        return asked.message_id if asked.author.account == recipient else None


def newest_alias(listed: Sequence[ConversationAlias], author: Author) -> EmailAddress | None:
    """The author's newest alias, working or not: for a system that only writes it down."""
    if not isinstance(author, AccountAuthor):
        return None
    theirs = [one for one in listed if one.stands_for == author.account]
    return theirs[-1].address if theirs else None
