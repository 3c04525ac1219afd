"""Surroundings of a service, in memory: telemetry that can be looked at, a process that can be dead."""

from __future__ import annotations

from collections import deque
from collections.abc import Generator, Mapping
from collections.abc import Set as AbstractSet
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Final

from attrs import frozen

_KEPT: Final = 100_000


@frozen
class Measure:
    """A value that was recorded."""

    name: str
    value: float
    tags: Mapping[str, str]


@frozen
class Span:
    """A stretch of work that was begun."""

    name: str
    trace: str
    tags: Mapping[str, str]


class Telemetry:
    """`ports.Telemetry` that keeps the last 100,000 of each."""

    def __init__(self) -> None:
        """Nothing yet."""
        self.measures: deque[Measure] = deque(maxlen=_KEPT)
        self.spans: deque[Span] = deque(maxlen=_KEPT)

    def measure(self, name: str, value: float, **tags: str) -> None:
        """Keep it."""
        self.measures.append(Measure(name, value, tags))

    def span(self, name: str, trace: str, **tags: str) -> AbstractContextManager[None]:
        """Keep it."""
        return self._span(Span(name, trace, tags))

    def total(self, name: str, **tags: str) -> float:
        """The sum of what was recorded under a name with (at least) these tags."""
        wanted = tags.items()
        return sum(one.value for one in self.measures if one.name == name and wanted <= one.tags.items())

    @contextmanager
    def _span(self, span: Span) -> Generator[None]:
        self.spans.append(span)
        yield


class NoTelemetry:
    """`ports.Telemetry` that drops everything."""

    def measure(self, name: str, value: float, **tags: str) -> None:
        """Drop it."""

    def span(self, name: str, trace: str, **tags: str) -> AbstractContextManager[None]:
        """Drop it."""
        del name, trace, tags
        return nullcontext()


class Incarnation:
    """`ports.Incarnation` of a pretended process. `gone` is the caller's own set: add a name, and that one is dead."""

    def __init__(self, name: str = "memory", *, gone: AbstractSet[str] = frozenset()) -> None:
        """Name this run."""
        self._name = name
        self._gone = gone

    @property
    def name(self) -> str:
        """Return the name that was given."""
        return self._name

    def is_gone(self, name: str) -> bool:
        """Whether it is among the dead."""
        return name in self._gone
