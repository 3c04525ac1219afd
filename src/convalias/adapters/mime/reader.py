"""MailReader: any bytes to an envelope or an enumerated refusal, in time linear in their length."""

from __future__ import annotations

import hashlib
from typing import Final

from attrs import field, frozen

from convalias.adapters.mime.dates import read_date
from convalias.adapters.mime.evidence import read_evidence
from convalias.adapters.mime.fields import Block
from convalias.adapters.mime.lists import list_fields
from convalias.adapters.mime.mailboxes import recipients
from convalias.adapters.mime.message_id import listed
from convalias.adapters.mime.quotes import is_blank, is_wordless, without_history
from convalias.adapters.mime.scan import Scanned, scan
from convalias.adapters.mime.sender import read_from, readings_of
from convalias.adapters.mime.signs import collect
from convalias.adapters.mime.structure import Part
from convalias.adapters.mime.text import Extraction, Said
from convalias.adapters.mime.words import decoded
from convalias.domain.addresses.email_address import EmailAddress, canonical_domain
from convalias.domain.inbound.posts import Post
from convalias.domain.mail.automation import classify
from convalias.domain.mail.envelope import (
    NULL_RETURN_PATH,
    SHOWN,
    InboundMail,
    MailContent,
    MessageEnvelope,
    Oddity,
    UnreadableMail,
    evidence_of,
)
from convalias.domain.mail.list_rewriting import written_by
from convalias.domain.mail.message_id import MessageId, canonical, synthetic
from convalias.domain.mail.repeats import repeat_digest
from convalias.domain.mail.subjects import is_marked, own_subject
from convalias.ports.drafts import SUBJECT
from convalias.ports.mail import ReadMail

_DELIVERED: Final = (b"delivered-to", b"x-original-to", b"envelope-to")
_ONE_FIELD: Final = (b"from", b"date", b"subject")


def _domains(names: frozenset[str]) -> frozenset[str]:
    return frozenset(map(canonical_domain, names))


@frozen(kw_only=True)
class Reader:
    """Reads MIME mail. `read_now` is pure; `read` does the same beside a running event loop.

    `alias_domains` are ours: a From or Message-ID there makes a mail our own. An address there, or at one of the
    `legacy_domains`, marks quoted history.
    `trusted_authserv_ids` are the authentication servers (RFC 8601 §2.5) whose results are believed when the source
    of a mail proved nothing itself; none by default.
    """

    alias_domains: frozenset[str] = field(default=frozenset(), converter=_domains)
    legacy_domains: frozenset[str] = field(default=frozenset(), converter=_domains)
    trusted_authserv_ids: frozenset[str] = frozenset()
    rewriters: frozenset[str] = field(default=frozenset(), converter=_domains)
    """Domains of lists that write their own address into From and are believed about who wrote; none by default."""
    require_dkim: frozenset[str] = field(default=frozenset(), converter=_domains)
    """From domains whose mail a pass by SPF alone does not authenticate: their servers are shared. None by default."""
    subjects: frozenset[str] = frozenset({SUBJECT})
    """Subjects of our own notifications; an answer that has nothing but one of them is empty."""
    inline_below: int = 64 * 1024
    """Octets below which a mail is read on the event loop itself: a thread costs more than the reading."""

    async def read(self, raw: bytes, post: Post) -> ReadMail:
        """Read one mail as that post brought it; a large one in a thread, so that heartbeats go on."""
        if len(raw) < self.inline_below:
            return self.read_now(raw, post)
        import asyncio  # noqa: PLC0415 - a command that only explains has no loop, and need not wait for it

        return await asyncio.to_thread(self.read_now, raw, post)

    def read_now(self, raw: bytes, post: Post) -> ReadMail:
        """Read one mail. Never raises for what is in it."""
        scanned = scan(raw)
        if scanned.root is None:
            return ReadMail(_unreadable(scanned, post, len(raw)))
        said = Extraction(raw).said(scanned.root)
        return ReadMail(self._envelope(scanned, scanned.root, said, post, len(raw)), said.attachments)

    def _envelope(self, scanned: Scanned, root: Part, said: Said, post: Post, size: int) -> InboundMail:
        block = scanned.block
        sender = read_from(block)
        subject = decoded(block.first(b"subject") or b"")
        digest = _digest(block, said)
        signs = collect(block, root, sender, subject=subject, null_return_path=post.return_path is NULL_RETURN_PATH)
        evidence = post.evidence
        if evidence is None:
            evidence = read_evidence(block, sender, self.trusted_authserv_ids)
        evidence = evidence_of(sender, evidence, require_dkim=self.require_dkim)
        if self.rewriters:
            sender = written_by(sender, list_fields(block), evidence, rewriters=self.rewriters)
        return MessageEnvelope(
            sender=sender,
            message_id=_message_id(block) or synthetic(digest),
            received_at=post.received_at,
            recipients=post.recipients,
            return_path=post.return_path,
            to=recipients(block.all(b"to")),
            cc=recipients(block.all(b"cc")),
            delivered_to=_delivered_to(block),
            reply_to=recipients(block.all(b"reply-to")),
            in_reply_to=listed(block.all(b"in-reply-to")),
            references=listed(block.all(b"references")),
            date=read_date(block.first(b"date")),
            mail_class=classify(signs, self.alias_domains),
            evidence=evidence,
            shown=frozenset(name for name in SHOWN if name.encode() in block.named),
            spam=post.spam,
            oddities=scanned.oddities | {Oddity.BODY} if said.odd else scanned.oddities,
            content=self._content(subject, said, digest),
            size=size,
        )

    def _content(self, subject: str, said: Said, digest: str) -> MailContent:
        domains = self.alias_domains | self.legacy_domains
        wordless = is_wordless(said.text, domains)
        said_in_subject = own_subject(subject, self.subjects) if wordless else ""
        full_text = said_in_subject if is_blank(said.text) else said.text
        text = without_history(full_text, domains, subject=subject)
        if said_in_subject and full_text != said_in_subject and not is_marked(subject):
            text = f"{said_in_subject}\n\n{text}"  # it would be lost: who has only mail sees no subject
        return MailContent(
            subject=subject,
            text=text,
            full_text=full_text,
            html=said.html,
            attachments=tuple(one.described for one in said.attachments),
            digest=digest,
            body_digest=said.digest.hex(),
            repeat_digest=repeat_digest(text, (one.described.digest for one in said.attachments)),
            empty=wordless and said.bare and not said_in_subject,
            subject_alone=said.bare and bool(said_in_subject),
        )


def _message_id(block: Block) -> MessageId | None:
    """The mail's own id; none of two."""
    values = block.all(b"message-id")
    return canonical(values[0]) if len(values) == 1 else None


def _delivered_to(block: Block) -> tuple[EmailAddress, ...]:
    values = [value for name in _DELIVERED for value in block.all(name)]
    return recipients(values) if values else ()


def _digest(block: Block, said: Said) -> str:
    """Canonical digest of From, Date, Subject, body and attachments: two deliveries of one mail have the same.

    Of the fields all values count, with white space made one: a relay folds anew. Each is led by its length.
    """
    digest = hashlib.sha256()
    for name in _ONE_FIELD:
        for value in block.all(name):
            words = b" ".join(value.split())
            digest.update(b"%b %d:%b" % (name, len(words), words))
    digest.update(said.digest)
    return digest.hexdigest()


def _unreadable(scanned: Scanned, post: Post, size: int) -> UnreadableMail:
    """A mail over a limit: its route, as far as it could be read."""
    block, over = scanned.block, scanned.over
    fields = [*block.all(b"to"), *block.all(b"cc"), *(value for name in _DELIVERED for value in block.all(name))]
    return UnreadableMail(
        limit="size" if over is None else over.limit,
        found=size if over is None else over.found,
        received_at=post.received_at,
        recipients=post.recipients,
        header_recipients=recipients(fields),
        message_id=_message_id(block),
        readings=readings_of(read_from(block)),
        return_path=post.return_path,
    )
