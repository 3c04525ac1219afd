"""Address of a mail server, from a URL: host, port, TLS, user, limits; never a password."""

from __future__ import annotations

import re
from enum import Enum
from functools import partial
from pathlib import Path
from typing import Final
from urllib.parse import SplitResult, unquote, urlsplit

from attrs import field, frozen, validators

from convalias.adapters.smtp.errors import UnusableServerError
from convalias.codec.url_options import limited, options_of
from convalias.domain.addresses.email_address import InvalidAddress, canonical_domain

PASSWORD: Final = "CONVALIAS_MAIL_PASSWORD"  # noqa: S105 - the name of a variable
_WRONG: Final = "expected smtp://user@host:587 or smtps://user@host:465"
_OPTIONS: Final = ("begin", "ca", "connections", "helo", "idle", "receipt", "timeout", "tls")
_NUMBERS: Final = ("begin", "connections", "idle", "timeout")
_LOOPBACK: Final = frozenset({"localhost", "127.0.0.1", "::1"})
_RECEIPT: Final = re.compile(r"X-[A-Za-z0-9-]{1,60}")
_HELO: Final = re.compile(r"[A-Za-z0-9.-]{1,255}|\[[0-9A-Fa-f.:]{2,45}\]|\[IPv6:[0-9A-Fa-f.:]{2,45}\]")


class Tls(Enum):
    """The moment when a connection is encrypted. The certificate is checked in both cases."""

    IMPLICIT = "from the first octet on"
    STARTTLS = "by STARTTLS, or no mail is sent"
    OFF = "not at all"


_PORTS: Final = {Tls.IMPLICIT: 465, Tls.STARTTLS: 587, Tls.OFF: 25}


@frozen(kw_only=True)
class Limits:
    """Bounds of one sender. Each stands in a URL's query by its name: `smtp://host?connections=8&begin=5`."""

    timeout: float = field(default=18.0, validator=validators.gt(0.0))
    """Seconds of one send. Less than its caller waits (20 s), so that what surely did not leave can be said."""
    begin: float = field(default=8.0, validator=validators.gt(0.0))
    """Seconds of it until the server asks for the mail: a free connection, TLS, login, sender and recipient."""
    connections: int = field(default=4, validator=validators.gt(0))
    """Connections at once."""
    idle: float = field(default=30.0, validator=validators.ge(0.0))
    """Seconds for which an unused connection is used again."""
    pause: float = field(default=1.0, validator=validators.ge(0.0))
    """Seconds after a failed connection in which no other is tried: mail that is due meanwhile waits as well."""


@frozen(kw_only=True)
class Place:
    """A URL, read."""

    host: str
    port: int
    tls: Tls
    user: str = field(default="", repr=False)
    """Empty: no login."""
    ca: Path | None = None
    """Certificates that are trusted instead of this machine's."""
    helo: str | None = None
    """The name that this machine says it has. None: the one its system says."""
    receipt: str = ""
    """Fields `<receipt>-id` and `<receipt>-mac` tell the relay what its events are to give back. Empty: there are none."""
    limits: Limits = Limits()

    @property
    def shown(self) -> str:
        """Return host and port, as an operator reads them."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def read_url(url: str) -> Place:
    """Read a URL whole. Raises `UnusableServerError`, which never shows the URL: it may hold a password by mistake."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        raise _wrong("cannot be read") from None
    if parts.scheme not in {"smtp", "smtps"}:
        raise _wrong("has an unknown scheme")
    if parts.password is not None:
        raise UnusableServerError(f"mail: a password does not belong in a URL; set {PASSWORD}, or {PASSWORD}_FILE")
    if not _is_host(host) or parts.path.strip("/") or parts.fragment:
        raise _wrong("names no mail server")
    return _with_options(parts, host, port)


def _with_options(parts: SplitResult, host: str, port: int | None) -> Place:
    options = options_of(parts.query, _OPTIONS, wrong=lambda problem: UnusableServerError(f"mail: {problem}"))
    tls = _tls(parts.scheme, options.get("tls"))
    user = unquote(parts.username or "")
    if tls is Tls.OFF and user and host not in _LOOPBACK:
        raise UnusableServerError("mail: a password is sent over TLS only; leave out tls=off, or the user")
    helo = options.get("helo")
    if helo is not None and not _HELO.fullmatch(helo):
        raise _wrong_option("helo", "a host name, or an address in brackets")
    receipt = options.get("receipt", "")
    if receipt and not _RECEIPT.fullmatch(receipt):
        raise _wrong_option("receipt", "the beginning of two names of header fields, such as X-Receipt")
    return Place(
        host=host,
        port=_PORTS[tls] if port is None else port,
        tls=tls,
        user=user,
        ca=_file(options.get("ca")),
        helo=helo,
        receipt=receipt,
        limits=_limits(options),
    )


def _is_host(host: str) -> bool:
    try:
        return ":" in host or bool(canonical_domain(host))
    except InvalidAddress:
        return False


def _tls(scheme: str, asked: str | None) -> Tls:
    match scheme, asked:
        case "smtp", None:
            return Tls.STARTTLS
        case "smtps", None:
            return Tls.IMPLICIT
        case "smtp", "off":
            return Tls.OFF
        case _:
            raise _wrong_option("tls", "nothing, or tls=off behind smtp://")


def _file(path: str | None) -> Path | None:
    if path is None or Path(path).is_file():
        return None if path is None else Path(path)
    raise _wrong_option("ca", "a file with certificates in PEM")


def _limits(options: dict[str, str]) -> Limits:
    limits = Limits()
    for name in _NUMBERS:
        if name in options:
            limits = limited(limits, name, options[name], wrong=partial(_wrong_option, name))
    if limits.begin >= limits.timeout:
        raise _wrong_option("begin", "less than timeout")
    return limits


def _wrong_option(name: str, expected: str) -> UnusableServerError:
    return UnusableServerError(f"mail: {name} in the URL: expected {expected}")


def _wrong(what: str) -> UnusableServerError:
    return UnusableServerError(f"mail: the URL {what}; {_WRONG}")
