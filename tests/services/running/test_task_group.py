"""All of a group have ended when it is left, and whoever waited for them goes on as if there had been none."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine

import pytest

from convalias.services.running.task_group import TaskGroup


class Broken(Exception):
    pass


async def failing() -> None:
    await asyncio.sleep(0)
    raise Broken


async def side_by_side(*work: Callable[[], Coroutine[None, None, None]]) -> None:
    async with TaskGroup() as group:
        for one in work:
            group.create_task(one())


class Endless:
    """Work that ends only when it is called off, and takes its time then."""

    def __init__(self, *, fails: bool = False) -> None:
        self.began, self.ended = asyncio.Event(), False
        self.fails = fails

    async def __call__(self) -> None:
        self.began.set()
        try:
            await asyncio.get_running_loop().create_future()
        finally:
            for _ in range(5):
                await asyncio.sleep(0)
            self.ended = True
            if self.fails:
                raise Broken


def in_a_task(story: Callable[[], Awaitable[None]]) -> None:
    async def main() -> None:
        complaints: list[object] = []
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(lambda _, context: complaints.append(context))
        await story()
        assert len(asyncio.all_tasks()) == 1
        assert not complaints

    asyncio.run(main())


def requests() -> int:
    task = asyncio.current_task()
    assert task is not None
    return task.cancelling()


def test_results_are_there_when_the_block_was_left() -> None:
    async def story() -> None:
        async with TaskGroup() as group:
            one = group.create_task(asyncio.sleep(0, "one"), name="first")
            two = group.create_task(asyncio.sleep(0, 2))
        assert (one.result(), two.result(), one.get_name()) == ("one", 2, "first")
        async with TaskGroup():
            """Nothing to do."""

    in_a_task(story)


def test_a_failure_calls_off_the_others_and_leaves_no_request_to_cancel() -> None:
    """Python bug 116720: `asyncio.timeout` in the same task would cancel it instead of raising."""

    async def story() -> None:
        other = Endless()
        with pytest.raises(ExceptionGroup) as raised:
            await side_by_side(other, failing)
        assert [type(one) for one in raised.value.exceptions] == [Broken]
        assert other.began.is_set()
        assert other.ended
        assert not requests()
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0):
                await asyncio.get_running_loop().create_future()

    in_a_task(story)


def test_an_outage_inside_of_a_timeout_does_not_take_its_place() -> None:
    """Asyncio's own group loses the `TimeoutError` here before Python 3.13."""

    async def story() -> None:
        async def survives_one() -> None:
            with pytest.raises(ExceptionGroup):
                await side_by_side(failing)
            await asyncio.get_running_loop().create_future()

        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.001):
                await survives_one()

    in_a_task(story)


def test_all_that_failed_is_told() -> None:
    async def story() -> None:
        with pytest.raises(ExceptionGroup) as raised:
            await side_by_side(Endless(fails=True), failing)
        assert [type(one) for one in raised.value.exceptions] == [Broken, Broken]

    in_a_task(story)


def test_what_the_body_raises_calls_off_all_and_stays_as_it_is() -> None:
    async def story() -> None:
        other = Endless(fails=True)

        async def fails_itself() -> None:
            async with TaskGroup() as group:
                group.create_task(other())
                await other.began.wait()
                raise KeyError

        with pytest.raises(KeyError):
            await fails_itself()
        assert other.ended

    in_a_task(story)


@pytest.mark.parametrize("times", [1, 2, 3])
def test_cancelled_it_waits_for_its_tasks_and_wins_over_what_fails(times: int) -> None:
    async def story() -> None:
        other = Endless(fails=True)
        task = asyncio.create_task(side_by_side(other))
        await other.began.wait()
        for _ in range(times):
            task.cancel()
            await asyncio.sleep(0)
            await asyncio.sleep(0)
        with pytest.raises(asyncio.CancelledError):
            await task
        assert other.ended

    in_a_task(story)


def test_a_task_that_was_cancelled_alone_ends_alone() -> None:
    async def story() -> None:
        async with TaskGroup() as group:
            alone = group.create_task(Endless()())
            await asyncio.sleep(0)
            alone.cancel()
            other = group.create_task(asyncio.sleep(0, 3))
        assert alone.cancelled()
        assert other.result() == 3

    in_a_task(story)
