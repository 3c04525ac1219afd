"""From a mail that leaves by Amazon SES to the address that its bounce suppresses: the whole way, over the app."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest

from adapters.ses.posting import TOPIC, certificate, signed, sns
from adapters.ses.test_events import bounce
from convalias import Convalias, Participant
from convalias.adapters.ses import Certificates, events
from convalias.adapters.smtp.letter import letter_of
from convalias.ports import Outgoing
from convalias.ports.ambient import Clock

PREFIX = "X-Convalias-Receipt"


class Ses:
    """Takes mail, and tells of its header fields."""

    def __init__(self) -> None:
        self.headers: list[list[dict[str, str]]] = []

    async def send(self, mail: Outgoing) -> None:
        head = letter_of(mail, receipt=PREFIX).raw.decode().partition("\r\n\r\n")[0]
        pairs = [line.split(": ", 1) for line in head.split("\r\n") if ": " in line and not line.startswith(" ")]
        self.headers.append([{"name": name, "value": value} for name, value in pairs])


async def test_a_bounce_suppresses_the_address_that_its_mail_proves_and_no_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = datetime.now(UTC)

    async def fetch(_: str) -> bytes:
        return certificate(now - timedelta(days=1), days=2)

    def certificates(clock: Clock) -> Certificates:
        return Certificates(clock, fetch)

    monkeypatch.setattr(events, "Certificates", certificates)
    file = tmp_path / "convalias.toml"
    file.write_text(f'data = "{tmp_path / "data"}"\nalias_domains = ["reply.example"]\ninbound = ["ses"]\n')
    ses = Ses()
    cv = Convalias.from_toml(file, environ={"CONVALIAS_SES_TOPICS": TOPIC}, mail=ses)
    async with cv, httpx.AsyncClient(transport=httpx.ASGITransport(cv.asgi()), base_url="http://here") as http:
        people = [Participant.of(name, addresses=[f"{name}@home.example"]) for name in ("ann", "bob")]
        await cv.open_conversation("c1", use_case="hiring", participants=people)
        await cv.messaging.send("c1", "Hello Bob!", author="ann", key="k1")
        await cv.run_until_idle()
        (headers,) = ses.headers
        forged = [{**one, "value": "0" * 32} if one["name"] == f"{PREFIX}-mac" else one for one in headers]
        assert forged != headers
        told = [(forged, []), (headers, ["bob@home.example"]), (headers, ["bob@home.example"])]
        for number, (said, suppressed) in enumerate(told):
            event = signed(sns(bounce(headers=said), at=now, MessageId=f"m{number}"))
            assert (await http.post("/events/ses", json=event)).status_code == 200
            found = await cv.suppressing.listed()
            assert [one.address.key for one in found.addresses] == suppressed
