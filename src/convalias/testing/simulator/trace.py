"""A trace of the ports: a running digest over every call, and, when asked, the calls themselves."""

from __future__ import annotations

import hashlib
from collections import Counter
from typing import TypeVar

from attrs import frozen

T = TypeVar("T")


@frozen
class Entry:
    """A port call at the moment of its effect, or of its failure. `about`: its subject, in clear: it is all made up."""

    at: float
    process: str
    call: str
    about: str
    came_to: str


class Trace:
    """The digest is over (time, process, call, subject, result) in the order of effects."""

    def __init__(self, *, recording: bool) -> None:
        """`recording`: keep the entries for a story; else only the digest."""
        self._digest = hashlib.blake2b(digest_size=16)
        self._recording = recording
        self.entries: list[Entry] = []
        self.faults: Counter[str] = Counter()
        self.calls = 0

    def note(self, at: float, process: str, call: str, about: str, came_to: str) -> None:
        """Add an entry."""
        self.calls += 1
        line = f"{at:.9f}\0{process}\0{call}\0{about}\0{came_to}\n"
        self._digest.update(line.encode("utf-8", "surrogatepass"))
        if self._recording:
            self.entries.append(Entry(at, process, call, about, came_to))

    @property
    def digest(self) -> str:
        """Return the digest of everything so far."""
        return self._digest.copy().hexdigest()
