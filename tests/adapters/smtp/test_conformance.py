"""The promises of the mail port, over a real mail server."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager

import pytest

from adapters.smtp.servers import HOST, Mailbox, aiosmtpd_server
from convalias.adapters.smtp import OutgoingMail
from convalias.domain.addresses.email_address import EmailAddress
from convalias.testing import conformance
from convalias.testing.conformance import Check


@pytest.mark.parametrize("check", conformance.OUTGOING_MAIL, ids=str)
async def test_outgoing_mail(check: Check[conformance.MakeOutgoingMail]) -> None:
    boxes: dict[str, tuple[Mailbox, int]] = {}
    async with AsyncExitStack() as stack:

        @asynccontextmanager
        async def open_sink(place: str) -> AsyncIterator[conformance.MailSink]:
            if place not in boxes:
                box = Mailbox()
                boxes[place] = box, await stack.enter_async_context(aiosmtpd_server(box))
            box, port = boxes[place]

            async def arrived() -> Sequence[tuple[EmailAddress, bytes]]:
                return [(EmailAddress.parse(recipient), raw) for _, recipient, raw in box.taken]

            async with OutgoingMail(f"smtp://{HOST}:{port}?tls=off&helo=here.test") as sender:
                yield conformance.MailSink(port=sender, arrived=arrived)

        await check(open_sink)
