"""Addresses as people and machines write them: internationalised domains become A-labels here, at the edge."""

from __future__ import annotations

from typing import Final

import idna

from convalias.domain.addresses.email_address import EmailAddress, InvalidAddress

MOST: Final = 255
"""Letters of a domain: its A-labels are no shorter (RFC 5321 §4.5.3.1.2)."""


def read_address(text: str) -> EmailAddress:
    """Read a bare address, its domain as an IDNA 2008 A-label. Raises `InvalidAddress`.

    By the `idna` package, without its mapping: the standard library's codec is IDNA 2003 and turns `faß.de` into
    somebody else's `fass.de`, and a domain that needs mapping beyond ASCII case has more than one reading.
    """
    local, _, domain = text.rpartition("@")
    if domain.isascii():
        return EmailAddress.parse(text)
    if len(domain) > MOST:  # encoding takes more than linear time
        raise InvalidAddress("domain", found=f"{len(domain)} letters", expected=f"at most {MOST}")
    try:
        label = idna.encode(domain.translate(_ASCII_LOWER), strict=True).decode("ascii")
    except (idna.IDNAError, UnicodeError) as error:
        raise InvalidAddress("domain", found=domain, expected="a valid internationalised domain (IDNA 2008)") from error
    address = EmailAddress.parse(f"{local}@{label}")
    return EmailAddress(address.key, text)


def address_in(text: str) -> EmailAddress | None:
    """Return the address that a text is; None if it is none."""
    try:
        return read_address(text)
    except (InvalidAddress, UnicodeError):  # octets that are no UTF-8 come as halves of surrogate pairs
        return None


def without_brackets(text: str) -> str:
    """Return a path of SMTP (RFC 5321 §4.1.2) without its angle brackets, where they stand, and without blanks around."""
    text = text.strip()
    return text[1:-1] if text.startswith("<") and text.endswith(">") else text


def what_is_wrong(text: str) -> str:
    """Explain in words what `email-validator` finds wrong with a typed address; empty if it finds nothing.

    For what people type in only, and never to refuse mail: it takes exception to old Japanese addresses that work.
    """
    from email_validator import EmailNotValidError, validate_email  # noqa: PLC0415 - only when somebody mistyped

    try:
        validate_email(text, check_deliverability=False, test_environment=True)
    except EmailNotValidError as error:
        return " ".join(str(error).split())
    return ""


_ASCII_LOWER = {upper: upper + 32 for upper in range(ord("A"), ord("Z") + 1)}
