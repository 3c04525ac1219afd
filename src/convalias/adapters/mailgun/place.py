"""Address of Mailgun's API, from a URL: domain, region, limits; never a key."""

from __future__ import annotations

from functools import partial
from types import MappingProxyType
from typing import Final
from urllib.parse import quote, urlsplit

from attrs import field, frozen, validators

from convalias.codec.url_options import limited, options_of
from convalias.domain.addresses.email_address import InvalidAddress, canonical_domain
from convalias.ports.errors import Rejected

KEY: Final = "CONVALIAS_MAIL_PASSWORD"
"""The variable that holds the API key."""
REGIONS: Final = MappingProxyType({"us": "https://api.mailgun.net", "eu": "https://api.eu.mailgun.net"})
"""https://documentation.mailgun.com/docs/mailgun/api-reference: a domain lives in one of them."""
_OPTIONS: Final = ("api", "begin", "connections", "region", "timeout")
_LOOPBACK: Final = frozenset({"localhost", "127.0.0.1", "::1"})


class UnusableDomainError(Rejected):
    """Raised if the URL or the key cannot be used. Somebody must mend the setting."""


@frozen(kw_only=True)
class Limits:
    """Bounds of one sender. Each stands in a URL's query by its name: `mailgun://domain?connections=8`."""

    timeout: float = field(default=18.0, validator=validators.gt(0.0))
    """Seconds of one send. Less than its caller waits (20 s), so that what surely did not leave can be said."""
    begin: float = field(default=8.0, validator=validators.gt(0.0))
    """Seconds of it for a free connection, and for TLS."""
    connections: int = field(default=4, validator=validators.gt(0))
    """Connections at once."""


@frozen(kw_only=True)
class Place:
    """A URL, read."""

    domain: str
    api: str = REGIONS["us"]
    limits: Limits = Limits()

    @property
    def messages(self) -> str:
        """Return the address to which finished mail is posted."""
        return f"{self.api}/v3/{quote(self.domain, safe='.')}/messages.mime"

    @property
    def about(self) -> str:
        """Return the address that tells how the domain is."""
        return f"{self.api}/v3/domains/{quote(self.domain, safe='.')}"

    @property
    def shown(self) -> str:
        """Return domain and host, as an operator reads them."""
        return f"{self.domain} at {urlsplit(self.api).netloc}"


def read_url(url: str) -> Place:
    """Read a URL whole. Raises `UnusableDomainError`, which never shows the URL: it may hold a key by mistake."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        raise _wrong("cannot be read") from None
    if "@" in parts.netloc:
        raise UnusableDomainError(f"mail: a key does not belong in a URL; set {KEY}, or {KEY}_FILE")
    if parts.scheme != "mailgun" or port is not None or parts.path.strip("/") or parts.fragment:
        raise _wrong("names more than a domain")
    try:
        domain = canonical_domain(host)
    except InvalidAddress:
        raise _wrong("names no domain") from None
    options = options_of(parts.query, _OPTIONS, wrong=lambda problem: UnusableDomainError(f"mail: {problem}"))
    return Place(domain=domain, api=_api(options), limits=_limits(options))


def _api(options: dict[str, str]) -> str:
    """The region's address, or that of a stand-in on this machine: the key goes nowhere else."""
    region, api = options.get("region", "us"), options.get("api")
    if region not in REGIONS:
        raise _wrong_option("region", " or ".join(REGIONS))
    if api is None:
        return REGIONS[region]
    try:
        is_near = urlsplit(api).scheme == "http" and urlsplit(api).hostname in _LOOPBACK
    except ValueError:
        is_near = False
    if not is_near:
        raise _wrong_option("api", "http:// and a port of this machine")
    return api.rstrip("/")


def _limits(options: dict[str, str]) -> Limits:
    limits = Limits()
    for name in ("begin", "connections", "timeout"):
        if name in options:
            limits = limited(limits, name, options[name], wrong=partial(_wrong_option, name))
    if limits.begin >= limits.timeout:
        raise _wrong_option("begin", "less than timeout")
    return limits


def _wrong_option(name: str, expected: str) -> UnusableDomainError:
    return UnusableDomainError(f"mail: {name} in the URL: expected {expected}")


def _wrong(what: str) -> UnusableDomainError:
    return UnusableDomainError(f"mail: the URL {what}; expected mailgun://domain, and ?region=eu for Europe")
