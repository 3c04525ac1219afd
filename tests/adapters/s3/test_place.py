import json
from datetime import timedelta

import pytest
from obstore.store import AzureStore, GCSStore, LocalStore, S3Store

from convalias.adapters.s3 import Blobs, Credentials, Limits, UnusableBucketError, lifecycle_document
from convalias.adapters.s3.place import client, read_url


def test_a_url_says_where_and_within_which_limits() -> None:
    place = read_url("s3://bucket/a/b/?region=eu-west-1&timeout=7.5&retries=0&in_flight=8&multipart_from=1000000")
    assert (place.bucket, place.prefix, place.region) == ("bucket", "a/b", "eu-west-1")
    assert place.limits == Limits(timeout=7.5, retries=0, in_flight=8, multipart_from=1_000_000)


def test_limits_in_the_url_stand_over_those_in_code() -> None:
    place = read_url("s3://bucket?connect_timeout=1", limits=Limits(timeout=3, connect_timeout=9))
    assert place.limits == Limits(timeout=3, connect_timeout=1)


def test_each_scheme_has_its_client(monkeypatch: pytest.MonkeyPatch, tmp_path: object) -> None:
    monkeypatch.setenv("AZURE_STORAGE_ACCOUNT_NAME", "account")
    made = {url: type(client(read_url(url))) for url in ("s3://b", "gs://b/p", "az://c/p", f"file://{tmp_path}")}
    assert [*made.values()] == [S3Store, GCSStore, AzureStore, LocalStore]


@pytest.mark.parametrize(
    ("url", "right"),
    [
        ("ftp://bucket", "expected s3://bucket/prefix"),
        ("bucket", "expected s3://bucket/prefix"),
        ("s3:///prefix", "names no bucket"),
        ("s3://key:hunter2@bucket", "AWS_SECRET_ACCESS_KEY"),
        ("s3://bucket?secret_key=hunter2", "expected some of connect_timeout"),
        ("s3://bucket?timeout=soon", "timeout"),
        ("s3://bucket?timeout=0", "timeout"),
        ("s3://bucket?retries=-1", "retries"),
        ("s3://fast--use1-az4--x-s3", "general purpose"),
        ("file://folder", "expected s3://bucket/prefix"),
    ],
)
def test_a_url_that_cannot_be_says_what_would_be_right(url: str, right: str) -> None:
    with pytest.raises(UnusableBucketError, match=right) as wrong:
        Blobs(url)
    assert "hunter2" not in str(wrong.value)


def test_settings_that_the_client_refuses_are_told_without_its_words() -> None:
    with pytest.raises(UnusableBucketError, match="cannot be set up"):
        Blobs("az://container")  # no account anywhere


def test_secrets_are_in_no_repr() -> None:
    assert "hunter2" not in repr(Credentials(access_key="a", secret_key="hunter2"))


def test_raw_mail_ends_after_ninety_days_and_leftovers_after_one() -> None:
    rules = {rule["ID"]: rule for rule in json.loads(lifecycle_document("mail/eu"))["Rules"]}
    assert rules["convalias-raw"]["Filter"] == {"Prefix": "mail/eu/raw/"}
    assert rules["convalias-raw"]["Expiration"] == {"Days": 90}
    assert rules["convalias-envelopes"]["Expiration"] == {"Days": 90}
    assert rules["convalias-attachments"]["Expiration"] == {"Days": 90}
    assert rules["convalias-attachments"]["Filter"] == {"Prefix": "mail/eu/attachments/"}
    ended = [rule["Filter"]["Prefix"] for rule in rules.values() if "Days" in rule.get("Expiration", {})]
    assert not any("mail/eu/texts/".startswith(prefix) for prefix in ended)  # long texts stay
    leftover = rules["convalias-interrupted-uploads"]
    assert leftover["Filter"] == {"Prefix": "mail/eu/!parts/"}
    assert leftover["Expiration"] == {"Days": 1}


def test_raw_mail_may_be_archived_first() -> None:
    document = json.loads(lifecycle_document(kept=timedelta(days=30), archived_for=timedelta(days=335)))
    raw = document["Rules"][0]
    assert raw["Transitions"] == [{"Days": 30, "StorageClass": "GLACIER"}]
    assert raw["Expiration"] == {"Days": 365}


def test_a_lifecycle_is_of_whole_days() -> None:
    with pytest.raises(ValueError, match="whole days"):
        lifecycle_document(kept=timedelta(hours=36))
