"""OutgoingMail into a folder: one file per key, whole, written once."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Final

from convalias.adapters.embedded import folder
from convalias.adapters.embedded.errors import UnusableDirectoryError
from convalias.adapters.embedded.files import DurableFiles
from convalias.ports.ambient import Incarnation
from convalias.ports.errors import Unavailable
from convalias.ports.hub import FOR_EVER, Answer, Guarantee, NotSent, Sent
from convalias.ports.mail import Outgoing

_PATIENCE_SECONDS: Final = 30.0


class Outbox:
    """`ports.RememberingMail`: `<key>.eml` in one folder. Idempotent per key as long as its file is there.

    Whoever picks mail up copies it: a file that is moved away is a key that is forgotten.

    The folder is made by `open`, or with the first mail.

    The file begins with a Return-Path field, as final delivery writes it (RFC 5321 §4.4), so that the envelope is
    not lost.
    """

    def __init__(self, root: Path, *, incarnation: Incarnation) -> None:
        """Name the folder; nothing is touched."""
        self.root = root
        # Beside the folder, not in it: whoever picks mail up finds mail only.
        self._files = DurableFiles(root, incarnation, temporary=root.parent / ".tmp")
        self._is_open = False

    @property
    def guarantee(self) -> Guarantee:
        """Return the promises of a folder: a key is never forgotten, as its file is there or not."""
        return Guarantee(FOR_EVER, self.ask)

    async def open(self) -> None:
        """Make the folder if need be. Raises `UnusableDirectoryError`."""
        await asyncio.to_thread(folder.make, self.root)
        await asyncio.to_thread(self._files.prepare)
        self._is_open = True

    async def send(self, mail: Outgoing) -> None:
        """Durable when it returns. Raises `Unavailable`; what is not plainly absent by then is ambiguous."""
        if not self._is_open:
            await self._open_late()
        path = self._path(mail.key)
        body = f"Return-Path: <{mail.return_path}>\r\n".encode() + mail.raw
        try:
            async with asyncio.timeout(_PATIENCE_SECONDS):
                await asyncio.to_thread(self._files.create, path, body)
        except TimeoutError:  # the thread goes on writing
            raise
        except OSError as error:
            if path.exists():  # linked, but perhaps not yet for good
                raise
            raise _away(error) from error

    async def _open_late(self) -> None:
        try:
            await self.open()
        except (UnusableDirectoryError, OSError) as error:  # nothing was written
            raise _away(error) from error

    async def ask(self, key: str) -> Answer:
        """Whether a mail with that key is there. For `Guarantee.ask`."""
        return Sent() if await asyncio.to_thread(self._path(key).exists) else NotSent()

    def _path(self, key: str) -> Path:
        """A key is `[A-Za-z0-9._-]{1,64}` and begins with no dot, so it is a file name as it is."""
        return self.root / f"{key}.eml"


def _away(error: Exception) -> Unavailable:
    reason = error.strerror if isinstance(error, OSError) else None
    return Unavailable(f"the outbox ({reason or error})")
