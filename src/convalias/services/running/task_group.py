"""Tasks that begin in a block and have all ended when it is left."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Coroutine
from types import TracebackType
from typing import Any, Self, TypeVar

T = TypeVar("T")


class TaskGroup:
    """`asyncio.TaskGroup` for long-lived tasks: it leaves whoever used it no more cancelled than he was.

    Before Python 3.13, a group whose child fails while its end is waited for leaves its task one request to cancel
    behind (https://github.com/python/cpython/issues/116720). With that, `asyncio.timeout` cancels the task instead of
    raising `TimeoutError`: always before 3.11.4, later where the group was inside of it; and so a worker that had
    survived one outage ended without a word at the next. Unlike asyncio's, it does not interrupt its own body, and
    being cancelled wins over what failed at the same time.
    """

    def __init__(self) -> None:
        """No task yet."""
        self._tasks: list[asyncio.Task[Any]] = []

    async def __aenter__(self) -> Self:
        """The group itself."""
        return self

    def create_task(self, work: Coroutine[Any, Any, T], *, name: str | None = None) -> asyncio.Task[T]:
        """Begin it. Its result may be read when the block was left."""
        task = asyncio.get_running_loop().create_task(work, name=name)
        self._tasks.append(task)
        return task

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Wait for all. The first failure calls off the others, and all are raised as one group.

        What the body raises calls them off too, and stays as it is.
        """
        try:
            if error is None and self._tasks:
                await asyncio.wait(self._tasks, return_when=asyncio.FIRST_EXCEPTION)
        finally:
            failed = await called_off(self._tasks)
        if failed and error is None:
            raise BaseExceptionGroup("side by side", failed)


async def called_off(tasks: Collection[asyncio.Task[Any]]) -> list[BaseException]:
    """Cancel these, and return what failed when all have ended, however often the caller is cancelled meanwhile."""
    for task in tasks:
        task.cancel()
    cancelled: asyncio.CancelledError | None = None
    while running := [task for task in tasks if not task.done()]:
        try:
            await asyncio.wait(running)
        except asyncio.CancelledError as again:
            cancelled = again
    # Each is asked, or asyncio complains that nobody did.
    failed = [failure for task in tasks if not task.cancelled() and (failure := task.exception())]
    if cancelled is not None:
        raise cancelled
    return failed
