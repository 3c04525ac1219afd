"""A broken `OutgoingMail` for each check."""

from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta

from attrs import evolve

from convalias.domain.addresses.email_address import EmailAddress
from convalias.ports.hub import Answer, Guarantee, NotSent, Sent, Unknown
from convalias.ports.mail import Outgoing
from convalias.testing.conformance import MailSink, MakeOutgoingMail
from testing.conformance.broken.places import shared


class Bag:
    def __init__(self) -> None:
        self.mails: list[Outgoing] = []

    async def send(self, mail: Outgoing) -> None:
        self.mails.append(mail)

    async def arrived(self) -> Sequence[tuple[EmailAddress, bytes]]:
        return [(mail.to, mail.raw) for mail in self.mails]


class LosesEightBits(Bag):
    async def send(self, mail: Outgoing) -> None:
        await super().send(evolve(mail, raw=bytes(octet & 0x7F for octet in mail.raw)))


class NeedsAReturnPath(Bag):
    async def send(self, mail: Outgoing) -> None:
        if mail.return_path:
            await super().send(mail)


class KeepsTheLastFew(Bag):
    async def send(self, mail: Outgoing) -> None:
        await super().send(mail)
        del self.mails[:-5]


class SaysItRemembers(Bag):
    guarantee = Guarantee(timedelta(days=1))


class SaysTrue(Bag):
    guarantee = True


class Denies(Bag):
    @property
    def guarantee(self) -> Guarantee:
        return Guarantee(ask=self._ask)

    async def _ask(self, key: str) -> Answer:
        return NotSent()


class Claims(Denies):
    async def _ask(self, key: str) -> Answer:
        return Sent()


class IsNeverSure(Denies):
    """Not broken: it says so."""

    async def _ask(self, key: str) -> Answer:
        return Unknown()


def _making(bag: Callable[[], Bag]) -> Callable[[], MakeOutgoingMail]:
    def sink() -> MailSink:
        one = bag()
        return MailSink(port=one, arrived=one.arrived)

    return lambda: shared(sink)


MUTANTS: Mapping[str, Callable[[], MakeOutgoingMail]] = {
    "an accepted mail arrives whole at its recipient": _making(LosesEightBits),
    "mail with the null return path leaves too": _making(NeedsAReturnPath),
    "mails sent at once all arrive": _making(KeepsTheLastFew),
    "one key is one mail where the adapter says so": _making(SaysItRemembers),
    "what the adapter states is a guarantee": _making(SaysTrue),
    "who can be asked tells what left": _making(Denies),
}
MORE: Mapping[str, Callable[[], MakeOutgoingMail]] = {"who can be asked tells what left": _making(Claims)}
HONEST = (_making(Bag), _making(IsNeverSure))
