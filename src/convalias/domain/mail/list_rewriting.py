"""A From that a mailing list rewrote: who wrote it, under the exact conditions, or else the list's own address.

Lists of senders whose domain publishes DMARC put their own address into From (RFC 7960 §4.1.3.3), and tell the author in
Reply-To and X-Original-From. Both fields are anybody's to write, so they count only where a list that we were told of
wrote them, and DMARC proves that it was that list.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import assert_never

from attrs import frozen

from convalias.domain.addresses.email_address import EmailAddress
from convalias.domain.mail.authentication import Dmarc, SenderEvidence
from convalias.domain.mail.envelope import AmbiguousFrom, ClearFrom, From


@frozen(kw_only=True)
class ListFields:
    """The fields of a mail about the list it came by, every value of each field."""

    reply_to: tuple[EmailAddress, ...] = ()
    original_from: tuple[EmailAddress, ...] = ()
    """X-Original-From."""
    list_ids: tuple[str, ...] = ()
    """What stands between the angles of List-Id (RFC 2919 §3), as text."""


def written_by(sender: From, fields: ListFields, evidence: SenderEvidence, *, rewriters: Collection[str]) -> From:
    """The author of the mail: the one address that Reply-To and X-Original-From agree on, or `sender` itself.

    Believed only if DMARC passes for the From domain (aligned DKIM without a policy is not enough: the domain must
    care who writes in its name), that domain is one of `rewriters` (exact), and the one List-Id is under it.
    """
    match sender:
        case ClearFrom(address=address, display=display):
            believed = (
                evidence.dmarc is Dmarc.PASS
                and address.domain in rewriters
                and _is_under(fields.list_ids, address.domain)
                and len(fields.reply_to) == 1
                and fields.reply_to == fields.original_from
            )
            return ClearFrom(fields.reply_to[0], display) if believed else sender
        case AmbiguousFrom():
            return sender
        case _:
            assert_never(sender)


def _is_under(list_ids: tuple[str, ...], domain: str) -> bool:
    """Whether there is one List-Id, of that domain or below it."""
    if len(list_ids) != 1:
        return False
    name = list_ids[0].strip().strip("<>").rstrip(".")
    return name.isascii() and (name.lower() == domain or name.lower().endswith(f".{domain}"))
