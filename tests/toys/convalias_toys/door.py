"""A provider that posts its key, the recipient and the sender in a line each, then the mail."""

from collections.abc import AsyncIterable

from attrs import frozen

from convalias import IncomingMail
from convalias.app import Door, DoorNeeds


@frozen
class Answer:
    status: int
    text: str


@frozen
class Posts:
    needs: DoorNeeds

    async def handle(self, content_type: str, chunks: AsyncIterable[bytes], *, raw: bool) -> Answer:
        del content_type, raw
        post = b"".join([chunk async for chunk in chunks])
        key, recipient, sender, mail = post.split(b"\n", 3)
        if key.decode() not in self.needs.keys.split(","):
            return Answer(401, "not ours")
        await self.needs.accept(
            IncomingMail(mail, recipients=[recipient.decode()], sender=sender.decode(), source="toy")
        )
        return Answer(200, "kept")


def door(needs: DoorNeeds) -> Door:
    return Posts(needs)
