"""Let the first call about a message wait while its conversation is over the bound of an hour."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from datetime import datetime
from typing import Final

from attrs import field, frozen

from convalias.domain.conversations.events import ConversationEvent
from convalias.domain.ids import ConversationId
from convalias.domain.outbound.decision import postponed, tells_anybody
from convalias.domain.outbound.delivery import DeliveryDecision
from convalias.domain.outbound.pacing import AuthorGroup, MessageBounds, Release, Releases, at_once, group_of, released
from convalias.ports.ambient import Telemetry
from convalias.ports.event_log import UNPLACED
from convalias.stores.conversations.access import ConversationAccess
from convalias.stores.errors import Contended
from convalias.stores.outbound.paces import Paces
from convalias.stores.remembering import remember

PAGE: Final = 500
TRIES: Final = 100
REMEMBERED: Final = 100
"""Busy conversations of which the last hour is known, per process."""


@frozen
class _Recent:
    """The latest releases of a group up to that seq, if none of them had to wait."""

    seq: int
    releases: tuple[Release, ...]


def _nothing() -> OrderedDict[tuple[ConversationId, AuthorGroup], _Recent]:
    return OrderedDict()


@frozen(kw_only=True)
class Pacing:
    """Releases messages in order, as many an hour as the bounds allow. Raises `Unavailable`, `Contended`.

    Most conversations cost no call: the first messages of each, up to the bound, cannot exceed it. A message behind
    them costs two reads (in a busy conversation one of them is of what came since the last), and a write only once
    messages of its conversation wait. A message of a host has no number: it costs a read and a write.
    """

    conversations: ConversationAccess
    paces: Paces
    telemetry: Telemetry
    bounds: MessageBounds = MessageBounds()
    _recent: OrderedDict[tuple[ConversationId, AuthorGroup], _Recent] = field(
        factory=_nothing, init=False, repr=False, eq=False
    )
    """What the last look at a busy conversation found: the next one goes on from there."""

    async def paced(self, decision: DeliveryDecision, event: ConversationEvent) -> DeliveryDecision:
        """Return the decision, postponed if its message has to wait. Asked again about a message, the answer is the same."""
        group = group_of(event)
        if group is None or not tells_anybody(decision):
            return decision
        if event.seq != UNPLACED and event.seq <= self.bounds.of(group):
            return decision
        at = await self._release(event, group)
        if at <= (decision.due_at or decision.decided_at):
            return decision
        self.telemetry.measure("mons.messages.postponed", 1, author=group.value)
        most = self.bounds.of(group)
        return postponed(decision, until=at, why=f"waits, more than {most} messages an hour of {group.value} authors")

    async def _release(self, event: ConversationEvent, group: AuthorGroup) -> datetime:
        most, within = self.bounds.of(group), self.bounds.within
        unplaced = event.id if event.seq == UNPLACED else None
        for _ in range(TRIES):
            standing = await self.paces.get(event.conversation, group)
            before = await self._history(event, group) if standing is None else standing.releases.latest
            release, latest = released(before, event.seq, event.appended_at, most=most, within=within, event=unplaced)
            is_free = standing is None and release.at <= event.appended_at
            if release in before or (is_free and unplaced is None):
                return release.at
            releases = Releases(conversation=event.conversation, group=group, latest=latest)
            if await self.paces.put(releases, instead_of=standing):
                return release.at
        raise Contended("releases of a conversation")

    async def _history(self, event: ConversationEvent, group: AuthorGroup) -> Sequence[Release]:
        """Return the releases in the hour before the event. None of it had to wait: else its releases were kept.

        Who decides about one message after the other reads only what came since the last.
        """
        if event.seq == UNPLACED:
            return ()  # no number tells how many came before: the releases of each are kept, from the first
        name = event.conversation, group
        known, most = self._recent.get(name), self.bounds.of(group)
        if known is not None and known.seq < event.seq <= known.seq + PAGE:
            new = event.seq - 1 - known.seq
            page = await self.conversations.after(event.conversation, known.seq, limit=new) if new else ()
            found = (*known.releases, *at_once(page, group))[-most:]
        else:
            (earliest,) = await self.conversations.after(event.conversation, event.seq - most - 1, limit=1)
            if earliest.appended_at <= event.appended_at - self.bounds.within:
                return ()  # too few since, whatever they are
            found = tuple(await self._read(event, group))
        remember(self._recent, name, _Recent(event.seq - 1, found), most=REMEMBERED)
        return found

    async def _read(self, event: ConversationEvent, group: AuthorGroup) -> Sequence[Release]:
        most, since = self.bounds.of(group), event.appended_at - self.bounds.within
        found: Sequence[Release] = ()
        end = event.seq - 1
        while end and len(found) < most:
            begin = max(end - PAGE, 0)
            page = await self.conversations.after(event.conversation, begin, limit=end - begin)
            found = (*at_once(page, group), *found)
            if page[0].appended_at <= since:
                break
            end = begin
        return found
