"""Observations of `convalias doctor` about a mail server: TLS, login, sizes, addresses beyond ASCII."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from convalias.adapters.smtp.place import Place, Tls
from convalias.ports.examining import Observation, weak

LARGEST: Final = 7_500_000
"""Octets: the largest mail that is written here, with 5 MB of attachments and all that stands around them."""


def observations(place: Place, offers: Mapping[str, str], certificate: Mapping[str, object]) -> Sequence[Observation]:
    """Return what a server that has greeted and logged in says of itself."""
    return [*_encrypted(place, certificate), _login(place), _size(offers), _utf8(offers)]


def _encrypted(place: Place, certificate: Mapping[str, object]) -> Iterator[Observation]:
    if place.tls is Tls.OFF:
        yield weak("TLS", "off", "leave out tls=off, unless the server is this machine or in a network of your own")
    else:
        until = f"; its certificate ends {certificate['notAfter']}" if "notAfter" in certificate else ""
        yield Observation(about="TLS", found=f"{place.tls.value}{until}")


def _login(place: Place) -> Observation:
    found = "accepted" if place.user else "none: the URL names no user"
    return Observation(about="login", found=found)


def _size(offers: Mapping[str, str]) -> Observation:
    most = offers.get("size", "")
    if not most.isdecimal() or int(most) == 0:
        return Observation(about="size", found="no limit is announced")
    if int(most) < LARGEST:
        return weak("size", f"takes {most} octets", f"let it take {LARGEST}: larger mail is refused for good")
    return Observation(about="size", found=f"takes {most} octets")


def _utf8(offers: Mapping[str, str]) -> Observation:
    lacking = [name for name in ("8BITMIME", "SMTPUTF8") if name.lower() not in offers]
    if lacking:
        return weak(
            "addresses beyond ASCII",
            f"{' and '.join(lacking)} not offered",
            "let it offer them: mail to such an address is refused for good",
        )
    return Observation(about="addresses beyond ASCII", found="are taken")
