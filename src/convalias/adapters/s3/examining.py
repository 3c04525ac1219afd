"""Examine a bucket for `convalias doctor`: an object is created, refused a second time, read and removed."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Final
from uuid import uuid4

import obstore
from obstore.exceptions import AlreadyExistsError, BaseError
from obstore.store import ObjectStore

from convalias.adapters.s3 import errors
from convalias.ports.examining import Observation, clocks, wrong

_BODY: Final = b"written by convalias doctor; may be removed"
_GRANT: Final = "grant s3:PutObject, s3:GetObject and s3:DeleteObject below the prefix, s3:ListBucket on the bucket"


async def examine(store: ObjectStore, *, below: str) -> Sequence[Observation]:
    """`below`: where no key is kept, and the bucket's lifecycle removes what an end in between leaves.

    Raises `Unavailable` when the engine does not answer; what it refuses is an observation.
    """
    name = f"{below}probe-{uuid4().hex}"
    asked = datetime.now(UTC)
    try:
        await obstore.put_async(store, name, _BODY, mode="create", use_multipart=False)
    except (BaseError, OSError) as error:
        return [_refused("creating an object", error)]
    answered = datetime.now(UTC)
    found = [await _condition(store, name), *await _reading(store, name, asked, answered)]
    try:
        await obstore.delete_async(store, [name])
    except (BaseError, OSError) as error:
        return [*found, _refused("removing an object", error)]
    if all(one.about != "permissions" for one in found):
        found.insert(0, Observation(about="permissions", found="an object was created, read and removed"))
    return found


async def _condition(store: ObjectStore, name: str) -> Observation:
    """On this it stands that a mail is kept once, and that a second writer is told."""
    about = "settings"
    try:
        await obstore.put_async(store, name, _BODY, mode="create", use_multipart=False)
    except AlreadyExistsError:
        return Observation(about=about, found="creates only what is not there")
    except (BaseError, OSError) as error:
        return _refused("creating an object a second time", error)
    mend = "use an engine that honours If-None-Match; versitygw must not run with --nometa"
    return wrong(about, "it overwrites what is there, though asked to create", mend)


async def _reading(store: ObjectStore, name: str, asked: datetime, answered: datetime) -> Sequence[Observation]:
    """The engine's clock is what it wrote beside the object."""
    try:
        written = (await obstore.head_async(store, name))["last_modified"]
        await obstore.get_async(store, name)
    except (BaseError, OSError) as error:
        return [_refused("reading an object", error)]
    return [clocks(written, asked=asked, answered=answered)]


def _refused(what: str, error: BaseException) -> Observation:
    if errors.unusable(error) is None:
        raise errors.unavailable(error) from None
    return wrong("permissions", f"{what} fails ({errors.RequestFailed(error)})", _GRANT)
