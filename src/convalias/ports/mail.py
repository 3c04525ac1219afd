"""Mail in and out: MailReader, SenderAuthenticator, OutgoingMail, Check."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

from attrs import field, frozen

from convalias.domain.addresses.email_address import EmailAddress
from convalias.domain.inbound.posts import Post
from convalias.domain.mail.authentication import SenderEvidence
from convalias.domain.mail.checks import Checked
from convalias.domain.mail.envelope import Attachment, InboundMail
from convalias.ports.hub import Guarantee


@frozen
class ReadAttachment:
    """An attachment and its decoded content."""

    described: Attachment
    content: bytes = field(repr=False)
    inline: bool = field(default=False, kw_only=True)
    """Its sender meant it to be shown where it stands, as a picture in HTML, and not as a file."""


@frozen
class ReadMail:
    """A mail as a reader understood its bytes."""

    mail: InboundMail
    attachments: tuple[ReadAttachment, ...] = ()


class MailReader(Protocol):
    """Bytes to an envelope. Total: any bytes end in an envelope or an `UnreadableMail`; never raises for a mail.

    Async, because a large mail must not stop the heartbeat of others.
    """

    async def read(self, raw: bytes, post: Post) -> ReadMail:
        """Read one mail as that post brought it. Linear in its size."""
        ...


class SenderAuthenticator(Protocol):
    """DKIM and DMARC from the raw bytes, for sources whose border proved nothing."""

    async def evidence(self, raw: bytes, post: Post) -> SenderEvidence:
        """Return the evidence for the From address, as of `post.received_at`. Total; linear; never raises for a mail.

        What the source itself found about DMARC stands; its SPF result is taken, bytes alone prove none.
        """
        ...


@runtime_checkable
class Completes(Protocol):
    """A `SenderAuthenticator` that finds out what a border left open about a sender whom it proved."""

    @property
    def completes(self) -> bool:
        """Return whether it has what it needs for that."""
        ...

    async def completed(self, raw: bytes, post: Post, border: SenderEvidence) -> SenderEvidence:
        """Return the evidence of the border with SPF, as far as it can be told; what the border says stands.

        `temperror` where name servers do not answer: that may be told another time. Total; never raises for a mail.
        """
        ...


@frozen(kw_only=True)
class Outgoing:
    """A finished mail, ready to leave."""

    key: str
    """`[A-Za-z0-9._-]{1,64}`; the same key is the same mail."""
    raw: bytes = field(repr=False)
    """Lines end in CRLF, none with more than 998 octets before it (RFC 5322 §2.1.1)."""
    to: EmailAddress
    return_path: str = ""
    """Empty: the null return path."""
    receipt_token: str = ""
    """A text that a provider's API can carry, and gives back with its events. Empty: nothing to give back."""


class OutgoingMail(Protocol):
    """The way out for finished mail. Raises `Unavailable` (surely not sent); any other exception is ambiguous.

    Two exceptions say more: `Deferred` that only this mail must wait, `Rejected` that it surely never will be sent.

    An adapter that has `send` alone remembers nothing and cannot be asked: what it may have sent is not sent again,
    and ends `uncertain`. One that can be held to more states it: see `RememberingMail`.
    """

    async def send(self, mail: Outgoing) -> None:
        """Accepted when it returns. Idempotent per key only as far as the adapter says."""
        ...


class RememberingMail(OutgoingMail, Protocol):
    """An `OutgoingMail` that states how long it remembers a key and, if it can be asked, how.

    The attribute is read once, when the deployment is wired.
    """

    @property
    def guarantee(self) -> Guarantee:
        """Return the promises of this way out."""
        ...


def guarantee_of(mail: OutgoingMail) -> Guarantee:
    """Return what an adapter states; nothing if it states nothing. Raises `TypeError` if it states something else."""
    stated: object = getattr(mail, "guarantee", None)
    match stated:
        case None:
            return Guarantee()
        case Guarantee():
            return stated
        case _:
            kind = f"{type(mail).__module__}.{type(mail).__qualname__}"
            raise TypeError(
                f"guarantee of {kind}: found a {type(stated).__name__}, expected a convalias.ports.hub.Guarantee or none"
            )


class Check(Protocol):
    """A detector of spam, of viruses, or of both. Raises `Unavailable` while it cannot look."""

    async def check(self, raw: bytes, post: Post) -> Checked:
        """Return what was found in a mail: `NOTHING`, `SPAM` or `HARMFUL`, for any bytes. May be asked again."""
        ...
