"""Unwrap the address a mail was sent to, until the alias it was meant for is found."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from contextlib import suppress
from typing import Final

from convalias.domain.addresses.email_address import EmailAddress, InvalidAddress, MailDomains
from convalias.domain.aliases import tokens
from convalias.domain.aliases.alias import AliasKeys, ByName, Forged, Token

# BATV, draft-levine-smtp-batv §4: `prvs=<tag>=<mailbox>`; Barracuda writes `btv1==<tag>==<mailbox>`.
_PRVS: Final = re.compile(r"prvs=[^=]+=(.+)", re.DOTALL)
_BTV1: Final = re.compile(r"btv1==[^=]+==(.+)", re.DOTALL)
# SRS (Wong, "Sender Rewriting Scheme"): SRS0=hash=day=domain=local, and SRS1=hash=forwarder==hash=day=domain=local
# on the second hop. The first separator may also be `+` or `-`.
_SRS0: Final = re.compile(r"srs0[=+-][^=]+=[^=]+=([^=]+)=(.+)", re.DOTALL)
_SRS1: Final = re.compile(r"srs1[=+-][^=]+=[^=]+=[=+-][^=]+=[^=]+=([^=]+)=(.+)", re.DOTALL)
_WRAPPERS: Final = ("prvs=", "btv1==", "srs0", "srs1")


def bare(text: str) -> EmailAddress:
    """Read a recipient as a source hands it over: white space, angle brackets or quotes may surround it.

    >>> bare('<"John-1ab131e2@Reply.example.">').key
    'john-1ab131e2@reply.example'

    Raises `InvalidAddress`.
    """
    inside = text.strip()
    while len(inside) > 1 and (inside[0], inside[-1]) in {("<", ">"), ('"', '"'), ("'", "'")}:
        inside = inside[1:-1].strip()
    return EmailAddress.parse(inside)


def decode(address: EmailAddress, keys: AliasKeys | None = None) -> Token | Forged | ByName:
    """Return the handle by which an alias is looked up. Without keys no MAC is checked.

    Only the deciding handle: a v3 alias is listed under `ByName` of its stored address as well.
    """
    return tokens.read_v3(address.local, address.domain, keys) or ByName(address)


def may_be_ours(addresses: Iterable[EmailAddress], domains: MailDomains, keys: AliasKeys | None = None) -> bool:
    """Return whether one of them may be an alias, as far as can be told without a store.

    It may where it lies at a domain of ours and holds no forged token.
    """
    return any(
        domains.ours(one) and not isinstance(decode(one, keys), Forged)
        for address in addresses
        for one in unwrapped(address, domains)
    )


def unwrapped(address: EmailAddress, domains: MailDomains) -> tuple[EmailAddress, ...]:
    """Return the address, then each form of it with one BATV, SRS or tag wrapping less, while it is ours.

    Never empty; the last one is bare. Foreign addresses stay as they are. Each step is linear in an address of at
    most 256 octets.
    """
    local = address.local
    if "+" not in local and not local.startswith(_WRAPPERS):
        return (address,)
    steps = [address]
    while (inner := next(filter(domains.ours, _inner(steps[-1])), None)) is not None:
        steps.append(inner)
    return tuple(steps)


def _inner(address: EmailAddress) -> Iterator[EmailAddress]:
    """What is inside the outermost wrapping, or without the last tag, as far as it is an address."""
    local, domain = address.local, address.domain
    if local.startswith('"'):
        return
    if found := _PRVS.fullmatch(local) or _BTV1.fullmatch(local):
        yield from _parsed(found[1], domain)
    elif found := _SRS1.fullmatch(local) or _SRS0.fullmatch(local):
        yield from _parsed(found[2], found[1])
    # RFC 5233 §1: what follows the separator is the detail; one at a time, for a listed address may hold one.
    mailbox, plus, _tag = local.rpartition("+")
    if plus and mailbox:
        yield from _parsed(mailbox, domain)


def _parsed(local: str, domain: str) -> Iterator[EmailAddress]:
    with suppress(InvalidAddress):
        yield EmailAddress.parse(f"{local}@{domain}")
