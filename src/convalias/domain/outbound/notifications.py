"""Notifications as a channel gets them, before anything is rendered."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from attrs import evolve, field, frozen

from convalias.domain.addresses.email_address import EmailAddress
from convalias.domain.conversations.events import ConversationEvent, MessageAdded
from convalias.domain.conversations.threads import ThreadState
from convalias.domain.ids import AccountId, ConversationId, TraceId, UseCase
from convalias.domain.outbound.delivery import Channel, Delivery, NotificationId, NotificationKind
from convalias.domain.outbound.mail_threads import MailThread, mail_thread
from convalias.domain.outbound.masks import Masks
from convalias.domain.outbound.scene import Scene

NO_ADDRESS: Final = "NO_ADDRESS"
NO_ENDPOINT: Final = "NO_ENDPOINT"
NO_MESSAGE: Final = "no message"
NO_REPLY: Final = "no-reply"
"""Local part of the address that nobody can answer to."""


@frozen(kw_only=True)
class Notification:
    """Enough for a hub to render and send; no address of another participant can be in it.

    By e-mail `reply_alias` is the author's alias as this recipient knows it: what From shows and where a reply goes. For a
    peripheral author it is the recipient's own alias of the conversation. If there is none and none may be issued, it
    is the platform's no-reply address, and `answerable` is False: say so, and where the conversation can be read.
    By a channel that takes no replies it is None.
    """

    id: NotificationId
    kind: NotificationKind
    channel: Channel
    conversation: ConversationId
    use_case: UseCase
    market: str | None = None
    """The conversation's, where it has one: it may tell the language."""
    recipient: AccountId
    recipient_address: EmailAddress | None
    """Where e-mail goes; None for the other channels."""
    author_name: str
    reply_alias: EmailAddress | None
    event: ConversationEvent = field(repr=False)
    """Its text names no address of another participant: these are masked."""
    masks: Masks = field(default=Masks(), repr=False)
    """Everybody's addresses, for a hub that writes an attached file anew. They leave in nothing that it sends."""
    own: frozenset[EmailAddress] = field(default=frozenset(), repr=False)
    """The recipient's, of these."""
    aliases_of_others: frozenset[EmailAddress] = frozenset()
    """Those that stand for the other participants, the author among them."""
    in_reply_to: str | None = None
    """The recipient's own Message-ID, in angle brackets, when the event answers a mail of theirs."""
    attempt: int = 1
    date: datetime | None = None
    """When the attempt began that this one repeats, or this one: the Date of a mail. It is stored before the call, so
    a repeat of what may have been sent has it as well. None: not known, that of the message stands."""
    trace: TraceId = TraceId("")
    answerable: bool = True
    """Whether an answer by mail reaches the conversation."""
    closed: bool = False
    """The conversation takes no more messages: do not invite an answer."""
    readers: tuple[str, ...] = ()
    """Names of those who read an answer, the author first where they do."""
    thread: MailThread = MailThread()
    """Which mails it follows in the recipient's mailbox."""
    endpoint: str = field(default="", repr=False)
    """Where a channel other than e-mail reaches the recipient: a number, a token. Empty: the account says enough."""


@frozen(kw_only=True)
class Shown:
    """Names and addresses that were looked up for one notification."""

    author_name: str
    readers: tuple[str, ...] = ()
    in_reply_to: str | None = None
    reply_alias: EmailAddress | None = None
    """None: no alias of author or recipient works, and none may be issued; or the channel takes no replies."""
    endpoint: str = ""
    """Where a channel other than e-mail reaches the recipient."""


def unsendable(row: Delivery, scene: Scene) -> str | None:
    """Return why there is nothing to give to the channel, or None."""
    if not isinstance(scene.event.happening, MessageAdded):
        return NO_MESSAGE
    if row.channel is Channel.EMAIL and scene.mailboxes.address(row.recipient) is None:
        return NO_ADDRESS
    return None


def unreachable(row: Delivery, endpoint: str | None, *, is_known: bool) -> str | None:
    """Return why the recipient cannot be reached by a channel other than e-mail, or None.

    `is_known`: the host says where accounts are reached. Otherwise the hub itself must know.
    """
    return NO_ENDPOINT if is_known and row.channel.needs_endpoint and not endpoint else None


def notification(row: Delivery, scene: Scene, shown: Shown, *, alias_domain: str, trace: TraceId) -> Notification:
    """Return what the channel gets. The scene's event is a message."""
    event = scene.event
    message = event.happening
    is_mail = row.channel.takes_replies
    return Notification(
        id=row.id,
        kind=row.kind,
        channel=row.channel,
        conversation=event.conversation,
        use_case=scene.thread.use_case,
        market=scene.thread.market,
        recipient=row.recipient,
        recipient_address=scene.mailboxes.address(row.recipient) if is_mail else None,
        author_name=shown.author_name,
        reply_alias=_sender(shown, alias_domain) if is_mail else None,
        answerable=shown.reply_alias is not None,
        closed=scene.thread.state is not ThreadState.OPEN,
        readers=shown.readers,
        event=evolve(event, happening=scene.masks.message(message)) if isinstance(message, MessageAdded) else event,
        thread=mail_thread(scene.before, event, row.recipient) if is_mail else MailThread(),
        masks=scene.masks,
        own=_own(row.recipient, scene),
        aliases_of_others=frozenset(one.address for one in scene.aliases if one.stands_for != row.recipient),
        in_reply_to=shown.in_reply_to,
        attempt=row.attempts,
        date=row.first_tried,
        trace=trace,
        endpoint=shown.endpoint,
    )


def _own(account: AccountId, scene: Scene) -> frozenset[EmailAddress]:
    """The mailbox of an account, and its addresses in the conversation."""
    copied = (address for one in scene.thread.participants if one.account == account for address in one.addresses)
    return frozenset(one for one in (scene.mailboxes.address(account), *copied) if one is not None)


def _sender(shown: Shown, alias_domain: str) -> EmailAddress:
    return shown.reply_alias or EmailAddress.parse(f"{NO_REPLY}@{alias_domain}")
