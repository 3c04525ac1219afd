"""The driver's errors as the port's: what may pass is waited for, what never will is said, nobody's address is told."""

from typing import Any

import pytest
from bson.errors import InvalidDocument
from pymongo.errors import (
    AutoReconnect,
    BulkWriteError,
    CursorNotFound,
    DocumentTooLarge,
    NetworkTimeout,
    NotPrimaryError,
    OperationFailure,
    PyMongoError,
    ServerSelectionTimeoutError,
    WriteConcernError,
    WTimeoutError,
)

from convalias.adapters.mongo.errors import UnusableStoreError, translate, translated
from convalias.adapters.mongo.writing import wrong_with
from convalias.ports.errors import Rejected, Unavailable
from convalias.ports.records import Conflict

HOST = "secret-host.example:27017"


def labelled(error: PyMongoError, label: str) -> PyMongoError:
    error._add_error_label(label)
    return error


def bulk(*codes: int) -> BulkWriteError:
    details: dict[str, Any] = {"writeErrors": [{"index": n, "code": code} for n, code in enumerate(codes)]}
    return BulkWriteError(details)


@pytest.mark.parametrize(
    "error",
    [
        AutoReconnect(HOST),
        NetworkTimeout(HOST),
        NotPrimaryError(HOST),
        ServerSelectionTimeoutError(HOST),
        CursorNotFound(HOST, 43),
        WriteConcernError(HOST, 64),
        WTimeoutError(HOST, 64),
        OperationFailure(HOST, 11600),  # InterruptedAtShutdown
        OperationFailure(HOST, 189),  # PrimarySteppedDown
        OperationFailure(HOST, 112),  # WriteConflict
        OperationFailure(HOST, 13435),  # NotPrimaryNoSecondaryOk
        OperationFailure(HOST, 13),  # Unauthorized: it was allowed at the start
        OperationFailure(HOST, 18),  # AuthenticationFailed
        labelled(OperationFailure(HOST, 4), "RetryableWriteError"),
        PyMongoError(HOST),
        bulk(91, 189),
    ],
    ids=lambda error: f"{type(error).__name__} {getattr(error, 'code', '')}",
)
def test_what_may_pass_is_an_outage(error: PyMongoError) -> None:
    found = translate(error, "records")
    assert isinstance(found, Unavailable)
    assert str(found) == "records is unavailable"


@pytest.mark.parametrize(
    ("error", "says"),
    [
        (DocumentTooLarge(HOST), "cannot hold"),
        (InvalidDocument(HOST), "cannot hold"),
        (OperationFailure(HOST, 10334), "too large"),
        (OperationFailure(HOST, 17280), "too large"),
        (OperationFailure(HOST, 2, {"codeName": "BadValue"}), "BadValue"),
        (OperationFailure(HOST, 9999), "9999"),
        (bulk(91, 10334), "too large"),
        (bulk(2), "code 2"),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else value,
)
def test_what_never_will_is_rejected_with_its_name(error: PyMongoError, says: str) -> None:
    found = translate(error, "records")
    assert isinstance(found, Rejected)
    assert says in str(found)
    assert HOST not in str(found)


def test_an_unusable_store_says_what_is_wrong_and_what_would_be_right() -> None:
    assert str(UnusableStoreError("it is", right="let it be")) == "store: it is; let it be"


@pytest.mark.parametrize("error", [DocumentTooLarge("17 MB"), InvalidDocument("no document")])
def test_what_the_driver_refuses_to_send_is_rejected(error: Exception) -> None:
    """Neither is a `PyMongoError`."""
    with pytest.raises(Rejected, match="cannot hold"), translated("records"):
        raise error


def test_taken_ids_of_a_request_without_a_majority_are_an_outage() -> None:
    """Nobody knows what of it lasts: it is no conflict, and nothing that will never pass."""
    details: dict[str, Any] = {
        "writeErrors": [{"index": 0, "code": 11000}],
        "writeConcernErrors": [{"code": 64, "errmsg": "waiting for replication timed out"}],
    }
    with pytest.raises(Unavailable):
        wrong_with(BulkWriteError(details))


def test_inserts_that_were_neither_done_nor_refused_are_an_outage() -> None:
    details: dict[str, Any] = {"nInserted": 2, "writeErrors": [{"index": 1, "code": 11000}]}
    assert wrong_with(BulkWriteError(details), inserted_of=3) == {1: Conflict()}
    with pytest.raises(Unavailable):
        wrong_with(BulkWriteError(details), inserted_of=4)
