import pytest

from convalias.adapters.sqs import Credentials, JobQueue, Limits, UnusableQueueError
from convalias.adapters.sqs.attributes import shortcomings
from convalias.adapters.sqs.place import read_url
from convalias.adapters.system import Clock


def test_a_url_says_where_and_within_which_limits() -> None:
    place = read_url(
        "sqs://eu-west-1/jobs?account=123456789012&endpoint=http://127.0.0.1:9324&timeout=7.5&retries=0&in_flight=8&poll=20"
    )
    assert (place.region, place.name, place.account) == ("eu-west-1", "jobs", "123456789012")
    assert place.endpoint == "http://127.0.0.1:9324"
    assert place.limits == Limits(timeout=7.5, retries=0, in_flight=8, poll=20)


def test_limits_in_the_url_stand_over_those_in_code() -> None:
    place = read_url("sqs://eu-west-1/jobs?connect_timeout=1", limits=Limits(timeout=3, connect_timeout=9))
    assert place.limits == Limits(timeout=3, connect_timeout=1)


@pytest.mark.parametrize(
    ("url", "right"),
    [
        ("https://sqs.eu-west-1.amazonaws.com/123456789012/jobs", "expected sqs://region/queue-name"),
        ("sqs://jobs", "names no region and queue"),
        ("sqs:///jobs", "names no region and queue"),
        ("sqs://eu-west-1/a/b", "names no region and queue"),
        ("sqs://eu-west-1/jobs.fifo", "use a standard queue"),
        ("sqs://key:hunter2@eu-west-1/jobs", "AWS_SECRET_ACCESS_KEY"),
        ("sqs://eu-west-1/jobs?secret_key=hunter2", "expected some of account"),
        ("sqs://eu-west-1/jobs?account=hunter2", "12 digits"),
        ("sqs://eu-west-1/jobs?endpoint=http://a:hunter2@host", "endpoint"),
        ("sqs://eu-west-1/jobs?endpoint=localhost:9324", "endpoint"),
        ("sqs://eu-west-1/jobs?timeout=soon", "timeout"),
        ("sqs://eu-west-1/jobs?timeout=0", "timeout"),
        ("sqs://eu-west-1/jobs?retries=-1", "retries"),
        ("sqs://eu-west-1/jobs?poll=21", "1 to 20"),
        ("sqs://eu-west-1/jobs?poll=0.5", "1 to 20"),
    ],
)
def test_a_url_that_cannot_be_says_what_would_be_right(url: str, right: str) -> None:
    with pytest.raises(UnusableQueueError, match=right) as wrong:
        JobQueue(url, clock=Clock())
    assert "hunter2" not in str(wrong.value)


def test_secrets_are_in_no_repr() -> None:
    assert "hunter2" not in repr(Credentials(access_key="a", secret_key="hunter2"))


GOOD = {"MessageRetentionPeriod": "345600", "DelaySeconds": "0", "MaximumMessageSize": "262144"}


def test_a_queue_as_aws_makes_it_has_no_shortcoming() -> None:
    assert list(shortcomings(GOOD)) == []
    assert list(shortcomings({})) == []


@pytest.mark.parametrize(
    ("name", "value", "found"),
    [
        ("RedrivePolicy", '{"maxReceiveCount":99}', "after 99 receives"),
        ("RedrivePolicy", '{"maxReceiveCount":"5"}', "after 5 receives"),
        ("MessageRetentionPeriod", "86400", "after 1 days"),
        ("DelaySeconds", "30", "for 30 seconds"),
        ("MaximumMessageSize", "1023", "1023 octets"),
    ],
)
def test_what_would_lose_jobs_or_hold_them_up_is_told(name: str, value: str, found: str) -> None:
    (told,) = shortcomings(GOOD | {name: value})
    assert found in told.found
    assert "set " in told.mend


@pytest.mark.parametrize("policy", ['{"maxReceiveCount":100}', "no JSON", "[]", "{}"])
def test_a_policy_that_takes_nothing_too_early_is_good(policy: str) -> None:
    assert list(shortcomings(GOOD | {"RedrivePolicy": policy})) == []
