"""Questions of `convalias doctor` to a MongoDB: members, credentials, a majority write, its clock."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final

from pymongo.asynchronous.collection import AsyncCollection
from pymongo.asynchronous.database import AsyncDatabase

from convalias.adapters.mongo.documents import Document, KeyDocument
from convalias.adapters.mongo.errors import translated
from convalias.ports.examining import Grade, Observation, clocks, weak, wrong

_NEEDED: Final = frozenset({"changeStream", "createIndex", "find", "insert", "listIndexes", "remove", "update"})
"""All of them are in the role readWrite."""
_MEMBERS: Final = 3
_MOST: Final = 10
_NOBODY: Final[KeyDocument] = {"table": "", "partition": "", "id": "doctor"}


async def examine(database: AsyncDatabase[Document], records: AsyncCollection[Document]) -> Sequence[Observation]:
    """Return every observation about an opened database, whose indexes were looked at then. Raises `Unavailable`."""
    with translated("store"):
        asked = datetime.now(UTC)
        hello = await database.client.admin.command("hello")
        answered = datetime.now(UTC)
        status = await database.command("connectionStatus", showPrivileges=True)
        may = permissions(status["authInfo"], database=database.name, collection=records.name)
        found = [members(hello), may, Observation(about="indexes", found="are as they have to be")]
        if may.grade is not Grade.WRONG:
            # It matches nothing, and is answered once a majority has all that was written before it.
            await records.update_one({"_id": _NOBODY}, {"$set": {"version": ""}})
            found.append(Observation(about="write and read concern", found=_concerns(records)))
    return [*found, clocks(hello["localTime"].replace(tzinfo=UTC), asked=asked, answered=answered)]


def members(hello: Mapping[str, Any]) -> Observation:
    """Observe the members of the replica set. Behind a router they cannot be seen."""
    about = "replica set"
    if hello.get("msg") == "isdbgrid":
        return Observation(about=about, found="a sharded cluster, seen through its router")
    data = [*hello.get("hosts", ()), *hello.get("passives", ())]
    found = f"{hello.get('setName')}: {len(data)} members with data, {len(hello.get('arbiters', ()))} arbiters"
    if hello.get("arbiters"):
        return weak(about, found, "replace the arbiter by a member with data: else one that is down stops all writes")
    if len(data) < _MEMBERS:
        return weak(about, found, "let the set have three members with data: then one may be lost")
    return Observation(about=about, found=found)


def permissions(who: Mapping[str, Any], *, database: str, collection: str) -> Observation:
    """Observe the privileges that the server itself tells of."""
    about = "permissions"
    if not who.get("authenticatedUsers"):
        return weak(about, "nobody is asked who they are", "switch authorization on, and give us a user")
    granted = {
        action
        for privilege in who.get("authenticatedUserPrivileges", ())
        if _covers(privilege.get("resource", {}), database, collection)
        for action in privilege.get("actions", ())
    }
    if lacking := sorted(_NEEDED - granted):
        return wrong(about, f"not granted: {', '.join(lacking)}", f"grant the role readWrite on {database}")
    if roles := _too_many(who.get("authenticatedUserRoles", ())):
        return weak(about, f"more than is needed: {', '.join(roles)}", f"readWrite on {database} is enough")
    return Observation(about=about, found="readWrite, or as much")


def _covers(resource: Mapping[str, Any], database: str, collection: str) -> bool:
    if resource.get("anyResource"):
        return True
    return resource.get("db") in {"", database} and resource.get("collection") in {"", collection}


def _too_many(roles: Iterable[Mapping[str, Any]]) -> Sequence[str]:
    powerful = {"__system", "dbAdminAnyDatabase", "readWriteAnyDatabase", "root", "userAdminAnyDatabase"}
    return sorted({str(role["role"]) for role in roles} & powerful)[:_MOST]


def _concerns(records: AsyncCollection[Document]) -> str:
    return f"a write was answered at w: majority, j: true; reads at {records.read_concern.level}"
