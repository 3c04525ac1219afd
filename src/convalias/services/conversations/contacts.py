"""Find where people are reached, and under which name and alias they are shown to others."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from itertools import islice
from typing import Final

from attrs import frozen

from convalias.domain.addresses.email_address import EmailAddress
from convalias.domain.conversations.events import ConversationEvent, MessageAdded
from convalias.domain.conversations.participants import NOBODY, Account, AccountAuthor, Author, PeripheralAuthor
from convalias.domain.conversations.threads import ConversationThread
from convalias.domain.conversations.timeline import SOMEBODY
from convalias.domain.ids import AccountId, ConversationId
from convalias.domain.outbound.invitations import is_calendar
from convalias.domain.outbound.mailboxes import Mailboxes
from convalias.domain.outbound.masks import Masks, addresses_in, may_hold_address
from convalias.ports.people import IdentityDirectory
from convalias.stores.aliases.aliases import Aliases
from convalias.stores.conversations.access import ConversationAccess

MOST_NAMED: Final = 5
"""Readers of an answer that a mail names; one more is looked up, by which it shows that there are others."""


@frozen(kw_only=True)
class Contacts:
    """Looks up people of a conversation. Raises `Unavailable`; "nobody" is an answer."""

    conversations: ConversationAccess
    aliases: Aliases
    identities: IdentityDirectory

    async def address(self, account: AccountId, thread: ConversationThread) -> EmailAddress | None:
        """Return where mail to that account goes: the directory's first address, else the conversation's first one.

        The directory comes first, because a corrected address is corrected there.
        """
        return next(iter(await self.addresses(account, thread)), None)

    async def addresses(self, account: AccountId, thread: ConversationThread) -> tuple[EmailAddress, ...]:
        """Return the addresses of an account, the one that mail goes to first."""
        known = (await self.identities.get([account])).get(account)
        return _addresses(account, known, thread)

    async def shown(
        self, recipients: Sequence[AccountId], event: ConversationEvent, thread: ConversationThread
    ) -> tuple[Mailboxes, Mapping[AccountId, str]]:
        """Return where mail about that event goes, and the names of those whom it may name, in one look-up."""
        author = event.happening.author if isinstance(event.happening, MessageAdded) else NOBODY
        authors = [author.account] if isinstance(author, AccountAuthor) and author != NOBODY else []
        # Two more than are named: each recipient is left out of his own list.
        named = [*authors, *islice(_author_first(author, thread), MOST_NAMED + 2)]
        accounts = list(dict.fromkeys((*recipients, *named)))
        known = await self.identities.get(accounts)
        found = {one: _addresses(one, known.get(one), thread) for one in (*recipients, *authors)}
        mailboxes = Mailboxes(
            by_account={one: found[one][0] for one in recipients if found[one]},
            authors=frozenset(address for one in authors for address in found[one]),
        )
        return mailboxes, {one: _name(one, known.get(one), thread) for one in named}

    async def audience(self, conversation: ConversationId, *, but: AccountId | None) -> Sequence[EmailAddress]:
        """The addresses of everybody who takes part now, but one. For a relay that has no list of its own."""
        thread = await self.conversations.thread(conversation)
        if thread is None:
            return ()
        found = [await self.address(one.account, thread) for one in thread.participants if one.account != but]
        return tuple(dict.fromkeys(address for address in found if address is not None))

    async def name(self, author: Author, thread: ConversationThread) -> str:
        """Return the name that is shown of an author."""
        if not isinstance(author, AccountAuthor) or author == NOBODY:
            return author_name(author, {})
        known = await self.identities.get([author.account])
        return _name(author.account, known.get(author.account), thread)

    async def masks(
        self,
        event: ConversationEvent,
        thread: ConversationThread,
        before: Sequence[ConversationEvent],
        *,
        shown_domains: Collection[str],
    ) -> Masks:
        """Return the addresses that others may not read in that message. Nothing is looked up unless one may be in it."""
        if not isinstance(event.happening, MessageAdded) or not _may_name(event.happening):
            return Masks()
        accounts = [one.account for one in thread.participants]
        known = (await self.identities.get(accounts)).values()
        addresses = (one for account in known for one in account.addresses)
        copied = (one for participant in thread.participants for one in participant.addresses)
        return Masks.of((*addresses, *copied, *addresses_in((*before, event))), shown_domains=shown_domains)

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


def author_name(author: Author, names: Mapping[AccountId, str]) -> str:
    """Return the name that is shown of an author, by the names that were looked up.

    Of somebody peripheral only the domain: no address stands in what we write.
    """
    if isinstance(author, PeripheralAuthor):
        return f"Guest from {author.address.domain}"
    return SOMEBODY if author == NOBODY else names[author.account]


def reader_names(
    author: Author, recipient: AccountId, thread: ConversationThread, names: Mapping[AccountId, str]
) -> tuple[str, ...]:
    """Return the names of those who read what the recipient answers, the author first, at most `MOST_NAMED` and one."""
    others = (one for one in _author_first(author, thread) if one != recipient)
    return tuple(names[one] for one in islice(others, MOST_NAMED + 1))


def _author_first(author: Author, thread: ConversationThread) -> Iterator[AccountId]:
    """Those who take part, in their order, but the author before all."""
    first = author.account if isinstance(author, AccountAuthor) and thread.takes_part(author.account) else None
    if first is not None:
        yield first
    yield from (one.account for one in thread.participants if one.account != first)


def _may_name(message: MessageAdded) -> bool:
    """Whether an address may stand in what others get of a message: of a calendar entry nobody has looked inside."""
    return may_hold_address(message) or any(map(is_calendar, message.attachments))


def _addresses(account: AccountId, known: Account | None, thread: ConversationThread) -> tuple[EmailAddress, ...]:
    """An account's addresses: the directory's, else the conversation's."""
    if known is not None and known.addresses:
        return known.addresses
    participant = thread.participant(account)
    return () if participant is None else participant.addresses


def _name(account: AccountId, known: Account | None, thread: ConversationThread) -> str:
    """What the directory calls them, else what the conversation does: a corrected name is corrected there."""
    participant = thread.participant(account)
    copied = "" if participant is None else participant.name
    return (known.name if known is not None else "") or copied or SOMEBODY
