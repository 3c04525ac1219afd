"""A fixed audience for stand-in relays, and what their notifications are about."""

from __future__ import annotations

from collections.abc import Sequence

from convalias.domain.addresses.email_address import EmailAddress
from convalias.domain.ids import ConversationId

ANN = EmailAddress.parse("ann@home.example")
BOB = EmailAddress.parse("bob@corp.example")


class Audience:
    def __init__(self, *people: EmailAddress) -> None:
        self._people = people

    async def of_event(self, conversation: ConversationId, *, author: str) -> Sequence[EmailAddress]:
        return self._people

    async def of_mail(self, conversation: ConversationId, *, raw_key: str) -> Sequence[EmailAddress]:
        return self._people


def told_ids(raws: Sequence[bytes]) -> list[str]:
    fields = [line for raw in raws for line in raw.decode().splitlines() if line.startswith("X-External-Id: ")]
    return [line.removeprefix("X-External-Id: ") for line in fields]
