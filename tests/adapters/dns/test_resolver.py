"""Every answer of the domain name system is an answer of ours, and no failure an exception."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import dns.asyncresolver
import dns.exception
import dns.message
import dns.name
import dns.rdataclass
import dns.rdatatype
import dns.resolver
import dns.rrset
import pytest
from attrs import frozen

from convalias.adapters.dns import DnsResolver
from convalias.ports.dns import HostAnswer, HostKind, HostRecords, NoSuchName, TemporaryFailure, TxtAnswer, TxtRecords


@frozen
class Server:
    """What dnspython would do."""

    outcome: Exception | tuple[str, ...]
    kind: str = "TXT"

    async def resolve(self, qname: dns.name.Name, rdtype: str, *, lifetime: float) -> dns.resolver.Answer:
        if isinstance(self.outcome, Exception):
            raise self.outcome
        query = dns.message.make_query(qname, self.kind)
        response = dns.message.make_response(query)
        response.answer.append(dns.rrset.from_text(qname, 60, "IN", self.kind, *self.outcome))
        received = dns.message.from_wire(response.to_wire(max_size=65_535))
        return dns.resolver.Answer(qname, dns.rdatatype.from_text(self.kind), dns.rdataclass.IN, received)


def ask(outcome: Exception | tuple[str, ...], name: str = "_dmarc.corp.example", kind: str = "TXT") -> TxtAnswer:
    return asyncio.run(DnsResolver(Server(outcome, kind)).txt(name))


def test_the_strings_of_a_record_are_joined() -> None:
    answer = ask(('"v=DKIM1; " "p=AAAA"', '"other"'))
    assert isinstance(answer, TxtRecords)
    assert sorted(answer.texts) == [b"other", b"v=DKIM1; p=AAAA"]  # records have no order


@pytest.mark.parametrize(
    ("outcome", "answer"),
    [
        (dns.resolver.NXDOMAIN(), NoSuchName()),
        (dns.resolver.NoAnswer(), TxtRecords()),
        (dns.resolver.NoNameservers(), TemporaryFailure("NoNameservers")),
        (dns.exception.Timeout(), TemporaryFailure("Timeout")),
        (OSError(), TemporaryFailure("OSError")),
    ],
)
def test_failures_are_answers(outcome: Exception, answer: TxtAnswer) -> None:
    assert ask(outcome) == answer


@pytest.mark.parametrize("name", ["a..b", "a" * 64 + ".example", ".".join(["a" * 60] * 5), "\\1"])
def test_a_name_that_cannot_be_does_not_exist(name: str) -> None:
    assert ask(('"x"',), name) == NoSuchName()


def test_answers_are_bounded() -> None:
    many = ask(tuple(f'"{number}"' for number in range(100)))
    assert isinstance(many, TxtRecords)
    assert len(many.texts) == 64


def test_records_of_another_type_are_none() -> None:
    assert ask(("192.0.2.1",), kind="A") == TxtRecords()


def test_the_servers_of_this_machine_are_asked_unless_told_otherwise(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dns.asyncresolver, "Resolver", lambda: Server(('"x"',)))
    assert asyncio.run(DnsResolver().txt("corp.example")) == TxtRecords((b"x",))


@frozen
class Silent:
    """A library whose own time-out fails."""

    async def resolve(self, qname: dns.name.Name, rdtype: str, *, lifetime: float) -> dns.resolver.Answer:
        await asyncio.Event().wait()
        raise AssertionError


def test_there_is_a_net_behind_the_time_out() -> None:
    answer = asyncio.run(DnsResolver(Silent(), within=timedelta(seconds=-1)).txt("corp.example"))
    assert answer == TemporaryFailure("TimeoutError")


def test_other_name_servers_can_be_asked_by_their_addresses() -> None:
    resolver = DnsResolver.asking(["192.0.2.53", "2001:db8::53"])
    assert getattr(resolver.asked, "nameservers", None) == ["192.0.2.53", "2001:db8::53"]
    with pytest.raises(ValueError, match=r"ns\.example"):
        DnsResolver.asking(["ns.example"])


def hosts(outcome: Exception | tuple[str, ...], kind: HostKind) -> HostAnswer:
    return asyncio.run(DnsResolver(Server(outcome, kind)).hosts("corp.example", kind))


@pytest.mark.parametrize(
    ("kind", "records", "expected"),
    [
        ("A", ("11.0.0.1", "11.0.0.2"), {"11.0.0.1", "11.0.0.2"}),
        ("AAAA", ("2a00::1",), {"2a00::1"}),
        ("PTR", ("host.corp.example.",), {"host.corp.example"}),
    ],
)
def test_hosts_are_addresses_or_names(kind: HostKind, records: tuple[str, ...], expected: set[str]) -> None:
    found = hosts(records, kind)
    assert isinstance(found, HostRecords)
    assert {*found.values} == expected


def test_exchanges_come_by_preference() -> None:
    assert hosts(("20 b.corp.example.", "10 a.corp.example."), "MX") == HostRecords(
        ("a.corp.example", "b.corp.example")
    )


def test_failures_about_hosts_are_answers_too() -> None:
    assert hosts(dns.resolver.NXDOMAIN(), "A") == NoSuchName()
    assert hosts(dns.resolver.NoAnswer(), "A") == HostRecords()
    assert hosts(dns.exception.Timeout(), "MX") == TemporaryFailure("Timeout")
    assert asyncio.run(DnsResolver(Server(("text",), "TXT")).hosts("corp.example", "A")) == HostRecords()
