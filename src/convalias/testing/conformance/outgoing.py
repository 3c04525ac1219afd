"""OutgoingMail: what was accepted arrives, whole, at whom it is for."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Final, TypeAlias

from attrs import field, frozen

from convalias.domain.addresses import EmailAddress
from convalias.ports.mail import Outgoing, OutgoingMail
from convalias.testing.conformance.check import Open, expect, suite


@frozen(kw_only=True)
class MailSink:
    """An adapter, and a look at what arrived behind it: recipient and octets of each mail."""

    port: OutgoingMail
    arrived: Callable[[], Awaitable[Sequence[tuple[EmailAddress, bytes]]]]
    remembers_keys: bool = field(default=False)
    """Whether the adapter says that one key is one mail, for ever."""


MakeOutgoingMail: TypeAlias = Open[MailSink]

_ANN: Final = EmailAddress.parse("ann@home.example")
_BOB: Final = EmailAddress.parse("bob@corp.example")


def _mail(
    key: str, to: EmailAddress = _ANN, body: bytes = b"hello", return_path: str = "b-x@bounce.x.example"
) -> Outgoing:
    raw = (
        b"From: a@reply.example\r\nTo: "
        + str(to).encode()
        + b"\r\nSubject: "
        + key.encode()
        + b"\r\n\r\n"
        + body
        + b"\r\n"
    )
    return Outgoing(key=key, raw=raw, to=to, return_path=return_path)


async def _expect_arrived(sink: MailSink, *mails: Outgoing) -> None:
    """Each is there; a trace field that delivery puts before a mail is its own business."""
    arrived = await sink.arrived()
    for mail in mails:
        found = [to for to, raw in arrived if raw.endswith(mail.raw)]
        expect(found == [mail.to], f"{mail.key} arrived once, whole, at its recipient")


async def an_accepted_mail_arrives_whole_at_its_recipient(open_: MakeOutgoingMail) -> None:
    """Octet by octet, eight-bit text and long bodies included."""
    async with open_("a") as sink:
        mails = [_mail("k.1"), _mail("k-2", _BOB, "grüße ".encode() * 20_000), _mail("k_3", body=b"x" * 900)]
        for mail in mails:
            await sink.port.send(mail)
        await _expect_arrived(sink, *mails)


async def mail_with_the_null_return_path_leaves_too(open_: MakeOutgoingMail) -> None:
    """Refusals have it."""
    async with open_("a") as sink:
        mail = _mail("refusal-1", return_path="")
        await sink.port.send(mail)
        await _expect_arrived(sink, mail)


async def mails_sent_at_once_all_arrive(open_: MakeOutgoingMail) -> None:
    """None is lost to another."""
    async with open_("a") as sink:
        mails = [_mail(f"k{number}", _BOB if number % 2 else _ANN) for number in range(20)]
        await asyncio.gather(*(sink.port.send(mail) for mail in mails))
        await _expect_arrived(sink, *mails)


async def one_key_is_one_mail_where_the_adapter_says_so(open_: MakeOutgoingMail) -> None:
    """From two processes, at once and later."""
    async with open_("a") as one, open_("a") as two:
        mail = _mail("once")
        await asyncio.gather(*(sink.port.send(mail) for sink in (one, two, one, two)))
        await two.port.send(mail)
        arrived = [raw for _, raw in await two.arrived() if raw.endswith(mail.raw)]
        expect(arrived, "it arrived")
        expect(not one.remembers_keys or len(arrived) == 1, "and once, as the adapter says")


OUTGOING_MAIL: Final = suite(
    an_accepted_mail_arrives_whole_at_its_recipient,
    mail_with_the_null_return_path_leaves_too,
    mails_sent_at_once_all_arrive,
    one_key_is_one_mail_where_the_adapter_says_so,
)
