"""The functions, called as Lambda calls them: events of the documented shapes, one container for many calls."""

import json
import runpy
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml  # type: ignore[import-untyped]

import local
from convalias import Participant
from convalias.ports import Job
from convalias.settings import WrongSettings

DATA = local.prepared()

import due  # noqa: E402 - each reads its settings when it is imported
import mail  # noqa: E402
import web  # noqa: E402

PEOPLE = [Participant.of("ann", addresses=["ann@home.example"]), Participant.of("bob", addresses=["bob@corp.example"])]
FUNCTION_URL = "abc.lambda-url.eu-west-1.on.aws"
HTTP_API = "abc.execute-api.eu-west-1.amazonaws.com"


@pytest.fixture
def alias(request: pytest.FixtureRequest) -> str:
    """Ann's alias in a conversation with Bob of the test's own."""
    aliases = mail.cv.open_conversation(request.node.name[:60], use_case="hiring", participants=PEOPLE)
    return str(aliases[PEOPLE[0].account])


def post(body: bytes, domain: str = FUNCTION_URL) -> int:
    answer = web.handler(local.http("/inbound/mailgun/mime", body, domain=domain), local.call())
    return int(answer["statusCode"])


def taken(alias: str, *texts: str) -> list[Job]:
    """These mails, from the URL to the queue, and out of it as the event source takes them."""
    assert [post(local.posted(alias, text)) for text in texts] == [200] * len(texts)
    return list(mail.cv.inbound.take())


def failed(jobs: list[Job], seconds: float = 60) -> list[str]:
    answer = mail.handler(local.queued(jobs), local.call(seconds))
    assert answer.keys() == {"batchItemFailures"}
    return [one["itemIdentifier"] for one in json.loads(json.dumps(answer))["batchItemFailures"]]


@pytest.mark.parametrize("domain", [FUNCTION_URL, HTTP_API])
def test_a_mail_goes_from_the_url_through_the_queue_to_a_notification(alias: str, domain: str) -> None:
    assert post(local.posted(alias, f"Hello from {domain}"), domain) == 200
    assert failed(list(mail.cv.inbound.take())) == []
    assert due.handler({}, local.call())["in_time"]
    assert [text for text in local.sent(DATA) if text.startswith(f"Hello from {domain}")] != []


def test_only_what_must_come_back_is_a_failure_of_its_batch(alias: str) -> None:
    strange = Job("of-somebody-else", "no reference of ours", 1, "receipt")
    (good,) = taken(alias, "Readable")
    before = set(DATA.glob("blobs/raw/**/*"))
    (bad,) = taken(alias, "Not readable now")
    (raw,) = set(DATA.glob("blobs/raw/**/*")) - before
    hidden = raw.rename(DATA / "hidden")
    raw.mkdir()  # the raw store cannot give this one
    assert failed([strange, bad, good]) == [bad.id]  # what is no job of ours is a dead letter, and does not come back
    raw.rmdir()
    hidden.rename(raw)
    assert failed([bad]) == []


def test_what_the_time_does_not_reach_comes_back_and_is_not_lost(alias: str) -> None:
    jobs = taken(alias, "In no time")
    assert failed(jobs, seconds=1) == [one.id for one in jobs]
    assert failed(jobs) == []
    due.handler({}, local.call())
    assert sum("In no time" in text for text in local.sent(DATA)) == 1


def test_a_batch_that_comes_twice_sends_once(alias: str) -> None:
    jobs = taken(alias, "Twice")
    assert failed(jobs) == failed(jobs) == []
    due.handler({}, local.call())
    assert sum("Twice" in text for text in local.sent(DATA)) == 1


def test_a_container_opens_once_and_the_next_call_finds_it_open(alias: str) -> None:
    assert failed(taken(alias, "One")) == []
    before = mail.cv.deployment, web.cv.services
    assert mail.cv.is_open
    assert failed(taken(alias, "Two")) == []
    assert (mail.cv.deployment, web.cv.services) == before


def test_work_that_does_not_fit_is_left_to_the_next_minute(alias: str) -> None:
    assert failed(taken(alias, "Later")) == []
    assert due.handler({}, local.call(seconds=10)) == {"done": {}, "in_time": False}
    assert due.handler({}, local.call())["in_time"]
    assert sum("Later" in text for text in local.sent(DATA)) == 1
    assert not due.cv.is_open  # frozen now, it holds nothing that others wait for


def test_a_wrong_signature_is_refused_and_health_is_told() -> None:
    forged = local.posted("ann@reply.example", "Hello").replace(b"signature=", b"signature=0")
    assert post(forged) in {401, 403, 406}
    assert web.handler(local.http("/healthz"), local.call())["statusCode"] == 200
    assert web.handler(local.http("/readyz"), local.call())["statusCode"] == 200
    assert web.handler(local.http("/nowhere"), local.call())["statusCode"] == 404


def test_a_wrong_setting_ends_the_cold_start_with_its_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "convalias.toml").write_text('aliass_domains = ["x.example"]\n')
    source = str(Path("mail.py").absolute())
    monkeypatch.chdir(tmp_path)
    with pytest.raises(WrongSettings, match="aliass_domains"):
        runpy.run_path(source)


def test_a_missing_key_ends_the_cold_start_of_the_url_with_its_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CONVALIAS_MAILGUN_SIGNING_KEY")
    with pytest.raises(WrongSettings, match="CONVALIAS_MAILGUN_SIGNING_KEY"):
        runpy.run_path("web.py")


def test_what_is_shown_runs(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(local, "prepared", lambda: DATA)
    local.main()
    shown = capsys.readouterr().out
    assert shown.startswith('web:  200\nmail: {"batchItemFailures": []}\ndue: ')


def test_the_template_reports_partial_failures_and_leaves_time_for_every_try() -> None:
    template: dict[str, Any] = yaml.safe_load(Path("template.yaml").read_text())
    resources, usual = template["Resources"], template["Globals"]["Function"]
    functions = {
        name: one["Properties"] for name, one in resources.items() if one["Type"].endswith("Serverless::Function")
    }
    for one in functions.values():
        module, _, name = one["Handler"].partition(".")
        assert callable(getattr(sys.modules[module], name))
    queue = functions["Mail"]["Events"]["Inbound"]["Properties"]
    assert queue["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
    assert resources["Inbound"]["Properties"]["VisibilityTimeout"] >= 6 * usual["Timeout"]
    assert "RedrivePolicy" not in resources["Inbound"]["Properties"]  # dead letters are the library's own
    assert functions["Due"]["Timeout"] > due.SPARE.total_seconds()
    assert functions["Due"]["Events"]["Minute"]["Type"] == "Schedule"
    assert all(one["Policies"] == [{"Ref": "Access"}] for one in functions.values())
    allowed = resources["Access"]["Properties"]["PolicyDocument"]["Statement"]
    assert "sqs:GetQueueUrl" in allowed[0]["Action"]  # each function opens the queue by its name
