"""From a mail that leaves by Postmark to the address that its bounce suppresses: the whole way, over the app."""

from __future__ import annotations

from pathlib import Path

import httpx

from adapters.postmark.posting import PAIR, basic
from adapters.postmark.test_events import bounce
from convalias import Convalias, Participant
from convalias.adapters.smtp.letter import letter_of
from convalias.ports import Outgoing

HEADERS = {"Authorization": basic()}
PREFIX = "X-PM-Metadata-"


class Postmark:
    """Takes mail, and remembers the metadata that its header fields are."""

    def __init__(self) -> None:
        self.metadata: list[dict[str, str]] = []

    async def send(self, mail: Outgoing) -> None:
        head = letter_of(mail, receipt=f"{PREFIX}convalias").raw.decode().partition("\r\n\r\n")[0]
        fields = [line.split(": ", 1) for line in head.split("\r\n") if line.startswith(PREFIX)]
        self.metadata.append({name.removeprefix(PREFIX): value for name, value in fields})


async def test_a_bounce_suppresses_the_address_that_its_mail_proves_and_no_other(tmp_path: Path) -> None:
    file = tmp_path / "convalias.toml"
    file.write_text(f'data = "{tmp_path / "data"}"\nalias_domains = ["reply.example"]\ninbound = ["postmark"]\n')
    postmark = Postmark()
    environ = {"CONVALIAS_POSTMARK_CREDENTIALS": PAIR}
    cv = Convalias.from_toml(file, environ=environ, mail=postmark)
    async with cv, httpx.AsyncClient(transport=httpx.ASGITransport(cv.asgi()), base_url="http://here") as http:
        people = [Participant.of(name, addresses=[f"{name}@home.example"]) for name in ("ann", "bob")]
        await cv.open_conversation("c1", use_case="hiring", participants=people)
        await cv.messaging.send("c1", "Hello Bob!", author="ann", key="k1")
        await cv.run_until_idle()
        (metadata,) = postmark.metadata
        forged = {**metadata, "convalias-mac": "0" * 32}
        for told, suppressed in ((forged, []), (metadata, ["bob@home.example"]), (metadata, ["bob@home.example"])):
            event = bounce(Metadata=told, BouncedAt="")
            assert (await http.post("/events/postmark", json=event, headers=HEADERS)).status_code == 200
            found = await cv.suppressing.listed()
            assert [one.address.key for one in found.addresses] == suppressed
