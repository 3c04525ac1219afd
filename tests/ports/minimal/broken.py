"""Adapters that keep all promises of their port but one: each must be caught, by the path or by the suite."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any, Final

from attrs import evolve

from convalias.domain.addresses.email_address import EmailAddress
from convalias.domain.conversations.participants import Account
from convalias.domain.ids import AccountId, ConversationId, UseCase
from convalias.domain.inbound.posts import Post
from convalias.domain.mail.authentication import Dmarc, DmarcPolicy, SenderEvidence
from convalias.domain.mail.checks import Checked, Finding
from convalias.domain.migration.rollout import Axis, Rollout
from convalias.domain.outbound.delivery import Channel
from convalias.domain.outbound.notifications import Notification
from convalias.ports.blobs import Put
from convalias.ports.errors import Unavailable
from convalias.ports.event_log import EventRecord
from convalias.ports.hub import Declined, Sent
from convalias.ports.legacy import HandOff, IndexCall
from convalias.ports.mail import Outgoing, ReadMail
from convalias.ports.queue import Job
from convalias.ports.records import Conflict, Delete, Insert, Key, Replace, Stored, Write, Written
from ports.minimal import storing, surroundings
from ports.minimal.table import LEGACY_ALIASES, accounts, rollouts


class InsertsOverWhatIsThere(storing.Records):
    def written(self, write: Write) -> Written | Conflict:
        if isinstance(write, Insert) and write.key in self.rows:
            return self.put(Stored(write.key, write.also, write.body, "", write.due))
        return super().written(write)


class KnowsOneKeyOfARecord(storing.Records):
    def written(self, write: Write) -> Written | Conflict:
        return super().written(evolve(write, also=()) if isinstance(write, Insert) else write)


class ReplacesAnyVersion(storing.Records):
    def written(self, write: Write) -> Written | Conflict:
        if isinstance(write, Replace) and write.key in self.rows:
            return super().written(evolve(write, version=self.rows[write.key].version))
        return super().written(write)


class DeletesAnyVersion(storing.Records):
    def written(self, write: Write) -> Written | Conflict:
        if isinstance(write, Delete) and write.key in self.rows:
            return super().written(evolve(write, version=self.rows[write.key].version))
        return super().written(write)


class ForgetsNowAndThen(storing.Records):
    """Of every fifth write what was answered is not there."""

    def __init__(self) -> None:
        super().__init__()
        self.writes = count(1)

    def put(self, record: Stored) -> Written:
        answer = super().put(record)
        if next(self.writes) % 5 == 0:
            del self.rows[record.key]
            self.names = {name: own for name, own in self.names.items() if own != record.key}
        return answer


class ReadsWhatWas(storing.Records):
    """A replica that is one write behind."""

    def __init__(self) -> None:
        super().__init__()
        self.before: dict[Key, Stored] = {}

    def written(self, write: Write) -> Written | Conflict:
        self.before = dict(self.rows)
        return super().written(write)

    async def get(self, keys: Sequence[Key]) -> Mapping[Key, Stored]:
        found = await super().get(keys)
        return {key: self.before[one.key] for key, one in found.items() if one.key in self.before}


class NothingIsDue(storing.Records):
    async def due(self, lane: str, *, until: datetime, limit: int) -> Sequence[Stored]:
        return []


class DueBeforeItsTime(storing.Records):
    async def due(self, lane: str, *, until: datetime, limit: int) -> Sequence[Stored]:
        return await super().due(lane, until=until + timedelta(days=400), limit=limit)


class TheLatestIsTheFirst(storing.Records):
    async def latest(self, table: str, partition: str) -> Stored | None:
        found = self.partition(table, partition, "")
        return found[0] if found else None


class RangesHaveNoOrder(storing.Records):
    async def range(self, table: str, partition: str, *, after: str, limit: int) -> Sequence[Stored]:
        return list(reversed(await super().range(table, partition, after=after, limit=limit)))


class PutsOver(storing.Blobs):
    async def put(self, key: str, body: bytes) -> Put:
        self.objects[key] = body
        return Put.NEW


class KeepsHalf(storing.Blobs):
    async def get(self, key: str) -> bytes | None:
        found = await super().get(key)
        return None if found is None else found[: len(found) // 2]


class KeepsNothing(storing.Blobs):
    async def put(self, key: str, body: bytes) -> Put:
        return Put.NEW


class NamesInAnyOrder(storing.Blobs):
    async def names(self, prefix: str, *, after: str, limit: int) -> Sequence[str]:
        return list(reversed(await super().names(prefix, after=after, limit=limit)))


class DeletesNothing(storing.Blobs):
    async def delete(self, keys: Sequence[str]) -> None:
        return


class LosesWhatIsTaken(storing.JobQueue):
    def taken(self, limit: int, lease: timedelta) -> list[Job]:
        found = super().taken(limit, lease)
        self.jobs = [job for job in self.jobs if not job.lease]
        return found


class LosesEveryThird(storing.JobQueue):
    def __init__(self, clock: storing.Time) -> None:
        super().__init__(clock)
        self.puts = count(1)

    async def put(self, bodies: Sequence[str]) -> None:
        await super().put([body for body in bodies if next(self.puts) % 3])


class NeverDone(storing.JobQueue):
    async def done(self, jobs: Sequence[Job]) -> None:
        return


class HidesNothing(storing.JobQueue):
    def taken(self, limit: int, lease: timedelta) -> list[Job]:
        return super().taken(limit, timedelta(0))


class KeepsNotLonger(storing.JobQueue):
    async def keep(self, jobs: Sequence[Job], lease: timedelta, *, held: bool = True) -> None:
        return


class CountsNoReceives(storing.JobQueue):
    def taken(self, limit: int, lease: timedelta) -> list[Job]:
        return [evolve(job, receives=1) for job in super().taken(limit, lease)]


class PublishesNotAll(storing.EventLog):
    async def publish(self, records: Sequence[EventRecord]) -> None:
        await super().publish([record for record in records if record.seq % 2])


class BeginsAtTheEnd(storing.EventLog):
    def records(self, group: str) -> storing.Subscription:
        if group not in self.groups:
            self.groups[group] = storing.Group(committed=len(self.published))
        return super().records(group)


class _CommitsAll(storing.Subscription):
    async def commit(self) -> None:
        self.group.committed = len(self.log.published)


class CommitsWhatWasNotTaken(storing.EventLog):
    def records(self, group: str) -> storing.Subscription:
        return _CommitsAll(self, self.groups.setdefault(group, storing.Group()))


class PublishesBackwards(storing.EventLog):
    async def publish(self, records: Sequence[EventRecord]) -> None:
        self.published[:0] = records


class TellsOfNoInsert(storing.ChangingRecords):
    async def since(self, position: str, *, table: str) -> storing.Stream:
        return storing.Stream(self, "another table", 0)


class GoesOnFromNow(storing.ChangingRecords):
    async def since(self, position: str, *, table: str) -> storing.Stream:
        return storing.Stream(self, table, len(self.inserted))


class ScansNothing(storing.ChangingRecords):
    async def scan(self, lane: str, *, since: datetime, behind: Key | None, limit: int) -> Sequence[Stored]:
        return []


class OneIdForAll(surroundings.Clock):
    def new_id(self) -> str:
        return "0" * 26


class NaiveTime(surroundings.Clock):
    def now(self) -> datetime:
        return datetime.now(UTC).replace(tzinfo=None)


class LeavesOutTheUnknown(surroundings.IdentityDirectory):
    async def at(self, addresses: Collection[EmailAddress]) -> Mapping[EmailAddress, tuple[Account, ...]]:
        return {address: found for address, found in (await super().at(addresses)).items() if found}


class KnowsNobody(surroundings.IdentityDirectory):
    async def at(self, addresses: Collection[EmailAddress]) -> Mapping[EmailAddress, tuple[Account, ...]]:
        return dict.fromkeys(addresses, ())


class EverybodyIsAnn(surroundings.IdentityDirectory):
    async def at(self, addresses: Collection[EmailAddress]) -> Mapping[EmailAddress, tuple[Account, ...]]:
        return dict.fromkeys(addresses, (self.accounts[AccountId("ann")],))


class EveryAddressHasPassed(surroundings.IdentityDirectory):
    async def authenticated(self, addresses: Collection[EmailAddress]) -> frozenset[EmailAddress]:
        return frozenset(addresses)


class HasNoAccounts(surroundings.IdentityDirectory):
    async def get(self, accounts: Collection[AccountId]) -> Mapping[AccountId, Account]:
        return {}


class TellsAlways(surroundings.LegacyRelay):
    async def index(self, call: IndexCall) -> None:
        await super().index(evolve(call, suppress_notification=False))


class TheLastFlagCounts(surroundings.LegacyRelay):
    async def index(self, call: IndexCall) -> None:
        if self.flags.get(call.external_id) and not call.suppress_notification:
            self.told.append(call.external_id)
        await super().index(call)


class ProcessesAgain(surroundings.LegacyRelay):
    async def process(self, mail: HandOff) -> None:
        self.processed.pop(mail.external_id, None)
        await super().process(mail)


class KnowsNoAlias(surroundings.LegacyRelay):
    async def aliases(self, addresses: Collection[EmailAddress]) -> Mapping[EmailAddress, Any]:
        return {}


class KnowsNoConversation(surroundings.LegacyRelay):
    async def of_conversations(self, conversations: Collection[ConversationId]) -> Mapping[ConversationId, Any]:
        return {}


class HasNoHistory(surroundings.LegacyRelay):
    async def tenures(self, addresses: Collection[EmailAddress]) -> Mapping[EmailAddress, Any]:
        return {}


class DeclinesWhatItServes(surroundings.NotificationHub):
    async def send(self, notification: Notification) -> Sent | Declined:
        return Declined("not today")


class SaysSentOnly(surroundings.NotificationHub):
    async def send(self, notification: Notification) -> Sent | Declined:
        return Sent()


class ServesNothing(surroundings.NotificationHub):
    @property
    def channels(self) -> Mapping[Channel, Any]:
        return {}


class SentAndUnavailable(surroundings.NotificationHub):
    """Says surely not sent, and it was."""

    async def send(self, notification: Notification) -> Sent | Declined:
        answer = await super().send(notification)
        if len(self.sent) % 2:
            raise Unavailable("hub", retry_after=timedelta(0))
        return answer


class NothingIsSet(surroundings.Flags):
    async def read(self, use_case: UseCase, axis: Axis) -> Rollout | None:
        return None


class OneFlagForAllAxes(surroundings.Flags):
    async def read(self, use_case: UseCase, axis: Axis) -> Rollout | None:
        return next((one for (of, _), one in self.rollouts.items() if of == use_case), None)


class LosesMail(surroundings.OutgoingMail):
    async def send(self, mail: Outgoing) -> None:
        return


class CutsMail(surroundings.OutgoingMail):
    async def send(self, mail: Outgoing) -> None:
        await super().send(evolve(mail, raw=mail.raw.partition(b"\r\n\r\n")[0] + b"\r\n\r\n"))


class LeftAndUnavailable(surroundings.OutgoingMail):
    async def send(self, mail: Outgoing) -> None:
        await super().send(mail)
        if len(self.sent) % 2:
            raise Unavailable("mail", retry_after=timedelta(0))


class ReadsNothing(surroundings.MailReader):
    async def read(self, raw: bytes, post: Post) -> ReadMail:
        return await super().read(b"", post)


class ForgetsWhereItWent(surroundings.MailReader):
    async def read(self, raw: bytes, post: Post) -> ReadMail:
        return await super().read(raw.replace(b"To: ", b"Was: "), evolve(post, recipients=()))


class RaisesForAMail(surroundings.MailReader):
    async def read(self, raw: bytes, post: Post) -> ReadMail:
        raise ValueError("a mail")


class FailsWhatIsNotSigned(surroundings.SenderAuthenticator):
    async def evidence(self, raw: bytes, post: Post) -> SenderEvidence:
        return SenderEvidence(Dmarc.FAIL, DmarcPolicy.REJECT)


class RaisesForASender(surroundings.SenderAuthenticator):
    async def evidence(self, raw: bytes, post: Post) -> SenderEvidence:
        raise ValueError("a sender")


class FindsSpamEverywhere(surroundings.Check):
    async def check(self, raw: bytes, post: Post) -> Checked:
        return Checked(Finding.SPAM, "everything is")


class RaisesForACheck(surroundings.Check):
    async def check(self, raw: bytes, post: Post) -> Checked:
        raise ValueError("a mail")


class SaysNothing(surroundings.Check):
    async def check(self, raw: bytes, post: Post) -> Checked:
        return None  # type: ignore[return-value] - what its signature forbids


BROKEN: Final[Mapping[str, Sequence[type[Any]]]] = {
    "records": (
        InsertsOverWhatIsThere,
        KnowsOneKeyOfARecord,
        ReplacesAnyVersion,
        DeletesAnyVersion,
        ForgetsNowAndThen,
        ReadsWhatWas,
        NothingIsDue,
        DueBeforeItsTime,
        TheLatestIsTheFirst,
        RangesHaveNoOrder,
    ),
    "blobs": (PutsOver, KeepsHalf, KeepsNothing, NamesInAnyOrder, DeletesNothing),
    "queue": (LosesWhatIsTaken, LosesEveryThird, NeverDone, HidesNothing, KeepsNotLonger, CountsNoReceives),
    "events": (PublishesNotAll, BeginsAtTheEnd, CommitsWhatWasNotTaken, PublishesBackwards),
    "changes": (TellsOfNoInsert, GoesOnFromNow, ScansNothing),
    "clock": (OneIdForAll, NaiveTime),
    "identity": (LeavesOutTheUnknown, KnowsNobody, EverybodyIsAnn, EveryAddressHasPassed, HasNoAccounts),
    "legacy": (TellsAlways, TheLastFlagCounts, ProcessesAgain, KnowsNoAlias, KnowsNoConversation, HasNoHistory),
    "hub": (DeclinesWhatItServes, SaysSentOnly, ServesNothing, SentAndUnavailable),
    "flags": (NothingIsSet, OneFlagForAllAxes),
    "mail": (LosesMail, CutsMail, LeftAndUnavailable),
    "reader": (ReadsNothing, ForgetsWhereItWent, RaisesForAMail),
    "authenticator": (FailsWhatIsNotSigned, RaisesForASender),
    "check": (FindsSpamEverywhere, RaisesForACheck, SaysNothing),
}


def made(port: str, broken: type[Any], clock: surroundings.Clock) -> Any:
    """The broken adapter as the path needs it."""
    make: Callable[[], Any] = {
        "queue": lambda: broken(clock),
        "events": lambda: broken(clock),
        "changes": lambda: broken(clock),
        "identity": lambda: broken(accounts()),
        "legacy": lambda: broken(LEGACY_ALIASES),
        "flags": lambda: broken(rollouts()),
    }.get(port, broken)
    return make()
