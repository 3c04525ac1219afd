"""The how-to about Amazon SES: its settings open what it names, and what it says of answers holds."""

from __future__ import annotations

import re
from pathlib import Path

import httpx

from adapters.ses.posting import TOPIC, received, sns
from convalias.adapters.ses.events import RECEIPT
from convalias.app import Convalias
from convalias.domain.outbound.reports import HARD
from convalias.services.inbound.filled_queues import FIRST_PAUSE, LONGEST_PAUSE, TRIES
from docs.test_docs import PROJECT

PAGE = (PROJECT / "docs" / "how-to" / "take-mail-from-amazon-ses.md").read_text(encoding="utf-8")
(SETTINGS,) = re.findall(r"^```toml\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
VARIABLES = dict(re.findall(r"^\| `(CONVALIAS_SES_\w+)` \|.*?: `([^`]+)`", PAGE, re.MULTILINE))


async def test_the_settings_and_variables_of_the_page_open_what_it_names(tmp_path: Path) -> None:
    assert VARIABLES == {"CONVALIAS_SES_TOPICS": TOPIC, "CONVALIAS_SES_BUCKETS": "s3://my-mail?region=eu-west-1"}
    file = tmp_path / "convalias.toml"
    file.write_text(f'data = "{tmp_path / "data"}"\n{SETTINGS}', encoding="utf-8")
    cv = Convalias.from_toml(file, environ={**VARIABLES, "CONVALIAS_MAIL_PASSWORD": "secret"})
    async with cv, httpx.AsyncClient(transport=httpx.ASGITransport(cv.asgi()), base_url="http://here") as http:
        assert "https://mail.example/inbound/ses" in PAGE
        assert "https://mail.example/events/ses" in PAGE
        for path in ("/inbound/ses", "/events/ses"):
            assert (await http.post(path, json=sns(received()))).status_code == 401
            assert (await http.post(path, content=b"no json")).status_code == 400
        assert [*cv.ports.sources] == ["ses"]


def test_the_page_names_the_codes_that_suppress_and_the_fields_that_prove() -> None:
    named = re.findall(r"5\.\d\.\d+", PAGE)
    assert {*named} == HARD
    assert RECEIPT in PAGE.lower()
    assert SETTINGS.count("?receipt=X-Convalias-Receipt") == 1


def test_the_page_names_the_rights_that_amazon_asks_for() -> None:
    assert {*re.findall(r"`(s3:\w+|sns:\w+)`", PAGE)} == {
        "s3:GetObject",
        "s3:ListBucket",
        "s3:PutObject",
        "sns:Publish",
    }
    # What no mail of ours says, so that the set must be the identity's own.
    assert "convalias writes no `X-SES-CONFIGURATION-SET`" in PAGE
    sources = (PROJECT / "src" / "convalias").rglob("*.py")
    assert [path for path in sources if "x-ses-configuration-set" in path.read_text(encoding="utf-8").lower()] == []


def test_the_hour_and_a_half_of_the_page_is_what_the_pauses_come_to() -> None:
    pauses = [min(LONGEST_PAUSE, FIRST_PAUSE * 2**number) for number in range(TRIES - 1)]
    hours = sum(pause.total_seconds() for pause in pauses) / 3600
    assert 0.75 <= hours * 0.75 <= 1.75  # each is spread over its upper half
    assert "tried twelve times within an hour and a half" in PAGE
