"""The latest releases of a conversation in which more was written than may be mailed within an hour."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from attrs import frozen

from convalias.codec import dump, load
from convalias.domain.ids import ConversationId
from convalias.domain.outbound.pacing import AuthorGroup, Releases
from convalias.ports.records import Insert, Key, Records, Replace, Stored, Written
from convalias.stores.encoding import encoded
from convalias.stores.retention import ends

TABLE: Final = "paces"
KEPT: Final = timedelta(days=7)
"""Behind the last release: a message that is decided about later than that is mailed to nobody."""


@frozen
class Standing:
    """Releases as they are stored, and the version that stands for them."""

    releases: Releases
    stored: Stored


@frozen(kw_only=True)
class Paces:
    """Compare-and-set on one record for each conversation and group. Raises `Unavailable`."""

    records: Records

    async def get(self, conversation: ConversationId, group: AuthorGroup) -> Standing | None:
        """Return the latest releases, or None where no message had to wait lately."""
        key = _key(conversation, group)
        stored = (await self.records.get([key])).get(key)
        return None if stored is None else Standing(load(stored.body, Releases), stored)

    async def put(self, releases: Releases, *, instead_of: Standing | None) -> bool:
        """Write them in that place. False: another worker was first."""
        key, body = _key(releases.conversation, releases.group), dump(releases)
        due = ends(releases.latest[-1].at, after=KEPT)
        write = Insert(key, body, due=due) if instead_of is None else Replace(key, instead_of.stored.version, body, due)
        (answer,) = await self.records.write([write])
        return isinstance(answer, Written)


def _key(conversation: ConversationId, group: AuthorGroup) -> Key:
    return Key(TABLE, encoded(conversation), group.value)
