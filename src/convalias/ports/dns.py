"""TXT records of the domain name system: where the keys of DKIM and the policies of DMARC are."""

from __future__ import annotations

from typing import Protocol, TypeAlias

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


class DnsResolver(Protocol):
    """Answers are somebody else's text: bounded by the adapter (64 records, 64 kB), believed by nobody."""

    async def txt(self, name: str) -> TxtAnswer:
        """The TXT records of an absolute name in A-labels, such as `_dmarc.corp.example`.

        A failure is an answer, not an exception: a stranger's broken zone is no outage of ours. Ends in bounded time.
        """
        ...
