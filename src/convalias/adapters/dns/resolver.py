"""DnsResolver over dnspython: bounded in time and size, every failure an answer."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from datetime import timedelta
from itertools import islice
from typing import Final, Protocol, Self

import dns.asyncresolver
import dns.exception
import dns.name
import dns.resolver
from attrs import field, frozen
from dns.rdtypes.ANY.MX import MX
from dns.rdtypes.ANY.PTR import PTR
from dns.rdtypes.ANY.TXT import TXT
from dns.rdtypes.IN.A import A
from dns.rdtypes.IN.AAAA import AAAA

from convalias.ports.dns import (
    HostAnswer,
    HostKind,
    HostRecords,
    NoSuchName,
    TemporaryFailure,
    TxtAnswer,
    TxtRecords,
)

_RECORDS: Final = 64


class Asked(Protocol):
    """The part of `dns.asyncresolver.Resolver` that is used."""

    async def resolve(self, qname: dns.name.Name, rdtype: str, *, lifetime: float) -> dns.resolver.Answer:
        """Answer, or one of dnspython's exceptions."""
        ...


def _system() -> Asked:
    resolver: Asked = dns.asyncresolver.Resolver()
    return resolver


def _servers(addresses: Iterable[str]) -> Asked:
    resolver = dns.asyncresolver.Resolver(configure=False)
    resolver.nameservers = list(addresses)
    asked: Asked = resolver
    return asked


@frozen
class DnsResolver:
    """`ports.HostResolver`, by the name servers of this machine unless told otherwise. Keeps nothing between calls."""

    asked: Asked = field(factory=_system, repr=False)
    within: timedelta = field(default=timedelta(seconds=5), kw_only=True)
    """For one name, over all its servers."""

    @classmethod
    def asking(cls, servers: Iterable[str]) -> Self:
        """Make a resolver that asks these name servers, by their IP addresses, instead of this machine's.

        `ValueError` if not.
        """
        return cls(_servers(servers))

    async def txt(self, name: str) -> TxtAnswer:
        """The TXT records of that name."""
        answer = await self._answer(name, "TXT")
        match answer:
            case NoSuchName() | TemporaryFailure():
                return answer
            case None:
                return TxtRecords()
            case _:
                return TxtRecords(_texts(answer))

    async def hosts(self, name: str, kind: HostKind) -> HostAnswer:
        """The hosts of that name: addresses, or names."""
        answer = await self._answer(name, kind)
        match answer:
            case NoSuchName() | TemporaryFailure():
                return answer
            case None:
                return HostRecords()
            case _:
                return HostRecords(_hosts(answer))

    async def _answer(self, name: str, kind: str) -> dns.resolver.Answer | NoSuchName | TemporaryFailure | None:
        """None: the name is there, and has other records."""
        seconds = self.within.total_seconds()
        try:
            async with asyncio.timeout(seconds + 1):  # the net behind the library's own time-out
                return await self.asked.resolve(dns.name.from_text(name), kind, lifetime=seconds)
        except dns.resolver.NXDOMAIN:
            return NoSuchName()
        except dns.resolver.NoAnswer:
            return None
        except (dns.name.LabelTooLong, dns.name.NameTooLong, dns.name.EmptyLabel, dns.name.BadEscape):
            return NoSuchName()
        except (dns.exception.DNSException, OSError, TimeoutError) as failure:
            return TemporaryFailure(type(failure).__name__)


def _texts(answer: dns.resolver.Answer) -> tuple[bytes, ...]:
    """The texts of a TXT answer, each record's strings joined; all of them fit one DNS message, so 64 kB."""
    records = (record for record in answer if isinstance(record, TXT))
    return tuple(b"".join(record.strings) for record in islice(records, _RECORDS))


def _hosts(answer: dns.resolver.Answer) -> tuple[str, ...]:
    """Addresses as they are, names without the last dot, those of MX by preference."""
    found: list[tuple[int, str]] = []
    for record in islice(answer, _RECORDS):
        match record:
            case A() | AAAA():
                found.append((0, record.address))
            case MX():
                found.append((record.preference, record.exchange.to_text(omit_final_dot=True)))
            case PTR():
                found.append((0, record.target.to_text(omit_final_dot=True)))
            case _:  # of another type: not asked for
                pass
    return tuple(host for _, host in sorted(found, key=lambda one: one[0]))
