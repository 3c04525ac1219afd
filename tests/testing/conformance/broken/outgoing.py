"""A broken `OutgoingMail` for each check."""

from collections.abc import Callable, Mapping, Sequence

from attrs import evolve

from convalias.domain.addresses import EmailAddress
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


def _making(bag: Callable[[], Bag], *, remembers_keys: bool = False) -> Callable[[], MakeOutgoingMail]:
    def sink() -> MailSink:
        one = bag()
        return MailSink(port=one, arrived=one.arrived, remembers_keys=remembers_keys)

    return lambda: shared(sink)


MUTANTS: Mapping[str, Callable[[], MakeOutgoingMail]] = {
    "an accepted mail arrives whole at its recipient": _making(LosesEightBits),
    "mail with the null return path leaves too": _making(NeedsAReturnPath),
    "mails sent at once all arrive": _making(KeepsTheLastFew),
    "one key is one mail where the adapter says so": _making(Bag, remembers_keys=True),
}
