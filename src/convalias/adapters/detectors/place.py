"""Address of a detector and the limits of a check, read from a URL."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import partial
from typing import Final
from urllib.parse import unquote, urlsplit

from attrs import field, frozen, validators

from convalias.adapters.detectors.errors import UnusableDetectorError
from convalias.codec.url_options import limited, options_of
from convalias.domain.addresses.email_address import InvalidAddress, canonical_domain

LONGEST: Final = 14.0
"""Seconds of one check: with the wait for a turn less than the relay waits (20), so that it is told who was late."""
_OPTIONS: Final = ("connect", "connections", "largest", "timeout", "user")
_NUMBERS: Final = ("connect", "connections", "largest", "timeout")
_USER: Final = re.compile(r"[A-Za-z0-9._@-]{1,64}")
_LONGEST_PATH: Final = 107
"""Octets of a socket's path on Linux."""


@frozen(kw_only=True)
class Limits:
    """Bounds of one detector. Each stands in a URL's query by its name: `clamd://host?connections=8&timeout=10`."""

    timeout: float = field(default=12.0, validator=validators.gt(0.0))
    """Seconds of one check, from the first try to connect; a URL may name 14 at most."""
    connect: float = field(default=5.0, validator=validators.gt(0.0))
    """Seconds of it until a connection stands."""
    connections: int = field(default=4, validator=validators.gt(0))
    """Checks at once, in one process."""
    largest: int = field(default=0, validator=validators.ge(0))
    """Octets of a mail that are shown to the detector: the beginning of a larger one. 0: all."""


@frozen(kw_only=True)
class Place:
    """A URL, read."""

    scheme: str
    host: str = ""
    port: int = 0
    path: str = ""
    """Of a socket on this machine, instead of host and port."""
    user: str = ""
    """Whose preferences count. Empty: the detector's own."""
    limits: Limits = Limits()

    @property
    def shown(self) -> str:
        """Return scheme and place, as an operator reads them."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.scheme} at {self.path or f'{host}:{self.port}'}"


def read_url(url: str, scheme: str, port: int, *, largest: int = 0) -> Place:
    """Read a URL whole: `scheme://host:port` or `scheme:///path/of/a/socket`. Raises `UnusableDetectorError`.

    `port`, `largest`: where the URL names none.
    """
    try:
        parts = urlsplit(url)
        host, named = parts.hostname or "", parts.port
    except ValueError:
        raise _wrong(scheme, port) from None
    path = unquote(parts.path)
    is_path = not parts.netloc and len(path) > 1 and len(path.encode()) <= _LONGEST_PATH and path.isprintable()
    is_host = _is_host(host) and path in {"", "/"}
    if parts.scheme != scheme or "@" in parts.netloc or parts.fragment or not (is_path or is_host):
        raise _wrong(scheme, port)
    options = options_of(parts.query, _OPTIONS, wrong=lambda problem: UnusableDetectorError(f"{scheme}: {problem}"))
    limits = _limits(options, scheme, largest)
    user = options.get("user", "")
    if user and not _USER.fullmatch(user):
        raise _wrong_option(scheme, "user", "letters, digits and . _ @ -")
    if is_path:
        return Place(scheme=scheme, path=path, user=user, limits=limits)
    return Place(scheme=scheme, host=host, port=port if named is None else named, user=user, limits=limits)


def _is_host(host: str) -> bool:
    try:
        return ":" in host or bool(canonical_domain(host))
    except InvalidAddress:
        return False


def _limits(options: Mapping[str, str], scheme: str, largest: int) -> Limits:
    limits = Limits(largest=largest)
    for name in _NUMBERS:
        if name in options:
            limits = limited(limits, name, options[name], wrong=partial(_wrong_option, scheme, name))
    if limits.timeout > LONGEST:
        raise _wrong_option(scheme, "timeout", f"{LONGEST:g} or less")
    return limits


def _wrong_option(scheme: str, name: str, expected: str) -> UnusableDetectorError:
    return UnusableDetectorError(f"{scheme}: {name} in the URL: expected {expected}")


def _wrong(scheme: str, port: int) -> UnusableDetectorError:
    return UnusableDetectorError(
        f"{scheme}: the URL names no detector; expected {scheme}://host:{port} or {scheme}:///path/of/a/socket"
    )
