"""TXT records from the domain name system, by dnspython. Needs `convalias[dns]`."""

from __future__ import annotations

from convalias.adapters.dns.resolver import DnsResolver

__all__ = ["DnsResolver"]
