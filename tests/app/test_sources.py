"""Queues that providers fill, read beside the other work of the inbound worker: by settings, over HTTP, and both."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest
from attrs import evolve

from adapters.ses.posting import BUCKET, KEY, TOPIC, Bucketful, received
from convalias import Convalias, Participant
from convalias.adapters import memory
from convalias.adapters.ses import webhook
from convalias.app import Providers
from convalias.app.memory import memory_ports, memory_wiring
from convalias.app.workers import IDLE, UNHURRIED, Loop
from convalias.domain import MessageAdded
from convalias.settings import WrongSettings, read_settings

TOPICS = {"CONVALIAS_SES_TOPICS": TOPIC}
SOURCE = '[sources]\nses = "sqs://eu-west-1/received-mail"\n'


def settings_file(folder: Path, text: str) -> Path:
    file = folder / "convalias.toml"
    file.write_text(f'data = "{folder / "data"}"\nalias_domains = ["reply.example"]\n{text}')
    return file


@pytest.fixture
def bucket(monkeypatch: pytest.MonkeyPatch) -> Bucketful:
    """The objects that the door of SES finds."""
    found = Bucketful()
    monkeypatch.setattr(webhook, "MailObjects", lambda buckets: found)
    return found


class Polled(memory.JobQueue):
    """Asks to be waited in."""

    @property
    def poll(self) -> timedelta:
        return UNHURRIED


def facade(queue: memory.JobQueue, providers: Providers) -> Convalias:
    ports = memory_ports(legacy=False, clock=memory.Clock(datetime(2026, 3, 1, 12, tzinfo=UTC)), host=None)
    cv = Convalias.over(evolve(ports, sources={"ses": queue}), memory_wiring("reply.example", None, None))
    cv._sources = lambda: providers
    return cv


async def test_mail_that_a_queue_tells_of_reaches_its_conversation_once(bucket: Bucketful) -> None:
    queue = memory.JobQueue(memory.Clock())
    async with facade(queue, Providers(inbound={"ses": TOPIC})) as cv:
        people = [Participant.of(name, addresses=[f"{name}@home.example"]) for name in ("ann", "bob")]
        alias = str((await cv.open_conversation("c1", use_case="hiring", participants=people))["ann"])
        bucket.objects[f"{BUCKET}/{KEY}"] = (
            f"From: bob@home.example\nTo: {alias}\nMessage-ID: <1@h>\n\nHello!\n".encode()
        )
        told = received(recipients=[alias], mail={"source": "bob@home.example"})
        enveloped = json.dumps({"Type": "Notification", "TopicArn": TOPIC, "Message": told})
        foreign = json.dumps({"Type": "Notification", "TopicArn": f"{TOPIC}x", "Message": told})
        await queue.put([told, enveloped, foreign])
        done = await cv.run_until_idle()
        assert done.dead == 0
        events = await cv.messaging.events("c1", after=0, limit=100)
        assert [event.happening.text for event in events if isinstance(event.happening, MessageAdded)] == ["Hello!"]
        depth = await queue.depth()
        assert depth.ready + depth.in_flight == 1  # the foreign one, tried again later
        assert bucket.asked == [KEY, KEY]


async def test_a_queue_whose_answers_are_paid_for_is_waited_in_and_another_is_not(bucket: Bucketful) -> None:
    for queue, idle in ((memory.JobQueue(memory.Clock()), UNHURRIED), (Polled(memory.Clock()), IDLE)):
        async with facade(queue, Providers(inbound={"ses": TOPIC})) as cv:
            without = [loop.idle for loop in facade_loops(cv, {})]
            assert [loop.idle for loop in cv.loops("inbound")] == [without[0], idle, *without[1:]]


def facade_loops(cv: Convalias, sources: dict[str, memory.JobQueue]) -> Sequence[Loop]:
    """The loops that it would have with these sources."""
    before, cv._ports = cv.ports, evolve(cv.ports, sources=sources)
    try:
        return cv.loops("inbound")
    finally:
        cv._ports = before


async def test_workers_do_not_start_without_the_key_of_a_queue_that_is_set(tmp_path: Path) -> None:
    async with Convalias.from_toml(settings_file(tmp_path, SOURCE), environ={}) as cv:
        with pytest.raises(WrongSettings, match="CONVALIAS_SES_TOPICS: not set; expected the ARN of each SNS topic"):
            await cv.run("inbound")


@pytest.mark.parametrize(
    ("text", "environ", "told"),
    [
        ('[sources]\nmailgun = "sqs://eu-west-1/x"\n', {}, "sources.mailgun: found a provider that fills no queue"),
        (
            SOURCE,
            TOPICS | {"CONVALIAS_SES_BUCKETS": "my-mail"},
            "CONVALIAS_SES_BUCKETS: found a URL that names no bucket",
        ),
    ],
)
async def test_a_source_that_cannot_be_read_is_refused_when_workers_start(
    text: str, environ: dict[str, str], told: str, tmp_path: Path
) -> None:
    async with Convalias.from_toml(settings_file(tmp_path, text), environ=environ) as cv:
        with pytest.raises(WrongSettings, match=told):
            cv.loops("inbound")


def test_the_settings_name_the_queue_of_a_registered_door() -> None:
    assert read_settings(environ={"CONVALIAS_SOURCE_SES": "sqs://eu-west-1/mail"}).sources == {
        "ses": "sqs://eu-west-1/mail"
    }


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (
            '[sources]\nnobody = "sqs://eu-west-1/x"\n',
            "sources.nobody: unknown; expected one of mailgun, postmark, ses",
        ),
        ("[sources]\nses = 7\n", "sources.ses: found 7, expected a URL"),
        ('[sources]\nses = "amqp://x/y"\n', "sources.ses: expected a URL that starts with sqs://"),
        (
            f'queue = "sqs://eu-west-1/received-mail/?poll=5"\n{SOURCE}',
            "sources.ses: found the queue of the setting queue; expected another one",
        ),
        ("sources = 7\n", "sources: found 7, expected a table"),
    ],
)
def test_a_source_that_cannot_be_is_told_by_its_key(text: str, told: str, tmp_path: Path) -> None:
    with pytest.raises(WrongSettings) as raised:
        read_settings(settings_file(tmp_path, text), environ={})
    assert told in str(raised.value)


async def test_the_door_of_ses_stands_over_http_and_takes_only_what_sns_signed(tmp_path: Path) -> None:
    file = settings_file(tmp_path, 'inbound = ["ses"]\n')
    environ = TOPICS | {"CONVALIAS_SES_BUCKETS": "s3://my-mail?region=eu-west-1"}
    cv = Convalias.from_toml(file, environ=environ, mail=memory.Outbox())
    async with cv, httpx.AsyncClient(transport=httpx.ASGITransport(cv.asgi()), base_url="http://here") as http:
        forged = {"Type": "Notification", "TopicArn": TOPIC, "Message": received(), "Signature": "eA=="}
        assert (await http.post("/inbound/ses", json=forged)).status_code == 401
        assert (await http.post("/inbound/ses/mime", json=forged)).status_code == 404


def test_providers_given_in_code_are_held_to_the_same() -> None:
    with pytest.raises(WrongSettings, match="BUCKETS"):
        Providers(inbound={"ses": TOPIC}, options={"ses": {"BUCKETS": "my-mail"}})
    with pytest.raises(WrongSettings, match="found 'mail'"):
        Providers(inbound={"ses": "mail"})


async def test_a_queue_without_a_door_is_refused(bucket: Bucketful) -> None:
    async with facade(memory.JobQueue(memory.Clock()), Providers()) as cv:
        with pytest.raises(WrongSettings, match=r"sources\.ses: found no door with a key that reads a queue"):
            cv.loops("inbound")
