"""The topics and buckets of SES, as variables hold them; and what of them is told."""

from __future__ import annotations

import pytest

from convalias.adapters.ses.place import BUCKETS, TOPICS, Bucket, buckets_in, topics_in

TOPIC = "arn:aws:sns:eu-west-1:123456789012:mail"


def test_topics_are_a_list_of_names() -> None:
    assert topics_in(f" {TOPIC}, arn:aws-cn:sns:cn-north-1:123456789012:b,") == {
        TOPIC,
        "arn:aws-cn:sns:cn-north-1:123456789012:b",
    }
    assert TOPICS.refusal(TOPIC) == ""


@pytest.mark.parametrize("text", ["mail", "arn:aws:sqs:eu-west-1:123456789012:mail", f"{TOPIC},{TOPIC}.fifo/x"])
def test_what_is_no_topic_is_told(text: str) -> None:
    assert "expected the ARN of each SNS topic" in TOPICS.refusal(text)


def test_buckets_are_urls() -> None:
    found = buckets_in("s3://my-mail?region=eu-west-1, s3://other?endpoint=http://127.0.0.1:5000")
    assert found == {
        "my-mail": Bucket(name="my-mail", region="eu-west-1"),
        "other": Bucket(name="other", endpoint="http://127.0.0.1:5000"),
    }
    assert BUCKETS.refusal("s3://my-mail") == ""


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("my-mail", "a URL that names no bucket"),
        ("s3://", "a URL that names no bucket"),
        ("s3://user:secret@my-mail", "a URL that names no bucket"),
        ("s3://my-mail/in", "a URL that names no bucket"),
        ("gs://my-mail", "a URL that names no bucket"),
        ("s3://my-mail?secret=x", "the option 'secret' of a bucket"),
        ("s3://my-mail?region=e%20u", "a region of a bucket that cannot be one"),
        ("s3://my-mail?endpoint=ftp://x", "an endpoint of a bucket that cannot be one"),
    ],
)
def test_what_is_no_bucket_is_told_without_what_may_be_a_secret(text: str, told: str) -> None:
    refusal = BUCKETS.refusal(text)
    assert told in refusal
    assert "secret@" not in refusal
