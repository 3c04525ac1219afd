"""Writing of people: mail, replies, chat, and what programs write in their place."""

from __future__ import annotations

import quopri
import re
from collections.abc import Sequence
from datetime import timedelta
from functools import partial
from typing import Final

from attrs import evolve

from convalias.app import Convalias
from convalias.domain.addresses.email_address import EmailAddress
from convalias.domain.approvals.links import Allow, Deny, Request
from convalias.domain.conversations.long_texts import LONG
from convalias.domain.ids import AccountId, ConversationId
from convalias.domain.inbound.held import Admits
from convalias.domain.mail.authentication import Dmarc, DmarcPolicy, SenderEvidence
from convalias.services.conversations.errors import ServiceError
from convalias.testing.simulator.commands import GivenUp, asked, commanded
from convalias.testing.simulator.draws import Stream
from convalias.testing.simulator.journal import Chat, Kind, Mail
from convalias.testing.simulator.neighbours import KILLS, RAISES
from convalias.testing.simulator.people import People
from convalias.testing.simulator.ports import EPOCH
from convalias.testing.simulator.provider import Provider
from convalias.testing.simulator.weather import Fault
from convalias.testing.simulator.world import ALIAS_DOMAIN, World

_ANSWERS: Final[Sequence[Request]] = (Allow(), Allow(), Allow(Admits.THIS_ADDRESS), Deny())
_LINE: Final = "and a great deal besides, " * 30
"""A mail with a long text says nothing else."""
_LINK: Final = re.compile(rb"/approvals/([!-~]+)")


class Writers:
    """People, and the programs that answer for them."""

    def __init__(self, world: World, people: People) -> None:
        """Nobody has written yet."""
        self._world = world
        self._people = people
        self._provider = Provider(world)

    # --- mail ------------------------------------------------------------------------------------------

    async def mail(self, draws: Stream, name: str) -> None:
        """A participant writes: to one alias, to several, to legacy ones, to some of each."""
        people = self._people
        conversation = draws.choice(people.conversations)
        author = draws.choice(people.members[conversation])
        recipients = people.addressed(conversation, author, draws)
        await self._write(
            name, Kind.MAIL, draws, sender=people.address(author, draws), account=author, recipients=recipients
        )

    async def reply(self, draws: Stream, name: str) -> None:
        """Answer the last notification that reached somebody."""
        sent = self._world.engines.hub.sent[-40:]
        if not sent:
            await self.mail(draws, name)
            return
        notification = draws.choice(sent).notification
        sender, alias = notification.recipient_address, notification.reply_alias
        if sender is None or alias is None or not notification.answerable:
            return
        about = notification.conversation
        recipients = [(alias, about)]
        await self._write(name, Kind.REPLY, draws, sender=sender, account=notification.recipient, recipients=recipients)

    async def stranger(self, draws: Stream, name: str) -> None:
        """Write from outside to an address that was found."""
        conversation = draws.choice(self._people.conversations)
        address = EmailAddress.parse(f"eve{draws.below(3)}@else.example")
        self._world.journal.strangers.add(address)
        recipients = self._people.addressed(conversation, None, draws)
        if draws.chance(0.4):  # or guesses one, and tries again
            recipients = [(EmailAddress.parse(f"guess{draws.below(2)}@{ALIAS_DOMAIN}"), conversation)]
            again = f"{name}-again"
            await self._write(again, Kind.STRANGER, draws, sender=address, account=None, recipients=recipients)
        await self._write(name, Kind.STRANGER, draws, sender=address, account=None, recipients=recipients)

    async def auto_reply(self, draws: Stream, name: str) -> None:
        """A vacation program answers a notification."""
        conversation = draws.choice(self._people.conversations)
        author = draws.choice(self._people.members[conversation])
        recipients = self._people.addressed(conversation, author, draws)[:1]
        await self._write(
            name,
            Kind.AUTO_REPLY,
            draws,
            sender=self._people.address(author, draws),
            account=author,
            recipients=recipients,
        )

    async def spoof(self, draws: Stream, name: str) -> None:
        """Write under a participant's address, whose domain says that this is not the participant."""
        conversation = draws.choice(self._people.conversations)
        victim = draws.choice(self._people.members[conversation])
        recipients = self._people.addressed(conversation, victim, draws)[:1]
        await self._write(
            name, Kind.SPOOF, draws, sender=self._people.address(victim, draws), account=None, recipients=recipients
        )

    async def again(self, draws: Stream, name: str) -> None:
        """A mail client sends the very same mail once more; to the provider it is a new one."""
        mails = list(self._world.journal.mails.values())[-30:]
        if not mails:
            await self.mail(draws, name)
            return
        await self._provider.deliver(draws.choice(mails), draws, attempt=name)

    async def poison(self, draws: Stream, name: str) -> None:
        """A mail that makes whoever reads it fail, or die."""
        if not self._world.weather.has(Fault.POISON, self._world.now):
            return
        conversation = draws.choice(self._people.conversations)
        author = draws.choice(self._people.members[conversation])
        recipients = self._people.addressed(conversation, author, draws)[:1]
        sender = self._people.address(author, draws)
        await self._write(name, Kind.POISON, draws, sender=sender, account=author, recipients=recipients)

    async def borrow(self, draws: Stream, name: str) -> None:
        """Another participant writes under the Message-ID and the Date of a mail that may still be on its way."""
        people = self._people
        written = list(self._world.journal.mails.values())[-8:]
        taken = {mail.borrowed for mail in written}  # twice by one sender it is one mail: they share the Date as well
        mails = [mail for mail in written if mail.kind is Kind.MAIL and mail.name not in taken]
        if not mails:
            await self.mail(draws, name)
            return
        other = draws.choice(mails)
        conversation = draws.choice(other.conversations)
        members = people.members[conversation]
        author = draws.choice([one for one in members if one != other.account])
        to = draws.choice([one for one in members if one != author])
        sender = people.address(author, draws)
        if sender == other.sender:  # who inherited that address is to mail the same person: then it is the same mail
            return
        recipients = [(people.way_to(conversation, to), conversation)]
        await self._write(
            name, Kind.BORROWED, draws, sender=sender, account=author, recipients=recipients, borrowed=other
        )

    async def _write(
        self,
        name: str,
        kind: Kind,
        draws: Stream,
        *,
        sender: EmailAddress,
        account: AccountId | None,
        recipients: Sequence[tuple[EmailAddress, ConversationId]],
        borrowed: Mail | None = None,
    ) -> None:
        addresses = tuple(dict.fromkeys(address for address, _ in recipients))
        places = dict(recipients)
        mail = Mail(
            name=name,
            kind=kind,
            sender=sender,
            account=account,
            recipients=addresses,
            conversations=tuple(places[one] for one in addresses),
            evidence=_evidence(kind, sender) or self._proof(kind, draws),
            raw=b"",
            borrowed="" if borrowed is None else borrowed.name,
            at=self._world.now if borrowed is None else borrowed.at,
        )
        mail = evolve(mail, raw=_written(mail, kills=draws.chance(0.3)))
        self._world.journal.mails[name] = mail
        await self._provider.deliver(mail, draws, attempt=name)

    def _proof(self, kind: Kind, draws: Stream) -> SenderEvidence | None:
        """Where a platform may decline mail, some participants are proved: nobody else may be told of it."""
        is_participant = kind in {Kind.MAIL, Kind.REPLY, Kind.BORROWED}
        if self._world.engines.platform is None or not is_participant or not draws.chance(0.5):
            return None
        return SenderEvidence(Dmarc.PASS)

    # --- chat ------------------------------------------------------------------------------------------

    async def chat(self, draws: Stream, name: str) -> None:
        """A participant writes in the application, whose client tries until it knows."""
        conversation = draws.choice(self._people.conversations)
        author = draws.choice(self._people.members[conversation])
        chat = Chat(conversation=conversation, author=author, key=name, text=f"{name} said {author}")
        self._world.journal.chats.append(chat)
        try:
            await asked(
                self._world, draws, lambda cv: cv.messaging.send(conversation, chat.text, author=author, key=name)
            )
            chat.accepted = True
        except ServiceError:
            chat.refused = True
        except GivenUp:
            return

    async def read(self, draws: Stream, name: str) -> None:
        """A participant opens a conversation."""
        del name
        conversation = draws.choice(self._people.conversations)
        reader = draws.choice(self._people.members[conversation])
        to_the_end = draws.chance(0.7)

        async def mark(cv: Convalias) -> None:
            up_to = (await cv.messaging.thread(conversation)).seq if to_the_end else 1
            await cv.messaging.mark_read(conversation, account=reader, up_to=up_to)

        await commanded(self._world, draws, mark)

    # --- links -----------------------------------------------------------------------------------------

    async def open(self, draws: Stream, name: str) -> None:
        """A mail scanner follows every link of an approval mail; now and then a person answers one of them."""
        del name
        mails = [mail for mail in self._world.engines.system_box.mails if b"/approvals/" in mail.raw][-10:]
        if not mails:
            return
        tokens = [found.decode() for found in _LINK.findall(quopri.decodestring(draws.choice(mails).raw))]
        for token in tokens:
            await commanded(self._world, draws, partial(_looked, token=token))
        if tokens and draws.chance(0.7):
            token = draws.choice(tokens)
            request = draws.choice(_ANSWERS)
            self._world.journal.answers.append(token)
            await commanded(self._world, draws, partial(_answered, token=token, request=request))


def _evidence(kind: Kind, sender: EmailAddress) -> SenderEvidence | None:
    match kind:
        case Kind.SPOOF:
            return SenderEvidence(Dmarc.FAIL, DmarcPolicy.REJECT)
        case Kind.STRANGER if sender.local != "eve2":  # that one never authenticates: nobody may write back to it
            return SenderEvidence(Dmarc.PASS)
        case _:
            return None


def _written(mail: Mail, *, kills: bool) -> bytes:
    fields = [
        f"From: {mail.sender}",
        f"To: {', '.join(map(str, mail.recipients))}",
        f"Message-ID: {mail.message_id}",
        f"Date: {EPOCH + timedelta(seconds=mail.at):%a, %d %b %Y %H:%M:%S} +0000",
        f"Subject: About {mail.name}",
    ]
    if mail.kind is Kind.AUTO_REPLY:
        fields.append("Auto-Submitted: auto-replied")
    if mail.kind is Kind.POISON:
        fields.append((KILLS if kills else RAISES).decode())
    words = f"{mail.name} written by {mail.sender.local}"
    if mail.end:
        words = "\r\n".join([words, *[_LINE] * (LONG // len(_LINE) + 1), mail.end])
    return ("\r\n".join(fields) + f"\r\n\r\n{words}\r\n").encode()


async def _looked(cv: Convalias, *, token: str) -> bool:
    await cv.approvals.show(token)
    return True


async def _answered(cv: Convalias, *, token: str, request: Request) -> bool:
    await cv.approvals.decide(token, request)
    return True
