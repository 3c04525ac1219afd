"""A provider that posts its key, the recipient and the sender in a line each, then the mail."""

from attrs import frozen

from convalias import IncomingMail
from convalias.app import Door, DoorKind, DoorNeeds, DoorPost, DoorSecret


@frozen
class Answer:
    status: int
    text: str


@frozen
class Posts:
    needs: DoorNeeds

    async def handle(self, post: DoorPost) -> Answer:
        body = b"".join([chunk async for chunk in post.chunks])
        key, recipient, sender, mail = body.split(b"\n", 3)
        if key.decode() not in self.needs.keys.split(","):
            return Answer(401, "not ours")
        await self.needs.accept(
            IncomingMail(mail, recipients=[recipient.decode()], sender=sender.decode(), source="toy")
        )
        return Answer(200, "kept")


def door(needs: DoorNeeds) -> Door:
    return Posts(needs)


def _short(password: str) -> str:
    return "found less than four characters" if len(password) < 4 else ""


locked = DoorKind(
    make=door,
    addresses=("/mail", "/mail/again"),
    secret=DoorSecret(name="PASSWORD", expected="the password that the toy posts", problem=_short),
)
"""A door that says where it stands and what it needs."""
