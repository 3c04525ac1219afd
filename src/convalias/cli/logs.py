"""Logging of a process that serves: standard error, ids only, whatever a library would have said."""

from __future__ import annotations

import logging
import sys
import traceback
from types import TracebackType
from typing import Final

_FORMAT: Final = "%(asctime)s %(levelname)s %(name)s %(message)s"
_OURS: Final = "convalias"


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
        """Of other libraries the first line: what follows it quotes tasks, requests and exceptions."""
        if not record.name.startswith(_OURS):
            record.message = record.message.partition("\n")[0]
        return super().formatMessage(record)


def log_to_stderr() -> None:
    """Warnings of everybody and what convalias itself has to say; nothing of each request."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_Masked(_FORMAT))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.WARNING)
    logging.getLogger(_OURS).setLevel(logging.INFO)
