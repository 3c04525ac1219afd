"""Broken `ReadMarks` and `History` for each of their checks."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence

from attrs import evolve

from convalias.ports import Message
from convalias.testing.conformance import MakeConversations, MakeReadMarks
from hosts.memory import Conversations, opened


class NobodyReads(Conversations):
    async def read(self, thread: str, message: str, accounts: Collection[str]) -> Collection[str]:
        return set()


class NamesAllReaders(Conversations):
    async def read(self, thread: str, message: str, accounts: Collection[str]) -> Collection[str]:
        return {account for of, read, account in self.tables.reads if (of, read) == (thread, message)}


class ReadOnceIsReadForEver(Conversations):
    async def read(self, thread: str, message: str, accounts: Collection[str]) -> Collection[str]:
        return {account for of, _, account in self.tables.reads if of == thread} & {*accounts}


class OldestFirst(Conversations):
    async def history(self, thread: str, *, before: str | None = None, limit: int) -> Sequence[Message]:
        return [*reversed(await super().history(thread, before=before, limit=limit))]


class PagesOverlap(Conversations):
    async def history(self, thread: str, *, before: str | None = None, limit: int) -> Sequence[Message]:
        return await super().history(thread, before=before and str(int(before) + 1), limit=limit)


class ShowsTheFirstText(Conversations):
    async def history(self, thread: str, *, before: str | None = None, limit: int) -> Sequence[Message]:
        return [evolve(one, text="said 0") for one in await super().history(thread, before=before, limit=limit)]


MARKS: Mapping[str, Callable[[], MakeReadMarks]] = {
    "who has read a message is named": lambda: opened(NobodyReads),
    "the asked alone are named": lambda: opened(NamesAllReaders),
    "what came later is not read": lambda: opened(ReadOnceIsReadForEver),
}
HISTORIES: Mapping[str, Callable[[], MakeConversations]] = {
    "history is newest first": lambda: opened(OldestFirst),
    "pages meet without a gap": lambda: opened(PagesOverlap),
    "history says what find says": lambda: opened(ShowsTheFirstText),
}
