"""SpfCheck by pyspf: every look-up goes through a resolver of ours, counted and in time, off the event loop."""

from __future__ import annotations

import asyncio
import time
import warnings
from collections.abc import Coroutine
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any, Final, TypeVar

from convalias.ports.dns import HostAnswer, HostKind, HostRecords, HostResolver, TemporaryFailure, TxtAnswer, TxtRecords
from convalias.ports.spf import SpfCheck as SpfCheckPort
from convalias.ports.spf import SpfResult

with warnings.catch_warnings():
    # Its source has backslashes that newer versions of Python warn of, when they compile it first.
    warnings.simplefilter("ignore")
    import spf

T = TypeVar("T")

_LOOK_UPS: Final = 60
"""RFC 7208 §4.6.4 allows ten that lead to further ones, each to ten names; honest domains stay far below it."""
_LONGEST_RECORD: Final = 4096
"""RFC 7208 §3.4: a record should fit 512 octets. Macros multiply what stands in a record by the sender's address."""
_LONGEST_SENDER: Final = 320  # RFC 5321 §4.5.3.1
_LONGEST_NAME, _LONGEST_LABEL = 253, 63  # RFC 1035 §2.3.4
_HOSTS: Final[dict[str, HostKind]] = {"A": "A", "AAAA": "AAAA", "MX": "MX", "PTR": "PTR"}
_RESULTS: Final = {"pass": SpfResult.PASS, "temperror": SpfResult.TEMPERROR}
_PermError: Final[type[Exception]] = spf.PermError
_TempError: Final[type[Exception]] = spf.TempError
_MOST_VOID: Final[int] = spf.MAX_VOID_LOOKUPS


class SpfCheck(SpfCheckPort):
    """`ports.SpfCheck`. A check that comes to no end in time is a temporary error, and its thread ends with it."""

    def __init__(self, resolver: HostResolver, *, within: timedelta = timedelta(seconds=3), threads: int = 4) -> None:
        """`within`: for one check, the wait for a thread included."""
        self._resolver = resolver
        self._within = within.total_seconds()
        self._threads = ThreadPoolExecutor(threads, "convalias-spf")

    async def check(self, client: str, sender: str, helo: str) -> SpfResult:
        """Whether that client may send for the domain of the sender."""
        if len(sender) > _LONGEST_SENDER or len(helo) > _LONGEST_NAME:
            return SpfResult.NO_PASS
        loop = asyncio.get_running_loop()
        asked = _Asked(self._resolver, loop, until=time.monotonic() + self._within)
        try:
            async with asyncio.timeout(self._within):
                return await loop.run_in_executor(self._threads, asked.result, client, sender, helo)
        except TimeoutError:
            return SpfResult.TEMPERROR
        finally:
            asked.until = 0.0


class _Asked:
    """One check, in a thread."""

    def __init__(self, resolver: HostResolver, loop: asyncio.AbstractEventLoop, *, until: float) -> None:
        self.until = until
        self._resolver = resolver
        self._loop = loop
        self._answers: dict[tuple[str, str], list[Any]] = {}
        self._query: Any = None

    def result(self, client: str, sender: str, helo: str) -> SpfResult:
        try:
            self._query = spf.query(client, sender, helo, strict=True)
            self._query.dns = self.dns  # its one way to a name server
            found = str(self._query.check()[0])
        except Exception:  # noqa: BLE001 - whatever the library makes of a stranger's record, it is no pass
            return SpfResult.NO_PASS
        return _RESULTS.get(found, SpfResult.NO_PASS)

    def dns(self, name: str, qtype: str, cnames: object = None, *, ignore_void: bool = False) -> list[Any]:
        """Stands for the library's own: the records of a name, in its form."""
        name = str(name).rstrip(".").lower()
        if not _is_name(name):
            return []
        if (name, qtype) not in self._answers:
            if len(self._answers) >= _LOOK_UPS:
                raise _PermError("too many look-ups")
            self._answers[name, qtype] = self._asked(name, qtype)
        found = self._answers[name, qtype]
        if not found and not ignore_void:
            self._query.void_lookups += 1
            if self._query.void_lookups > _MOST_VOID:
                raise _PermError("too many names without records")
        return [*found]

    def _asked(self, name: str, qtype: str) -> list[Any]:
        answer: TxtAnswer | HostAnswer
        if qtype == "TXT":
            answer = self._waited(self._resolver.txt(name))
            if isinstance(answer, TxtRecords):
                return [(text,) for text in answer.texts if len(text) <= _LONGEST_RECORD]
        elif qtype in _HOSTS:
            answer = self._waited(self._resolver.hosts(name, _HOSTS[qtype]))
            if isinstance(answer, HostRecords):
                return [*enumerate(answer.values)] if qtype == "MX" else [*answer.values]
        else:
            return []
        if isinstance(answer, TemporaryFailure):
            raise _TempError("no name server answers")
        return []

    def _waited(self, look_up: Coroutine[Any, Any, T]) -> T:
        """Look up in the loop, while this thread waits."""
        left = self.until - time.monotonic()
        if left <= 0 or self._loop.is_closed():
            look_up.close()
            raise _TempError("no time is left")
        future = asyncio.run_coroutine_threadsafe(look_up, self._loop)
        try:
            return future.result(left)
        except TimeoutError:
            future.cancel()
            raise _TempError("no answer in time") from None


def _is_name(name: str) -> bool:
    labels = name.split(".")
    return name.isascii() and len(name) <= _LONGEST_NAME and all(0 < len(label) <= _LONGEST_LABEL for label in labels)
