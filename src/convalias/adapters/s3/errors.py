"""Translate errors of an object store into the port's: no address, no account, no request in any of them."""

from __future__ import annotations

import re
from typing import Final

from convalias.ports.errors import PortError, Unavailable

WHAT: Final = "the object store"
_CODE: Final = re.compile(r"<Code>(\w{1,64})</Code>")
_STATUS: Final = re.compile(r"status code: (\d{3})")
_REFUSED: Final = re.compile(r"status code: (?:401|403)|<Code>XAdminUserNotFound</Code>")
"""The last is versitygw's word for an access key that it does not know."""
_NO_BUCKET: Final = re.compile(r"<Code>(?:NoSuchBucket|ContainerNotFound)</Code>|specified bucket does not exist")
_MEND: Final = {
    "bucket": "the bucket does not exist; create it, or name another in `raw`",
    "permission": "the credentials are refused there; they need GetObject, PutObject, DeleteObject and ListBucket",
    "clock": "this machine's clock is not the engine's, which refuses what it signs; set it (NTP)",
    "credentials": "there are no credentials; set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or give the machine a role",
}


class ObjectStoreError(PortError):
    """Base of what is wrong with an object store or its URL; never raised itself."""


class UnusableBucketError(ObjectStoreError):
    """Raised if a bucket, or its URL, cannot hold blobs until an operator mends it."""


class RequestFailed(ObjectStoreError):
    """The failure of a request, as far as it may be shown: class, HTTP status, the engine's own code.

    The client's own message holds the address of the engine and, from some engines, what was signed.
    """

    def __init__(self, error: BaseException) -> None:
        """Keep what says something about the fault and nothing about anybody."""
        text = str(error)
        status, code = _STATUS.search(text), _CODE.search(text)
        parts = [type(error).__name__, *(found[1] for found in (status, code) if found)]
        super().__init__(" ".join(parts))
        self.code = code[1] if code else ""


def no_bucket(error: BaseException) -> bool:
    """Whether it says that the bucket itself is not there: never "no such object"."""
    return _NO_BUCKET.search(str(error)) is not None


def unavailable(error: BaseException) -> Unavailable:
    """The port's error for any other; its cause says what may be said."""
    translated = Unavailable(WHAT)
    translated.__cause__ = RequestFailed(error)
    return translated


def unusable(error: BaseException) -> UnusableBucketError | None:
    """Return what an operator must mend before the bucket can be used, or None if trying again may help."""
    text = str(error)
    if no_bucket(error):
        return UnusableBucketError(_MEND["bucket"])
    if RequestFailed(error).code == "RequestTimeTooSkewed":
        return UnusableBucketError(_MEND["clock"])
    if _REFUSED.search(text):
        return UnusableBucketError(f"{_MEND['permission']} ({RequestFailed(error)})")
    if "instance metadata" in text.lower() or "missing accesskeyid" in text.lower().replace(" ", ""):
        return UnusableBucketError(_MEND["credentials"])
    return None
