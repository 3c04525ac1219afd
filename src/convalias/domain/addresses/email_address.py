"""E-mail addresses: as written, and the one key that two spellings of an address share."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from enum import Enum
from typing import Final

from attrs import field, frozen

from convalias.domain.errors import InvalidValue
from convalias.domain.expecting import check_fields, each, expect

_ASCII_LOWER: Final = {upper: upper + 32 for upper in range(ord("A"), ord("Z") + 1)}
_LABEL: Final = re.compile(r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?")
_LITERAL: Final = re.compile(r"\[[!-Z^-~]+\]")  # RFC 5321 §4.1.3, RFC 5322 §3.4.1 dtext: no white space, no bracket
# RFC 5322 §3.2.3 atext and dots; RFC 6532 adds everything beyond ASCII. Dots may stand anywhere: old Japanese
# mobile addresses have them doubled and last, and such an address works unquoted.
_BARE_LOCAL: Final = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~.\-\u0080-\U0010ffff-]+")
_LOCAL_OCTETS: Final = 256  # RFC 5321 §4.5.3.1.1 says 64; signed return paths are longer in the wild
_DOMAIN_OCTETS: Final = 255  # RFC 5321 §4.5.3.1.2


class InvalidAddress(InvalidValue):
    """Raised for a text that is no single e-mail address."""


@frozen(order=False, repr=False, cache_hash=True)
class EmailAddress:
    """An e-mail address: one mailbox. Two addresses are equal when their canonical keys are; `written` never counts.

    >>> EmailAddress.parse("John@X.example") == EmailAddress.parse("john@x.example")
    True
    >>> EmailAddress.parse('"a..b"@x.example').key
    'a..b@x.example'
    """

    key: str
    """Canonical: `local@a-label`. What is compared, stored, sorted."""
    written: str = field(eq=False)

    def __attrs_post_init__(self) -> None:
        """Refuse what is no text; one look at each, for a mail makes dozens of addresses."""
        if type(self.key) is not str or type(self.written) is not str:
            check_fields(self)

    @classmethod
    def parse(cls, text: str) -> EmailAddress:
        """Read one bare `local@domain` whose domain is ASCII or already an A-label. Raises `InvalidAddress`."""
        if type(text) is not str:
            expect("e-mail address", text, str, expected="text: local@domain")
        local, at, domain = text.rpartition("@")
        if not at or not local:
            raise InvalidAddress("e-mail address", found=text, expected="local@domain")
        return cls(f"{canonical_local(local)}@{canonical_domain(domain)}", text)

    @property
    def local(self) -> str:
        """The canonical local part, quoted only where it must be."""
        return self.key.rpartition("@")[0]

    @property
    def domain(self) -> str:
        """The canonical domain, an A-label."""
        return self.key.rpartition("@")[2]

    @property
    def wire(self) -> str:
        """The address as it is sent to: the local part as written, the domain as A-labels."""
        local = self.written.rpartition("@")[0]
        try:
            as_written = EmailAddress.parse(f"{local}@{self.domain}")
        except InvalidAddress:
            return self.key
        return as_written.written if as_written == self else self.key

    def __lt__(self, other: EmailAddress, /) -> bool:
        """Canonical order: by key."""
        return self.key < other.key

    def __str__(self) -> str:
        """The canonical key."""
        return self.key

    def __repr__(self) -> str:
        """The canonical key, marked as an address."""
        return f"<{self.key}>"


def canonical_local(local: str) -> str:
    """The local part as compared: A-Z lowered, NFC, unquoted where quoting changes nothing.

    `str.casefold` and `str.lower` merge different people (long s, sharp s, the Kelvin sign), so neither is used.
    Raises `InvalidAddress`.
    """
    text = _unquoted(local) if local.startswith('"') else local
    if not text or not text.isprintable():
        raise InvalidAddress("local part", found=local, expected="printable characters")
    if text is local and not _BARE_LOCAL.fullmatch(text):
        raise InvalidAddress("local part", found=local, expected="no space and no special character outside quotes")
    text = text.translate(_ASCII_LOWER)
    if not text.isascii():
        text = "".join(_composed(text))
    if len(text.encode()) > _LOCAL_OCTETS:  # after composing, which makes some letters longer
        raise InvalidAddress("local part", found=local, expected=f"at most {_LOCAL_OCTETS} octets")
    if _BARE_LOCAL.fullmatch(text):
        return text
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def _composed(text: str) -> Iterable[str]:
    """NFC, but a character that NFC would turn into ASCII (the Kelvin sign into K) stays what it is."""
    start = 0
    for index, char in enumerate(text):
        if not char.isascii() and unicodedata.normalize("NFC", char).isascii():
            yield unicodedata.normalize("NFC", text[start:index])
            yield char
            start = index + 1
    yield unicodedata.normalize("NFC", text[start:])


def _unquoted(local: str) -> str:
    """The content of a quoted string (RFC 5322 §3.2.4)."""
    if len(local) < 2 or not local.endswith('"'):  # noqa: PLR2004 - two quotes
        raise InvalidAddress("local part", found=local, expected="a closed quoted string")
    inside = local[1:-1]
    content = re.sub(r"\\(.)", r"\1", inside)
    if re.search(r'(?<!\\)(?:\\\\)*"', inside) or inside.replace("\\\\", "").endswith("\\"):
        raise InvalidAddress("local part", found=local, expected="a closed quoted string")
    return content


def canonical_domain(domain: str) -> str:
    """The domain as compared: ASCII lowered, without the root's dot. Raises `InvalidAddress`.

    Internationalised domains are turned into A-labels (IDNA 2008) where the mail enters, not here.
    """
    if type(domain) is not str:
        expect("domain", domain, str, expected="text, such as mail.example")
    text = domain.translate(_ASCII_LOWER).removesuffix(".")
    if len(text) <= _DOMAIN_OCTETS and (all(map(_LABEL.fullmatch, text.split("."))) or _LITERAL.fullmatch(text)):
        return text
    raise InvalidAddress("domain", found=domain, expected="ASCII labels, such as mail.example")


class Territory(Enum):
    """The kind of a domain: which system takes its mail."""

    ALIAS = "alias"
    LEGACY = "legacy"
    FOREIGN = "foreign"


def _names(names: Iterable[str]) -> frozenset[str]:
    return frozenset(map(canonical_domain, each("domains", names, str, expected="several domains, as text")))


@frozen
class MailDomains:
    """The domains that are ours. The two sets never meet; `InvalidValue` when they do."""

    alias: frozenset[str] = field(converter=_names)
    legacy: frozenset[str] = field(default=frozenset(), converter=_names)

    def __attrs_post_init__(self) -> None:
        """Refuse a domain that would be both."""
        if both := self.alias & self.legacy:
            raise InvalidValue("domains", found=sorted(both), expected="each alias or legacy, never both")

    def territory(self, address: EmailAddress) -> Territory:
        """Return the kind of the domain of an address."""
        domain = address.domain
        if domain in self.alias:
            return Territory.ALIAS
        return Territory.LEGACY if domain in self.legacy else Territory.FOREIGN

    def ours(self, address: EmailAddress) -> bool:
        """Whether that address is at any of these domains."""
        return self.territory(address) is not Territory.FOREIGN
