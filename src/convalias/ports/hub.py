"""NotificationHub: delivery over e-mail, SMS, push, in-app. What it forgets and what it can be asked is stated."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from datetime import timedelta
from typing import Final, Protocol

from attrs import frozen

from convalias.domain.expecting import check_fields
from convalias.domain.outbound.channel_answers import Answer, Declined, NotSent, Sent, Unknown
from convalias.domain.outbound.delivery import Channel
from convalias.domain.outbound.notifications import Notification

__all__ = ["FOR_EVER", "Answer", "Declined", "Guarantee", "NotSent", "NotificationHub", "Sent", "Unknown"]


FOR_EVER: Final = timedelta(days=36_500)
"""How long a channel remembers keys that never forgets one."""


@frozen
class Guarantee:
    """The promises of a channel. The default promises nothing: an ambiguous send ends `uncertain`, and is shown."""

    remembers_keys_for: timedelta = timedelta(0)
    """Counted from the first try. Zero: not at all. `FOR_EVER`: as long as anybody could try."""
    ask: Callable[[str], Awaitable[Answer]] | None = None

    __attrs_post_init__ = check_fields


class NotificationHub(Protocol):
    """`Unavailable` says "surely not sent". Any other exception is ambiguous, and treated so."""

    @property
    def channels(self) -> Mapping[Channel, Guarantee]:
        """Return the channels that the hub serves, with the promises of each."""
        ...

    async def send(self, notification: Notification) -> Sent | Declined:
        """Send it; the notification's id is the idempotency key."""
        ...
