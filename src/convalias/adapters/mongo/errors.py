"""Answers of MongoDB as the ports' own errors: translated once, here, without an address or a secret."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from contextlib import contextmanager
from typing import Final

from bson.errors import BSONError
from pymongo.errors import (
    BulkWriteError,
    ConnectionFailure,
    CursorNotFound,
    OperationFailure,
    PyMongoError,
    WriteConcernError,
)

from convalias.ports.errors import PortError, Rejected, Unavailable

_NOT_ALLOWED: Final = frozenset({13, 18, 8000})
"""Unauthorized, AuthenticationFailed, and what Atlas says in their place."""
_TOO_LARGE: Final = frozenset({10334, 17280, 17419, 17420})
"""BSONObjectTooLarge, a key too large for its index, and both kinds of an update that made a document too large."""
_AGAIN: Final = frozenset({6, 7, 50, 64, 89, 91, 100, 112, 134, 189, 202, 262, 290, 9001, 10058, 10107, 11600, 11602})
"""Those of the retryable codes of the driver specification that reach us, shutdowns, time-outs, write conflicts."""
_AGAIN_TOO: Final = frozenset({11601, 13388, 13435, 13436, 46841})
_LABELS: Final = ("RetryableWriteError", "TransientTransactionError", "ResumableChangeStreamError")


class MongoError(PortError):
    """Base of what only this backend raises; never raised itself."""


class UnusableStoreError(MongoError):
    """The MongoDB cannot hold the store: one line with what is wrong, and what would be right."""

    def __init__(self, wrong: str, *, right: str) -> None:
        """Say what is wrong with it, and what would be right. Never a host, a user or a password."""
        super().__init__(f"store: {wrong}; {right}")


class DuplicatesError(UnusableStoreError):
    """Records stand under one name, so that the unique index cannot be made. Names ids and digests only."""

    def __init__(self, duplicates: Sequence[str]) -> None:
        """A line each."""
        super().__init__(
            f"{len(duplicates)} names have several records ({'; '.join(duplicates)})",
            right="convalias migrate --keep-first lets the first of each keep its name, and all records stay",
        )
        self.duplicates = tuple(duplicates)


def is_not_allowed(error: PyMongoError) -> bool:
    """Whether it is the credentials."""
    return isinstance(error, OperationFailure) and error.code in _NOT_ALLOWED


@contextmanager
def translated(what: str) -> Generator[None]:
    """Raise the port's error for the driver's: `Unavailable` for all that may pass, `Rejected` for what will not."""
    try:
        yield
    except (PyMongoError, BSONError) as error:
        raise translate(error, what) from error


def translate(error: PyMongoError | BSONError, what: str) -> PortError:
    """The port's error. Credentials that stopped working are an outage too: work waits until they work again."""
    if isinstance(error, BSONError):  # no error of the driver's: `DocumentTooLarge` too is one of these
        return Rejected(f"{what}: a document that MongoDB cannot hold ({type(error).__name__})")
    if isinstance(error, BulkWriteError):
        return _of_many(error, what)
    if _may_pass(error) or is_not_allowed(error) or not isinstance(error, OperationFailure):
        return Unavailable(what)
    if error.code in _TOO_LARGE:
        return Rejected(f"{what}: a document or key that is too large for MongoDB")
    name = (error.details or {}).get("codeName", error.code)
    return Rejected(f"{what}: MongoDB refused the command ({name})")


def _may_pass(error: PyMongoError) -> bool:
    if isinstance(error, ConnectionFailure | CursorNotFound | WriteConcernError) or error.timeout:
        return True
    if any(error.has_error_label(label) for label in _LABELS):
        return True
    return isinstance(error, OperationFailure) and (error.code in _AGAIN or error.code in _AGAIN_TOO)


def _of_many(error: BulkWriteError, what: str) -> PortError:
    """Each write of a batch may have its own error; the first that will never pass speaks for the call."""
    errors = [of_write(one["code"], what) for one in error.details.get("writeErrors", ())]
    return next((one for one in errors if isinstance(one, Rejected)), Unavailable(what))


def of_write(code: int, what: str) -> PortError:
    """The port's error for that of one write of a batch."""
    if code in _TOO_LARGE:
        return Rejected(f"{what}: a document or key that is too large for MongoDB")
    if code not in _AGAIN | _AGAIN_TOO:
        return Rejected(f"{what}: MongoDB refused a write (code {code})")
    return Unavailable(what)


def lost() -> Unavailable:
    """The error of a call of which nobody knows what was done."""
    return Unavailable("records")
