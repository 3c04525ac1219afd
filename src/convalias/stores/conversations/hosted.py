"""Conversations of a host, in its own tables: `ConversationAccess` over its port, with our rows beside."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final

from attrs import evolve, field, frozen

from convalias.domain.conversations import storable
from convalias.domain.conversations.another_mail import is_another_mail
from convalias.domain.conversations.events import (
    RESTORED,
    ConversationEvent,
    CopiesSeen,
    MessageAdded,
    NewEvent,
    Origin,
    StatusNoted,
)
from convalias.domain.conversations.host_messages import KeptMail, SeenMessage, host_event_id, post_key, without_words
from convalias.domain.conversations.participants import NOBODY, AccountAuthor, Participant
from convalias.domain.conversations.projection import placed
from convalias.domain.conversations.threads import ConversationThread, ThreadState
from convalias.domain.ids import AccountId, ConversationId, EventId, Seq, UseCase
from convalias.domain.outbound.scene import Scene
from convalias.ports.ambient import Clock
from convalias.ports.conversations import (
    AlreadyPosted,
    Conversations,
    History,
    Message,
    MessageRef,
    NewMessage,
    Posted,
    ReadMarks,
    Thread,
)
from convalias.ports.errors import Deferred
from convalias.ports.event_log import UNPLACED
from convalias.stores.conversations.access import NOTHING_AHEAD, Addition, Ahead, Draft, DraftedAppend, EventGone
from convalias.stores.conversations.host_rows import HostRows
from convalias.stores.errors import PostingDeclined
from convalias.stores.remembering import remember

REMEMBERED: Final = 10_000
LOOK_AGAIN: Final = timedelta(seconds=5)
"""After the first answer that a message is not there. The second one is believed."""


def _none_missed() -> OrderedDict[EventId, None]:
    return OrderedDict()


@frozen(kw_only=True)
class HostConversations:
    """Reads and posts at the host, each time: nothing of a conversation is cached.

    A message is an event here: without a number, under an id that is made of the host's own. What the host has no place
    for (Message-ID, Date, digest, files, statuses, copies) is in rows of ours.
    """

    port: Conversations
    rows: HostRows
    clock: Clock
    _missed: OrderedDict[EventId, None] = field(factory=_none_missed, init=False, repr=False, eq=False)
    """Messages of which the host has said once that they are not there."""

    @property
    def keeps_events(self) -> bool:
        """Return False: the host keeps messages, and has no events."""
        return False

    # --- reading -------------------------------------------------------------------------------------

    async def thread(self, conversation: ConversationId) -> ConversationThread | None:
        """Ask the host, and beside it for the addresses that were seen in Cc."""
        found, copies = await asyncio.gather(self.port.thread(conversation), self.rows.copies(conversation))
        return None if found is None else evolve(_thread(found, conversation), cc_seen=copies)

    async def threads(self, ids: Collection[ConversationId]) -> Mapping[ConversationId, ConversationThread]:
        """Ask for each."""
        found = {one: await self.thread(one) for one in sorted(ids)}
        return {one: thread for one, thread in found.items() if thread is not None}

    async def keyed(self, conversation: ConversationId, *, key: str | EventId) -> ConversationEvent | None:
        """Look for a message with that event id, a status, or a mail that was posted.

        What was withdrawn since is found, without its words: it is not lost, and not added again.
        """
        there = await self.rows.both(conversation, EventId(key))
        if there is not None:
            message = await self.port.find(conversation, message=there[0].message)
            return _event(*there, message)
        noted = await self.rows.noted(conversation, key)
        return noted or await self._posted(conversation, post_key(key))

    async def _posted(self, conversation: ConversationId, key: str) -> ConversationEvent | None:
        message = await self.port.find(conversation, key=key)
        mail = await self.rows.mail(conversation, key)
        if message is not None:
            return _event(await self._see(conversation, message), mail, message)
        if mail is None or mail.posted_as is None:
            return None
        return _event(self._seen_as(mail, mail.posted_as), mail, None)

    async def after(self, conversation: ConversationId, seq: int, *, limit: int) -> Sequence[ConversationEvent]:
        """Return nothing: a host's messages have no numbers."""
        return ()

    async def ends(
        self, conversation: ConversationId, *, first: int, last: int, before: ConversationEvent | None = None
    ) -> Sequence[ConversationEvent]:
        """Return the latest messages that were seen here, as many as were asked for at both ends, without their words.

        The beginning of a long conversation is not looked for: it would cost a call for each message of it.
        """
        seen = None if before is None else await self.rows.message(conversation, before.id)
        latest = await self.rows.latest(conversation, limit=first + last, before=seen)
        return [_event(message, mail, None) for message, mail in latest]

    async def ahead(self, conversation: ConversationId, seqs: Collection[int], *, for_sends: bool = False) -> Ahead:
        """Return nothing: the host is asked for each message when it is needed."""
        return NOTHING_AHEAD

    async def scene(
        self, conversation: ConversationId, event: EventId, seq: Seq, ahead: Ahead = NOTHING_AHEAD
    ) -> Scene:
        """Ask for the message as it reads now, and its conversation.

        Raises `EventGone` for what was never seen here, and `Deferred` when the host does not have it, for the first
        time: a copy of its tables may lag behind. The second time that is believed, and the message is withdrawn.
        """
        there = await self.rows.both(conversation, event)
        if there is not None and not there[0].found:
            await self.found(MessageRef(conversation, there[0].message))
            there = await self.rows.both(conversation, event)
        if there is None:
            raise EventGone("a message of the host that was published or decided about")
        thread, message = await asyncio.gather(
            self.port.thread(conversation), self.port.find(conversation, message=there[0].message)
        )
        known = _erased(conversation) if thread is None else _thread(thread, conversation)
        if thread is not None and message is not None:
            self._missed.pop(event, None)
            return Scene(event=_event(*there, message), thread=known, audience=_accounts(message))
        if event not in self._missed:
            remember(self._missed, event, None, most=REMEMBERED)
            raise Deferred("a message that the host does not find: it is asked once more", retry_after=LOOK_AGAIN)
        return Scene(event=_event(*there, None), thread=known, withdrawn=True)

    async def as_of(self, scene: Scene) -> ConversationThread:
        """Return the conversation with the audience of the message; where the host tells none, with its members now."""
        if scene.audience is None:
            return scene.thread
        known = {one.account: one for one in scene.thread.participants}
        listed = [one for one in known if one in scene.audience] + sorted(scene.audience - known.keys())
        return evolve(scene.thread, participants=tuple(known.get(one) or Participant(one) for one in listed))

    async def readers(self, scene: Scene, accounts: Collection[AccountId]) -> frozenset[AccountId]:
        """Ask the host, if it keeps read marks."""
        if not isinstance(self.port, ReadMarks) or not accounts:
            return frozenset()
        seen = await self.rows.message(scene.event.conversation, scene.event.id)
        if seen is None:
            return frozenset()
        found = await self.port.read(seen.conversation, seen.message, frozenset(accounts))
        return frozenset(AccountId(one) for one in found)

    async def kept(self, new: NewEvent) -> NewEvent:
        """Return it as it is: the host keeps texts of any length."""
        return new

    async def whole(self, event: ConversationEvent) -> ConversationEvent:
        """Return it as it is: a message of the host has its whole text."""
        return event

    async def history(self, conversation: ConversationId, *, limit: int) -> Sequence[ConversationEvent] | None:
        """Ask the host, if it can be read back."""
        if not isinstance(self.port, History):
            return None
        found: list[Message] = []
        while len(found) < limit:
            page = await self.port.history(
                conversation, before=found[-1].id if found else None, limit=limit - len(found)
            )
            if not page:
                break
            found += page
        seen = [(self._unseen(conversation, one), one) for one in reversed(found)]
        return [_event(row, await self._mail_of(conversation, one), one) for row, one in seen]

    async def _mail_of(self, conversation: ConversationId, message: Message) -> KeptMail | None:
        return None if message.key is None else await self.rows.mail(conversation, message.key)

    def unparked(self) -> HostConversations:
        """Return the same: nothing of a host is parked."""
        return self

    # --- adding --------------------------------------------------------------------------------------

    async def append(self, conversation: ConversationId, draft: Draft, *, key: str | None = None) -> Addition | None:
        """Post a message; keep beside it what a host has no place for; drop what our aliases say by themselves.

        Raises `PostingDeclined`, and what the draft raises.
        """
        thread = await self.thread(conversation)
        try:
            new = draft(thread)
        except Exception:  # whatever a draft refuses with: under its key the work may be done
            standing = None if key is None else await self.keyed(conversation, key=key)
            if standing is None:
                raise
            return Addition(standing, added=False)
        match None if new is None else new.happening:
            case MessageAdded() as message if new is not None:
                return await self._post(new, message, thread)
            case CopiesSeen(addresses):
                await self.rows.add_copies(conversation, addresses)
            case StatusNoted() if new is not None:
                await self.rows.note(placed(new, UNPLACED, appended_at=self.clock.now()))
            case _:  # aliases are rows already; all else is the host's to say
                pass
        return None

    def draft_append(self, conversation: ConversationId, draft: Draft) -> DraftedAppend | None:
        """Return None: a host takes a message by a call of its own."""
        return None

    async def _post(self, new: NewEvent, message: MessageAdded, thread: ConversationThread | None) -> Addition:
        """Write down our row, post, write down as what it was posted: each step may be repeated."""
        mail = await self.rows.keep(
            KeptMail(
                conversation=new.conversation,
                key=post_key(new.dedup_key),
                dedup_key=new.dedup_key,
                message=without_words(message),
                origin=new.origin,
                occurred_at=new.occurred_at,
                kept_at=self.clock.now(),
                trace=new.trace,
            )
        )
        standing = None if mail.posted_as is None else self._seen_as(mail, mail.posted_as)
        if standing is not None:
            return Addition(_event(standing, mail, None), added=False)
        if is_another_mail(mail.message, body_digest=message.body_digest, sent_at=message.sent_at):
            # Another mail under the same Message-ID, posted or on its way: its caller takes another key.
            return Addition(_event(self._seen_as(mail, mail.key), mail, None), added=False)
        if RESTORED in message.flags:
            mail = await self.rows.restored(mail)
        answer = await self.port.post(await self._new_message(mail, message, thread))
        if isinstance(answer, Posted | AlreadyPosted):
            return await self._added(mail, answer.id, message, added=isinstance(answer, Posted))
        found = await self.port.find(new.conversation, key=mail.key)
        if found is None:
            raise PostingDeclined(new.conversation, answer.reason)
        return await self._added(mail, found.id, message, added=False)

    async def _added(self, mail: KeptMail, posted_as: str, message: MessageAdded, *, added: bool) -> Addition:
        mail = await self.rows.posted(mail, posted_as)
        seen = await self.rows.see(self._seen_as(mail, posted_as))
        return Addition(evolve(_event(seen, mail, None), happening=message), added=added)

    async def _new_message(
        self, mail: KeptMail, message: MessageAdded, thread: ConversationThread | None
    ) -> NewMessage:
        author, answered = message.author, None
        if message.in_reply_to is not None:
            answered = await self.rows.message(mail.conversation, message.in_reply_to)
        if isinstance(author, AccountAuthor):
            known = None if thread is None else thread.participant(author.account)
            account, name = author.account, "" if known is None else known.name
        else:
            account, name = None, author.address.key
        return NewMessage(
            thread=mail.conversation,
            key=mail.key,
            author=account,
            author_name=name,
            text=message.text,
            at=mail.occurred_at,
            answers=None if answered is None else answered.message,
            subject=message.subject,
            full_text=message.full_text,
            attachments=message.attachments,
            flags=message.flags,
        )

    # --- what the feed finds -------------------------------------------------------------------------

    async def found(self, ref: MessageRef) -> ConversationEvent | None:
        """Write down a message that the host told of, and return it. None: the host does not find it."""
        conversation = storable.conversation_id(ref.thread)
        message = await self.port.find(conversation, message=ref.message)
        if message is None:
            return None
        mail = await self._mail_of(conversation, message)
        if mail is not None and mail.posted_as is None:
            # Its post had no answer yet. Once told, the message may be deleted, and its key with it: note it before.
            mail = await self.rows.posted(mail, message.id)
        return _event(await self._see(conversation, message), mail, message)

    async def unfound(self, ref: MessageRef) -> SeenMessage:
        """Write down a message of which only the ids are known, so that a redrive can ask for it again."""
        row = self._row(ConversationId(ref.thread), ref.message, key=None, author=None, written_at=self.clock.now())
        return await self.rows.see(evolve(row, found=False))

    async def _see(self, conversation: ConversationId, message: Message) -> SeenMessage:
        return await self.rows.see(self._unseen(conversation, message))

    def _unseen(self, conversation: ConversationId, message: Message) -> SeenMessage:
        author = None if message.author is None else AccountId(message.author)
        return self._row(conversation, message.id, key=message.key, author=author, written_at=message.at)

    def _seen_as(self, mail: KeptMail, message: str) -> SeenMessage:
        author = mail.message.author
        account = author.account if isinstance(author, AccountAuthor) else None
        return self._row(mail.conversation, message, key=mail.key, author=account, written_at=mail.occurred_at)

    def _row(
        self,
        conversation: ConversationId,
        message: str,
        *,
        key: str | None,
        author: AccountId | None,
        written_at: datetime,
    ) -> SeenMessage:
        return SeenMessage(
            conversation=conversation,
            event=host_event_id(conversation, message),
            message=message,
            key=key,
            author=author,
            written_at=written_at,
            seen_at=self.clock.now(),
        )


def _thread(found: Thread, conversation: ConversationId) -> ConversationThread:
    return ConversationThread(
        id=conversation,
        use_case=UseCase(found.use_case),
        participants=found.members,
        state=found.state,
        market=found.market,
    )


def _erased(conversation: ConversationId) -> ConversationThread:
    return ConversationThread(conversation, UseCase(""), (), state=ThreadState.ERASED)


def _accounts(message: Message) -> frozenset[AccountId] | None:
    return None if message.audience is None else frozenset(AccountId(one) for one in message.audience)


def _event(seen: SeenMessage, mail: KeptMail | None, message: Message | None) -> ConversationEvent:
    """A message as it reads now; without its words where it was not read.

    Our row of a mail is written before its post. If the host has a mail and we have no row, a backup of our records was
    put back since: people were told of it before.
    """
    text = "" if message is None else message.text
    flags = frozenset({RESTORED}) if mail is None and seen.key is not None else frozenset[str]()
    author = NOBODY if seen.author is None else AccountAuthor(seen.author, verified=True)
    event = ConversationEvent(
        id=seen.event,
        conversation=seen.conversation,
        seq=UNPLACED,
        happening=MessageAdded(author=author, text=text, full_text=text, flags=flags),
        dedup_key=seen.key or f"host:{seen.message}",
        origin=Origin.CHAT if seen.key is None else Origin.ALIAS_MAIL,
        occurred_at=seen.written_at,
        appended_at=min(seen.written_at, seen.seen_at),
    )
    if mail is None:
        return event
    return evolve(
        event,
        happening=evolve(mail.message, text=text, full_text=text),
        dedup_key=mail.dedup_key,
        origin=mail.origin,
        occurred_at=mail.occurred_at,
        appended_at=seen.seen_at,
        trace=mail.trace,
    )
