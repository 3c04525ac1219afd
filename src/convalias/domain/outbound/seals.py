"""Seal texts that leave us and come back: Message-IDs, return paths, unsubscribe links, each under a key."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import re
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Final

from attrs import field, frozen

from convalias.domain.addresses.email_address import EmailAddress
from convalias.domain.ids import AccountId, ConversationId, EventId
from convalias.domain.outbound.delivery import Channel, NotificationId, NotificationKind

_KINDS: Final = {
    NotificationKind.MESSAGE: "m",
    NotificationKind.REMINDER_24H: "a",
    NotificationKind.REMINDER_48H: "b",
    NotificationKind.REMINDER_7D: "c",
}
_BY_LETTER: Final = {letter: kind for kind, letter in _KINDS.items()}
_MAC: Final = 16
"""Hex digits: 64 bits, so a forged bounce takes 2^63 mails on average."""
_TOKEN: Final = re.compile(r"b-([a-z0-9_-]{1,26})\.([0-9a-f]{16})\.([a-z])\.([0-9a-f]{16})")
_RECEIPT: Final = re.compile(r"([a-z0-9_-]{1,26}\.[0-9a-f]{16}\.[a-z0-9-]{1,20}\.[a-z_]{1,10})\.([0-9a-f]{32})")
"""A notification's id and its MAC."""
_LINK: Final = re.compile(r"([A-Za-z0-9_=-]{1,600})\.([A-Za-z0-9_=-]{1,600})\.([0-9a-f]{32}|[A-Za-z0-9_-]{22})")
"""The MAC in base64, or in hex and with padded ids, as before."""
_UID: Final = re.compile(r"u-([A-Za-z0-9_-]{22,400})@[^@]+")
_UID_IV: Final = 16
_LONGEST_UID: Final = 255
"""Octets of a calendar entry's UID that are kept (RFC 7986 §5.3 asks for no more)."""
_FILE: Final = re.compile(
    r"([A-Za-z0-9_-]{1,600})\.([A-Za-z0-9_-]{1,600})\.([A-Za-z0-9_-]{1,600})\.([0-9]{1,4})\.([0-9]{1,11})\.([A-Za-z0-9_-]{22})"
)


@frozen
class Seal:
    """The secret of one use, and those that older keys give it: the newest makes, all of them prove."""

    secret: bytes = field(repr=False)
    older: tuple[bytes, ...] = field(default=(), repr=False)

    def digest(self, *parts: str) -> str:
        """64 hex digits over length-prefixed parts: HMAC-SHA256 under the newest secret."""
        return _digest(self.secret, parts)

    def digests(self, *parts: str) -> tuple[str, ...]:
        """The same under every secret, newest first: what may have been written before a rotation."""
        return tuple(_digest(secret, parts) for secret in (self.secret, *self.older))


@frozen
class FileLink:
    """The subject of a link: one attached file, for one reader, until its time. Whole seconds, aware."""

    conversation: ConversationId
    event: EventId
    number: int
    """Which of the message's attachments, from 0."""
    reader: AccountId
    until: datetime


@frozen
class Seals:
    """Secrets of what is written into mail, each derived for its own use."""

    message_ids: Seal
    return_paths: Seal
    links: Seal

    def message_id(self, name: str, domain: str) -> str:
        """`<n.digest@domain>`: the same name, the same Message-ID, so that a second copy is known as one."""
        return f"<n.{self.message_ids.digest('message', name)[:32]}@{domain}>"

    def wrote(self, message_id: str, name: str, domain: str) -> bool:
        """Whether that is the Message-ID which some key of ours makes of that name."""
        return _is_among(message_id, (f"<n.{one[:32]}@{domain}>" for one in self.message_ids.digests("message", name)))

    def root_id(self, conversation: ConversationId, recipient: AccountId, domain: str) -> str:
        """Return the id that all mail of one conversation to one recipient refers to, so clients show one thread."""
        return f"<r.{self.message_ids.digest('root', conversation, recipient)[:32]}@{domain}>"

    def subject_code(self, conversation: ConversationId, recipient: AccountId) -> str:
        """Six characters that keep conversations apart in clients that thread by subject; it tells nothing."""
        return self.message_ids.digest("subject", conversation, recipient)[:6]

    def thread_index(self, conversation: ConversationId, recipient: AccountId, follows: NotificationId | None) -> str:
        """Thread-Index, by which Outlook files: 22 octets for the thread, five more for a mail that follows another.

        [MS-OXOMSG] §2.2.1.3: the first octet is 1, then five of a time and 16 of a GUID. The time says nothing here.
        """
        head = b"\x01" + bytes.fromhex(self.message_ids.digest("thread", conversation, recipient))[:21]
        child = b"" if follows is None else bytes.fromhex(self.message_ids.digest("child", follows))[:5]
        return base64.b64encode(head + child).decode("ascii")

    def return_path(self, notification: NotificationId, domain: str) -> str:
        """`b-<notification><MAC>@domain`, 64 octets at most: RFC 5321 §4.5.3.1.1. E-mail only has return paths."""
        event, who, kind, _ = notification.split(".")
        token = f"{event}.{who}.{_KINDS[NotificationKind(kind)]}"
        return f"b-{token}.{self.return_paths.digest(token)[:_MAC]}@{domain}"

    def bounced(self, address: EmailAddress) -> NotificationId | None:
        """The notification whose return path that is, or None when we did not make it. Letter case never counts."""
        local = address.local.lower()
        found = _TOKEN.fullmatch(local)
        if found is None or found[3] not in _BY_LETTER:
            return None
        token = f"{found[1]}.{found[2]}.{found[3]}"
        if not _is_among(found[4], (one[:_MAC] for one in self.return_paths.digests(token))):
            return None
        kind = _BY_LETTER[found[3]].value
        return NotificationId(f"{found[1]}.{found[2]}.{kind}.{Channel.EMAIL.value}")

    def receipt_token(self, notification: NotificationId) -> str:
        """Make the text that a provider gives back with its events: the notification's id, and its MAC."""
        return f"{notification}.{self.return_paths.digest('receipt', notification)[:32]}"

    def receipted(self, token: str) -> NotificationId | None:
        """Read such a token, or return None if we did not make it."""
        found = _RECEIPT.fullmatch(token)
        if found is None:
            return None
        if not _is_among(found[2], (one[:32] for one in self.return_paths.digests("receipt", found[1]))):
            return None
        return NotificationId(found[1])

    def sealed_uid(self, uid: str, domain: str) -> str:
        """Return a calendar entry's UID as those may have it who may not read it: `u-<token>@domain`, always the same.

        It can be read back under its key, for an answer has to name the entry as its organizer knows it. One of more
        than `_LONGEST_UID` octets is a digest, and is not read back. A new key makes another, of the same entry too.
        """
        octets = uid.encode("utf-8", "surrogatepass")
        if len(octets) > _LONGEST_UID:
            return f"u-{self.message_ids.digest('long uid', uid)[:40]}@{domain}"
        # A synthetic IV (RFC 5297 in kind): it is the MAC of the text, and what is covered depends on it.
        iv = self.message_ids.digest("uid", uid)[:32]
        return f"u-{_b64(bytes.fromhex(iv) + _covered(self.message_ids.secret, iv, octets))}@{domain}"

    def unsealed_uid(self, text: str) -> str | None:
        """Return the UID that was sealed so, or None if we did not seal it."""
        found = _UID.fullmatch(text)
        if found is None:
            return None
        try:
            octets = _unb64(found[1])
        except binascii.Error:
            return None
        iv = octets[:_UID_IV].hex()
        for secret in (self.message_ids.secret, *self.message_ids.older):
            uid = _covered(secret, iv, octets[_UID_IV:]).decode("utf-8", "replace")
            if _is_among(iv, (_digest(secret, ("uid", uid))[:32],)):
                return uid
        return None

    def unsubscribe_token(self, conversation: ConversationId, account: AccountId) -> str:
        """Make the token of a link that mutes e-mail of one conversation for one account, and does nothing else."""
        mac = _short(self.links.digest("mute", conversation, account))  # short: its field cannot be folded
        return f"{_b64(conversation.encode())}.{_b64(account.encode())}.{mac}"

    def unsubscribed(self, token: str) -> tuple[ConversationId, AccountId] | None:
        """Read such a token, or return None if we did not make it."""
        found = _LINK.fullmatch(token)
        if found is None:
            return None
        try:
            conversation, account = (_unb64(found[part]).decode() for part in (1, 2))
        except (binascii.Error, UnicodeDecodeError):
            return None
        digests = self.links.digests("mute", conversation, account)
        if not _is_among(found[3], (form for one in digests for form in (_short(one), one[:32]))):
            return None
        return ConversationId(conversation), AccountId(account)

    def file_token(self, link: FileLink) -> str:
        """Make the token of a link to an attached file. It opens that file, and nothing else."""
        about = (link.conversation, link.event, link.reader)
        rest = (str(link.number), str(int(link.until.timestamp())))
        mac = _short(self.links.digest("file", *about, *rest))
        return ".".join((*(_b64(one.encode()) for one in about), *rest, mac))

    def linked_file(self, token: str) -> FileLink | None:
        """Read such a token, or return None if we did not make it. Whether its time is over is not looked at."""
        found = _FILE.fullmatch(token)
        if found is None:
            return None
        try:
            conversation, event, reader = (_unb64(found[part]).decode() for part in (1, 2, 3))
            until = datetime.fromtimestamp(int(found[5]), UTC)
        except (binascii.Error, UnicodeDecodeError, ValueError, OverflowError):
            return None
        digests = self.links.digests("file", conversation, event, reader, found[4], found[5])
        if not _is_among(found[6], map(_short, digests)):
            return None
        return FileLink(ConversationId(conversation), EventId(event), int(found[4]), AccountId(reader), until)


def _covered(secret: bytes, iv: str, octets: bytes) -> bytes:
    """The octets under a stream of digests, or what was covered by it."""
    blocks = range(-(-len(octets) // hashlib.sha256().digest_size))
    stream = b"".join(bytes.fromhex(_digest(secret, ("uid stream", iv, str(one)))) for one in blocks)
    return bytes(one ^ other for one, other in zip(octets, stream, strict=False))


def _digest(secret: bytes, parts: Iterable[str]) -> str:
    mac = hmac.new(secret, digestmod=hashlib.sha256)
    for part in parts:
        octets = part.encode("utf-8", "surrogatepass")
        mac.update(b"%d:" % len(octets) + octets)
    return mac.hexdigest()


def _is_among(text: str, made: Iterable[str]) -> bool:
    """Every one is compared, each in constant time: how long it takes tells neither digits nor which key it was."""
    octets = text.encode("utf-8", "surrogatepass")
    return sum(hmac.compare_digest(one.encode("utf-8", "surrogatepass"), octets) for one in made) > 0


def _short(digest: str) -> str:
    """128 bits of a digest in 22 characters."""
    return _b64(bytes.fromhex(digest[:32]))


def _b64(octets: bytes) -> str:
    return base64.urlsafe_b64encode(octets).decode().rstrip("=")


def _unb64(text: str) -> bytes:
    bare = text.rstrip("=")
    return base64.urlsafe_b64decode(bare + "=" * (-len(bare) % 4))
