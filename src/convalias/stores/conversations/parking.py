"""Parked: conversations with an event that cannot be read, and due rows that cannot be read. Kept as dead letters."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import datetime
from typing import Final

from attrs import evolve, frozen

from convalias.codec import CodecError, dump, load
from convalias.domain.ids import ConversationId, Seq, TraceId
from convalias.domain.inbound.dead_letters import DeadLetter, DeadLetterId
from convalias.ports.records import Due, Insert, Key, Records, Replace, Stored, Written
from convalias.stores.encoding import digest
from convalias.stores.errors import Contended, Parked
from convalias.stores.inbound.dead_letters import TABLE, DeadLetters, read_letter

CONVERSATIONS: Final = "conversations"
"""The lane of dead letters that park a conversation: one letter each."""
RECORDS: Final = "records"
"""The lane of dead letters about single rows that wait under a lane of their own."""
ASIDE: Final = ".parked"
"""What a parked row's lane ends in: nobody polls such a lane."""
TRIES: Final = 100


@frozen(kw_only=True)
class ParkedConversation:
    """A parked conversation: from this seq on nothing is appended or decided, until its letter is redriven."""

    conversation: ConversationId
    seq: Seq
    because: str
    since: datetime
    letter: DeadLetter

    def error(self) -> Parked:
        """Return the error that calls about the conversation raise."""
        return Parked(self.conversation, self.seq, self.because)


@frozen(kw_only=True)
class Parking:
    """Parks conversations and records as dead letters.

    Every call may be repeated. Raises `Unavailable`, `Contended`.
    """

    records: Records

    async def park(
        self, conversation: ConversationId, seq: int, *, because: str, at: datetime, trace: str = ""
    ) -> bool:
        """Park a conversation from that seq on. The lowest seq stands. True when it was not parked before."""
        letter = DeadLetter(
            id=DeadLetterId(digest(conversation)),
            lane=CONVERSATIONS,
            subject=f"{conversation} {seq}",
            reason=because,
            tries=1,
            at=at,
            trace=TraceId(trace),
        )
        key = letter_key(conversation)
        for _ in range(TRIES):
            stored = (await self.records.get([key])).get(key)
            if stored is None:
                (answer,) = await self.records.write([Insert(key, dump(letter))])
                if isinstance(answer, Written):
                    return True
                continue
            standing = read_parked(stored, conversation)
            if standing.seq <= seq:
                return False
            lower = evolve(standing.letter, subject=letter.subject)
            (answer,) = await self.records.write([Replace(key, stored.version, dump(lower))])
            if isinstance(answer, Written):
                return False
        raise Contended("parked conversation")

    async def of(self, conversation: ConversationId) -> ParkedConversation | None:
        """Return from where on a conversation is parked, or None."""
        stored = (await self.records.get([letter_key(conversation)])).get(letter_key(conversation))
        return None if stored is None else read_parked(stored, conversation)

    async def list(self) -> AsyncIterator[ParkedConversation]:
        """All parked conversations: one range of letters, whatever the number of conversations."""
        async for letter in DeadLetters(records=self.records).list(CONVERSATIONS):
            yield of_letter(letter)

    async def aside(self, stored: Stored, *, because: str, at: datetime) -> None:
        """Take a due row out of its lane, its body untouched, and list it. Whoever changed it meanwhile is right."""
        table, partition, name = stored.key
        letter = DeadLetter(
            id=DeadLetterId(digest(table, partition, name)),
            lane=RECORDS,
            subject=f"{table} {partition} {name}",
            reason=because,
            tries=1,
            at=at,
        )
        await DeadLetters(records=self.records).put(letter)
        due = None if stored.due is None else Due(f"{stored.due.lane}{ASIDE}", stored.due.at)
        await self.records.write([Replace(stored.key, stored.version, stored.body, due)])

    async def put_back(self, letter: DeadLetter) -> bool:
        """Make that row due again, then drop its letter. False: it was not aside any more."""
        key = Key(*letter.subject.split(" ", 2))
        for _ in range(TRIES):
            stored = (await self.records.get([key])).get(key)
            due = None if stored is None else stored.due
            if stored is None or due is None or not due.lane.endswith(ASIDE):
                await DeadLetters(records=self.records).drop(letter)
                return False
            again = Due(due.lane.removesuffix(ASIDE), due.at)
            (answer,) = await self.records.write([Replace(key, stored.version, stored.body, again)])
            if isinstance(answer, Written):
                await DeadLetters(records=self.records).drop(letter)
                return True
        raise Contended("parked row")


def letter_key(conversation: ConversationId) -> Key:
    """Return the key of the letter that parks a conversation."""
    return Key(TABLE, CONVERSATIONS, digest(conversation))


def read_parked(stored: Stored, conversation: ConversationId) -> ParkedConversation:
    """The letter of that conversation. One that cannot be read itself parks the whole conversation."""
    try:
        return of_letter(load(stored.body, DeadLetter))
    except CodecError:
        letter = read_letter(stored)
        return ParkedConversation(
            conversation=conversation, seq=Seq(0), because=letter.reason, since=letter.at, letter=letter
        )


def of_letter(letter: DeadLetter) -> ParkedConversation:
    """Read the letter."""
    conversation, _, seq = letter.subject.rpartition(" ")
    return ParkedConversation(
        conversation=ConversationId(conversation),
        seq=Seq(int(seq) if seq.isascii() and seq.isdigit() else 0),
        because=letter.reason,
        since=letter.at,
        letter=letter,
    )
