"""A broken `NotificationHub` for each check."""

from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta

from convalias.domain.outbound.delivery import Channel
from convalias.domain.outbound.notifications import Notification
from convalias.ports.hub import Answer, Declined, Guarantee, NotSent, Sent
from convalias.testing.conformance import HubUnderTest, MakeNotificationHub
from testing.conformance.broken.places import shared


class Hub:
    def __init__(self) -> None:
        self.ids: list[str] = []

    @property
    def channels(self) -> Mapping[Channel, Guarantee]:
        return {Channel.EMAIL: Guarantee(timedelta(days=1), ask=self.ask)}

    async def ask(self, key: str) -> Answer:
        return Sent() if key in self.ids else NotSent()

    async def send(self, notification: Notification) -> Sent | Declined:
        if notification.channel is not Channel.EMAIL:
            return Declined("e-mail only")
        if notification.id not in self.ids:
            self.ids.append(notification.id)
        return Sent()

    async def left(self) -> Sequence[str]:
        return self.ids


class MakesUpAnId(Hub):
    async def send(self, notification: Notification) -> Sent | Declined:
        self.ids.append("id")
        return Sent()


class Forgets(Hub):
    async def send(self, notification: Notification) -> Sent | Declined:
        self.ids.append(notification.id)
        return Sent()


class Denies(Hub):
    async def ask(self, key: str) -> Answer:
        return NotSent()


class TakesEverything(Hub):
    async def send(self, notification: Notification) -> Sent | Declined:
        return Sent()


class PromisesNothing(Hub):
    """Not broken: it says so."""

    @property
    def channels(self) -> Mapping[Channel, Guarantee]:
        return {Channel.EMAIL: Guarantee()}


def making(hub: Callable[[], Hub]) -> Callable[[], MakeNotificationHub]:
    def under_test() -> HubUnderTest:
        one = hub()
        return HubUnderTest(port=one, left=one.left)

    return lambda: shared(under_test)


MUTANTS: Mapping[str, Callable[[], MakeNotificationHub]] = {
    "each channel it serves sends under the notifications id": making(MakesUpAnId),
    "a key that is remembered is sent once": making(Forgets),
    "who can be asked tells what was sent": making(Denies),
    "a channel it does not serve is declined": making(TakesEverything),
}
