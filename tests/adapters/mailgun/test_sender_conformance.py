"""The promises of the mail port, over a stand-in for Mailgun's API."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager

import pytest

from adapters.mailgun.api_server import KEY, Api, api_server
from convalias.adapters.mailgun.sender import OutgoingMail
from convalias.domain.addresses.email_address import EmailAddress
from convalias.testing import conformance
from convalias.testing.conformance import Check


@pytest.mark.parametrize("check", conformance.OUTGOING_MAIL, ids=str)
async def test_outgoing_mail(check: Check[conformance.MakeOutgoingMail]) -> None:
    apis: dict[str, tuple[Api, str]] = {}
    async with AsyncExitStack() as stack:

        @asynccontextmanager
        async def open_sink(place: str) -> AsyncGenerator[conformance.MailSink]:
            if place not in apis:
                api = Api()
                apis[place] = api, await stack.enter_async_context(api_server(api))
            api, url = apis[place]

            async def arrived() -> Sequence[tuple[EmailAddress, bytes]]:
                return [(EmailAddress.parse(one.to), one.raw) for one in api.taken]

            async with OutgoingMail(url, key=KEY) as sender:
                yield conformance.MailSink(port=sender, arrived=arrived)

        await check(open_sink)
