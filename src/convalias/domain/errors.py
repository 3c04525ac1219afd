"""The errors of the core: misuse only. A refusal of a mail is a value, see `outcomes`."""

from typing import Final

_MOST_SHOWN: Final = 200


class DomainError(Exception):
    """Base of all that the pure core raises; never raised itself."""


class InvalidValue(DomainError, ValueError):
    """A value from outside cannot be what it claims: says what, what was found, and what would be right."""

    def __init__(self, what: str, *, found: object, expected: str) -> None:
        """Remember the parts; the message is made of them."""
        super().__init__(what, found, expected)
        self.what = what
        self.found = found
        self.expected = expected

    def __str__(self) -> str:
        """One line: what, found, expected."""
        return f"{self.what}: found {shown(self.found)}, expected {self.expected}"


def shown(found: object) -> str:
    """Return what was found in at most a line: a whole mail in its place would hide the rest."""
    text = repr(found)
    return text if len(text) <= _MOST_SHOWN else f"{text[:_MOST_SHOWN]}… ({type(found).__name__})"
