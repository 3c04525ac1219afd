"""Tables of the former release: due refusals and announcements, and marks of mail that may have left.

Nothing is entered there any more. Rows that are due are moved to the outbox; those of mail that left still count.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from typing import Final

from attrs import frozen

from convalias.codec import dump, load
from convalias.domain.inbound.outcomes import RefusalDue
from convalias.domain.routing.announcements import AnnouncementDue
from convalias.domain.system_mail.former import SystemMailTry, moved_mark
from convalias.domain.system_mail.letters import AddressNotice, RefusalLetter, SystemMail
from convalias.ports.records import Conflict, Insert, Key, Records, Replace, Stored
from convalias.stores.encoding import digest
from convalias.stores.retention import ends

REFUSALS: Final = "refusals"
"""Lane and table."""
ANNOUNCEMENTS: Final = "announcements"
"""Lane and table."""
MARKS: Final = "system_mail"
MARKS_KEPT: Final = timedelta(days=30)
"""From the last try. Whatever sends such a mail has given it up long before: a hold after 14 days, all else sooner."""
_PARTITION: Final = slice(2, 4)
"""Of an announcement's key, behind its kind: 256 partitions."""


@frozen(kw_only=True)
class FormerMails:
    """Reads what the former release wrote. Every call may be repeated. Raises `Unavailable`."""

    records: Records

    async def due(self, *, until: datetime, limit: int) -> Sequence[Stored]:
        """Return rows whose mail has to leave; `read` reads one."""
        refusals = await self.records.due(REFUSALS, until=until, limit=limit)
        return [*refusals, *await self.records.due(ANNOUNCEMENTS, until=until, limit=limit)]

    async def moved(self, row: Stored) -> None:
        """Make the row due no longer. Whoever changed it meanwhile is right."""
        await self.records.write([Replace(row.key, row.version, row.body)])

    async def refusals(self, partition: str) -> Sequence[Stored]:
        """Return the refusals of a sender domain and day."""
        return await self.records.range(REFUSALS, partition, after="", limit=100)

    async def announced(self, keys: Collection[str]) -> frozenset[str]:
        """Return those keys under which an announcement was entered."""
        names = {_announcement_key(key): key for key in keys}
        return frozenset(names[name] for name in await self.records.get(list(names)))

    async def take_over(self, key: str, *, at: datetime) -> SystemMailTry | None:
        """Return what the former release tried of that mail, and keep its workers from trying it from now on."""
        name = Key(MARKS, digest(key)[:2], key)
        mark = moved_mark(key, at=at)
        (answer,) = await self.records.write([Insert(name, dump(mark), due=ends(at, after=MARKS_KEPT))])
        if not isinstance(answer, Conflict):
            return None
        stored = (await self.records.get([name])).get(name)
        return None if stored is None else load(stored.body, SystemMailTry)


def read(row: Stored) -> SystemMail:
    """Return the mail of a due row. Raises `CodecError`."""
    if row.key.table == REFUSALS:
        due = load(row.body, RefusalDue)
        letter = RefusalLetter(
            sender=due.sender, alias=due.alias, reason=due.reason, to_participant=due.to_participant, trace=due.trace
        )
        return SystemMail(key=refusal_key(row.key.partition, row.key.id), letter=letter)
    told = load(row.body, AnnouncementDue)
    notice = AddressNotice(account=told.announcement.account, old=told.announcement.old, at=told.at)
    return SystemMail(key=told.announcement.key, letter=notice)


def refusal_key(partition: str, place: str) -> str:
    """Return the key under which the refusal leaves that has this place."""
    return f"refusal-{digest(partition, place)}"


def _announcement_key(key: str) -> Key:
    return Key(ANNOUNCEMENTS, key[_PARTITION], key)
