"""Notifications as a channel gets them, before anything is rendered."""

from __future__ import annotations

from attrs import field, frozen

from convalias.domain.addresses.email_address import EmailAddress
from convalias.domain.conversations.events import ConversationEvent
from convalias.domain.ids import AccountId, ConversationId, TraceId, UseCase
from convalias.domain.outbound.delivery import Channel, NotificationId, NotificationKind
from convalias.domain.outbound.mail_threads import MailThread


@frozen(kw_only=True)
class Notification:
    """Enough for a hub to render and send; no address of another participant can be in it.

    `reply_alias` is the author's alias as this recipient knows it: what From shows and where a reply goes. For a
    peripheral author it is the recipient's own alias of the conversation. If there is none and none may be issued, it
    is the platform's no-reply address, and `answerable` is False: say so, and where the conversation can be read.
    """

    id: NotificationId
    kind: NotificationKind
    channel: Channel
    conversation: ConversationId
    use_case: UseCase
    recipient: AccountId
    recipient_address: EmailAddress | None
    """Where e-mail goes; None for the other channels."""
    author_name: str
    reply_alias: EmailAddress
    event: ConversationEvent = field(repr=False)
    """Its text names no address of another participant: these are masked."""
    in_reply_to: str | None = None
    """The recipient's own Message-ID, in angle brackets, when the event answers a mail of theirs."""
    attempt: int = 1
    trace: TraceId = TraceId("")
    answerable: bool = True
    """Whether an answer by mail reaches the conversation."""
    closed: bool = False
    """The conversation takes no more messages: do not invite an answer."""
    readers: tuple[str, ...] = ()
    """Names of those who read an answer, the author first where they do."""
    thread: MailThread = MailThread()
    """Which mails it follows in the recipient's mailbox."""
