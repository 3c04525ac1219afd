"""The errors of the codec: a record of another release, or a document that is no record."""

from __future__ import annotations

from collections.abc import Collection


class CodecError(Exception):
    """Base of all that the codec raises; never raised itself."""


class UnknownFormat(CodecError):
    """A record of a kind or version that this release does not read: says which, and what it reads."""

    def __init__(self, kind: str, found: object, readable: Collection[object]) -> None:
        """Remember the parts; the message is made of them. None of them comes from a person's text."""
        super().__init__(kind, found, tuple(readable))
        self.kind = kind
        self.found = found
        self.readable = tuple(readable)

    def __str__(self) -> str:
        """One line: what, found, readable."""
        known = ", ".join(map(str, self.readable)) or "none"
        return f"{self.kind}: found format {self.found}, this release reads {known}"


class BrokenRecord(CodecError):
    """A record that does not say what it is, or lacks what that needs. No newer release reads it either.

    Its values are never quoted: they may be personal.
    """

    def __init__(self, kind: str, because: str) -> None:
        """Which kind, and the class of the fault."""
        super().__init__(kind, because)
        self.kind = kind
        self.because = because

    def __str__(self) -> str:
        """One line."""
        return f"{self.kind}: a stored record cannot be read ({self.because}); it was damaged or written by hand"
