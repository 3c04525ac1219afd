"""A seeded writer: who writes what to whom, and the journal by which the simulator's laws judge what became of it."""

from __future__ import annotations

import random
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import Final

from convalias.domain.addresses.email_address import EmailAddress
from convalias.domain.conversations.participants import Participant
from convalias.domain.ids import AccountId, ConversationId, UseCase
from convalias.testing.simulator.journal import Journal, Kind, Mail
from convalias.testing.simulator.world import ALIAS_DOMAIN

USE_CASE: Final = UseCase("hiring")
PEOPLE: Final = ("ann", "bob", "cid")
AUTHENTICATED_BY: Final = "mx.home.example"
_KINDS: Final = (*[Kind.MAIL] * 16, Kind.AUTO_REPLY, Kind.STRANGER, Kind.SPOOF)


class Writer:
    """People of conversations of three. Who takes part in one takes part in no other."""

    def __init__(self, *, seed: int, conversations: int) -> None:
        """Nobody has written yet."""
        self.journal = Journal()
        self.participants = {
            ConversationId(f"c{number}"): [_participant(person, number) for person in PEOPLE]
            for number in range(conversations)
        }
        for conversation, participants in self.participants.items():
            self.journal.conversations.append(conversation)
            self.journal.people.update({one.account: set(one.addresses) for one in participants})
        self._aliases: dict[tuple[ConversationId, AccountId], EmailAddress] = {}
        self._draws = random.Random(seed)

    def know(self, conversation: ConversationId, aliases: Mapping[AccountId, EmailAddress]) -> None:
        """These were issued for it."""
        self._aliases.update({(conversation, account): address for account, address in aliases.items()})

    def mail(self) -> Mail:
        """The next one: most often a participant's, to one or both of the others."""
        number = len(self.journal.mails)
        kind = self._draws.choice(_KINDS)
        conversation = self._draws.choice(self.journal.conversations)
        author, *others = self._draws.sample(self.participants[conversation], len(PEOPLE))
        to = tuple(self._aliases[conversation, one.account] for one in others[: self._draws.choice((1, 1, 2))])
        sender = author.addresses[0]
        account = None if kind in {Kind.STRANGER, Kind.SPOOF} else author.account
        if kind is Kind.STRANGER:
            sender = EmailAddress.parse(f"eve{self._draws.randrange(2)}@else.example")
            self.journal.strangers.add(sender)
        mail = Mail(
            name=f"m{number}",
            kind=kind,
            sender=sender,
            account=account,
            recipients=to,
            conversations=(conversation,) * len(to),
            evidence=None,
            raw=_raw(f"m{number}", kind, sender, to),
        )
        self.journal.mails[mail.name] = mail
        return mail

    def again(self) -> Mail:
        """One of the last ones, which its author's program sends once more."""
        return self._draws.choice(list(self.journal.mails.values())[-20:])


def _participant(person: str, number: int) -> Participant:
    address = EmailAddress.parse(f"{person}.c{number}@{person}-home.example")
    return Participant(AccountId(f"{person}-c{number}"), name=person.title(), addresses=(address,))


def _raw(name: str, kind: Kind, sender: EmailAddress, to: tuple[EmailAddress, ...]) -> bytes:
    assert all(one.domain == ALIAS_DOMAIN for one in to)
    proved = {Kind.SPOOF: "dmarc=fail (p=reject)", Kind.STRANGER: "dmarc=pass"}.get(kind)
    fields = [
        f"From: {sender}",
        f"To: {', '.join(map(str, to))}",
        f"Message-ID: <{name}@home.example>",
        f"Date: {format_datetime(datetime.now(UTC))}",
        f"Subject: About {name}",
    ]
    if proved is not None:  # only what stands above the border's own Received is believed
        fields.insert(0, f"Received: from mx.else.example by {AUTHENTICATED_BY}; {format_datetime(datetime.now(UTC))}")
        fields.insert(0, f"Authentication-Results: {AUTHENTICATED_BY}; {proved} header.from={sender.domain}")
    if kind is Kind.AUTO_REPLY:
        fields.append("Auto-Submitted: auto-replied")
    return ("\r\n".join(fields) + f"\r\n\r\n{name} written by {sender.local}\r\n").encode()
