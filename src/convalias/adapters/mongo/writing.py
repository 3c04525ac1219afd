"""Writes of calls in flight, together: each command carries those of many, and each is answered about its own."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Mapping, Sequence
from itertools import chain
from typing import Any, Final, TypeAlias

import bson
from attrs import frozen
from pymongo import UpdateOne
from pymongo.errors import BulkWriteError, DuplicateKeyError

from convalias.adapters._sharing import Bound, Line, answered, each
from convalias.adapters.mongo.bodies import to_bson
from convalias.adapters.mongo.database import Database
from convalias.adapters.mongo.documents import Document, due_document, inserted, key_document, key_of
from convalias.adapters.mongo.errors import lost, of_write, translated
from convalias.adapters.mongo.reading import Filter
from convalias.adapters.mongo.shared import AT_ONCE, apart
from convalias.ports.errors import PortError, Unavailable
from convalias.ports.records import Conflict, Delete, Insert, Key, Replace, Written

Answer: TypeAlias = Written | Conflict
Outcome: TypeAlias = Answer | Exception

TOGETHER: Final = 200
"""Documents in one shared request. A call of more has a request of its own."""
OCTETS: Final = 4_194_304
"""The same in octets. A document may have 16 MB, a message 48: what is larger than this travels alone."""
BREAKS: Final = 3
"""So often chains behind one that broke go out together once more."""
_TAKEN: Final = 11000


@frozen(eq=False)
class _New:
    """A document to be inserted."""

    key: Key
    version: str
    document: Document
    octets: int

    @property
    def written(self) -> Written:
        return Written(self.version)


@frozen(eq=False)
class _Change:
    """A body to be put in the place of another."""

    key: Key
    version: str
    """The one that it will have."""
    query: Filter
    update: Mapping[str, Any]
    octets: int

    @property
    def written(self) -> Written:
        return Written(self.version)


_Chain: TypeAlias = Sequence[_New]


class Writer:
    """Writes that share requests. A version is random text, so that one never comes back."""

    def __init__(self, database: Database) -> None:
        """Over an opened database."""
        self._database = database
        self._inserts = Line[_New, Answer](
            apart(self._insert, self._known),
            at_once=AT_ONCE,
            bounds=(Bound(TOGETHER, each), Bound(OCTETS, _octets)),
            lost=lost,
            patience=database.patience,
        )
        self._chains = Line[_Chain, Sequence[Answer]](
            apart(self._insert_chains, self._known_of_chains),
            at_once=AT_ONCE,
            bounds=(Bound(TOGETHER, len), Bound(OCTETS, _octets_of_chain)),
            lost=lost,
            patience=database.patience,
        )
        self._changes = Line[_Change, Answer](
            apart(self._change, self._known),
            at_once=AT_ONCE,
            bounds=(Bound(TOGETHER, each), Bound(OCTETS, _octets)),
            lost=lost,
            patience=database.patience,
        )

    async def insert(self, inserts: Sequence[Insert]) -> Sequence[Answer]:
        """Insert in any order; each by itself."""
        rows = [_new(insert) for insert in inserts]
        if len(rows) > TOGETHER:
            return answered(await self._insert(rows))
        return await self._inserts.all(rows)

    async def insert_in_order(self, inserts: Sequence[Insert]) -> Sequence[Answer]:
        """Insert as far as the first conflict, which is the last answer."""
        return await self._chains.ask([_new(insert) for insert in inserts])

    async def replace(self, replaces: Sequence[Replace]) -> Sequence[Answer]:
        """Replace exactly the versions named."""
        return await self._changes.all([_changed(replace) for replace in replaces])

    async def delete(self, write: Delete) -> Answer:
        """Delete exactly the version named, in a request of its own."""
        await self._database.checked()
        with translated("records"):
            done = await self._database.records.delete_one(_exactly(write.key, write.version))
        return Written("") if done.deleted_count else Conflict()

    async def end(self) -> None:
        """Call off what is under way, and turn away who waits."""
        for line in (self._inserts, self._chains, self._changes):
            await line.end()

    async def _insert(self, rows: Sequence[_New]) -> Sequence[Outcome]:
        await self._database.checked()
        wrong: Mapping[int, Conflict | PortError] = {}
        with translated("records"):
            try:
                if len(rows) == 1:
                    await self._database.records.insert_one(rows[0].document)
                else:
                    await self._database.records.insert_many([row.document for row in rows], ordered=False)
            except DuplicateKeyError:
                return [Conflict()]
            except BulkWriteError as error:
                wrong = wrong_with(error, inserted_of=len(rows))
        return [wrong.get(number, row.written) for number, row in enumerate(rows)]

    async def _insert_chains(self, chains: Sequence[_Chain]) -> Sequence[Sequence[Answer] | Exception]:
        """Behind one another. Where one breaks, the others behind it go out once more, without it.

        Where one after the other breaks, as when a queue brings much again, the others do not wait for each of them:
        they go side by side, each by itself.
        """
        outcomes: list[Sequence[Answer] | Exception] = []
        for _ in range(BREAKS):
            rest = chains[len(outcomes) :]
            try:
                outcomes += await self._insert_as_far_as_one_breaks(rest)
            except PortError:
                if not outcomes:
                    raise
                outcomes += [lost()] * len(rest)  # those before them are known
            if len(outcomes) == len(chains):
                return outcomes
        return [*outcomes, *await asyncio.gather(*map(self._insert_chain, chains[len(outcomes) :]))]

    async def _insert_chain(self, rows: _Chain) -> Sequence[Answer] | Exception:
        try:
            (outcome,) = await self._insert_as_far_as_one_breaks([rows])
        except PortError as error:
            return error
        return outcome

    async def _insert_as_far_as_one_breaks(self, chains: Sequence[_Chain]) -> Sequence[Sequence[Answer] | Exception]:
        await self._database.checked()
        left, wrong = sum(map(len, chains)), None
        with translated("records"):
            try:
                documents = [row.document for row in chain.from_iterable(chains)]
                await self._database.records.insert_many(documents, ordered=True)
            except BulkWriteError as error:
                ((left, wrong),) = wrong_with(error).items()
                if error.details["nInserted"] != left:
                    raise lost() from error
        outcomes: list[Sequence[Answer] | Exception] = []
        for rows in chains:
            if left < len(rows):
                done = [row.written for row in rows[:left]]
                outcomes.append(wrong if isinstance(wrong, PortError) else [*done, Conflict()])
                break
            outcomes.append([row.written for row in rows])
            left -= len(rows)
        return outcomes

    async def _change(self, changes: Sequence[_Change]) -> Sequence[Outcome]:
        await self._database.checked()
        if len(changes) == 1:
            with translated("records"):
                done = await self._database.records.update_one(changes[0].query, changes[0].update)
            return [changes[0].written if done.matched_count else Conflict()]
        wrong: Mapping[int, Conflict | PortError] = {}
        with translated("records"):
            try:
                updates = [UpdateOne(change.query, change.update) for change in changes]
                matched = (await self._database.records.bulk_write(updates, ordered=False)).matched_count
            except BulkWriteError as error:
                wrong, matched = wrong_with(error), int(error.details["nMatched"])
        tried = {number: change for number, change in enumerate(changes) if number not in wrong}
        found = dict(zip(tried, await self._told_apart(list(tried.values()), matched), strict=True))
        return [wrong[number] if number in wrong else found[number] for number in range(len(changes))]

    async def _told_apart(self, changes: Sequence[_Change], matched: int) -> Sequence[Outcome]:
        """Which of them found their version, when all that is known is how many did."""
        if matched == len(changes):
            return [change.written for change in changes]
        if not matched:
            return [Conflict()] * len(changes)
        is_ours = await self._stand(changes)
        if is_ours.count(True) == matched:
            return [change.written if ours else Conflict() for change, ours in zip(changes, is_ours, strict=True)]
        # One of ours was overwritten in between: it may be any of those that are not there.
        return [change.written if ours else lost() for change, ours in zip(changes, is_ours, strict=True)]

    async def _known(self, rows: Sequence[_New | _Change]) -> Sequence[Written | None]:
        return [row.written if ours else None for row, ours in zip(rows, await self._stand(rows), strict=True)]

    async def _known_of_chains(self, chains: Sequence[_Chain]) -> Sequence[Unavailable | None]:
        """A chain that was begun is not begun again: its caller looks how far it came."""
        return [lost() if begun else None for begun in await self._stand([rows[0] for rows in chains])]

    async def _stand(self, rows: Sequence[_New | _Change]) -> Sequence[bool]:
        """Whether each has the version that we gave it. Whatever keeps us from looking: nobody knows what was done."""

        async def ask() -> list[Document]:
            query = {"_id": {"$in": [key_document(row.key) for row in rows]}}
            return await self._database.records.find(query, {"version": 1}).batch_size(len(rows)).to_list()

        try:
            versions = {key_of(one["_id"]): one["version"] for one in await self._database.read(ask)}
        except PortError as error:
            raise lost() from error
        return [versions.get(row.key) == row.version for row in rows]


def _new(insert: Insert) -> _New:
    with translated("records"):
        document = inserted(insert, secrets.token_hex(8))
        return _New(insert.key, document["version"], document, len(bson.encode(document)))


def _changed(replace: Replace) -> _Change:
    version = secrets.token_hex(8)
    fields: dict[str, Any] = {"version": version, "body": to_bson(replace.body)}
    update: dict[str, Any] = {"$set": fields}
    if replace.due is None:
        update["$unset"] = {"due": ""}
    else:
        fields["due"] = due_document(replace.due)
    with translated("records"):
        octets = len(bson.encode(fields))
    return _Change(replace.key, version, _exactly(replace.key, replace.version), update, octets)


def _exactly(key: Key, version: str) -> Filter:
    return {"_id": key_document(key), "version": version}


def _octets(row: _New | _Change) -> int:
    return row.octets


def _octets_of_chain(rows: _Chain) -> int:
    return sum(row.octets for row in rows)


def wrong_with(error: BulkWriteError, *, inserted_of: int | None = None) -> Mapping[int, Conflict | PortError]:
    """Return what is wrong with single writes of a request, by place. Raises where it is about all of them.

    `inserted_of`: so many inserts were sent; each must be done or wrong, else nobody knows which was tried.
    """
    wrong = {
        int(one["index"]): Conflict() if one["code"] == _TAKEN else of_write(one["code"], "records")
        for one in error.details.get("writeErrors", ())
    }
    is_complete = inserted_of is None or error.details["nInserted"] + len(wrong) == inserted_of
    if error.details.get("writeConcernErrors") or not is_complete:
        raise lost() from error
    return wrong
