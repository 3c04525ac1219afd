"""A folder as a sender of mail, registered for `file`: somebody else takes the mail from there."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final
from urllib.parse import unquote, urlsplit

from convalias.adapters.embedded.outbox import Outbox
from convalias.ports.engines import EngineAt


class Engine:
    """`ports.MailEngine`."""

    @asynccontextmanager
    async def opened(self, at: EngineAt) -> AsyncGenerator[Outbox]:
        """Open the folder of the URL. The first mail makes the folder."""
        yield Outbox(Path(unquote(urlsplit(at.url).path)), incarnation=at.incarnation)


ENGINE: Final = Engine()
