"""Answers 5xx and 401 as log lines and counts: class, engine and ids, never a posted body or a token."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import UTC, datetime
from typing import Final

from attrs import frozen
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from convalias.ports.ambient import Telemetry
from convalias.services.running.log_lines import LogLines, cause_of
from convalias.services.running.outages import leaves, outage_in
from convalias.services.running.places import told_of

log: Final = logging.getLogger("convalias.http")
"""Logger `convalias.http`: each answer 5xx or 401 of the doors, without personal data."""
METRIC: Final = "icer.http.errors"
NOT_OPEN: Final = "not open yet"
FAILED: Final = 500
REFUSED: Final = 400
UNPROVED: Final = 401
"""A post that nothing proves is lost if it was genuine: most providers never post again after it."""
Endpoint = Callable[[Request], Awaitable[Response]]


class Wall:
    """The clock of this machine, for an app that was given no lines of its own."""

    def now(self) -> datetime:
        """Return the time."""
        return datetime.now(UTC)


def because(request: Request, why: BaseException | str) -> None:
    """Remember why this request fails, for the line."""
    request.state.because = why


@frozen(kw_only=True)
class Failures:
    """Writes the lines: equal ones once a minute, with a count. Counts each answer."""

    lines: LogLines
    counts: Callable[[], Telemetry | None]
    """Where they are counted, asked for at each; None: nowhere."""

    def told(self, route: str, endpoint: Endpoint) -> Endpoint:
        """Return the end point of that route, whose answers 5xx and 401 are told. What it raises becomes a 500."""

        async def answered(request: Request) -> Response:
            try:
                response = await endpoint(request)
            except Exception as error:  # noqa: BLE001 - whatever it is: the server would write each of them, unbounded
                because(request, error)
                response = PlainTextResponse("failed\n", FAILED)
            why = getattr(request.state, "because", "")
            if response.status_code >= FAILED or response.status_code == UNPROVED or isinstance(why, BaseException):
                # Whoever posted was told that all is well, and will not say it again.
                level = logging.ERROR if response.status_code < REFUSED else logging.WARNING
                self._tell(f"{request.method} {route} answered {response.status_code}", why, level)
                self._count(route, response.status_code, why)
            return response

        return answered

    def _tell(self, what: str, why: BaseException | str, level: int) -> None:
        if isinstance(why, str):
            self.lines.repeated(f"{what}: {why}" if why else what)
            return
        trace, record = (str(getattr(why, name, "")) for name in ("trace", "record"))
        engine = "" if outage_in(why) is None else cause_of(why)
        told = f"{_class_of(why)}: {engine}" if engine else told_of(why)
        self.lines.repeated(f"{what}: {told}", level=level, engine=engine, trace=trace, record=record)

    def _count(self, route: str, status: int, why: BaseException | str) -> None:
        with suppress(Exception):  # a figure that cannot be taken changes no answer
            telemetry = self.counts()
            if telemetry is None:
                return
            error = "" if isinstance(why, str) else _class_of(why)
            telemetry.measure(METRIC, 1, door=route, status=str(status), error=error)


def _class_of(error: BaseException) -> str:
    return type(next(leaves(error))).__name__
