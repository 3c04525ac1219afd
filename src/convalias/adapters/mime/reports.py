"""Bounces and complaints read: about which of our notifications they are, and why; believed only under our MAC.

RFC 3464 and RFC 6533 delivery reports, RFC 5965 complaints, and the reports of servers that follow none of them: a field
X-Failed-Recipients, or text with the returned mail below it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Final

from attrs import evolve, field, frozen

from convalias.adapters.mime.fields import Block, read_block, unfolded
from convalias.adapters.mime.mailboxes import recipients as addresses_in
from convalias.adapters.mime.scan import scan
from convalias.adapters.mime.structure import Part
from convalias.adapters.mime.transfer import undone
from convalias.domain.addresses.email_address import EmailAddress, canonical_domain
from convalias.domain.mail.message_id import canonical
from convalias.domain.outbound.delivery import NotificationId
from convalias.domain.outbound.reports import Bounce, Complaint, Report, kind_of, status_by_words, status_in
from convalias.domain.outbound.seals import Seals

_STATUS_PARTS: Final = frozenset({"message/delivery-status", "message/global-delivery-status"})
_FIELD_PARTS: Final = frozenset({"text/rfc822-headers", "message/global-headers"})
_WHOLE_PARTS: Final = frozenset({"message/rfc822", "message/global"})
_LOOKED_AT: Final = 256 * 1024
"""Octets of any one part that are looked at: reports are short, what they return need not be."""
_GROUPS: Final = 50
"""Groups of fields in a delivery status: one for the mail, one per recipient, and ours has one recipient."""
_MOST_NAMED: Final = 10
"""Addresses of a report that are looked at: ours had one recipient."""
_XTEXT: Final = re.compile(rb"\+([2-7][0-9A-F])")
"""RFC 3461 §4: how an octet is written in Original-Recipient."""
_RETURNED: Final = re.compile(
    rb"^[> \t]*+(x-convalias-id|message-id|return-path)[ \t]*+:([^\r\n]*+)", re.IGNORECASE | re.MULTILINE
)
_FROM_US: Final = (b"return-path", b"original-mail-from", b"x-original-mail-from")


@frozen
class ReportReader:
    """Reads what the reader of mail has classed as bounce or complaint. Total and linear.

    A report acts on a notification only if it came to the return path that we sealed, or returns a mail whose
    Message-ID is the one we sealed for the notification that it names: both are known to the recipient alone.
    """

    seals: Seals
    alias_domain: str = field(converter=canonical_domain)
    """The right side of our Message-IDs."""

    def read(self, raw: bytes, recipients: Iterable[EmailAddress] = ()) -> Report | None:
        """Return what the mail reports; None when it is over a limit of the reader. `recipients`: of its envelope."""
        scanned = scan(raw)
        if scanned.root is None:
            return None
        leaves = tuple(scanned.root.leaves())
        status = [part for part in leaves if part.media_type in _STATUS_PARTS]
        complaint = [part for part in leaves if part.media_type == "message/feedback-report"]
        about = self._about(raw, leaves, recipients)
        if complaint:
            said = next(_groups(_content(raw, complaint[0])), Block())
            return Complaint(
                notification=about or self._by_path([said]), feedback=_text(said, b"feedback-type").lower()
            )
        told = _told(raw, status[0]) if status else _Told()
        code = told.status or _told_in_words(raw, leaves)
        named = told.recipients or (*addresses_in(scanned.root.block.all(b"x-failed-recipients")[:1]),)
        return Bounce(notification=about, kind=kind_of(told.action, code), status=code, recipients=named[:_MOST_NAMED])

    def _about(self, raw: bytes, leaves: tuple[Part, ...], recipients: Iterable[EmailAddress]) -> NotificationId | None:
        found = next((one for address in recipients if (one := self.seals.bounced(address))), None)
        if found is not None:
            return found
        blocks = [block for part in leaves for block in _returned(raw, part)]
        return self._by_path(blocks) or next((one for block in blocks if (one := self._by_id(block))), None)

    def _by_path(self, blocks: Iterable[Block]) -> NotificationId | None:
        """By a return path of ours that the report quotes."""
        values = [value for block in blocks for name in _FROM_US for value in block.all(name)[:2]]
        return next((one for address in addresses_in(values) if (one := self.seals.bounced(address))), None)

    def _by_id(self, block: Block) -> NotificationId | None:
        """By the two fields that we wrote: one names the notification, the other proves it."""
        for mark in block.all(b"x-convalias-id")[:2]:
            named = unfolded(mark).decode("latin-1")
            found = (canonical(value) for value in block.all(b"message-id")[:2])
            if any(self.seals.wrote(str(one), named, self.alias_domain) for one in found if one is not None):
                return NotificationId(named)
        return None


def _content(raw: bytes, part: Part) -> bytes:
    return undone(raw[part.start : min(part.end, part.start + _LOOKED_AT)], part.encoding)


def _groups(octets: bytes) -> Iterator[Block]:
    """RFC 3464 §2.1: groups of fields, an empty line between them."""
    at = 0
    for _ in range(_GROUPS):
        if at >= len(octets):
            return
        block = read_block(octets, at, len(octets))
        at = max(block.body, at + 1)
        if block.fields:
            yield block


@frozen
class _Told:
    """The groups of a delivery status, in short."""

    action: str = ""
    status: str = ""
    recipients: tuple[EmailAddress, ...] = ()
    """Of all groups that say the same."""


def _told(raw: bytes, part: Part) -> _Told:
    """What is said of the recipient that failed, or of the first (RFC 3464 §2.3.3, §2.3.4)."""
    told: list[_Told] = []
    for group in _groups(_content(raw, part)):
        action, status = _text(group, b"action").lower(), status_in(_text(group, b"status"))
        if not action and not status:
            continue
        diagnostic = status_in(_text(group, b"diagnostic-code"))
        # A gateway that knows no better says 5.0.0, while the other server's own words say why.
        vague = not status or (status.endswith(".0.0") and diagnostic.startswith(status[0]))
        told.append(_Told(action, diagnostic or status if vague else status, _named(group)))
    first = next((one for one in told if one.action == "failed"), told[0] if told else _Told())
    return evolve(
        first, recipients=tuple(name for one in told if one.action == first.action for name in one.recipients)
    )


def _named(group: Block) -> tuple[EmailAddress, ...]:
    """The recipient of a group, as we sent to it and as the last server knew it (RFC 3464 §2.3.1, §2.3.2)."""
    original = (group.first(b"original-recipient") or b"").partition(b";")[2]
    final = (group.first(b"final-recipient") or b"").partition(b";")[2]
    return tuple(addresses_in((_XTEXT.sub(_octet, original), final)))


def _octet(found: re.Match[bytes]) -> bytes:
    return bytes([int(found[1], 16)])


def _text(block: Block, name: bytes) -> str:
    return unfolded(block.first(name) or b"").decode("latin-1")


def _told_in_words(raw: bytes, leaves: Iterable[Part]) -> str:
    """What the first text of a report says that has no status part."""
    part = next((one for one in leaves if one.media_type.startswith("text/")), None)
    if part is None or part.media_type in _FIELD_PARTS:
        return ""
    text = _content(raw, part).decode("latin-1")
    return status_in(text) or status_by_words(text)


def _returned(raw: bytes, part: Part) -> Iterator[Block]:
    """The header of the mail that a report returns, wherever it stands."""
    if part.media_type in _WHOLE_PARTS or part.media_type in _FIELD_PARTS:
        if part.children:
            yield part.children[0].block
        else:
            octets = _content(raw, part)
            yield read_block(octets, 0, len(octets))
    elif part.media_type == "text/plain":
        named: dict[bytes, list[bytes]] = {}
        for name, value in _RETURNED.findall(_content(raw, part)):
            named.setdefault(name.lower(), []).append(value)
        yield Block(named=named)
