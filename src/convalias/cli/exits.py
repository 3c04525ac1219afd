"""Exit statuses of commands: the codes of BSD's sysexits.h that are used here."""

from __future__ import annotations

from enum import IntEnum


class Exit(IntEnum):
    """The exit status of every command. Scripts rely on it."""

    OK = 0
    """Done."""
    BROKEN = 1
    """What was simulated broke a law; told apart from everything that sysexits.h knows."""
    USAGE = 64
    """The command line cannot be: an unknown option, a missing argument."""
    DATA = 65
    """What was read is not valid: a world, a mail."""
    NO_INPUT = 66
    """A file, conversation or record that was named does not exist."""
    NO_USER = 67
    """A recipient is no address."""
    UNAVAILABLE = 69
    """A service that is needed does not answer, or an optional package is not installed."""
    INTERNAL = 70
    """A fault of convalias itself."""
    TRY_AGAIN = 75
    """Nothing is wrong, but not now: the same command may work later."""
    REFUSED = 77
    """Understood, and not allowed."""
    CONFIG = 78
    """Settings that cannot be."""
    INTERRUPTED = 130
    """Stopped from the keyboard."""
