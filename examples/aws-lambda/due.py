"""The function of the schedule: sends notifications, and does all else that is due."""

from datetime import timedelta
from typing import Any

from convalias.blocking import Convalias
from mail import Context

SPARE = timedelta(seconds=40)
"""For what is under way when the time is over, for closing, and for the answer."""

cv = Convalias.from_toml("convalias.toml")


def handler(event: dict[str, Any], context: Context) -> dict[str, Any]:
    left = timedelta(milliseconds=context.get_remaining_time_in_millis()) - SPARE
    with cv:  # closed at the end: a container is frozen then, and others would wait for what it holds
        idle = cv.run_until_idle(within=max(left, timedelta(0)))
    return {"done": dict(idle.done), "in_time": idle.in_time}
