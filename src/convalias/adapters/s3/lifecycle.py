"""The lifecycle document of a bucket: how long raw mail is kept, and what a crash left is removed."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Final, TypeAlias

from convalias.adapters.s3.blobs import PARTS

_Rule: TypeAlias = dict[str, object]
_KEPT: Final = timedelta(days=90)


def lifecycle_document(
    prefix: str = "", *, kept: timedelta = _KEPT, archived_for: timedelta | None = None, archive_class: str = "GLACIER"
) -> str:
    """JSON for `aws s3api put-bucket-lifecycle-configuration --lifecycle-configuration`.

    Raw mail, attachments and envelope records end after `kept` (whole days; 90), or go to `archive_class` then and end after
    `archived_for` more. What an interrupted upload left ends after a day. `prefix` is the path of the bucket's URL.
    """
    days = _days(kept)
    rules = [
        _age(prefix, folder, days, archived_for, archive_class) for folder in ("raw/", "attachments/", "envelopes/")
    ]
    leftover: _Rule = {
        "ID": "convalias-interrupted-uploads",
        "Status": "Enabled",
        "Filter": {"Prefix": _below(prefix, PARTS)},
        "Expiration": {"Days": 1},
        "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 1},
    }
    aborted: _Rule = {
        "ID": "convalias-interrupted-parts",
        "Status": "Enabled",
        "Filter": {"Prefix": _below(prefix, "")},
        "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 1},
    }
    return json.dumps({"Rules": [*rules, leftover, aborted]}, indent=2)


def _age(prefix: str, folder: str, days: int, archived_for: timedelta | None, archive_class: str) -> _Rule:
    rule: _Rule = {
        "ID": f"convalias-{folder.strip('/')}",
        "Status": "Enabled",
        "Filter": {"Prefix": _below(prefix, folder)},
        "Expiration": {"Days": days if archived_for is None else days + _days(archived_for)},
    }
    if archived_for is not None:
        rule["Transitions"] = [{"Days": days, "StorageClass": archive_class}]
    return rule


def _below(prefix: str, folder: str) -> str:
    return f"{prefix.strip('/')}/{folder}" if prefix.strip("/") else folder


def _days(duration: timedelta) -> int:
    if duration < timedelta(days=1) or duration % timedelta(days=1):
        raise ValueError(f"found {duration}, expected whole days, one at least")
    return duration.days
