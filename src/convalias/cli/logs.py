"""Logging of a process that serves: standard error, ids only, whatever a library would have said."""

from __future__ import annotations

import json
import logging
import os
import sys
import traceback
from collections.abc import Callable
from datetime import UTC, datetime
from functools import wraps
from types import TracebackType
from typing import Final

import click

from convalias.settings import misspelt

FORMAT: Final = "CONVALIAS_LOG_FORMAT"
LEVEL: Final = "CONVALIAS_LOG_LEVEL"
FORMATS: Final = ("text", "json")
LEVELS: Final = ("debug", "info", "warning", "error")
FIELDS: Final = ("trace", "record", "engine", "worker", "count")
"""Of a line in JSON beside time, level, logger and message, where the line has them."""
_FORMAT: Final = "%(asctime)s %(levelname)s %(name)s %(message)s"
_OURS: Final = "convalias"
log: Final = logging.getLogger("convalias.settings")


class _Masked(logging.Formatter):
    """An exception's message may quote a mail: its class and the lines it passed are told, the message never."""

    def formatException(  # noqa: N802 - the name that logging gave it
        self,
        ei: tuple[type[BaseException], BaseException, TracebackType | None] | tuple[None, None, None],
    ) -> str:
        """`Class at file:line, file:line`, the innermost first."""
        kind, _, trace = ei
        frames = [f"{frame.name}:{frame.lineno}" for frame in reversed(traceback.extract_tb(trace))]
        return f"{'?' if kind is None else kind.__name__} at {', '.join(frames[:8])}"

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802
        """On one line; of other libraries the first: what follows it quotes tasks, requests and exceptions."""
        record.message = _one_line(record.name, record.message)
        return super().formatMessage(record)


class _Json(_Masked):
    """One object a line."""

    def format(self, record: logging.LogRecord) -> str:
        """Time in RFC 3339 (UTC), level, logger, message, and those of `FIELDS` that the line has."""
        at = datetime.fromtimestamp(record.created, UTC)
        line: dict[str, object] = {
            "time": at.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "level": record.levelname,
            "logger": record.name,
            "message": _one_line(record.name, record.getMessage()),
        }
        for name in FIELDS:
            value: object = getattr(record, name, None)
            if isinstance(value, str | int) and value:
                line[name] = value
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return json.dumps(line)


def _one_line(logger: str, message: str) -> str:
    first, *others = message.splitlines() or [""]
    return " ".join([first, *others]) if logger.partition(".")[0] == _OURS else first


def formatter(form: str) -> logging.Formatter:
    """Return what writes a line: `text` or `json`."""
    return _Json() if form == "json" else _Masked(_FORMAT)


def log_to_stderr(*, form: str = "text", level: str = "info") -> None:
    """Log what convalias says from that level on, and warnings of everybody else; nothing of each request."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(formatter(form))
    ours = logging.getLevelNamesMapping()[level.upper()]
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(max(logging.WARNING, ours))
    logging.getLogger(_OURS).setLevel(ours)


def logged(command: Callable[..., int]) -> Callable[..., int]:
    """Give a command the options --log-format and --log-level, and set up its log by them.

    The log begins with the variables of the environment that may be misspelt.
    """

    @click.option(
        "--log-format",
        type=click.Choice(FORMATS),
        default="text",
        show_default=True,
        envvar=FORMAT,
        help=f"Of the log on standard error; json: an object a line. Also ${FORMAT}.",
    )
    @click.option(
        "--log-level",
        type=click.Choice(LEVELS),
        default="info",
        show_default=True,
        envvar=LEVEL,
        help=f"From which level on; info has a line for each mail concluded. Also ${LEVEL}.",
    )
    @wraps(command)
    def with_log(*args: object, **kwargs: object) -> int:
        log_to_stderr(form=str(kwargs.pop("log_format")), level=str(kwargs.pop("log_level")))
        for variable, meant in misspelt(os.environ).items():
            log.warning("nobody reads the variable %s: is %s meant?", variable, meant)
        return command(*args, **kwargs)

    return with_log
