"""A part of the façade without `await`: each call finds the service of now, on the background loop, and waits."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager, AbstractContextManager
from typing import Generic, TypeVar

from convalias.app.facade import Convalias
from convalias.blocking.opening import Opening

S = TypeVar("S")
T = TypeVar("T")


class Part(Generic[S]):
    """A service, found anew at each call: settings may have changed, and a fork may have come between."""

    def __init__(self, opening: Callable[[], Opening], find: Callable[[Convalias], S]) -> None:
        """Call nothing. `opening`: of the process that calls; `find`: the service."""
        self._opening = opening
        self._find = find

    def _wait(self, ask: Callable[[S], Awaitable[T]]) -> T:
        find = self._find
        return self._opening().call(lambda cv: ask(find(cv)))

    def _do(self, ask: Callable[[S], T]) -> T:
        """What needs no waiting is done on the loop too: a service belongs to it."""
        find = self._find

        async def done(cv: Convalias) -> T:
            return ask(find(cv))

        return self._opening().call(done)

    def _enter(self, ask: Callable[[S], AbstractAsyncContextManager[T]]) -> AbstractContextManager[T]:
        find = self._find
        return self._opening().entered(lambda cv: ask(find(cv)))
