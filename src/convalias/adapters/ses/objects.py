"""Mail in the buckets of receipt rules: fetched whole up to the limit, and only from buckets that are set."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from contextlib import nullcontext
from datetime import timedelta
from typing import TYPE_CHECKING, Final

import obstore
from attrs import frozen
from obstore.exceptions import BaseError, PermissionDeniedError, UnauthenticatedError
from obstore.store import ObjectStore, S3Store

from convalias.adapters.ses.place import Bucket
from convalias.ports.errors import Unavailable

if TYPE_CHECKING:  # names of its stubs only
    from obstore.store import ClientConfig, S3Config

WHAT: Final = "the bucket of received mail"
TIMEOUT: Final = timedelta(seconds=20)
"""For one request: a mail of 25 MB over 10 Mbit/s takes that."""
SMALL: Final = 1_048_576
"""Octets of a mail that waits for no other one."""
LARGE_AT_ONCE: Final = 2
"""Mails over that which are fetched at once: the client holds the octets of each twice while it hands them over."""
_NO_BUCKET: Final = "NoSuchBucket"


class NotOurs(ValueError):
    """Raised if a notification names a bucket that is not set."""


class Denied(Unavailable):
    """Raised if our credentials may not read it. Only a person mends that; S3 says so of a missing mail, too.

    (Of a missing one, unless the credentials may list the bucket.)
    """


class UnfetchableKey(ValueError):
    """Raised if no client of ours can ask for that key: it has an empty part, or one of dots.

    S3 takes such keys. But the client refuses them, and some it changes into the key of another object.
    """


@frozen
class FoundMail:
    """The octets of a mail; only the first of one that is over the limit."""

    octets: bytes
    is_whole: bool


class MailObjects:
    """Objects of the buckets that are set. Credentials come from the environment, or from the machine's role."""

    def __init__(self, buckets: Mapping[str, Bucket]) -> None:
        """Make no request yet."""
        self._buckets = dict(buckets)
        self._stores: dict[str, ObjectStore] = {}
        self._large = asyncio.Semaphore(LARGE_AT_ONCE)

    async def get(self, bucket: str, key: str, *, most: int, kept: int) -> FoundMail | None:
        """Return the mail there; None if there is none yet. Raises `NotOurs` before any request, and `Unavailable`.

        Raises `UnfetchableKey`, before any request too, and `Denied`. `most`: octets of the largest mail; of a larger one the first `kept` are fetched.
        """
        if bucket not in self._buckets:
            raise NotOurs("found a bucket that is not set")
        if any(part in {"", ".", ".."} for part in key.split("/")):
            raise UnfetchableKey("found a key with an empty part")
        try:
            return await self._get(self._store(bucket), key, most=most, kept=kept)
        except FileNotFoundError as error:
            if _NO_BUCKET not in str(error):
                return None
            wrong = Unavailable(f"{WHAT}, {bucket}, which is not there,")
        except (PermissionDeniedError, UnauthenticatedError):
            wrong = Denied(f"{WHAT}, {bucket}, which our credentials may not read,")
        except (BaseError, OSError) as error:  # its text may quote what was signed: the class alone is told
            wrong = Unavailable(f"{WHAT}, {bucket} ({type(error).__name__}),")
        raise wrong

    async def _get(self, store: ObjectStore, key: str, *, most: int, kept: int) -> FoundMail:
        try:
            found = await obstore.get_async(store, key)  # its size is known before its body is read
        except ValueError as error:
            raise UnfetchableKey("found a key that the client refuses") from error
        size = found.meta["size"]
        if size <= most:
            async with self._large if size > SMALL else nullcontext():
                return FoundMail((await found.bytes_async()).to_bytes(), is_whole=True)
        del found
        return FoundMail(bytes(await obstore.get_range_async(store, key, start=0, end=min(kept, size))), is_whole=False)

    def _store(self, name: str) -> ObjectStore:
        if name not in self._stores:
            self._stores[name] = _store(self._buckets[name])
        return self._stores[name]


def _store(bucket: Bucket) -> ObjectStore:
    config: S3Config = {}
    if bucket.region:
        config["region"] = bucket.region
    if bucket.endpoint:
        config["endpoint"] = bucket.endpoint
    options: ClientConfig = {"timeout": TIMEOUT, "connect_timeout": timedelta(seconds=5)}
    if (bucket.endpoint or "").startswith("http://"):  # without TLS only where the URL says so
        options = {**options, "allow_http": True}
    return S3Store(
        bucket.name,
        config=config,
        client_options=options,
        retry_config={"max_retries": 1, "retry_timeout": TIMEOUT},
    )
