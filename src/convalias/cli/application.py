"""The program of a host that a command opens: `--app MODULE:NAME`, with the adapters and functions given there."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Callable
from importlib import import_module
from inspect import iscoroutine
from typing import Any, Final, TypeAlias

from convalias.app.facade import Convalias
from convalias.services.running.places import told_of
from convalias.settings import Settings, WrongSettings

APP: Final = "CONVALIAS_APP"
OPTION: Final = "--app"
_NAME: Final = re.compile(r"[^\W\d]\w*(\.[^\W\d]\w*)*:[^\W\d]\w*(\.[^\W\d]\w*)*")
_EXPECTED: Final = "a Convalias made by from_toml, or a function without arguments that returns one"
_Loaded: TypeAlias = tuple[Convalias, Settings]


class Application:
    """A façade in a module of the host's, or a function there that makes one. Loaded once, at its first use."""

    def __init__(self, name: str) -> None:
        """`name`: MODULE:NAME, as a person wrote it. Nothing is imported yet."""
        self.name = name
        self._loaded: _Loaded | None = None

    def facade(self) -> Convalias:
        """Import the module, from the working directory too, and return its façade. Raises `WrongSettings`."""
        return self._load()[0]

    def settings(self) -> Settings:
        """Return the settings that the façade was made by. Raises `WrongSettings`."""
        return self._load()[1]

    def _load(self) -> _Loaded:
        if self._loaded is None:
            made = self._made(self._named())
            if made.settings is None:
                raise _wrong(f"{self.name} is a Convalias without settings, expected {_EXPECTED}")
            self._loaded = made, made.settings
        return self._loaded

    def _made(self, found: object) -> Convalias:
        from convalias import blocking  # noqa: PLC0415 - few programs use it

        if callable(found) and not isinstance(found, type):
            found = self._called(found)
        match found:
            case Convalias():
                return found
            case blocking.Convalias():
                return found.asynchronous()
            case type():
                raise _wrong(f"{self.name} is the class {found.__name__}, expected {_EXPECTED}")
            case _:
                raise _wrong(f"{self.name} is a {type(found).__name__}, expected {_EXPECTED}")

    def _named(self) -> object:
        if not _NAME.fullmatch(self.name):
            raise _wrong(f"found {self.name!r}, expected MODULE:NAME, such as myapp.mail:cv")
        module, _, path = self.name.partition(":")
        found: Any = _imported(module)
        for name in path.split("."):
            if not hasattr(found, name):
                raise _wrong(f"{module} has no {path}, expected {_EXPECTED}")
            found = getattr(found, name)
        return found

    def _called(self, make: Callable[[], object]) -> object:
        try:
            made = make()
        except WrongSettings:
            raise
        except Exception as error:
            raise _wrong(f"{self.name} fails: {told_of(error)}; expected {_EXPECTED}") from error
        if iscoroutine(made):
            made.close()  # never awaited: a warning about it would hide the line that says what is wrong
        return made


def _imported(module: str) -> object:
    here = os.getcwd()  # noqa: PTH109 - a text, as sys.path holds it
    if not {"", here} & {*sys.path}:
        sys.path.insert(0, here)
    try:
        return import_module(module)
    except WrongSettings:
        raise  # the module made the façade, and its settings are wrong: they say so themselves
    except ModuleNotFoundError as error:
        missing = error.name or module
        if f"{module}.".startswith(f"{missing}."):
            raise _wrong(f"there is no module {missing}, expected one in {here} or installed here") from error
        raise _wrong(f"{module} needs {missing}, which is not installed here") from error
    except Exception as error:
        raise _wrong(f"{module} cannot be imported: {told_of(error)}") from error


def _wrong(problem: str) -> WrongSettings:
    return WrongSettings({OPTION: problem})
