"""A MongoDB database: opened only where it keeps what the library promises, and asked only as its true primary."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from datetime import timedelta
from types import TracebackType
from typing import Final, Self, TypeVar
from urllib.parse import parse_qsl, urlencode, urlsplit

import pymongo
from bson.codec_options import CodecOptions
from bson.objectid import ObjectId
from pymongo import AsyncMongoClient, ReadPreference, WriteConcern
from pymongo.asynchronous.collection import AsyncCollection
from pymongo.errors import ConfigurationError, InvalidURI, PyMongoError
from pymongo.read_concern import ReadConcern

from convalias.adapters.mongo import examining, schema
from convalias.adapters.mongo.documents import Change, Document, KeyDocument
from convalias.adapters.mongo.errors import UnusableStoreError, is_not_allowed, translate, translated
from convalias.ports.errors import Unavailable
from convalias.ports.examining import Observation

T = TypeVar("T")

NAME: Final = "convalias"
"""The database, where the URL names none."""
DEFAULTS: Final = {"timeoutMS": 10_000, "maxPoolSize": 100, "maxIdleTimeMS": 300_000, "appName": "convalias"}
"""Options of the driver that stand unless the URL sets them: a call gives up after 10 s, retries and fail-over included."""
MAJORITY: Final = WriteConcern(w="majority", j=True)
_WIRE_VERSION: Final = 13
"""MongoDB 5.0: the first in which no server can switch majority reads off."""
LOOK_EVERY: Final = timedelta(seconds=5)
"""So long an index that was dropped may go unnoticed by a process that writes."""
BUILD_WITHIN: Final = 3_600.0
"""Seconds: an index over millions of records takes minutes."""
_FAILOVERS: Final = 10
"""In one read; that many mean that the set has no peace."""
_NOBODY: Final[KeyDocument] = {"table": "", "partition": "", "id": ""}


class Database:
    """Raises `UnusableStoreError` on opening what cannot hold the store, `Unavailable` where nobody answers.

    Reads go to the primary at read concern "majority". A primary that was just elected may not yet know how far the
    majority is: before its first answer is used, one linearizable read makes it find out. With
    `readConcernLevel=linearizable` in the URL every read does that, so that not even a primary that is cut off from
    the others answers for the seconds until it notices; behind mongos, which hides elections, that is so anyway.
    """

    def __init__(self, url: str, *, open_within: timedelta | None = None, look_every: timedelta = LOOK_EVERY) -> None:
        """`mongodb://` or `mongodb+srv://`, with the driver's options. Connects to nobody.

        `open_within`: how long `open`, and a look at the server before `migrate`, may take; None: as the URL says.
        `look_every`: how long an index that was dropped may go unnoticed.
        """
        self._look_every = look_every
        self._looking = asyncio.Lock()
        self._sound_until = 0.0
        self._client = _client(url)
        self.patience: Final = self._client.options.timeout or None
        """Seconds that a call may take (`timeoutMS`), however long others keep it waiting; None: as long as it takes."""
        self._closing: list[Callable[[], Awaitable[None]]] = []
        self._open_within = open_within
        self._confirmed: ObjectId | None = None
        level = self._client.read_concern.level
        self._is_linearizable = level == "linearizable"
        self._database = self._client.get_database(
            _database_name(url),
            read_preference=ReadPreference.PRIMARY,
            write_concern=MAJORITY,
            read_concern=ReadConcern("majority"),
        )
        plain = self._database[schema.COLLECTION]
        self._strict = plain.with_options(read_concern=ReadConcern("linearizable"))
        self.records: AsyncCollection[Document] = self._strict if self._is_linearizable else plain
        """Majority writes with journal."""
        self.changes: AsyncCollection[Change] = plain.with_options(codec_options=CodecOptions[Change]())

    async def __aenter__(self) -> Self:
        """Open."""
        await self.open()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close."""
        await self.close()

    async def open(self) -> None:
        """Look at the server, its collation and indexes; learn who is primary."""
        try:
            with self._bounded():
                await self._look_at_server()
                await self._look_at_collection()
                await self.read(lambda: self._strict.find_one({"_id": _NOBODY}))
        except Unavailable as away:
            without = self._without_majority()
            await self.close()
            raise (without or away) from away
        except BaseException:
            await self.close()
            raise

    async def close(self) -> None:
        """Turn away who waits, and end all connections."""
        for end in self._closing:
            await end()
        await self._client.close()

    def on_close(self, end: Callable[[], Awaitable[None]]) -> None:
        """Call this before the connections end."""
        self._closing.append(end)

    async def migrate(self, *, keep_first: bool = False) -> list[str]:
        """Make the indexes that are missing; their names. Needs no `open`; may be repeated.

        Raises `DuplicatesError` where records stand in the way, unless `keep_first` says what becomes of them.
        """
        with self._bounded():
            await self._look_at_server()
        with translated("store"), pymongo.timeout(BUILD_WITHIN):
            return list(await schema.migrate(self._database, keep_first=keep_first))

    async def checked(self) -> None:
        """Returned: the indexes were there `look_every` ago or later. Raises `Unavailable` while one is missing.

        Without the unique one, two events could have one seq and two decisions one event: nothing is written then.
        """
        if time.monotonic() < self._sound_until:
            return
        async with self._looking:
            asked = time.monotonic()
            if asked < self._sound_until:
                return
            with translated("store"):
                lacking = await schema.missing(self.records)
            if lacking:
                raise Unavailable(f"store (it lacks the indexes {', '.join(lacking)}; run: convalias migrate)")
            self._sound_until = asked + self._look_every.total_seconds()

    def doubt(self) -> None:
        """Note that the indexes may not be as they were: the next call looks before it goes on."""
        self._sound_until = 0.0

    async def examine(self) -> Sequence[Observation]:
        """Members, permissions, concerns and the clock of an opened database. Nothing is changed."""
        return await examining.examine(self._database, self.records)

    async def read(self, ask: Callable[[], Awaitable[T]]) -> T:
        """The answer of a primary that knows all that was ever acknowledged. Raises `Unavailable`."""
        with translated("records"):
            for _ in range(_FAILOVERS):
                answer = await ask()
                # Which election it was is looked up after the answer: a new primary is known before it is asked.
                if self._is_linearizable or ((elected := self._election()) and elected == self._confirmed):
                    return answer
                await self._confirm()
        raise Unavailable("records")

    async def _confirm(self) -> None:
        """A linearizable read waits for a majority to follow this primary: its own view then holds all before it."""
        before = self._election()
        self.doubt()  # another primary, perhaps restored from elsewhere
        await self._strict.find_one({"_id": _NOBODY})
        if before is not None and before == self._election():
            self._confirmed = before

    def _bounded(self) -> AbstractContextManager[object]:
        """All calls inside together end within that time, whatever the URL allows each of them."""
        return nullcontext() if self._open_within is None else pymongo.timeout(self._open_within.total_seconds())

    def _election(self) -> ObjectId | None:
        """Of the primary that the driver sees now."""
        for server in self._client.topology_description.server_descriptions().values():
            if server.server_type_name == "RSPrimary":
                return server.election_id
        return None

    def _without_majority(self) -> Unavailable | None:
        """Why nobody answers, where members do and none of them is primary: the others are what has to be mended."""
        kinds = [one.server_type_name for one in self._client.topology_description.server_descriptions().values()]
        if "RSPrimary" in kinds or not {"RSSecondary", "RSOther"} & {*kinds}:
            return None
        return Unavailable("the primary of the store's replica set (a majority of its members must run)")

    async def _look_at_server(self) -> None:
        try:
            hello = await self._client.admin.command("hello")
            await self._database.command("listCollections", nameOnly=True)
        except PyMongoError as error:
            if is_not_allowed(error):
                raise UnusableStoreError(
                    "MongoDB refuses these credentials", right="set a user with the role readWrite on this database"
                ) from error
            raise translate(error, "store") from error
        is_router = hello.get("msg") == "isdbgrid"
        if not is_router and "setName" not in hello:
            raise UnusableStoreError(
                "this mongod stands alone", right="start it with --replSet and run rs.initiate(); one member will do"
            )
        if hello["maxWireVersion"] < _WIRE_VERSION:
            raise UnusableStoreError("this MongoDB is older than 5.0", right="use 5.0 or later")
        self._see_router(is_router=is_router)

    def _see_router(self, *, is_router: bool) -> None:
        if is_router:
            self._is_linearizable = True
            self.records = self._strict

    async def _look_at_collection(self) -> None:
        with translated("store"):
            lacking = await schema.missing(self.records)
            options = await self.records.options()
        if "collation" in options:
            raise UnusableStoreError(
                f"the collection {schema.COLLECTION} sorts by a collation", right="make it without: ids sort by octets"
            )
        if lacking:
            raise UnusableStoreError(f"it lacks the indexes {', '.join(lacking)}", right="run: convalias migrate")


def _client(url: str) -> AsyncMongoClient[Document]:
    """Options of ours under those of the URL; what would break a promise is refused, not overruled in silence."""
    try:
        client = AsyncMongoClient[Document](_with_defaults(url), connect=False)
    except (ConfigurationError, InvalidURI, ValueError, TypeError) as error:
        # The error may quote the URL, and with it a password.
        raise UnusableStoreError(
            "its URL cannot be read", right="write mongodb://user:password@host/database with the driver's options"
        ) from (None if isinstance(error, InvalidURI) else error)
    concern = client.write_concern.document
    if concern.get("w", "majority") != "majority" or concern.get("j") is False:
        raise UnusableStoreError("its URL asks for less than majority writes", right="remove w and journal from it")
    if client.read_concern.level not in {None, "majority", "linearizable"}:
        raise UnusableStoreError(
            f"its URL asks for {client.read_concern.level} reads", right="leave it out, or use linearizable"
        )
    return client


def _with_defaults(url: str) -> str:
    parts = urlsplit(url)
    named = {name.lower() for name, _ in parse_qsl(parts.query)}
    ours = urlencode({name: value for name, value in DEFAULTS.items() if name.lower() not in named})
    return parts._replace(path=parts.path or "/", query="&".join(filter(None, (parts.query, ours)))).geturl()


def _database_name(url: str) -> str:
    return urlsplit(url).path.strip("/") or NAME
