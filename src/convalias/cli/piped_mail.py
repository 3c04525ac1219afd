"""A mail from standard input, with its envelope on the command line: as a mail server's pipe hands it over."""

from __future__ import annotations

from collections.abc import Sequence
from typing import BinaryIO, Final

from convalias.cli.errors import Failed, told
from convalias.cli.exits import Exit
from convalias.cli.mail_files import HEAD
from convalias.codec.addresses import address_in, without_brackets
from convalias.domain.addresses.email_address import EmailAddress
from convalias.domain.inbound.posts import IncomingMail
from convalias.domain.mail.envelope import NULL_RETURN_PATH, ReturnPath

STDIN: Final = "-"
_PIECE: Final = 64 * 1024
_NULL: Final = frozenset({"", "<>", "mailer-daemon"})
"""How pipes write the null return path: Postfix says MAILER-DAEMON unless null_sender says otherwise (pipe(8))."""
_FINAL: Final = frozenset({Exit.DATA, Exit.NO_USER})
"""After these a mail server gives the mail back to its sender; after all others, which are ours to mend, it must not."""


def read_piped(pipe: BinaryIO, recipients: Sequence[str], sender: str | None, *, limit: int) -> IncomingMail:
    """Read one mail to its end. Of one over the limit the beginning is kept, and nobody routes it.

    `Failed` 65 if there is no mail, 67 if a recipient is no address. A sender that is none is not known.
    """
    envelope = tuple(map(_recipient, recipients))
    raw = bytearray()
    size = 0
    while piece := pipe.read(_PIECE):  # to its end: a server that cannot write it all may take that for a failure
        size += len(piece)
        if len(raw) <= limit:
            raw += piece
    if not size:
        raise Failed("standard input: found nothing, expected a mail", Exit.DATA)
    too_large = size > limit
    return IncomingMail(
        bytes(raw[:HEAD] if too_large else raw),
        recipients=envelope,
        sender=_sender(sender),
        source="pipe",
        quarantine="too_large" if too_large else None,
    )


def or_again(error: Exception) -> Failed:
    """Return an error for a mail server: 65 and 67 stay, all else is 75, so that it tries again."""
    failed = told(error)
    return failed if failed.status in _FINAL else Failed(failed.message, Exit.TRY_AGAIN)


def _recipient(text: str) -> EmailAddress:
    address = address_in(without_brackets(text))
    if address is None:
        raise Failed("--recipient: found no address, expected one such as a@reply.example", Exit.NO_USER)
    return address


def _sender(text: str | None) -> ReturnPath:
    if text is None:
        return None
    return NULL_RETURN_PATH if text.strip().lower() in _NULL else address_in(without_brackets(text))
