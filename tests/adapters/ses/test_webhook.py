"""SES's mail by SNS over HTTPS: what proves a post, what is made of it, and what is answered."""

from __future__ import annotations

import base64
import json
from datetime import timedelta
from typing import Any

import pytest
from attrs import evolve

from adapters.ses.posting import (
    ALIAS,
    BUCKET,
    CERTIFICATE,
    NOON,
    RAW,
    TOPIC,
    Post,
    certificate,
    confirmation,
    received,
    signed,
    sns,
)
from convalias.adapters.ses.sns import LARGEST
from convalias.domain.inbound.posts import IncomingMail
from convalias.domain.mail.authentication import Dmarc, DmarcPolicy
from convalias.domain.mail.envelope import NULL_RETURN_PATH, ReturnPath
from convalias.ports.errors import Unavailable
from convalias.services.inbound.receiver import Receipt

UNPROVED = (401, "not signed by SNS for a topic of ours")


@pytest.mark.parametrize("version", ["1", "2"])
async def test_mail_in_a_bucket_is_kept_with_its_envelope_and_what_ses_found(version: str) -> None:
    post = Post()
    answer = await post.post(signed(sns(received()), version=version))
    assert (answer.status, answer.text) == (200, "kept")
    (record,) = await post.records()
    assert await post.raw() == RAW
    assert [one.key for one in record.post.recipients] == [ALIAS]
    assert str(record.post.return_path) == "mary@corp.example"
    assert (record.source, record.quarantined, record.post.spam) == ("ses", None, False)
    assert record.post.evidence is not None
    assert record.post.evidence.dmarc is Dmarc.PASS
    assert not record.post.evidence.spf_aligned  # SES names no domain whose SPF or DKIM passed
    assert not record.post.evidence.dkim_aligned


@pytest.mark.parametrize(
    ("encoding", "content"),
    [("BASE64", base64.b64encode(RAW).decode()), ("UTF-8", RAW.replace(b"\xfc\xdf", b"ue").decode())],
)
async def test_mail_inside_the_notification_is_kept(encoding: str, content: str) -> None:
    post = Post()
    action = {"type": "SNS", "encoding": encoding}
    assert (await post.post(signed(sns(received(action, content=content))))).status == 200
    assert await post.raw() == (RAW if encoding == "BASE64" else content.encode())
    assert post.bucket.asked == []


async def test_the_same_mail_told_of_again_and_again_is_one_mail() -> None:
    post = Post()
    body = signed(sns(received()))
    for _ in range(2):
        assert (await post.post(body)).status == 200
    await post.clock.advance(timedelta(hours=14))  # into the next day
    assert (await post.post(body)).status == 200
    other = signed(sns(received({"type": "SNS"}, content="mangled"), MessageId="another"))
    assert (await post.post(other)).status == 200
    assert (await post.mails.message(received())).status == 200
    assert len(await post.records()) == 1
    assert await post.raw() == RAW
    await post.post(signed(sns(received(recipients=["mary-major-0f3a52c7@reply.example"]))))
    assert len(await post.records()) == 2  # another rule's recipients


def forged(body: dict[str, Any], **other: Any) -> dict[str, Any]:
    """Signed, and changed behind that."""
    return {**signed(body), **other}


OTHER_MAIL = received(mail={"source": "ceo@corp.example"})
REFUSED: dict[str, dict[str, Any]] = {
    "no signature": sns(received()),
    "another text under a signature": forged(sns(received()), Message=OTHER_MAIL),
    "another id under a signature": forged(sns(received()), MessageId="another"),
    "a signature that is no base64": forged(sns(received()), Signature="%%%"),
    "an empty signature": forged(sns(received()), Signature=""),
    "an unknown version": forged(sns(received()), SignatureVersion="3"),
    "the hash of another version": forged(sns(received()), SignatureVersion="2"),
    "a topic of somebody else, well signed": signed(sns(received(), topic=f"{TOPIC}x")),
    "no topic": signed(sns(received(), topic="")),
    "no time": forged(sns(received()), Timestamp="noon"),
    "a time without a zone": forged(sns(received()), Timestamp="2026-03-01T12:00:00"),
    "an unknown type": signed(sns(received(), Type="Order")),
    "a subscription that leads elsewhere": signed(
        confirmation(SubscribeURL="https://evil.example/?Action=ConfirmSubscription")
    ),
    "a subscription to another topic": signed(
        confirmation(SubscribeURL=f"https://sns.eu-west-1.amazonaws.com/?Action=ConfirmSubscription&TopicArn={TOPIC}x")
    ),
    "another action than to subscribe": signed(
        confirmation(SubscribeURL=f"https://sns.eu-west-1.amazonaws.com/?Action=DeleteTopic&TopicArn={TOPIC}")
    ),
}


@pytest.mark.parametrize("name", REFUSED)
async def test_what_sns_did_not_sign_for_a_topic_of_ours_is_refused_and_nothing_is_kept(name: str) -> None:
    post = Post()
    answer = await post.post(REFUSED[name])
    assert (answer.status, answer.text) == UNPROVED
    assert await post.records() == []
    assert post.bucket.asked == []
    assert set(post.fetched) <= {CERTIFICATE}


HEX = "0123456789abcdef0123456789abcdef"
PLACES = [
    "https://evil.example/SimpleNotificationService-0.pem",
    "http://sns.eu-west-1.amazonaws.com/SimpleNotificationService-0.pem",
    "https://sns.eu-west-1.amazonaws.com.evil.example/SimpleNotificationService-0.pem",
    "https://sns.eu-west-1.amazonaws.com@evil.example/SimpleNotificationService-0.pem",
    "https://sns.eu-west-1.amazonaws.com:444/SimpleNotificationService-0.pem",
    "https://sns.us-east-1.amazonaws.com/SimpleNotificationService-0.pem",
    "https://bucket.s3.amazonaws.com/SimpleNotificationService-0.pem",
    "https://sns.eu-west-1.amazonaws.com/../SimpleNotificationService-0.pem",
    "https://sns.eu-west-1.amazonaws.com/SimpleNotificationService-0.pem?x=1",
    "https://sns.eu-west-1.amazonaws.com/SimpleNotificationService-0.pem#x",
    "https://sns.eu-west-1.amazonaws.com/other.pem",
    "https://sns.eu-west-1.amazonaws.com\\.evil.example/SimpleNotificationService-0.pem",
    "https://SNS.eu-west-1.amazonaws.com/SimpleNotificationService-0.pem",
    "",
]


@pytest.mark.parametrize("place", PLACES)
async def test_a_certificate_is_fetched_from_sns_in_the_topics_region_alone(place: str) -> None:
    post = Post()
    post.at_sns[place] = certificate()
    answer = await post.post(forged(sns(received()), SigningCertURL=place))
    assert (answer.status, post.fetched) == (401, [])


async def test_a_certificate_is_fetched_once_and_one_that_is_none_not_at_every_post() -> None:
    post = Post()
    for number in range(3):
        await post.post(signed(sns(received(mail={"messageId": f"m{number}"}))))
    assert post.fetched == [CERTIFICATE]
    wrong = Post()
    wrong.at_sns[CERTIFICATE] = b"no certificate"
    for _ in range(3):
        assert (await wrong.post(signed(sns(received())))).status == 503
    assert wrong.fetched == [CERTIFICATE]
    wrong.at_sns[CERTIFICATE] = certificate()
    await wrong.clock.advance(timedelta(minutes=6))
    assert (await wrong.post(signed(sns(received())))).status == 200


async def test_a_certificate_that_does_not_hold_now_proves_nothing() -> None:
    for begins, days in ((NOON - timedelta(days=30), 20), (NOON + timedelta(days=1), 20)):
        post = Post()
        post.at_sns[CERTIFICATE] = certificate(begins, days=days)
        answer = await post.post(signed(sns(received())))
        assert (answer.status, await post.records()) == (503, [])  # by our clock, which may be wrong


@pytest.mark.parametrize("ahead", [timedelta(hours=1), -timedelta(hours=25)])
async def test_what_sns_signed_is_posted_again_when_our_clock_is_right_again(ahead: timedelta) -> None:
    post = Post()
    body = signed(sns(received(), at=NOON + ahead))
    answer = await post.post(body)
    assert (answer.status, await post.records()) == (503, [])
    assert "clock" in str(answer.error)
    forged_one = {**body, "MessageId": "another"}
    assert (await post.post(forged_one)).status == 401
    if ahead > timedelta(0):
        await post.clock.advance(ahead)
        assert (await post.post(body)).status == 200


async def test_while_sns_or_the_bucket_is_away_and_while_the_mail_is_not_there_it_is_posted_again() -> None:
    post = Post()
    post.at_sns.clear()
    assert (await post.post(signed(sns(received())))).status == 503
    post.at_sns[CERTIFICATE] = certificate()
    post.bucket.is_away = True
    assert (await post.post(signed(sns(received())))).status == 503
    post.bucket.is_away, post.bucket.is_denied = False, True
    assert (await post.post(signed(sns(received())))).status == 503
    post.bucket.is_denied = False
    there = post.bucket.objects.copy()
    post.bucket.objects.clear()
    answer = await post.post(signed(sns(received())))
    assert (answer.status, answer.text) == (503, "the mail is not in its bucket")
    post.bucket.objects = there
    assert (await post.post(signed(sns(received())))).status == 200
    assert len(await post.records()) == 1


async def test_a_subscription_to_a_topic_of_ours_is_confirmed_and_no_other() -> None:
    post = Post()
    url = confirmation()["SubscribeURL"]
    post.at_sns[url] = b"<ConfirmSubscriptionResponse/>"
    answer = await post.post(signed(confirmation()))
    assert (answer.status, answer.text, post.fetched) == (200, "subscription confirmed", [CERTIFICATE, url])
    foreign = await post.post(signed(confirmation(TopicArn=f"{TOPIC}x")))
    assert (foreign.status, post.fetched) == (401, [CERTIFICATE, url])
    ended = await post.post(signed(confirmation(Type="UnsubscribeConfirmation")))
    assert (ended.status, ended.text, "was ended" in str(ended.error)) == (200, "subscription ended", True)
    assert post.fetched == [CERTIFICATE, url]


async def test_a_body_without_end_is_not_read_to_its_end() -> None:
    answer = await Post().post(b"{" * (LARGEST + 1))
    assert (answer.status, answer.text) == (413, f"request: more than {LARGEST} octets")


@pytest.mark.parametrize("body", [b"", b"no json", b"[]", b'"text"', b"\xff"])
async def test_what_is_no_object_is_no_post(body: bytes) -> None:
    assert (await Post().post(body)).status == 400


@pytest.mark.parametrize(
    ("bucket", "told"),
    [(f"{BUCKET}-of-somebody", f"the bucket {BUCKET}-of-somebody, which is not set,"), ("a\nb", "a bucket, which is")],
)
async def test_a_bucket_that_is_not_set_is_never_asked(bucket: str, told: str) -> None:
    post = Post()
    answer = await post.post(signed(sns(received({"bucketName": bucket}))))
    assert (answer.status, answer.text) == (503, "bucket: not one of those that are set")
    assert str(answer.error).startswith(told)
    assert (post.bucket.asked, await post.records()) == ([], [])


@pytest.mark.parametrize(
    "text",
    [
        "no json",
        received({"type": "Lambda"}),
        received({"objectKey": "in//d6iitobk75ur44p8kdnnp7g2n800"}),
        received({"type": "SNS"}),
        received({"type": "SNS", "encoding": "BASE64"}, content="%%%"),
        received(recipients=[]),
        received(recipients="x@reply.example"),
        received(mail={"messageId": ""}),
        json.dumps({"notificationType": "Received"}),
    ],
)
async def test_what_sns_signed_and_nobody_can_read_is_kept_once_for_a_person(text: str) -> None:
    post = Post()
    for _ in range(2):
        answer = await post.post(signed(sns(text)))
        assert (answer.status, answer.text[:19]) == (200, "kept for a person: ")
    (record,) = await post.records()
    assert record.quarantined == "unparseable"
    assert await post.raw() == b"X-Convalias-Message: ses\r\n\r\n" + text.encode()


async def test_while_the_raw_store_is_away_nothing_is_kept_for_a_person_and_sns_posts_again() -> None:
    async def away(mail: IncomingMail) -> Receipt:
        raise Unavailable("raw store")

    post = Post()
    post.door = evolve(post.door, mails=evolve(post.mails, accept=away))
    assert (await post.post(signed(sns("no json")))).status == 503


@pytest.mark.parametrize(
    "text",
    [
        "Successfully validated SNS topic for Amazon SES event publishing.",
        json.dumps({"eventType": "Send", "mail": {}}),
    ],
)
async def test_what_is_no_mail_is_let_pass(text: str) -> None:
    assert (await Post().post(signed(sns(text)))).text == "nothing to do"


async def test_mail_over_the_limit_is_kept_in_part_for_a_person() -> None:
    for action, content in (({}, None), ({"type": "SNS"}, "x" * 60_000)):
        post = Post(mail_limit=50_000)
        post.bucket.objects[f"{BUCKET}/in/d6iitobk75ur44p8kdnnp7g2n800"] = RAW + b"x" * 400_000
        assert (await post.post(signed(sns(received(action, content=content))))).status == 200
        (record,) = await post.records()
        assert record.quarantined == "too_large"


@pytest.mark.parametrize(
    ("receipt", "trust", "expected"),
    [
        ({"spamVerdict": {"status": "FAIL"}}, 0, (None, False)),
        ({"spamVerdict": {"status": "FAIL"}}, 1, (None, True)),
        ({"virusVerdict": {"status": "FAIL"}}, 0, (None, False)),
        ({"virusVerdict": {"status": "FAIL"}}, 1, ("virus", False)),
        ({"recipients": ["not an address"]}, 0, ("unreadable_recipient", False)),
        ({"recipients": ["not an address", ALIAS]}, 0, (None, False)),
    ],
)
async def test_verdicts_count_where_the_provider_is_trusted(
    receipt: dict[str, Any], trust: int, expected: tuple[str | None, bool]
) -> None:
    post = Post(trust_spam_flag=bool(trust))
    assert (await post.post(signed(sns(received(**receipt))))).status == 200
    (record,) = await post.records()
    assert (record.quarantined, record.post.spam) == expected


@pytest.mark.parametrize(
    ("verdict", "policy", "expected"),
    [
        ("PASS", None, (Dmarc.PASS, None)),
        ("FAIL", "reject", (Dmarc.FAIL, DmarcPolicy.REJECT)),
        ("FAIL", "QUARANTINE", (Dmarc.FAIL, DmarcPolicy.QUARANTINE)),
        ("FAIL", "none", (Dmarc.FAIL, DmarcPolicy.NONE)),
        ("FAIL", None, (Dmarc.FAIL, None)),
        ("GRAY", None, (Dmarc.NONE, None)),
        ("PROCESSING_FAILED", None, (Dmarc.TEMPERROR, None)),
        ("SOMETHING_NEW", None, None),
        (None, None, None),
    ],
)
async def test_the_evidence_is_what_ses_found_of_dmarc_and_no_more(
    verdict: str | None, policy: str | None, expected: tuple[Dmarc, DmarcPolicy | None] | None
) -> None:
    post = Post()
    told = {"dmarcVerdict": {"status": verdict} if verdict else None, "dmarcPolicy": policy}
    await post.post(signed(sns(received(**told))))
    (record,) = await post.records()
    evidence = record.post.evidence
    assert (None if evidence is None else (evidence.dmarc, evidence.policy)) == expected


@pytest.mark.parametrize(("source", "expected"), [("", NULL_RETURN_PATH), ("<>", NULL_RETURN_PATH), ("nobody", None)])
async def test_the_null_return_path_is_told_from_one_that_cannot_be_read(source: str, expected: ReturnPath) -> None:
    post = Post()
    await post.post(signed(sns(received(mail={"source": source}))))
    (record,) = await post.records()
    assert record.post.return_path == expected


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (received(), 200),
        (json.dumps(sns(received())), 200),
        (json.dumps(sns(received(), topic=f"{TOPIC}x")), 401),
        (json.dumps(sns("no json")), 400),
        ("no json", 400),
        (received(mail={"source": 7, "timestamp": 7}), 200),
        (received(mail={"timestamp": "2026-03-01T12:00:00"}), 200),
    ],
)
async def test_a_queue_holds_what_was_published_or_a_message_around_it(body: str, status: int) -> None:
    post = Post()
    assert (await post.mails.message(body)).status == status
    assert len(await post.records()) == (1 if status == 200 else 0)
    assert post.fetched == []  # nothing is signed there that could be verified


async def test_nothing_that_is_missing_is_answered_as_there_in_a_queue() -> None:
    post = Post()
    post.bucket.objects.clear()
    assert (await post.mails.message(received())).status == 404
    post.bucket.is_denied = True
    assert (await post.mails.message(received())).status == 403
    post.bucket.is_away = True
    assert (await post.mails.message(received())).status == 503
