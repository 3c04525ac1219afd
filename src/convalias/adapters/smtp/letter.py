"""A mail as SMTP carries it: octets on the wire, envelope, and the extensions that the server needs."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from attrs import field, frozen

from convalias.ports.errors import Rejected
from convalias.ports.mail import Outgoing

LONGEST_LINE: Final = 998
"""RFC 5321 §4.5.3.1.6: 1000 octets with CRLF."""
_LINE_END: Final = re.compile(rb"\r\n|\r|\n")
_UNSAFE: Final = re.compile(r"[\s<>\x00-\x1f\x7f]")


@frozen(kw_only=True)
class Letter:
    """A mail that is ready for the wire. Every line ends in CRLF, so that no dot of its text ends it early."""

    raw: bytes = field(repr=False)
    sender: str = field(repr=False)
    """The return path; empty: the null return path."""
    recipient: str = field(repr=False)

    @property
    def octets(self) -> bytes:
        """The mail with each leading dot doubled (RFC 5321 §4.5.2); the line that ends it is not in it."""
        stuffed = self.raw.replace(b"\r\n.", b"\r\n..")
        return b"." + stuffed if stuffed.startswith(b".") else stuffed

    @property
    def needs_utf8(self) -> bool:
        """Whether an address or a header field is beyond ASCII (RFC 6531 §3.3)."""
        head = self.raw.partition(b"\r\n\r\n")[0]
        return not (self.sender.isascii() and self.recipient.isascii() and head.isascii())

    def parameters(self, offers: Mapping[str, str]) -> tuple[bytes, ...]:
        """Return what MAIL FROM asks for. Raises `Rejected` if the server offers too little: it never will take this.

        `offers`: keywords of its EHLO answer in lower case, each with its value.
        """
        asked: list[bytes] = []
        if "size" in offers:
            most = int(offers["size"]) if offers["size"].isdecimal() else 0  # 0: no limit (RFC 1870 §4)
            if 0 < most < len(self.raw):
                raise Rejected(f"5.3.4: the mail has {len(self.raw)} octets, and the mail server takes {most}")
            asked.append(f"SIZE={len(self.raw)}".encode())
        if not self.raw.isascii():
            if "8bitmime" not in offers:
                raise Rejected("5.6.3: the mail server offers no 8BITMIME, which this mail needs")
            asked.append(b"BODY=8BITMIME")
        if self.needs_utf8:
            if "smtputf8" not in offers:
                raise Rejected("5.6.7: the mail server offers no SMTPUTF8, which an address of this mail needs")
            asked.append(b"SMTPUTF8")
        return tuple(asked)


def letter_of(mail: Outgoing, *, receipt: str = "") -> Letter:
    """Return the mail for the wire. Raises `Rejected` if SMTP cannot carry it as it is.

    `receipt`: of which header fields tell the relay its receipt token, see `Place.receipt`.
    """
    if _UNSAFE.search(mail.return_path):
        raise Rejected("5.1.7: the return path is no address")
    raw = _receipt_fields(mail.receipt_token, receipt) + mail.raw
    if not raw.count(b"\r\n") == raw.count(b"\r") == raw.count(b"\n"):
        raw = _LINE_END.sub(b"\r\n", raw)
    if not raw.endswith(b"\r\n"):
        raw += b"\r\n"
    longest = max(map(len, raw.split(b"\r\n")))
    if longest > LONGEST_LINE:
        raise Rejected(f"5.6.0: the mail has a line of {longest} octets, and SMTP carries {LONGEST_LINE}")
    return Letter(raw=raw, sender=mail.return_path, recipient=mail.to.wire)


def _receipt_fields(token: str, receipt: str) -> bytes:
    """The token in two fields, as a provider may take no more than 80 characters in one; a relay takes them off."""
    name, _, mac = token.rpartition(".")
    if not receipt or not name or not mac:
        return b""
    return f"{receipt}-id: {name}\r\n{receipt}-mac: {mac}\r\n".encode("ascii", "replace")
