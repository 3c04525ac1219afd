"""A host as its people use it, for the suites of its own conversations: what they need beside the port."""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager
from enum import Enum
from typing import Protocol, TypeAlias

from convalias.ports.conversations import Conversations
from convalias.testing.conformance.check import Open


class Held(Enum):
    """The freedom of other writers while one transaction is open."""

    BESIDE = "they go on"
    ALONE = "they wait until it ends"


class HostWorld(Protocol):
    """A process of the host's application, and the port on the same data.

    Every method commits before it returns, through the host's own code or the same statements. Accounts, threads and
    messages are named as the port names them.
    """

    @property
    def conversations(self) -> Conversations:
        """The port under test, with connections of this process."""
        ...

    async def person(self, name: str) -> str:
        """Return the account of a person called so; make it if the host needs that. The same name, the same account."""
        ...

    async def open(self, *accounts: str) -> str:
        """Open a thread with these members. Return its id."""
        ...

    async def join(self, thread: str, account: str) -> None:
        """Make it a member from now on."""
        ...

    async def leave(self, thread: str, account: str) -> None:
        """Make it a member no longer."""
        ...

    async def close(self, thread: str) -> bool:
        """Close the thread. False: this host closes none, and nothing happened."""
        ...

    async def say(self, thread: str, author: str, text: str) -> str:
        """Write a message as the host's own people do, not through the port. Return its id."""
        ...

    async def edit(self, thread: str, message: str, text: str) -> bool:
        """Change its text. False: messages of this host never change, and nothing happened."""
        ...

    async def withdraw(self, thread: str, message: str) -> None:
        """Take it away, as the host's people do: by a mark, or by deleting the row."""
        ...

    def held(self, thread: str, author: str, text: str, *, commit: bool) -> AbstractAsyncContextManager[Held] | None:
        """Write a message in a transaction that stays open inside the block, then commit it or roll it back.

        The block is told whether others can write meanwhile. None: this host cannot hold a transaction open.
        """
        ...


class ReadingWorld(HostWorld, Protocol):
    """A host whose conversations know who has read what."""

    async def mark_read(self, thread: str, message: str, account: str) -> None:
        """Note that this account has read that message."""
        ...


MakeConversations: TypeAlias = Open[HostWorld]
"""Opens the host at a place. The same place opened twice is one host, seen by two of its processes."""
MakeReadMarks: TypeAlias = Open[ReadingWorld]
"""Opens the read marks of a host at a place, as `MakeConversations` does."""
