"""The errors of the core: misuse only. A refusal of a mail is a value, see `outcomes`."""


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
        return f"{self.what}: found {self.found!r}, expected {self.expected}"
