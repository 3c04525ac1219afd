"""Requests of several calls: how many are under way, and what follows when one is refused."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Final, TypeAlias, TypeVar

from convalias.adapters._sharing import Send
from convalias.ports.errors import Unavailable

E = TypeVar("E")
A = TypeVar("A")
Known: TypeAlias = Callable[[Sequence[E]], Awaitable[Sequence[A | Exception | None]]]
"""What is known of entries whose request was refused; None: nothing was done of this one."""

AT_ONCE: Final = 2
"""Requests of one kind under way: one to be answered, and one to be sent meanwhile. The others gather."""


async def nothing_known(entries: Sequence[object]) -> Sequence[None]:
    """Know nothing, as of reads: each may be sent again."""
    return [None] * len(entries)


def apart(send: Send[E, A], known: Known[E, A] = nothing_known) -> Send[E, A]:
    """Send each entry again by itself if a request was refused as a whole. One of them is to blame.

    `known` tells what was done all the same, so that nothing is sent twice. An outage is everybody's: nobody knows
    what was done, and nothing is sent again.
    """

    async def sent(entries: Sequence[E]) -> Sequence[A | Exception]:
        try:
            return await send(entries)
        except Unavailable:
            raise
        except Exception:
            if len(entries) == 1:
                raise
        done = await known(entries)
        return [
            await alone(entry) if outcome is None else outcome for entry, outcome in zip(entries, done, strict=True)
        ]

    async def alone(entry: E) -> A | Exception:
        try:
            (outcome,) = await send([entry])
        except Exception as error:  # noqa: BLE001 - whatever it is, it is of this one alone
            return error
        return outcome

    return sent
