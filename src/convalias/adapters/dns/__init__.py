"""Records from the domain name system, by dnspython. Needs `convalias[dns]`."""

from __future__ import annotations

from convalias.extras import brought_by

with brought_by("dns"):
    from convalias.adapters.dns.resolver import DnsResolver

__all__ = ["DnsResolver"]
