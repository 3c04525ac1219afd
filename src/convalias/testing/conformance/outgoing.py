"""OutgoingMail: what was accepted arrives, whole, at whom it is for."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from datetime import timedelta
from typing import Final, TypeAlias

from attrs import field, frozen

from convalias.domain.addresses.email_address import EmailAddress
from convalias.ports.hub import NotSent, Sent
from convalias.ports.mail import Outgoing, OutgoingMail, guarantee_of
from convalias.testing.conformance.check import (
    NotSupportedError,
    Open,
    PromiseBrokenError,
    agree,
    at_least,
    is_no,
    is_there,
    suite,
)


@frozen(kw_only=True)
class MailSink:
    """An adapter, and a look at what arrived behind it: recipient and octets of each mail."""

    port: OutgoingMail
    arrived: Callable[[], Awaitable[Sequence[tuple[EmailAddress, bytes]]]]
    remembers_keys: bool = field(default=False)
    """True: held to one mail a key, though the port itself states nothing. Better: let the port state its `guarantee`."""


MakeOutgoingMail: TypeAlias = Open[MailSink]
"""Opens a sender at a place, with a look at what arrived."""

_MINUTE: Final = timedelta(minutes=1)
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
        agree(f"{mail.key} arrived once, whole, at its recipient", found, [mail.to])


async def an_accepted_mail_arrives_whole_at_its_recipient(open_: MakeOutgoingMail) -> None:
    """Octet by octet: eight-bit text, long bodies, the longest line that a mail may have, lines of dots."""
    async with open_("a") as sink:
        long = ("grüße " * 100 + "\r\n").encode() * 200
        dots = b".\r\n..\r\n.x\r\n\r\n."
        mails = [_mail("k.1"), _mail("k-2", _BOB, long), _mail("k_3", body=b"x" * 998), _mail("k4", body=dots)]
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
    """Expect that no mail is lost to another."""
    async with open_("a") as sink:
        mails = [_mail(f"k{number}", _BOB if number % 2 else _ANN) for number in range(20)]
        await asyncio.gather(*(sink.port.send(mail) for mail in mails))
        await _expect_arrived(sink, *mails)


async def what_the_adapter_states_is_a_guarantee(open_: MakeOutgoingMail) -> None:
    """Expect nothing, or a `Guarantee` that is the same whenever it is read, and never a negative time."""
    async with open_("a") as sink:
        try:
            stated = guarantee_of(sink.port)
        except TypeError as error:
            raise PromiseBrokenError(f"its guarantee: found an error, {error}; expected a Guarantee") from error
        again = guarantee_of(sink.port)
        at_least("it remembers for no negative time", stated.remembers_keys_for, timedelta(0))
        agree("it states the same whenever it is read", stated.remembers_keys_for, again.remembers_keys_for)
        agree("and can be asked whenever it is read, or never", stated.ask is None, again.ask is None)


async def who_can_be_asked_tells_what_left(open_: MakeOutgoingMail) -> None:
    """`Sent` only for what left, `NotSent` only for what did not; asked by another process than the one that sent."""
    async with open_("a") as one, open_("a") as two:
        ask = guarantee_of(one.port).ask
        if ask is None:
            raise NotSupportedError("who can be asked tells what left", "its guarantee has no `ask`")
        await two.port.send(_mail("left"))
        is_no("what left is not denied", await ask("left"), NotSent)
        is_no("what never left is not claimed", await ask("never"), Sent)


async def one_key_is_one_mail_where_the_adapter_says_so(open_: MakeOutgoingMail) -> None:
    """Send from two processes, at once and later."""
    async with open_("a") as one, open_("a") as two:
        mail = _mail("once")
        await asyncio.gather(*(sink.port.send(mail) for sink in (one, two, one, two)))
        await two.port.send(mail)
        arrived = [raw for _, raw in await two.arrived() if raw.endswith(mail.raw)]
        arrived = is_there("it arrived", arrived)
        remembers = guarantee_of(one.port).remembers_keys_for
        if not one.remembers_keys and remembers < _MINUTE:
            raise NotSupportedError("one key is one mail", f"it remembers keys for {remembers}")
        agree("mails that arrived under one key", len(arrived), 1)


OUTGOING_MAIL: Final = suite(
    an_accepted_mail_arrives_whole_at_its_recipient,
    mail_with_the_null_return_path_leaves_too,
    mails_sent_at_once_all_arrive,
    one_key_is_one_mail_where_the_adapter_says_so,
    what_the_adapter_states_is_a_guarantee,
    who_can_be_asked_tells_what_left,
)
"""Promises of `OutgoingMail`."""
