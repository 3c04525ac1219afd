"""Keep the child of a fork from a file that was open in its parent.

Connections of one process share what SQLite knows of its own locks on a file. A child inherits that knowledge without the
locks: its connections would take none, others would remove the log under them, and what they wrote would be lost
(https://sqlite.org/howtocorrupt.html, section 2.6).
"""

from __future__ import annotations

import os
import sqlite3
from pathlib import Path
from typing import Final
from weakref import WeakSet

from convalias.adapters.embedded.errors import UnusableDirectoryError


class _Connection(sqlite3.Connection):
    """A connection of which it is known which file it has open."""

    path = Path()

    def close(self) -> None:
        """Close it; its file may then be opened on both sides of a fork."""
        super().close()
        _OPEN.discard(self)


_OPEN: Final = WeakSet[_Connection]()
_INHERITED: Final = set[Path]()


def connection(path: Path) -> sqlite3.Connection:
    """Open the file: without a transaction of its own, for any thread, waiting for no lock.

    Raises `UnusableDirectoryError` where it was open when this process was forked.
    """
    resolved = path.resolve()
    if resolved in _INHERITED:
        right = "close it before a fork, or open it in the child alone; convalias.blocking does the first by itself"
        raise UnusableDirectoryError(path, "was open when this process was forked", right=right)
    opened = sqlite3.connect(path, timeout=0, isolation_level=None, check_same_thread=False, factory=_Connection)
    opened.path = resolved
    _OPEN.add(opened)
    return opened


def _in_child() -> None:
    _INHERITED.update(one.path for one in _OPEN)


if hasattr(os, "register_at_fork"):  # not on Windows, which has no fork
    os.register_at_fork(after_in_child=_in_child)
