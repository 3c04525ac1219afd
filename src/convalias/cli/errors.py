"""Every error of a command as one line that says what would be right, with its exit status."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from convalias.cli.exits import Exit
from convalias.codec.errors import CodecError
from convalias.domain.errors import InvalidValue
from convalias.extras import MissingPackageError
from convalias.ports.errors import NotFound, Rejected, Unavailable
from convalias.registry import NotRegistered, RegisteredTwice, WrongRegistration
from convalias.services.conversations.errors import (
    FlagsElsewhere,
    HostMissing,
    KeptByHost,
    KeyReused,
    KeysRefused,
    NoSuchAlias,
    NoSuchConversation,
    PlaceRefused,
    Refused,
    WouldGoBack,
)
from convalias.settings import WrongSettings
from convalias.stores.errors import Contended, Parked, StoreError

_OF_THE_STORE: Final = frozenset(
    {
        "UnusableDirectoryError",
        "NewerFormatError",
        "LostStoreError",
        "UnusableStoreError",
        "DuplicatesError",
        "UnusableBucketError",
        "UnusableQueueError",
        "UnusableTopicError",
    }
)
"""By name: to know the classes would load SQLite and every engine's client for a mistyped option."""

_FULL: Final = ("disk is full", "No space left on device")
"""As the embedded adapters say it: no server is away, so none is to be looked at."""


class Failed(Exception):
    """A command that did not do what its name says. The message is one line for the person at the keyboard."""

    def __init__(self, message: str, status: Exit) -> None:
        """The line, without `convalias:`, and the exit status."""
        super().__init__(message)
        self.message = message
        self.status = status


def told(error: BaseException) -> Failed:
    """Return any exception as a line and a status. What nobody foresaw is a fault of convalias: 70."""
    match error:
        case Failed():
            return error
        case BaseExceptionGroup(exceptions=(first, *_)):  # tasks side by side: the first fault is the cause
            return told(first)
        case MissingPackageError():
            return Failed(str(error), Exit.UNAVAILABLE)
        case ModuleNotFoundError():
            package = (error.name or "a package").partition(".")[0]
            return Failed(f"{package} is not installed; pip install 'convalias[all]' brings it", Exit.UNAVAILABLE)
        case WrongSettings():
            return Failed("; ".join(f"{key}: {problem}" for key, problem in error.problems.items()), Exit.CONFIG)
        case Parked():
            return Failed(str(error), Exit.TRY_AGAIN)
        case Unavailable():
            is_full = any(words in str(error) for words in _FULL)
            mend = "make room on it" if is_full else "see that it runs and is reached from here (convalias doctor)"
            return Failed(f"{error}; {mend}, then try again", Exit.UNAVAILABLE)
        case Contended():
            return Failed(f"{error}; the same command may work later", Exit.TRY_AGAIN)
        case _ if status := _status(error):
            return Failed(str(error), status)
        case _:
            line = " ".join(str(error).split())
            return Failed(f"internal error: {type(error).__name__}: {line}", Exit.INTERNAL)


def _status(error: BaseException) -> Exit | None:
    """Of errors that say by themselves what would be right."""
    match error:
        case NotFound() | NoSuchConversation() | NoSuchAlias():
            return Exit.NO_INPUT
        case Refused() | WouldGoBack() | FlagsElsewhere() | KeptByHost():
            return Exit.REFUSED
        case InvalidValue() | KeyReused() | CodecError() | StoreError():
            return Exit.DATA
        case KeysRefused() | PlaceRefused() | HostMissing() | NotRegistered() | RegisteredTwice() | WrongRegistration():
            return Exit.CONFIG
        case Rejected():  # an engine's own limit: trying again changes nothing, its settings do
            return Exit.CONFIG
        case _ if is_unusable(error):
            return Exit.CONFIG
        case _:
            return None


def is_unusable(error: BaseException) -> bool:
    """Whether it says that this directory or database cannot hold a store, and what would be right."""
    return type(error).__name__ in _OF_THE_STORE


def read_octets(path: str) -> bytes:
    """A file's content. `Failed` 66 when it is missing, a folder, or not readable."""
    try:
        return Path(path).read_bytes()
    except OSError as error:
        raise unreadable(path, error) from error


def unreadable(path: str, error: OSError) -> Failed:
    """Return why a file cannot be read."""
    return Failed(f"{path}: {error.strerror or error}; expected a file that can be read", Exit.NO_INPUT)
