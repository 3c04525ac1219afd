"""The conversation service: the one way by which anything enters a conversation."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import datetime
from typing import Final

from attrs import evolve, frozen

from convalias.domain.addresses.email_address import EmailAddress
from convalias.domain.aliases.alias import ConversationAlias
from convalias.domain.conversations import storable
from convalias.domain.conversations.another_mail import is_another_mail
from convalias.domain.conversations.events import (
    ConversationClosed,
    ConversationCreated,
    ConversationEvent,
    ConversationReopened,
    CopiesSeen,
    Happening,
    MessageAdded,
    MessagesRead,
    NewEvent,
    Origin,
    ParticipantAdded,
    ParticipantRemoved,
)
from convalias.domain.conversations.long_texts import has_same_text, is_cut, is_long
from convalias.domain.conversations.participants import Account, AccountAuthor, Author, Participant, introduced
from convalias.domain.conversations.threads import ConversationThread, ThreadState
from convalias.domain.conversations.timeline import TimelineItem, items_of, stitch
from convalias.domain.conversations.visibility import as_readable, sight
from convalias.domain.errors import InvalidValue
from convalias.domain.ids import AccountId, ConversationId, EventId, Seq
from convalias.domain.mail.dedup import ChatKey, DedupKey, MailKey, SystemKey
from convalias.domain.mail.envelope import MailContent
from convalias.domain.mail.reasons import Reason
from convalias.ports.ambient import Clock
from convalias.ports.drafts import AttachedFile
from convalias.services.conversations.aliasing import Aliasing
from convalias.services.conversations.chat_files import described
from convalias.services.conversations.errors import KeptByHost, KeyReused, NoSuchConversation, Refused
from convalias.services.conversations.guards import existing, is_open, known, takes_part
from convalias.services.conversations.mail_messages import MailAddition, as_message, is_another, reused
from convalias.stores.conversations.access import Addition, ConversationAccess, Draft, DraftedAppend, shown
from convalias.stores.conversations.attachments import Attachments
from convalias.stores.conversations.directory import IdentityDirectory as AccountDirectory
from convalias.stores.errors import PostingDeclined

LONGEST_PAGE: Final = 1_000
LONG_TEXTS_HELD: Final = 8_000_000
"""Characters of long texts, behind which a page of events ends."""


__all__ = ["MailAddition", "Messaging", "introduce"]


async def introduce(accounts: AccountDirectory, participant: Participant) -> None:
    """Make the addresses that a participant brings known. Repeatable."""
    known = (await accounts.get([participant.account])).get(participant.account, Account(participant.account))
    await accounts.upsert(introduced(known, participant))


@frozen(kw_only=True)
class Messaging:
    """Commands and queries about conversations. Every call may be repeated.

    A command that did not do what its name says raises: `Refused` (the rules), `NoSuchConversation`, `KeyReused`,
    `InvalidValue` (misuse), `Unavailable` (try again).
    """

    conversations: ConversationAccess
    clock: Clock
    aliasing: Aliasing
    accounts: AccountDirectory | None = None
    """None: a directory of the host's own knows the addresses, and nothing is written about them here."""
    attachments: Attachments
    """Where files of messages are kept."""

    # --- messages ------------------------------------------------------------------------------------

    async def send(
        self,
        conversation: str,
        text: str,
        *,
        author: str,
        key: str,
        in_reply_to: str | None = None,
        attachments: Sequence[AttachedFile] = (),
    ) -> ConversationEvent:
        """A chat message of a participant. The same key gives the first result again.

        `key` is the client's own, per conversation. Raises `KeyReused` when it stands for another body, author or
        files, `Unstorable` for what no store can hold. With files the text may be empty.
        """
        self._own("send")
        identity, account = storable.conversation_id(conversation), storable.account_id(author)
        storable.typed("key of a message", key)
        storable.typed("text of a message", text, most=storable.TEXT_LENGTH)
        if in_reply_to is not None:
            storable.identifier("event", in_reply_to)
        files = described(attachments)
        message = MessageAdded(
            author=AccountAuthor(account, verified=True),
            text=text,
            full_text=text,
            attachments=files,
            in_reply_to=None if in_reply_to is None else EventId(in_reply_to),
        )

        def check(thread: ConversationThread) -> None:
            takes_part(thread, account)
            is_open(thread)
            if not text.strip() and not files:
                raise Refused(Reason.EMPTY, "the text is empty")

        new = self._new(ChatKey(identity, key), message)
        # A repeat puts nothing: its files are kept already, or were redacted with the message and must not come back.
        if files and await self.conversations.keyed(identity, key=new.dedup_key) is None:
            check(existing(await self.conversations.thread(identity), identity))
            for file, content in zip(files, attachments, strict=True):  # before the message names them
                await self.attachments.put(file.digest, content.content)
        standing = (await self._append_message(new, check)).event
        if not _is_same_chat(standing.happening, message):
            raise KeyReused(key, standing.seq)
        return evolve(standing, happening=message) if is_cut(standing) else standing

    async def add_mail(
        self, content: MailContent, *, conversation: str, author: Author, key: MailKey, addition: MailAddition
    ) -> Addition | PostingDeclined | None:
        """A mail as a message: added, or there already; never a conflict. Mails are compared by digest, not by text.

        None: the conversation does not take it any more (it was closed or erased, or its author removed, since that
        was decided): decide anew. A second mail under a re-used Message-ID (Date *and* body differ) is a message of
        its own, flagged `message_id_reused`. `PostingDeclined`: a host declined it by a rule of its own, for good.
        Raises `Unavailable`.
        """
        message = as_message(content, author, key, addition)
        try:
            added = await self._add_mail(message, key, conversation, addition)
            if not added.added and is_another(added.event.happening, message):
                added = await self._add_mail(*reused(message, key), conversation, addition)
        except (Refused, NoSuchConversation):
            return None
        except PostingDeclined as declined:
            thread = await self.conversations.thread(ConversationId(conversation))
            return declined if thread is not None and _takes_mail(thread, author) else None
        await self._note_copies(ConversationId(conversation), addition)
        return added

    def draft_mail(
        self, content: MailContent, *, conversation: str, author: Author, key: MailKey, addition: MailAddition
    ) -> DraftedAppend | None:
        """Draft what `add_mail` adds, to be written together with other records. None: only `add_mail` can do it."""
        message = as_message(content, author, key, addition)
        if addition.copies or is_long(message):  # a second event behind the message, a text before it
            return None
        new = self._new_mail(message, key, conversation, addition)
        return self.conversations.draft_append(new.conversation, _checked(new, _admits(author)))

    async def posted(self, content: MailContent, *, key: MailKey, sent_at: datetime | None) -> EventId | None:
        """The event that this very mail is in its conversation already; None while it is none. Raises `Unavailable`."""
        standing = await self.conversations.keyed(key.conversation, key=str(key))
        if standing is None or is_another_mail(standing.happening, body_digest=content.body_digest, sent_at=sent_at):
            return None
        return standing.id

    # --- conversations -------------------------------------------------------------------------------

    async def create(
        self,
        use_case: str,
        participants: Sequence[Participant] = (),
        *,
        conversation: str | None = None,
        market: str | None = None,
    ) -> ConversationThread:
        """A new conversation; where aliases are minted for its use case, each participant gets one.

        With an id of one's own the call may be repeated; `KeyReused` when it was created otherwise. Raises
        `Unstorable` for what no store can hold.
        """
        self._own("create")
        identity = storable.conversation_id(conversation or self.clock.new_id())
        storable.participants(participants)
        storable.typed("market", market or "")
        created = ConversationCreated(storable.use_case(use_case), market, tuple(participants))
        new = self._new(SystemKey(identity, "created"), created)
        standing = await self.conversations.append(
            identity, lambda thread: None if thread is not None else new, key=new.dedup_key
        )
        first = standing.event if standing is not None else await self._first(identity)
        if first.happening != created:
            raise KeyReused(identity, first.seq)
        thread = await self.thread(identity)
        await self.aliasing.issue_all(thread)
        return thread

    async def add_participant(self, conversation: str, participant: Participant) -> ConversationThread:
        """Add a participant, or update one who takes part already, and issue an alias. `Unstorable`."""
        self._own("add_participant")
        storable.participants([participant])

        def draft(thread: ConversationThread) -> Happening | None:
            there = thread.participant(participant.account)
            return None if there == participant else ParticipantAdded(participant)

        await self._change(conversation, f"participant {participant.account}", draft)
        if self.accounts is not None and participant.addresses:
            await introduce(self.accounts, participant)
        thread = await self.thread(conversation)
        await self.aliasing.issue_all(thread)
        return thread

    async def remove_participant(self, conversation: str, account: str) -> ConversationThread:
        """Remove a participant from now on. Its alias stays; mail of its own to others is refused."""
        self._own("remove_participant")
        leaving = storable.account_id(account)

        def draft(thread: ConversationThread) -> Happening | None:
            return ParticipantRemoved(leaving) if thread.takes_part(leaving) else None

        await self._change(conversation, f"participant {account}", draft)
        return await self.thread(conversation)

    async def mark_read(self, conversation: str, *, account: str, up_to: int) -> ConversationThread:
        """Note that a participant has read everything up to and including seq `up_to`. A mark never goes back."""
        self._own("mark_read")
        reader = storable.account_id(account)

        def draft(thread: ConversationThread) -> Happening | None:
            takes_part(thread, reader)
            if not 1 <= up_to <= thread.seq:
                raise InvalidValue("seq that was read up to", found=up_to, expected=f"1 to {thread.seq}")
            return MessagesRead(reader, Seq(up_to)) if thread.read_up_to.get(reader, 0) < up_to else None

        await self._change(conversation, f"read by {account}", draft)
        return await self.thread(conversation)

    async def close(self, conversation: str, *, by: str | None = None) -> ConversationThread:
        """No more messages until it is reopened. `by` is a participant; None: the platform."""
        return await self._turn(conversation, ThreadState.CLOSED, by)

    async def reopen(self, conversation: str, *, by: str | None = None) -> ConversationThread:
        """Messages again. Raises `Refused` for an archived conversation: that is closed for good."""
        return await self._turn(conversation, ThreadState.OPEN, by)

    # --- queries -------------------------------------------------------------------------------------

    async def thread(self, conversation: str) -> ConversationThread:
        """The conversation as of its last event, an erased one included. Raises `NoSuchConversation`."""
        return known(await self.conversations.thread(storable.conversation_id(conversation)), conversation)

    async def events(self, conversation: str, *, after: int = 0, limit: int = 100) -> Sequence[ConversationEvent]:
        """Events with a higher seq than `after`, ascending; the next page is after the last one's seq.

        A page ends early behind long texts, but has at least one event where there is any. A message whose long
        text cannot be found has the flag `text_missing`.
        Of an erased conversation they hold no words, files or names.
        """
        self._own("events")
        identity = storable.conversation_id(conversation)
        bounded = max(1, min(limit, LONGEST_PAGE))
        events = await self.conversations.after(identity, after, limit=bounded)
        thread = await self.conversations.thread(identity) if events else None
        return await self._whole(events if thread is None else as_readable(events, thread.state))

    async def timeline(self, conversation: str, *, seen_by: str) -> Sequence[TimelineItem]:
        """Mail and chat in one order, as that account may see them: who left sees what there was until then.

        Raises `NoSuchConversation` (an erased one is gone), `Refused` for who never took part.
        """
        identity, reader = storable.conversation_id(conversation), storable.account_id(seen_by)
        thread = existing(await self.conversations.thread(identity), identity)
        if not self.conversations.keeps_events:
            return await self._host_timeline(thread, reader)
        events: list[ConversationEvent] = []
        while page := await self.conversations.after(identity, len(events), limit=LONGEST_PAGE):
            events.extend(page)  # seq has no gap
        if sight(events, reader) is None:
            raise Refused(Reason.NOT_PARTICIPANT, f"account {reader} takes no part in conversation {identity}")
        return stitch([await shown(self.conversations, event) for event in events], reader=reader)

    async def resolve(self, address: str) -> ConversationAlias | None:
        """The alias behind an address, whatever its state. Raises `InvalidAddress`."""
        return await self.aliasing.resolve(EmailAddress.parse(address))

    # --- within --------------------------------------------------------------------------------------

    def _own(self, command: str) -> None:
        """Refuse what only our own events can do. Raises `KeptByHost`."""
        if not self.conversations.keeps_events:
            raise KeptByHost(command)

    async def _host_timeline(self, thread: ConversationThread, reader: AccountId) -> Sequence[TimelineItem]:
        """Of who takes part now: a host does not say who did before."""
        takes_part(thread, reader)
        history = await self.conversations.history(thread.id, limit=LONGEST_PAGE)
        if history is None:
            raise KeptByHost("timeline")
        return items_of(history, thread, reader=reader)

    async def _whole(self, events: Sequence[ConversationEvent]) -> Sequence[ConversationEvent]:
        """The events with their whole texts, as many as may be held at once."""
        whole, held = list[ConversationEvent](), 0
        for event in events:
            if is_cut(event) and held >= LONG_TEXTS_HELD:
                break
            as_shown = await shown(self.conversations, event)
            if as_shown is not event and isinstance(as_shown.happening, MessageAdded):
                held += len(as_shown.happening.text) + len(as_shown.happening.full_text)
            whole.append(as_shown)
        return whole

    async def _append_message(self, new: NewEvent, check: Callable[[ConversationThread], None]) -> Addition:
        """Append a message. A repeat of a long one writes nothing: its text may have been redacted meanwhile."""
        own = self.conversations.keeps_events
        if own and isinstance(new.happening, MessageAdded) and is_long(new.happening):
            standing = await self.conversations.keyed(new.conversation, key=new.dedup_key)
            if standing is not None:
                return Addition(standing, added=False)
            check(existing(await self.conversations.thread(new.conversation), new.conversation))
            new = await self.conversations.kept(new)
        return await self._append(new, check)

    async def _append(self, new: NewEvent, check: Callable[[ConversationThread], None]) -> Addition:
        addition = await self.conversations.append(new.conversation, _checked(new, check), key=new.dedup_key)
        assert addition is not None  # noqa: S101 - the draft always has something to add
        return addition

    async def _change(
        self, conversation: str, subject: str, change: Callable[[ConversationThread], Happening | None]
    ) -> None:
        """Append what is lacking. The key names the seq it was decided on: the same may happen again later."""
        identity = storable.conversation_id(conversation)

        def draft(thread: ConversationThread | None) -> NewEvent | None:
            there = existing(thread, identity)
            happening = change(there)
            return None if happening is None else self._new(SystemKey(identity, f"{subject}@{there.seq}"), happening)

        await self.conversations.append(identity, draft)

    async def _turn(self, conversation: str, state: ThreadState, by: str | None) -> ConversationThread:
        self._own("close and reopen")
        account = None if by is None else storable.account_id(by)

        def draft(thread: ConversationThread) -> Happening | None:
            if account is not None:
                takes_part(thread, account)
            if thread.state is state:
                return None
            if thread.state is ThreadState.ARCHIVED:
                raise Refused(Reason.CONVERSATION_CLOSED, f"conversation {thread.id} is archived: closed for good")
            return ConversationClosed(account) if state is ThreadState.CLOSED else ConversationReopened(account)

        await self._change(conversation, state.value, draft)
        return await self.thread(conversation)

    async def _add_mail(
        self, message: MessageAdded, key: MailKey, conversation: str, addition: MailAddition
    ) -> Addition:
        new = self._new_mail(message, key, conversation, addition)
        return await self._append_message(new, _admits(message.author))

    def _new_mail(self, message: MessageAdded, key: MailKey, conversation: str, addition: MailAddition) -> NewEvent:
        new = self._new(key, message, origin=addition.origin, occurred_at=addition.occurred_at, trace=addition.trace)
        return evolve(new, conversation=ConversationId(conversation))

    async def _note_copies(self, conversation: ConversationId, addition: MailAddition) -> None:
        """After the message: a repeat of the mail repeats this, too."""
        if not addition.copies:
            return
        copies = frozenset(addition.copies)
        subject = "copies " + " ".join(sorted(one.key for one in copies))

        def draft(thread: ConversationThread) -> Happening | None:
            return CopiesSeen(copies - thread.cc_seen) if copies - thread.cc_seen else None

        with suppress(NoSuchConversation):  # erased since the message came: nothing more is kept of it
            await self._change(conversation, subject, draft)

    async def _first(self, conversation: ConversationId) -> ConversationEvent:
        (first,) = await self.conversations.after(conversation, 0, limit=1)
        return first

    def _new(
        self,
        key: DedupKey,
        happening: Happening,
        *,
        origin: Origin = Origin.CHAT,
        occurred_at: datetime | None = None,
        trace: str = "",
    ) -> NewEvent:
        return NewEvent(
            id=EventId(self.clock.new_id()),
            conversation=key.conversation,
            happening=happening,
            dedup_key=str(key),
            origin=origin,
            occurred_at=occurred_at or self.clock.now(),
            trace=trace,
        )


def _checked(new: NewEvent, check: Callable[[ConversationThread], None]) -> Draft:
    def draft(thread: ConversationThread | None) -> NewEvent:
        check(existing(thread, new.conversation))
        return new

    return draft


def _admits(author: Author) -> Callable[[ConversationThread], None]:
    """Raise `Refused` where the conversation takes no message of that author."""

    def check(thread: ConversationThread) -> None:
        if isinstance(author, AccountAuthor):
            takes_part(thread, author.account)
        is_open(thread)

    return check


def _takes_mail(thread: ConversationThread, author: Author) -> bool:
    """Whether the conversation still takes messages of that author: then deciding anew would come to the same."""
    left = isinstance(author, AccountAuthor) and not thread.takes_part(author.account)
    return thread.state is ThreadState.OPEN and not left


def _is_same_chat(standing: Happening, message: MessageAdded) -> bool:
    """Whether a chat message is the one that stands under its key; of a redacted one the text cannot be compared."""
    return (
        isinstance(standing, MessageAdded)
        and standing.author == message.author
        and standing.in_reply_to == message.in_reply_to
        and (
            (has_same_text(standing, message) and standing.attachments == message.attachments)
            or (standing.text, standing.attachments) == ("", ())
        )
    )
