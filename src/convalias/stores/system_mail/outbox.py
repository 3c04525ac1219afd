"""The outbox of the system: one row for each system mail, due until the mail has left.

The keys of the rows are the throttle: a mail that has a row is not written a second time.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from typing import Final

from attrs import frozen

from convalias.codec import dump, load
from convalias.domain.addresses.email_address import EmailAddress
from convalias.domain.system_mail.letters import AT_REST, AddressNotice, RefusalLetter, SystemMail
from convalias.domain.system_mail.throttles import A_DAY_PER_DOMAIN, free_places
from convalias.ports.records import Due, Insert, Key, Records, Replace, Stored, Written
from convalias.stores.encoding import digest
from convalias.stores.retention import GRACE, MAIL_KEPT, ends
from convalias.stores.system_mail.former import FormerMails, refusal_key

TABLE: Final = "system_outbox"
"""Lane and table."""


@frozen(kw_only=True)
class Outbox:
    """Typed access to mail of ours. Every call may be repeated. Raises `Unavailable`."""

    records: Records
    kept: timedelta | None = MAIL_KEPT
    """A row stays as long as the mail that it is about. None: for ever. Address notices always stay."""

    async def enter(self, mails: Collection[SystemMail], *, due: datetime, now: datetime) -> None:
        """Enter each mail under its key, unless it is there. A mail at rest is kept and not due."""
        rows = [Insert(_key(mail.key), dump(mail), due=self._due(mail, due, now)) for mail in mails]
        if rows:
            await self.records.write(rows)

    async def enter_notices(self, notices: Collection[SystemMail], *, at: datetime) -> None:
        """Enter each notice of an old address, unless it was entered before, by the former release too."""
        before = await FormerMails(records=self.records).announced([one.key for one in notices]) if notices else ()
        await self.enter([one for one in notices if one.key not in before], due=at, now=at)

    async def enter_refusal(self, refusal: RefusalLetter, *, received: datetime, due: datetime) -> bool:
        """Enter a refusal: at most one per sender, alias and day, and so many per sender domain and day.

        Return whether a mail leaves for this very mail. A day of a domain has so many places, and a row takes a place
        under the name of sender and alias as well: both bounds are unique keys. Places of the former release count.
        """
        partition, name = _place(refusal.sender, refusal.alias, received)
        former = await FormerMails(records=self.records).refusals(partition)
        standing = next((row for row in former if name in row.also), None)
        if standing is not None:
            return standing.body["trace"] == refusal.trace
        taken = await self.records.range(TABLE, partition, after="", limit=A_DAY_PER_DOMAIN)
        for place in free_places({row.key.id for row in [*former, *taken]}):
            mail = SystemMail(key=refusal_key(partition, place), letter=refusal)
            row = Insert(Key(TABLE, partition, place), dump(mail), (name,), Due(TABLE, due))
            (answer,) = await self.records.write([row])
            if isinstance(answer, Written):
                return True
            if (trace := await self._trace_of(partition, name)) is not None:
                return trace == refusal.trace
        return await self._trace_of(partition, name) == refusal.trace

    async def refusal(self, sender: EmailAddress, alias: EmailAddress, *, received: datetime) -> SystemMail | None:
        """Return the refusal that tells that sender of mail to that alias on that day; None: there is none."""
        partition, name = _place(sender, alias, received)
        return await self._get(Key(TABLE, partition, name))

    async def mails(self, keys: Sequence[str]) -> Sequence[SystemMail]:
        """Return questions and notices that were entered under these keys, in that order. One read."""
        names = [_key(key) for key in keys]
        if not names:
            return ()
        found = await self.records.get(names)
        return [load(found[name].body, SystemMail) for name in names if name in found]

    async def due(self, *, until: datetime, limit: int) -> Sequence[Stored]:
        """Return rows whose mail wants attention; `load(row.body, SystemMail)` reads one."""
        return await self.records.due(TABLE, until=until, limit=limit)

    async def put(self, row: Stored, mail: SystemMail, *, due: datetime, now: datetime) -> Stored | None:
        """Write the mail in the place of the row; a mail at rest is not due. None if somebody else was faster."""
        body, when = dump(mail), self._due(mail, due, now)
        (answer,) = await self.records.write([Replace(row.key, row.version, body, when)])
        return Stored(row.key, row.also, body, answer.version, when) if isinstance(answer, Written) else None

    def _due(self, mail: SystemMail, due: datetime, now: datetime) -> Due | None:
        if mail.state not in AT_REST:
            return Due(TABLE, due)
        if isinstance(mail.letter, AddressNotice) or self.kept is None:
            return None
        return ends(now, after=self.kept + GRACE)

    async def _trace_of(self, partition: str, name: str) -> str | None:
        """Return the trace of the mail for which that refusal was entered; None: there is none."""
        mail = await self._get(Key(TABLE, partition, name))
        return mail.letter.trace if mail is not None and isinstance(mail.letter, RefusalLetter) else None

    async def _get(self, key: Key) -> SystemMail | None:
        stored = (await self.records.get([key])).get(key)
        return None if stored is None else load(stored.body, SystemMail)


def _place(sender: EmailAddress, alias: EmailAddress, received: datetime) -> tuple[str, str]:
    """The partition of a refusal, and the name that it has there."""
    return f"{received:%Y-%m-%d}.{digest(sender.domain)}", f"of:{digest(sender.key, alias.key)}"


def _key(key: str) -> Key:
    return Key(TABLE, digest(key)[:2], key)
