"""Tell what an adapter of the host can do beyond its port: one table, by keyword."""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from typing import Any, Final

from convalias.app.chores import Trimmed
from convalias.app.ports import Loadable, Mailboxes, StandIn
from convalias.app.workers import Polled
from convalias.ports.conversations import History, ReadMarks
from convalias.ports.event_log import Lagging, ReadsAhead
from convalias.ports.examining import Probed
from convalias.ports.flags import NamedFlags
from convalias.ports.mail import Completes, RememberingMail
from convalias.ports.records import Ordered, Paged, Partitioned
from convalias.services.operations.retention import EndsBlobs

CAPABILITIES: Final[Mapping[str, Sequence[type[Any]]]] = {
    "records": (Ordered, Paged, Partitioned),
    "blobs": (EndsBlobs, Probed),
    "queue": (Polled, Probed),
    "events": (Lagging, Trimmed, ReadsAhead),
    "conversations": (ReadMarks, History),
    "legacy": (Loadable, StandIn),
    "flags": (NamedFlags,),
    "mail": (RememberingMail, Mailboxes),
    "system_mail": (RememberingMail, Mailboxes),
    "authenticator": (Completes,),
}
"""`ReadsAhead` is asked of what `events.records` gives. A keyword that is not here has no capability."""
_MISSING: Final = object()


def methods_of(protocol: type) -> Mapping[str, Any]:
    """Return the methods and properties that a protocol itself names, by name."""
    return {
        name: asked
        for name, asked in vars(protocol).items()
        if not name.startswith("_") and (inspect.isfunction(asked) or isinstance(asked, property))
    }


def capabilities_of(port: object, keyword: str) -> Sequence[type[Any]]:
    """Return the capabilities that a port has, of those that its keyword may have. Calls nothing of it."""
    return [one for one in CAPABILITIES.get(keyword, ()) if all(_has(port, name) for name in methods_of(one))]


def _has(port: object, name: str) -> bool:
    """Whether it has that attribute: in its class, in itself, or by a `__getattr__` of its own."""
    if inspect.getattr_static(port, name, _MISSING) is not _MISSING:
        return True
    try:
        return hasattr(port, name)
    except Exception:  # noqa: BLE001 - whatever an adapter of the host raises: then it cannot be asked
        return False
