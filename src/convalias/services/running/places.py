"""Name where an exception was raised: class, file and line, never a message, which could quote a mail."""

from __future__ import annotations

import sys
import sysconfig
from collections.abc import Iterable, Sequence
from pathlib import Path
from types import CodeType, FrameType, TracebackType
from typing import Final, TypeGuard

from attrs import frozen

NOWHERE: Final = "nowhere"
"""Of an exception that was never raised: no line knows it."""
_OURS: Final = "convalias"
_OUR_ADAPTERS: Final = ("convalias.adapters.", "convalias.testing.")
_STANDARD: Final = sys.stdlib_module_names
"""No package that is installed goes by such a name; a host's own script may, and lies elsewhere."""
_INSTALLED: Final = frozenset({"site-packages", "dist-packages"})
_LIBRARIES: Final = tuple(
    {str(Path(path).resolve()) + "/" for name in ("stdlib", "platstdlib") if (path := sysconfig.get_path(name))}
)


@frozen
class _Frame:
    """One line that the exception passed."""

    module: str
    code: CodeType
    line: int

    @property
    def package(self) -> str:
        """The name that the module's package goes by at the top."""
        return self.module.partition(".")[0]

    @property
    def is_standard(self) -> bool:
        """Whether the line is Python's own."""
        if self.package not in _STANDARD:
            return False
        file = self.code.co_filename
        return file.startswith("<frozen ") or str(Path(file).resolve()).startswith(_LIBRARIES)

    @property
    def is_installed(self) -> bool:
        """Whether the line is a library's."""
        return not _INSTALLED.isdisjoint(Path(self.code.co_filename).parts)

    def __str__(self) -> str:
        """`folder/file.py:123 in Class.method`."""
        file = "/".join(Path(self.code.co_filename).parts[-2:]).lstrip("/")
        return f"{file}:{self.line} in {self.code.co_qualname}"


def place_of(error: BaseException) -> str:
    """Tell where it was raised: `folder/file.py:123 in Class.method`.

    Where an adapter of the host's own was called, its innermost line counts, whatever library it called. Else the
    innermost line of convalias does. Of a group the first exception is looked at.
    """
    frames = [frame for frame in _frames(_first(error)) if not frame.is_standard]
    if not frames:
        raw = _frames(_first(error))
        return str(raw[-1]) if raw else NOWHERE
    return str(_telling(frames))


def told_of(error: BaseException) -> str:
    """Tell its class and where it was raised, if it was: `KeyError at folder/file.py:123 in Class.method`."""
    name, place = type(_first(error)).__name__, place_of(error)
    return name if place == NOWHERE else f"{name} at {place}"


def _telling(frames: Sequence[_Frame]) -> _Frame:
    caller = ""
    for frame in frames:
        if frame.package != _OURS:
            if caller.startswith(_OUR_ADAPTERS) and frame.is_installed:  # a client of ours: our line says more
                break
            return _last(one for one in frames if one.package == frame.package)
        caller = frame.module
    ours = [frame for frame in frames if frame.package == _OURS]
    return _last(ours)


def _last(frames: Iterable[_Frame]) -> _Frame:
    *_, last = frames
    return last


def _frames(error: BaseException) -> list[_Frame]:
    frames: list[_Frame] = []
    trace: TracebackType | None = error.__traceback__
    while trace is not None:
        frame: FrameType = trace.tb_frame
        frames.append(_Frame(str(frame.f_globals.get("__name__", "")), frame.f_code, trace.tb_lineno))
        trace = trace.tb_next
    return frames


def _first(error: BaseException) -> BaseException:
    while _is_group(error):
        error = error.exceptions[0]
    return error


def _is_group(error: BaseException) -> TypeGuard[BaseExceptionGroup[BaseException]]:
    return isinstance(error, BaseExceptionGroup)
