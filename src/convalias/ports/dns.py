"""The domain name system: TXT records, which hold keys and policies, and hosts, which SPF needs."""

from __future__ import annotations

from typing import Literal, Protocol, TypeAlias

from attrs import frozen


@frozen
class TxtRecords:
    """The TXT records of a name, each with its strings joined (RFC 7208 §3.3); empty if there are others only."""

    texts: tuple[bytes, ...] = ()


@frozen
class NoSuchName:
    """NXDOMAIN."""


@frozen
class TemporaryFailure:
    """No answer now: SERVFAIL, a time-out, a broken delegation. Another time there may be one."""

    because: str = ""


TxtAnswer: TypeAlias = TxtRecords | NoSuchName | TemporaryFailure
"""Answer of a name server to a question for TXT records."""


class DnsResolver(Protocol):
    """Answers are somebody else's text: bounded by the adapter (64 records, 64 kB), believed by nobody."""

    async def txt(self, name: str) -> TxtAnswer:
        """The TXT records of an absolute name in A-labels, such as `_dmarc.corp.example`.

        A failure is an answer, not an exception: a stranger's broken zone is no outage of ours. Ends in bounded time.
        """
        ...


@frozen
class HostRecords:
    """Addresses as text, or names without a dot at their end; those of MX by preference. Empty if there are others only."""

    values: tuple[str, ...] = ()


HostAnswer: TypeAlias = HostRecords | NoSuchName | TemporaryFailure
"""Answer of a name server to a question about a host."""
HostKind: TypeAlias = Literal["A", "AAAA", "MX", "PTR"]
"""Kind of record that is asked for about a host."""


class HostResolver(DnsResolver, Protocol):
    """A `DnsResolver` that knows hosts too. The same holds of its answers."""

    async def hosts(self, name: str, kind: HostKind) -> HostAnswer:
        """The hosts of an absolute name in A-labels. A failure is an answer; ends in bounded time."""
        ...
