"""Addresses as people and machines write them: internationalised domains become A-labels here, at the edge."""

from __future__ import annotations

import idna

from convalias.domain.addresses import EmailAddress, InvalidAddress


def read_address(text: str) -> EmailAddress:
    """One bare address, its domain as an IDNA 2008 A-label. Raises `InvalidAddress`.

    By the `idna` package, without its mapping: the standard library's codec is IDNA 2003 and turns `faß.de` into
    somebody else's `fass.de`, and a domain that needs mapping beyond ASCII case has more than one reading.
    """
    local, _, domain = text.rpartition("@")
    if domain.isascii():
        return EmailAddress.parse(text)
    try:
        label = idna.encode(domain.translate(_ASCII_LOWER), strict=True).decode("ascii")
    except (idna.IDNAError, UnicodeError) as error:
        raise InvalidAddress("domain", found=domain, expected="a valid internationalised domain (IDNA 2008)") from error
    address = EmailAddress.parse(f"{local}@{label}")
    return EmailAddress(address.key, text)


_ASCII_LOWER = {upper: upper + 32 for upper in range(ord("A"), ord("Z") + 1)}
