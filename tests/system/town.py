"""A small world for soaks: conversations of three, each reached by mail only, all of it in stage `parallel`."""

from __future__ import annotations

import random
from typing import Any

from system.provider import Mail

PEOPLE = ("ann", "bob", "eve")


class Town:
    """Who there is, and the mails they write."""

    def __init__(self, *, conversations: int, seed: int) -> None:
        self.conversations = [f"c{number}" for number in range(conversations)]
        self._draws = random.Random(seed)
        self._written = 0

    def account(self, conversation: str, person: str) -> str:
        return f"{person}-{conversation}"

    def address(self, conversation: str, person: str) -> str:
        return f"{person}.{conversation}@{person}-home.example"

    def alias(self, conversation: str, person: str) -> str:
        number = self.conversations.index(conversation) * 16 + PEOPLE.index(person)
        return f"{person}-{number:08x}@reply.example"

    def legacy(self, conversation: str) -> str:
        return f"legacy-{conversation}@relay.example"

    def world(self) -> dict[str, Any]:
        """For `convalias load`."""
        pairs = [(one, person) for one in self.conversations for person in PEOPLE]
        return {
            "now": "2026-03-01T12:00:00Z",
            "alias_domains": ["reply.example"],
            "legacy_domains": ["relay.example"],
            "conversations": [
                {
                    "id": one,
                    "participants": [
                        {"account": self.account(one, person), "name": f"{person.title()} Of {one}"}
                        for person in PEOPLE
                    ],
                }
                for one in self.conversations
            ],
            "aliases": [
                {"address": self.alias(one, person), "conversation": one, "participant": self.account(one, person)}
                for one, person in pairs
            ],
            "legacy_aliases": [{"address": self.legacy(one), "conversation": one} for one in self.conversations],
            "accounts": [
                {"id": self.account(one, person), "addresses": [self.address(one, person)]} for one, person in pairs
            ],
        }

    def mail(self) -> Mail:
        """Somebody writes to one or both of the others, now and then to the old address as well."""
        self._written += 1
        conversation = self._draws.choice(self.conversations)
        author, *others = self._draws.sample(PEOPLE, len(PEOPLE))
        recipients = [self.alias(conversation, one) for one in others[: self._draws.choice((1, 1, 2))]]
        if self._draws.random() < 0.2:
            recipients.append(self.legacy(conversation))
        sender = self.address(conversation, author)
        message_id = f"<m{self._written}@mail.example>"
        # Words of its own: texts that differ by numbers alone are one text to the loop guard.
        own = str(self._written).translate(str.maketrans("0123456789", "abcdefghij"))
        text = f"Message number {own}."
        quoted = f"On Monday {others[0].title()} <{recipients[0]}> wrote:\r\n> what was said before\r\n"
        raw = (
            f"From: {author.title()} <{sender}>\r\nTo: {', '.join(recipients)}\r\nSubject: Re: us\r\n"
            f"Message-ID: {message_id}\r\nMIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n"
            f"{text}\r\n\r\n{quoted}"
        )
        return Mail(
            message_id=message_id,
            conversation=conversation,
            author=self.account(conversation, author),
            sender=sender,
            recipients=tuple(recipients),
            text=text,
            raw=raw.encode(),
        )
