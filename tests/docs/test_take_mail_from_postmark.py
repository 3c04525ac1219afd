"""The how-to about Postmark: its settings open the doors that it names, and what it says of answers holds."""

from __future__ import annotations

import re
from pathlib import Path

import httpx
import pytest

from adapters.postmark.posting import PAIR, basic, inbound
from convalias.app import Convalias
from docs.test_docs import PROJECT

PAGE = (PROJECT / "docs" / "how-to" / "take-mail-from-postmark.md").read_text(encoding="utf-8")
(SETTINGS,) = re.findall(r"^```toml\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("path", ["/inbound/postmark", "/events/postmark"])
async def test_the_settings_of_the_page_open_the_doors_that_it_names(path: str, tmp_path: Path) -> None:
    assert f"mail.example{path}`" in PAGE
    file = tmp_path / "convalias.toml"
    file.write_text(f'data = "{tmp_path / "data"}"\n{SETTINGS}', encoding="utf-8")
    environ = {"CONVALIAS_POSTMARK_CREDENTIALS": PAIR, "CONVALIAS_MAIL_PASSWORD": "token"}
    cv = Convalias.from_toml(file, environ=environ)
    async with cv, httpx.AsyncClient(transport=httpx.ASGITransport(cv.asgi()), base_url="http://here") as http:
        assert (await http.post(path)).status_code == 401
        posted = {**inbound(), "RecordType": "Open"}
        assert (await http.post(path, json=posted, headers={"Authorization": basic()})).status_code == 200
        assert (await http.post(f"{path}/mime", json=posted)).status_code == 404
        assert (await http.post("/inbound/mailgun", json=posted)).status_code == 404
