"""The whole way: a message leaves by mail, its answer becomes a message, once; and the command that works on them."""

import hashlib
import hmac
import json
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.contrib.auth import get_user_model
from django.core.management import call_command
from django.test import Client

from chat.bridge import cv
from chat.models import Message, Talk

DATA = Path(__file__).parent / "mail-data"
LOOKS = 1_500


@pytest.fixture
def chat() -> Iterator[Client]:
    """Ann and Bob in a talk, and a client of the website."""
    shutil.rmtree(DATA / "outbox", ignore_errors=True)
    call_command("loaddata", "two_people", verbosity=0)
    yield Client()
    cv.close()


def sent() -> list[str]:
    return [path.read_text() for path in DATA.glob("outbox/*.eml")]


def posted(client: Client, alias: str, text: str, **changed: str) -> int:
    """Post what Mailgun does for an answer of Bob, signed. The status of the answer."""
    at, token = str(int(time.time())), hashlib.sha256(text.encode()).hexdigest()
    post = {
        "recipient": alias,
        "sender": "bob@home.example",
        "timestamp": at,
        "token": token,
        "signature": hmac.new(b"example", (at + token).encode(), hashlib.sha256).hexdigest(),
        "body-mime": f"From: Bob@home.example\nTo: {alias}\nMessage-ID: <{token}@home.example>\n\n{text}\n",
    }
    return client.post("/mail/inbound/mailgun/mime", post | changed).status_code


def texts() -> list[tuple[str, str]]:
    return [*Message.objects.order_by("at").values_list("author__username", "text")]


def test_a_day_of_the_chat(chat: Client) -> None:
    with cv:
        said = chat.post("/talks/t1/messages", json.dumps({"author": 1, "text": "Are you there?"}), "application/json")
        assert said.json() == [{"author__username": "ann", "text": "Are you there?"}]
        cv.run_until_idle()
        (mail,) = sent()
        assert "To: bob@home.example" in mail
        (alias,) = re.findall(r"^From: .*<(.+)>$", mail, re.MULTILINE)

    with cv:  # another process would find the same
        assert alias == str(cv.alias("t1", for_="1"))
        assert [posted(chat, alias, "Yes!"), posted(chat, alias, "Yes!")] == [200, 200]
        assert posted(chat, alias, "No!", signature="0" * 64) == 401
        cv.run_until_idle()
        assert texts() == [("ann", "Are you there?"), ("bob", "Yes!")]
        (to_ann,) = [one for one in sent() if one != mail]
        assert "To: ann@home.example" in to_ann

        Talk.objects.update(state="closed")
        assert posted(chat, alias, "Too late!") == 200
        cv.run_until_idle()
        assert len(texts()) == 2


def test_who_left_the_website_gets_no_mail(chat: Client) -> None:
    get_user_model().objects.filter(username="bob").update(is_active=False)
    with cv:
        Message.objects.create(talk_id="t1", author_id=1, text="Are you there?")
        cv.run_until_idle()
    assert sent() == []


def test_the_pages_and_checks_of_convalias_are_there(chat: Client) -> None:
    with cv:
        assert chat.get("/mail/healthz").getvalue() == b"ok\n"
        assert chat.get("/mail/unsubscribe/nothing").status_code == 404
        assert [chat.get(path).status_code for path in ("/mail/%E2%82%AC", "/mail/%C3%A9")] == [404, 404]


def test_the_command_works_until_it_is_stopped(chat: Client) -> None:
    worker = subprocess.Popen([sys.executable, "manage.py", "convalias_worker"])
    try:
        Message.objects.create(talk_id="t1", author_id=1, text="Are you there?")
        for _ in range(LOOKS):
            if sent() or worker.poll() is not None:
                break
            time.sleep(0.02)
        assert len(sent()) == 1
    finally:
        worker.send_signal(signal.SIGTERM)
        assert worker.wait(30) == 0
