"""NotificationHub over OutgoingMail: e-mail only, one mail per notification, the same mail at every try."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack
from datetime import timedelta
from typing import Final, TypeAlias
from urllib.parse import quote

from attrs import evolve, frozen

from convalias.adapters.hub.rendering import Enclosed, Footing, as_html, as_text
from convalias.adapters.hub.wordings import Wording, wording_of
from convalias.domain.addresses.email_address import EmailAddress
from convalias.domain.conversations.events import UNVERIFIED, MessageAdded
from convalias.domain.conversations.shown_names import shown_name
from convalias.domain.mail.envelope import Attachment
from convalias.domain.outbound.delivery import Channel
from convalias.domain.outbound.enclosures import LINKED_FOR, Passage, encoded, listed_type, passages
from convalias.domain.outbound.feedback import feedback_id
from convalias.domain.outbound.invitations import MOST_OCTETS as MOST_CALENDAR
from convalias.domain.outbound.invitations import calendar, is_calendar
from convalias.domain.outbound.mail_threads import MailRef, OurMail
from convalias.domain.outbound.notifications import Notification
from convalias.domain.outbound.seals import FileLink, Seals
from convalias.domain.system_mail.refusal_texts import language_of
from convalias.ports.drafts import AttachedFile, Compose, Draft, DraftCalendar
from convalias.ports.errors import Deferred, Rejected
from convalias.ports.hub import Declined, Guarantee, Sent
from convalias.ports.mail import Outgoing, OutgoingMail
from convalias.services.running.octets import Octets

LATE: Final = timedelta(hours=2)
"""So long after it was written a message says when that was: its mail has the Date of the sending."""
CONVERSATION: Final = "{conversation}"
"""Where the id stands in the address of a conversation's page."""
MOST_OCTETS: Final = 64 * 1024 * 1024
"""Octets of attached files, encoded, in mails that are on their way at once."""
PREPARED_WITHIN: Final = timedelta(seconds=1.5)
"""The time for what comes before a mail is handed over. With the 18 s of a sender it stays below the `CALL_WITHIN` of a try.

Else a try would end while it waits here, and nobody could tell whether the mail was sent.
"""
ReadFile: TypeAlias = Callable[[str], Awaitable[bytes | None]]
"""An attached file by its digest; None: it is not kept any more."""


async def _nothing(_: str) -> None:
    """Where no files are kept."""


@frozen
class _Files:
    """What is said of attached files, and those that go along."""

    lines: tuple[Enclosed, ...] = ()
    attached: tuple[AttachedFile, ...] = ()
    calendar: DraftCalendar | None = None

    def and_line(self, line: Enclosed) -> _Files:
        return evolve(self, lines=(*self.lines, line))

    def and_file(self, file: AttachedFile) -> _Files:
        return evolve(self, attached=(*self.attached, file))


class NotificationHub:
    """`ports.NotificationHub`. What it can be held to is what its `OutgoingMail` can: said by `guarantee`.

    A retry makes the same bytes: all of them follow from the notification and its event. No address but the alias
    and the recipient's own is in them, unless somebody wrote one into a message.
    """

    def __init__(  # noqa: PLR0913 - keyword-only: what it needs, and what may be worded differently
        self,
        *,
        outgoing: OutgoingMail,
        compose: Compose,
        seals: Seals,
        alias_domain: str,
        guarantee: Guarantee,
        bounce_domain: str | None = None,
        via: str = "",
        base_url: str | None = None,
        conversation_url: str | None = None,
        wording: Wording | None = None,
        languages: Sequence[str] = (),
        files: ReadFile | None = None,
        most_octets: int = MOST_OCTETS,
        prepared_within: timedelta = PREPARED_WITHIN,
    ) -> None:
        """`files` reads what goes along; None: nothing does. `most_octets` of them are in mails on their way at once.

        A mail whose files find no room, or are not read, within `prepared_within` is put off.

        Words are those of `wording`, else of the market's language, else of the first of `languages`. The subject of a
        thread is among them: another language begins new threads in people's mailboxes.

        `base_url` (https): where links to unsubscribe and to files lead; None: no such links. `via`: the platform's name.

        `conversation_url` (https): where a conversation is read, with `{conversation}` in it; None: no such link.
        """
        self._outgoing = outgoing
        self._compose = compose
        self._seals = seals
        self._alias_domain = alias_domain
        self._guarantee = guarantee
        self._bounce_domain = bounce_domain or f"bounce.{alias_domain}"
        self._via = via
        self._base_url = None if base_url is None else base_url.rstrip("/")
        self._conversation_url = conversation_url
        self._wording = wording
        self._languages = tuple(languages)
        self._read_file = files or _nothing
        self._octets = Octets(most_octets)
        self._prepared_within = prepared_within

    @property
    def channels(self) -> Mapping[Channel, Guarantee]:
        """E-mail."""
        return {Channel.EMAIL: self._guarantee}

    async def send(self, notification: Notification) -> Sent | Declined:
        """Render and send. Receipts come by the return path, if at all. A mail that is refused for good is declined.

        Raises `Deferred` when its files are not ready in time, and `Unavailable`: then it was surely not sent.
        """
        to, message = notification.recipient_address, notification.event.happening
        if notification.channel is not Channel.EMAIL or to is None or notification.reply_alias is None:
            return Declined("this hub sends e-mail only")
        if not isinstance(message, MessageAdded):
            return Declined("nothing to tell: the event is no message")
        ways = passages(message, links=self._base_url is not None)
        async with AsyncExitStack() as held:
            try:
                async with asyncio.timeout(self._prepared_within.total_seconds()):
                    await held.enter_async_context(self._octets.held(_octets_along(message, ways)))
                    files = await self._files(notification, message, ways)
            except TimeoutError as late:
                raise Deferred("a mail whose attached files were not ready in time") from late
            draft = self._draft(notification, message, (notification.reply_alias, to), files)
            mail = Outgoing(
                key=notification.id,
                raw=self._compose(draft),
                to=to,
                return_path=self._seals.return_path(notification.id, self._bounce_domain),
                receipt_token=self._seals.receipt_token(notification.id),
            )
            try:
                await self._outgoing.send(mail)
            except Rejected as refused:
                return Declined(str(refused))
        return Sent(draft.message_id)

    async def _files(self, notification: Notification, message: MessageAdded, ways: Sequence[Passage]) -> _Files:
        """Read what goes along. What is not kept any more is named all the same."""
        files = _Files()
        for number, (one, way) in enumerate(zip(message.attachments, ways, strict=True)):
            link = self._file_link(notification, number) if way is Passage.LINK else None
            if way is Passage.HARMFUL:
                files = files.and_line(Enclosed(name=one.name, harmful=True))
                continue
            if is_calendar(one):
                files = await self._calendar(notification, one, files, link, way)
                continue
            content = await self._read_file(one.digest) if way is Passage.ALONG else None
            files = files.and_line(Enclosed(name=one.name, along=content is not None, link=link))
            if content is not None:
                files = files.and_file(AttachedFile(one.name, listed_type(one) or one.media_type, content))
        return files

    async def _calendar(
        self, notification: Notification, file: Attachment, files: _Files, link: str | None, way: Passage
    ) -> _Files:
        """Write a calendar entry anew: the octets that came name people by their addresses."""
        content = await self._read_file(file.digest) if file.size <= MOST_CALENDAR else None
        entry = None if content is None else calendar(content)
        if entry is not None:
            masks, own = notification.masks, notification.own
            entry = entry.with_uids(self._seals, self._alias_domain, masks=masks, own=own)
        to, alias = notification.recipient_address, notification.reply_alias
        if entry is None or to is None or alias is None:
            return files.and_line(Enclosed(name=file.name))
        # An answer is for the calendar of who asked. For all others it would name them as the organizer.
        is_along = way is Passage.ALONG and not entry.is_answer_to_one_of(notification.aliases_of_others)
        files = files.and_line(Enclosed(name=file.name, along=is_along, link=link, meeting=entry.meeting))
        if not is_along:
            return files
        name = shown_name(notification.author_name, self._via)
        text = entry.for_recipient(author=alias, author_name=name, recipient=to)
        # As a file it is of a type by which no program offers to answer a second time.
        files = files.and_file(AttachedFile(file.name, "application/ics", text.encode()))
        return files if files.calendar is not None else evolve(files, calendar=DraftCalendar(entry.method, text))

    def _file_link(self, notification: Notification, number: int) -> str:
        event = notification.event
        until = (event.appended_at + LINKED_FOR).replace(microsecond=0)
        link = FileLink(event.conversation, event.id, number, notification.recipient, until)
        return f"{self._base_url}/attachments/{self._seals.file_token(link)}"

    def _draft(
        self, notification: Notification, message: MessageAdded, way: tuple[EmailAddress, EmailAddress], files: _Files
    ) -> Draft:
        sender, to = way
        words = self._wording or wording_of((language_of(notification.market), *self._languages))
        about = (notification.conversation, notification.recipient)
        root = self._seals.root_id(*about, self._alias_domain)
        thread = notification.thread
        earlier = list(dict.fromkeys(map(self._message_id, thread.earlier)))
        follows = None if thread.answers is None else self._message_id(thread.answers)
        answered = notification.in_reply_to or follows
        if answered is not None and answered not in earlier:
            earlier = [answered, *earlier]
        subject = thread.subject or f"{words.subject} [{self._seals.subject_code(*about)}]"
        unsubscribe = self._unsubscribe(notification)
        date, written = notification.date or notification.event.appended_at, notification.event.occurred_at
        footing = Footing(
            written=written if date - written >= LATE else None,
            answerable=notification.answerable,
            closed=notification.closed,
            unverified=UNVERIFIED in message.flags,
            readers=notification.readers,
            platform=self._via,
            about=thread.subject or words.subject,
            link=self._link(notification),
            stop=unsubscribe,
        )
        return Draft(
            sender=sender,
            sender_name=notification.author_name,
            via=self._via,
            to=to,
            subject=f"Re: {subject}" if thread.subject else subject,
            thread_index=self._seals.thread_index(*about, None if answered is None else notification.id),
            thread_topic=subject,
            text=as_text(message, words, footing, files.lines),
            html=as_html(message, words, footing, files.lines),
            attachments=files.attached,
            calendar=files.calendar,
            message_id=self._seals.message_id(notification.id, self._alias_domain),
            date=date,
            in_reply_to=answered,
            references=(root, *earlier),
            unsubscribe=unsubscribe,
            feedback_id=feedback_id(notification.use_case, customer=self._alias_domain, kind=notification.kind),
            mark=notification.id,
        )

    def _message_id(self, ref: MailRef) -> str:
        if isinstance(ref, OurMail):
            return self._seals.message_id(ref.notification, self._alias_domain)
        return ref.message_id

    def _link(self, notification: Notification) -> str | None:
        if self._conversation_url is None:
            return None
        return self._conversation_url.replace(CONVERSATION, quote(notification.conversation, safe=""))

    def _unsubscribe(self, notification: Notification) -> str | None:
        if self._base_url is None:
            return None
        token = self._seals.unsubscribe_token(notification.conversation, notification.recipient)
        return f"{self._base_url}/unsubscribe/{token}"


def _octets_along(message: MessageAdded, ways: Sequence[Passage]) -> int:
    """Octets, encoded, of the files that go along."""
    return sum(encoded(one.size) for one, way in zip(message.attachments, ways, strict=True) if way is Passage.ALONG)
