"""Every error of a command as one line that says what would be right, with its exit status."""

from __future__ import annotations

from pathlib import Path

from convalias.cli.exits import Exit
from convalias.domain.errors import InvalidValue
from convalias.ports.errors import NotFound, Rejected, Unavailable


class Failed(Exception):
    """A command that did not do what its name says. The message is one line for the person at the keyboard."""

    def __init__(self, message: str, status: Exit) -> None:
        """The line, without `convalias:`, and the exit status."""
        super().__init__(message)
        self.message = message
        self.status = status


def told(error: Exception) -> Failed:
    """Any exception as a line and a status. What nobody foresaw is a fault of convalias: 70."""
    match error:
        case Failed():
            return error
        case NotFound():
            return Failed(str(error), Exit.NO_INPUT)
        case Unavailable():
            return Failed(f"{error}; the same command may work later", Exit.TRY_AGAIN)
        case Rejected():
            return Failed(str(error), Exit.REFUSED)
        case InvalidValue():
            return Failed(str(error), Exit.DATA)
        case ModuleNotFoundError():
            package = (error.name or "a package").partition(".")[0]
            return Failed(f"{package} is not installed; pip install 'convalias[all]' brings it", Exit.UNAVAILABLE)
        case _:
            line = " ".join(str(error).split())
            return Failed(f"internal error: {type(error).__name__}: {line}", Exit.INTERNAL)


def read_octets(path: str) -> bytes:
    """A file's content. `Failed` 66 when it is missing, a folder, or not readable."""
    try:
        return Path(path).read_bytes()
    except OSError as error:
        raise unreadable(path, error) from error


def unreadable(path: str, error: OSError) -> Failed:
    """Why a file cannot be read."""
    return Failed(f"{path}: {error.strerror or error}; expected a file that can be read", Exit.NO_INPUT)
