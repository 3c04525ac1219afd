"""A broken `Records` for each check: one line of each is wrong."""

import asyncio
import json
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import TypeVar, cast

from attrs import evolve

from convalias.adapters import memory
from convalias.ports.errors import Unavailable
from convalias.ports.records import Body, Conflict, Delete, DuePlace, Insert, Key, Replace, Stored, Write, Written
from convalias.testing.conformance import MakeRecords
from testing.conformance.broken.places import private, shared

T = TypeVar("T")


class ForgetsFurtherIds(memory.Records):
    async def get(self, keys: Sequence[Key]) -> Mapping[Key, Stored]:
        return {key: evolve(stored, also=()) for key, stored in (await super().get(keys)).items()}


class FindsByKeyAlone(memory.Records):
    async def get(self, keys: Sequence[Key]) -> Mapping[Key, Stored]:
        return {key: stored for key, stored in (await super().get(keys)).items() if stored.key == key}


class AnswersWithSomething(memory.Records):
    async def get(self, keys: Sequence[Key]) -> Mapping[Key, Stored]:
        found = await super().get(keys)
        return {key: found.get(key, next(iter(found.values()))) for key in keys} if found else found


class Upserts(memory.Records):
    def _insert(self, write: Insert) -> Written | Conflict:
        if (row := self._rows.get(write.key)) is not None:
            self._delete(Delete(write.key, row.version))
        return super()._insert(write)


class FurtherIdsNotUnique(memory.Records):
    def _insert(self, write: Insert) -> Written | Conflict:
        free = tuple(name for name in write.also if write.key._replace(id=name) not in self._names)
        return super()._insert(evolve(write, also=free))


class TwoNameSpaces(memory.Records):
    def _insert(self, write: Insert) -> Written | Conflict:
        return super()._insert(evolve(write, also=tuple(f"+{name}" for name in write.also)))


class FurtherIdsGlobal(memory.Records):
    def __init__(self) -> None:
        super().__init__()
        self._everywhere: set[str] = set()

    def _insert(self, write: Insert) -> Written | Conflict:
        if not self._everywhere.isdisjoint(write.also):
            return Conflict()
        self._everywhere.update(write.also)
        return super()._insert(write)


class ConflictKeepsIds(memory.Records):
    def _insert(self, write: Insert) -> Written | Conflict:
        answer = super()._insert(write)
        if isinstance(answer, Conflict):
            there = next(iter(self._rows))
            for name in write.also:
                self._names.setdefault(write.key._replace(id=name), there)
        return answer


class DeleteKeepsFurtherIds(memory.Records):
    def _delete(self, write: Delete) -> Written | Conflict:
        row = self._rows.get(write.key)
        answer = super()._delete(write)
        for name in row.also if row else ():
            self._names[write.key._replace(id=name)] = write.key
        return answer

    async def get(self, keys: Sequence[Key]) -> Mapping[Key, Stored]:
        return await super().get([key for key in keys if self._names.get(key) in self._rows])


class JoinsKeys(memory.Records):
    def _insert(self, write: Insert) -> Written | Conflict:
        return super()._insert(evolve(write, key=Key("", "", "/".join(write.key))))


class FewVariables(memory.Records):
    async def get(self, keys: Sequence[Key]) -> Mapping[Key, Stored]:
        if len(keys) > 999:
            raise Unavailable("too many variables")
        return await super().get(keys)


class ChecksThenInserts(memory.Records):
    async def write(self, writes: Sequence[Write]) -> Sequence[Written | Conflict]:
        names = [write.key._replace(id=name) for write in writes if isinstance(write, Insert) for name in write.also]
        free = not any(name in self._names for name in names)
        await asyncio.sleep(0)
        if free:
            for name in names:
                self._names.pop(name, None)
        return await super().write(writes)


class ReplaceDropsFurtherIds(memory.Records):
    def _replace(self, write: Replace) -> Written | Conflict:
        row = self._rows[write.key]
        answer = super()._replace(write)
        self._rows[write.key] = evolve(self._rows[write.key], also=())
        assert row is not None
        return answer


class ReplacesAnyVersion(memory.Records):
    def _replace(self, write: Replace) -> Written | Conflict:
        row = self._rows.get(write.key)
        return super()._replace(write if row is None else evolve(write, version=row.version))


class DeletesAnyVersion(memory.Records):
    def _delete(self, write: Delete) -> Written | Conflict:
        row = self._rows.get(write.key)
        return super()._delete(write if row is None else evolve(write, version=row.version))


class ReplaceCreates(memory.Records):
    def _replace(self, write: Replace) -> Written | Conflict:
        if write.key not in self._rows:
            return self._insert(Insert(write.key, write.body, (), write.due))
        return super()._replace(write)


class CountsVersionsPerRecord(memory.Records):
    def _insert(self, write: Insert) -> Written | Conflict:
        answer = super()._insert(write)
        if isinstance(answer, Written):
            self._rows[write.key] = evolve(self._rows[write.key], version="1")
            return Written("1")
        return answer


class ChecksThenReplaces(memory.Records):
    async def write(self, writes: Sequence[Write]) -> Sequence[Written | Conflict]:
        if not isinstance(write := writes[0], Replace) or write.version != self._rows[write.key].version:
            return await super().write(writes)
        await asyncio.sleep(0)
        return await super().write([evolve(write, version=self._rows[write.key].version)])


class StopsAtAConflict(memory.Records):
    async def write(self, writes: Sequence[Write]) -> Sequence[Written | Conflict]:
        answers: list[Written | Conflict] = []
        for write in writes:
            answers.append(Conflict() if Conflict() in answers else self._write(write))
        return answers


class RefusesEmptyCalls(memory.Records):
    async def get(self, keys: Sequence[Key]) -> Mapping[Key, Stored]:
        return await super().get(keys or [next(iter(self._rows))])

    async def write(self, writes: Sequence[Write]) -> Sequence[Written | Conflict]:
        return await super().write(writes) or [Conflict()]


class NumbersAreFloats(memory.Records):
    async def get(self, keys: Sequence[Key]) -> Mapping[Key, Stored]:
        found = await super().get(keys)
        return {k: evolve(one, body=json.loads(json.dumps(one.body), parse_int=float)) for k, one in found.items()}


class SharesBodies(memory.Records):
    def __init__(self) -> None:
        super().__init__()
        self._bodies: dict[Key, Body] = {}

    def _insert(self, write: Insert) -> Written | Conflict:
        self._bodies[write.key] = write.body
        return super()._insert(write)

    async def get(self, keys: Sequence[Key]) -> Mapping[Key, Stored]:
        return {key: evolve(one, body=self._bodies[one.key]) for key, one in (await super().get(keys)).items()}


class SortsWithoutCase(memory.Records):
    async def range(self, table: str, partition: str, *, after: str, limit: int) -> Sequence[Stored]:
        found = await super().range(table, partition, after=after, limit=limit)
        return sorted(found, key=lambda one: one.key.id.lower())


class RangeRepeats(memory.Records):
    async def range(self, table: str, partition: str, *, after: str, limit: int) -> Sequence[Stored]:
        rows = sorted(row.key for row in self._rows.values() if row.key.id >= after)
        return [self._rows[key].stored() for key in rows[:limit]]


class RangeByPrefix(memory.Records):
    async def range(self, table: str, partition: str, *, after: str, limit: int) -> Sequence[Stored]:
        rows = sorted(key for key in self._rows if key.partition.startswith(partition) and key.id > after)
        return [self._rows[key].stored() for key in rows[:limit]]


class RangeByAnyId(memory.Records):
    async def range(self, table: str, partition: str, *, after: str, limit: int) -> Sequence[Stored]:
        names = sorted(name for name in self._names if name.id > after)
        return [self._rows[self._names[name]].stored() for name in names[:limit]]


class LatestWritten(memory.Records):
    async def latest(self, table: str, partition: str) -> Stored | None:
        rows = [row for row in self._rows.values() if row.key[:2] == (table, partition)]
        return rows[-1].stored() if rows else None


class UntilIsExcluded(memory.Records):
    async def due(self, lane: str, *, until: datetime, limit: int) -> Sequence[Stored]:
        return await super().due(lane, until=until - timedelta(microseconds=1), limit=limit)


class DueByTimeAlone(memory.Records):
    async def due(self, lane: str, *, until: datetime, limit: int) -> Sequence[Stored]:
        rows = [row for row in self._rows.values() if row.due is not None and row.due.at <= until]
        rows.sort(key=lambda row: until if row.due is None else row.due.at)
        return [row.stored() for row in rows][:limit]


class PagesLeaveOutEqualTimes(memory.Records):
    """Goes on behind the time alone."""

    async def due_after(self, lane: str, *, after: DuePlace, until: datetime, limit: int) -> Sequence[Stored]:
        behind = after._replace(key=Key("~", "", ""))
        return await super().due_after(lane, after=behind, until=until, limit=limit)


class PagesRepeatEqualTimes(memory.Records):
    """Goes on at the place, whose record comes again."""

    async def due_after(self, lane: str, *, after: DuePlace, until: datetime, limit: int) -> Sequence[Stored]:
        at = after._replace(key=after.key._replace(id=after.key.id[:-1]))
        return await super().due_after(lane, after=at, until=until, limit=limit)


class PagesEndWithTheirRecord(memory.Records):
    """Looks for the record of the place, and takes one that has gone for the end."""

    async def due_after(self, lane: str, *, after: DuePlace, until: datetime, limit: int) -> Sequence[Stored]:
        if after.key not in self._rows:
            return []
        return await super().due_after(lane, after=after, until=until, limit=limit)


class PagesForgetUntil(memory.Records):
    async def due_after(self, lane: str, *, after: DuePlace, until: datetime, limit: int) -> Sequence[Stored]:
        far = until + timedelta(days=1)
        return await super().due_after(lane, after=after, until=far, limit=limit)


class OneLane(memory.Records):
    async def due(self, lane: str, *, until: datetime, limit: int) -> Sequence[Stored]:
        rows = [row for row in self._rows.values() if row.due is not None and row.due.lane.startswith(lane)]
        return [row.stored() for row in rows][:limit]


class ReplaceKeepsDue(memory.Records):
    def _replace(self, write: Replace) -> Written | Conflict:
        row = self._rows.get(write.key)
        return super()._replace(evolve(write, due=write.due or (row and row.due)))


class DeletedIsStillDue(memory.Records):
    def __init__(self) -> None:
        super().__init__()
        self._ghosts: list[Stored] = []

    def _delete(self, write: Delete) -> Written | Conflict:
        self._ghosts.append(self._rows[write.key].stored())
        return super()._delete(write)

    async def due(self, lane: str, *, until: datetime, limit: int) -> Sequence[Stored]:
        return [*self._ghosts, *await super().due(lane, until=until, limit=limit)]


class DueInMilliseconds(memory.Records):
    def _insert(self, write: Insert) -> Written | Conflict:
        due = write.due and evolve(write.due, at=write.due.at.replace(microsecond=0))
        return super()._insert(evolve(write, due=due))


class GoesOnAfterAConflict(memory.Records):
    async def write_in_order(self, writes: Sequence[Write]) -> Sequence[Written | Conflict]:
        answers = list(await super().write(writes))
        return answers[: answers.index(Conflict()) + 1] if Conflict() in answers else answers


class WritesInAnyOrder(memory.Records):
    async def write_in_order(self, writes: Sequence[Write]) -> Sequence[Written | Conflict]:
        return (await super().write_in_order(writes[::-1]))[::-1]


class InsertsFirst(memory.Records):
    async def write_in_order(self, writes: Sequence[Write]) -> Sequence[Written | Conflict]:
        return await super().write_in_order(sorted(writes, key=lambda write: not isinstance(write, Insert)))


class TakesItsOwnForDone(memory.Records):
    async def write_in_order(self, writes: Sequence[Write]) -> Sequence[Written | Conflict]:
        answers: list[Written | Conflict] = []
        for write in writes:
            row = self._rows.get(write.key)
            is_same = isinstance(write, Insert) and row is not None and row.body() == write.body
            answers.append(Written(row.version) if is_same and row else self._write(write))
            if answers[-1] == Conflict():
                break
        return answers


class ConflictOfANeighbour(memory.Records):
    """Calls at once go behind one another in one request, and the first conflict ends them all."""

    def __init__(self) -> None:
        super().__init__()
        self._line: list[Write] = []
        self._answers: list[Written | Conflict] = []

    async def write_in_order(self, writes: Sequence[Write]) -> Sequence[Written | Conflict]:
        start = len(self._line)
        self._line += writes
        await asyncio.sleep(0)
        if not self._answers:
            self._answers = list(await super().write_in_order(self._line))
        return self._answers[start : start + len(writes)] or [Conflict()]


class NothingInOrderIsAConflict(memory.Records):
    async def write_in_order(self, writes: Sequence[Write]) -> Sequence[Written | Conflict]:
        return await super().write_in_order(writes) or [Conflict()]


class Joined(memory.Records):
    """Records whose calls at once go out together: what is asked in one turn of the loop is one request."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[object] = []

    async def joined(self, asked: Sequence[T]) -> Sequence[T]:
        """What all of this turn have asked."""
        self.asked += asked
        await asyncio.sleep(0)
        together = self.asked[:]
        await asyncio.sleep(0)
        self.asked.clear()
        return cast("Sequence[T]", together)


class UpdatesLoseTheirVersions(Joined):
    """Of several replaces in one request each finds its record by key."""

    async def write(self, writes: Sequence[Write]) -> Sequence[Written | Conflict]:
        together = await self.joined(writes)
        if len(together) > 1:
            rows = self._rows
            writes = [
                evolve(one, version=rows[one.key].version) if isinstance(one, Replace) and one.key in rows else one
                for one in writes
            ]
        return await super().write(writes)


class OneTakenIdFailsAll(Joined):
    async def write(self, writes: Sequence[Write]) -> Sequence[Written | Conflict]:
        names = {
            one.key._replace(id=name)
            for one in await self.joined(writes)
            if isinstance(one, Insert)
            for name in (one.key.id, *one.also)
        }
        taken = len(writes) == 1 and not names.isdisjoint(self._names)
        return [Conflict()] if taken else await super().write(writes)


class CountsForAnswers(Joined):
    """Answers every replace of a request as done where its record stands with a new body."""

    async def write(self, writes: Sequence[Write]) -> Sequence[Written | Conflict]:
        together = await self.joined(writes)
        answers = await super().write(writes)
        await asyncio.sleep(0)
        return [
            Written(self._rows[write.key].version)
            if len(together) > 1 and isinstance(write, Replace) and write.key in self._rows
            else answer
            for write, answer in zip(writes, answers, strict=True)
        ]


class RangesByOneLimit(Joined):
    """Ranges of one request share the limit of the first."""

    async def range(self, table: str, partition: str, *, after: str, limit: int) -> Sequence[Stored]:
        limits = await self.joined([limit])
        return await super().range(table, partition, after=after, limit=limits[0])


class OneAnswerForAll(Joined):
    """Who asks for the same at once is given the same object."""

    def __init__(self) -> None:
        super().__init__()
        self._found: dict[Key, Stored] = {}

    async def get(self, keys: Sequence[Key]) -> Mapping[Key, Stored]:
        await self.joined(keys)
        for key, stored in (await super().get(keys)).items():
            self._found.setdefault(key, stored)
        return {key: self._found[key] for key in keys if key in self._found}


def _shared(broken: Callable[[], memory.Records]) -> Callable[[], MakeRecords]:
    return lambda: shared(broken)


def _private() -> MakeRecords:
    return private(memory.Records)


MUTANTS: Mapping[str, Callable[[], MakeRecords]] = {
    "an insert is found by its key": _shared(ForgetsFurtherIds),
    "an insert is found by any further id under the key asked": _shared(FindsByKeyAlone),
    "what is not there is missing from the answer": _shared(AnswersWithSomething),
    "a taken key is a conflict and stays as it is": _shared(Upserts),
    "a taken further id is a conflict": _shared(FurtherIdsNotUnique),
    "keys and further ids share one name space": _shared(TwoNameSpaces),
    "further ids are unique within their partition only": _shared(FurtherIdsGlobal),
    "a conflicting insert takes none of its ids": _shared(ConflictKeepsIds),
    "a delete frees the key and all further ids": _shared(DeleteKeepsFurtherIds),
    "keys with odd characters stay apart": _shared(JoinsKeys),
    "many keys and writes fit in one call": _shared(FewVariables),
    "of concurrent inserts of one id one is written": _shared(ChecksThenInserts),
    "a replace puts a new body under the same keys": _shared(ReplaceDropsFurtherIds),
    "a replace of another version is a conflict": _shared(ReplacesAnyVersion),
    "a delete of another version is a conflict": _shared(DeletesAnyVersion),
    "what is gone cannot be replaced or deleted": _shared(ReplaceCreates),
    "a version never comes back": _shared(CountsVersionsPerRecord),
    "of concurrent replaces of one version one is written": _shared(ChecksThenReplaces),
    "counting by compare and set loses nothing": _shared(ChecksThenReplaces),
    "writes of one call are answered in their order": _shared(StopsAtAConflict),
    "an empty call answers nothing": _shared(RefusesEmptyCalls),
    "a body comes back as it was": _shared(NumbersAreFloats),
    "a body is never shared with the store": _shared(SharesBodies),
    "what was answered is seen by every process": _private,
    "what was answered is there after everybody left": _private,
    "a range ascends by the octets of ids": _shared(SortsWithoutCase),
    "a range starts behind after and ends at its limit": _shared(RangeRepeats),
    "a range stays in its table and partition": _shared(RangeByPrefix),
    "a range and the latest go by keys alone": _shared(RangeByAnyId),
    "the latest is the highest key of the partition": _shared(LatestWritten),
    "due gives what is due at or before until": _shared(UntilIsExcluded),
    "due ascends by time then key up to its limit": _shared(DueByTimeAlone),
    "a lane read by pages leaves nothing out": _shared(PagesLeaveOutEqualTimes),
    "a lane read by pages repeats nothing and keeps its order": _shared(PagesRepeatEqualTimes),
    "due goes on behind a place whose record is gone": _shared(PagesEndWithTheirRecord),
    "due behind a place ends at until": _shared(PagesForgetUntil),
    "lanes are apart": _shared(OneLane),
    "a replace sets or clears the due time": _shared(ReplaceKeepsDue),
    "what is deleted is not due": _shared(DeletedIsStillDue),
    "a due time comes back to the microsecond": _shared(DueInMilliseconds),
    "appends at the latest plus one leave no hole": _shared(FurtherIdsNotUnique),
    "writes in order see those before them": _shared(InsertsFirst),
    "of two writes of one id in order the first is done": _shared(WritesInAnyOrder),
    "writes in order stop at the first conflict": _shared(GoesOnAfterAConflict),
    "writes in order are done once": _shared(TakesItsOwnForDone),
    "writes in order of several callers stay apart": _shared(ConflictOfANeighbour),
    "no writes in order answer nothing": _shared(NothingInOrderIsAConflict),
    "of replaces at once only those of another version are conflicts": _shared(UpdatesLoseTheirVersions),
    "of inserts at once only those of a taken id are conflicts": _shared(OneTakenIdFailsAll),
    "of two replaces of one version at once one is written": _shared(CountsForAnswers),
    "reads at once are answered each about its own": _shared(RangesByOneLimit),
    "one record read at once is shared with nobody": _shared(OneAnswerForAll),
}
