"""The clock, the entropy and the process of the machine we run on."""

from __future__ import annotations

import asyncio
import os
import secrets
import socket
import threading
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from attrs import frozen

__all__ = ["Clock", "Incarnation"]

_DIGITS: Final = "0123456789abcdefghijklmnopqrstuv"
_ID_LENGTH: Final = 26
_RANDOM_BITS: Final = 74
_PROC: Final = Path("/proc")
_DEAD_STATES: Final = frozenset({"Z", "X", "x"})
"""proc_pid_stat(5): a zombie runs no more, though its parent has not yet asked for it."""


class Clock:
    """`ports.Clock` of this machine. Ids ascend within one clock, even when the wall clock steps back."""

    def __init__(self) -> None:
        """Nothing is read yet."""
        self._last = 0
        self._lock = threading.Lock()

    def now(self) -> datetime:
        """The wall clock, UTC."""
        return datetime.now(UTC)

    async def sleep(self, duration: timedelta) -> None:
        """Wait on the running loop."""
        await asyncio.sleep(max(0.0, duration.total_seconds()))

    def new_id(self) -> str:
        """56 bits of microseconds since 1970, then 74 random bits; base 32 whose digits sort as they count."""
        fresh = (time.time_ns() // 1000 << _RANDOM_BITS) | secrets.randbits(_RANDOM_BITS)
        with self._lock:
            value = self._last = max(fresh, self._last + 1)
        return "".join(_DIGITS[(value >> shift) & 31] for shift in range(5 * (_ID_LENGTH - 1), -1, -5))

    def entropy(self, octets: int) -> bytes:
        """Return random bytes from the operating system."""
        return secrets.token_bytes(octets)


@frozen
class _Run:
    """What tells one run of one process from all others: `scope.pid.start`."""

    scope: str
    """Within which a pid names one process at a time: a boot and its pid name space, or a host."""
    pid: int
    start: str

    def __str__(self) -> str:
        return f"{self.scope}.{self.pid}.{self.start}"

    @classmethod
    def read(cls, name: str) -> _Run | None:
        match name.split("."):
            case [scope, pid, start] if pid.isdecimal() and int(pid) > 0:
                return cls(scope, int(pid), start)
            case _:
                return None


class Incarnation:
    """`ports.Incarnation` of the running process, by boot, pid name space, pid and start time.

    Containers on one machine share its boot but not its pids, and a pid is used again: so all four are compared.
    After a reboot nothing can be told from here, and leases run out by time. Without `/proc` a process counts as
    gone only when no process has its pid.
    """

    def __init__(self, proc: Path = _PROC) -> None:
        """Look at processes in `proc`."""
        self._proc = proc
        self._scope = _scope(proc)
        self._since = f"{time.time_ns():x}"
        self._own = self._run_of_this_process()

    @property
    def name(self) -> str:
        """Return the name of this run; a forked child has its own."""
        if self._own.pid != os.getpid():
            self._own = self._run_of_this_process()
        return str(self._own)

    def is_gone(self, name: str) -> bool:
        """Whether that run surely ended: its pid is free, a zombie's, or another process's by now."""
        run = _Run.read(name)
        if run is None or run.scope != self._scope or name == self.name:
            return False
        start = _start_time(self._proc, run.pid) if self._has_proc() else None
        # Where /proc hides processes of other users, a signal still finds them.
        return not _pid_is_used(run.pid) if start is None else start != run.start

    def _has_proc(self) -> bool:
        return not self._scope.startswith("host-")

    def _run_of_this_process(self) -> _Run:
        pid = os.getpid()
        start = _start_time(self._proc, pid) if self._has_proc() else None
        return _Run(self._scope, pid, start or self._since)


def _scope(proc: Path) -> str:
    try:
        boot = (proc / "sys/kernel/random/boot_id").read_text().strip().replace("-", "")
        space = (proc / "self/ns/pid").stat().st_ino
        if _start_time(proc, os.getpid()) is not None:
            return f"{boot}-{space}"
    except OSError:
        pass
    return "host-" + "".join(char if char.isascii() and char.isalnum() else "-" for char in socket.gethostname())


def _start_time(proc: Path, pid: int) -> str | None:
    """Field 22 of proc_pid_stat(5), in ticks since boot; empty for a zombie, None when none such is to be seen."""
    try:
        stat = (proc / str(pid) / "stat").read_text(errors="replace")
    except (FileNotFoundError, ProcessLookupError):
        return None
    # The second field is the program's name in parentheses, which may hold spaces and parentheses itself.
    fields = stat.rpartition(")")[2].split()
    return "" if fields[0] in _DEAD_STATES else fields[19]


def _pid_is_used(pid: int) -> bool:
    if os.name != "posix":  # elsewhere signal 0 is no question but an end
        return True
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True
