"""SMTP as a sender of mail, registered for `smtp` and `smtps`."""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager
from typing import Final

from convalias.adapters.smtp.sender import OutgoingMail
from convalias.ports.engines import EngineAt


class Engine:
    """`ports.MailEngine`."""

    def opened(self, at: EngineAt) -> AbstractAsyncContextManager[OutgoingMail]:
        """Open the sender at this URL. Nobody is connected to."""
        return OutgoingMail(at.url, password=at.password, variable="CONVALIAS_MAIL")


ENGINE: Final = Engine()
