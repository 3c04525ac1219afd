"""A folder as a channel, registered for `file`: a JSON file for each notification. Somebody else sends it from there."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final
from urllib.parse import unquote, urlsplit

from convalias.adapters.embedded.files import DurableFiles
from convalias.domain.conversations.events import MessageAdded
from convalias.domain.outbound.delivery import Channel
from convalias.domain.outbound.notifications import Notification
from convalias.ports.ambient import Incarnation
from convalias.ports.engines import ChannelAt
from convalias.ports.errors import Unavailable
from convalias.ports.hub import FOR_EVER, Answer, Declined, Guarantee, NotSent, Sent


class ChannelFolder:
    """`ports.NotificationHub` for one channel: `<notification id>.json`. Idempotent as long as its file is there."""

    def __init__(self, root: Path, channel: Channel, *, incarnation: Incarnation) -> None:
        """Name the folder; nothing is touched before the first notification."""
        self.root = root
        self._channel = channel
        self._files = DurableFiles(root, incarnation, temporary=root.parent / ".tmp")

    @property
    def channels(self) -> Mapping[Channel, Guarantee]:
        """Return the promises of a folder: a key is never forgotten, as its file is there or not."""
        return {self._channel: Guarantee(FOR_EVER, self.ask)}

    async def send(self, notification: Notification) -> Sent | Declined:
        """Durable when it returns. Raises `Unavailable`; what is not plainly absent by then is ambiguous."""
        message = notification.event.happening
        if notification.channel is not self._channel or not isinstance(message, MessageAdded):
            return Declined(f"this folder takes messages by {self._channel.value} only")
        body = {
            "channel": notification.channel.value,
            "to": notification.endpoint,
            "recipient": notification.recipient,
            "conversation": notification.conversation,
            "author": notification.author_name,
            "text": message.text,
        }
        path = self._path(notification.id)
        try:
            await asyncio.to_thread(self._write, path, json.dumps(body, ensure_ascii=False).encode())
        except OSError as error:
            if path.exists():  # linked, but perhaps not yet for good
                raise
            raise Unavailable(f"the folder of {self._channel.value} ({error.strerror})") from error
        return Sent()

    async def ask(self, key: str) -> Answer:
        """Whether a notification with that key is there. For `Guarantee.ask`."""
        return Sent() if await asyncio.to_thread(self._path(key).exists) else NotSent()

    def _write(self, path: Path, body: bytes) -> None:
        self._files.prepare()
        self._files.create(path, body)

    def _path(self, key: str) -> Path:
        return self.root / f"{key}.json"


class Engine:
    """`ports.ChannelEngine`."""

    @asynccontextmanager
    async def opened(self, at: ChannelAt) -> AsyncGenerator[ChannelFolder]:
        """Open the folder of the URL. The first notification makes the folder."""
        path = Path(unquote(urlsplit(at.url).path))
        yield ChannelFolder(path, at.channel, incarnation=at.incarnation)


ENGINE: Final = Engine()
