"""Postmark's inbound webhook: what is proved is kept whole, what cannot be routed is quarantined, nothing is lost."""

from __future__ import annotations

import base64
import email
import json
from email.message import Message
from typing import Any

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from adapters.mime.expectations import POST
from adapters.postmark.posting import ALIAS, JSON, PAIR, RAW, Door, attachment, basic, inbound, person
from convalias.adapters import memory
from convalias.adapters.mime import Reader
from convalias.domain.addresses.email_address import EmailAddress
from convalias.domain.inbound.posts import IncomingMail, RecordKey
from convalias.domain.mail.envelope import ClearFrom, MessageEnvelope
from convalias.ports.errors import Unavailable
from convalias.services.inbound.receiver import TokenReused

DEEP = b'{"a":' * 100_000 + b"1" + b"}" * 100_000


def rebuilt(**more: Any) -> Message:
    door = Door()
    assert door.post(inbound(**more)).status == 200
    (record,) = door.records()
    assert record.quarantined is None
    return email.message_from_bytes(door.kept())


def read(**more: Any) -> MessageEnvelope:
    reader = Reader(alias_domains=frozenset({"reply.example"}), legacy_domains=frozenset())
    mail = reader.read_now(rebuilt(**more).as_bytes(), POST).mail
    assert isinstance(mail, MessageEnvelope)
    return mail


def quarantined(posted: dict[str, Any], *, limit: int = 100_000) -> str | None:
    door = Door(limit=limit)
    assert (door.post(posted).status, len(door.records())) == (200, 1)
    return door.records()[0].quarantined


# --- what is taken --------------------------------------------------------------------------------------


def test_the_raw_mail_is_kept_as_it_is_with_the_recipient_of_the_envelope() -> None:
    door = Door()
    assert (door.post(inbound(RawEmail=RAW)).status, door.kept()) == (200, RAW.encode())
    (record,) = door.records()
    assert (record.source, record.quarantined) == ("postmark", None)
    assert record.post.recipients == (EmailAddress.parse(ALIAS),)
    assert record.post.return_path is None, "the envelope's sender is not posted"


def test_a_post_that_comes_again_is_the_same_mail() -> None:
    door = Door()
    assert [door.post(inbound()).status for _ in range(3)] == [200, 200, 200]
    assert len(door.records()) == 1


def test_a_mail_that_was_forwarded_to_postmarks_own_mailbox_is_for_whom_its_header_names() -> None:
    door = Door()
    own = "1a2b+john@inbound.postmarkapp.com"
    assert door.post(inbound(RawEmail=RAW, OriginalRecipient=own, MailboxHash="john")).status == 200
    assert door.records()[0].post.recipients == ()


def test_a_tagged_alias_is_kept_with_its_tag() -> None:
    door = Door()
    tagged = ALIAS.replace("@", "+urgent@")
    door.post(inbound(OriginalRecipient=tagged, MailboxHash="urgent"))
    assert door.records()[0].post.recipients == (EmailAddress.parse(tagged),)


def test_without_the_raw_mail_it_is_put_together_from_its_parts() -> None:
    mail = rebuilt(Attachments=[attachment(base64.b64encode(b"\x89PNG").decode(), "Plan der Küche.png")])
    fields = ("From", "To", "Subject", "Date", "Message-ID", "Reply-To", "Cc")
    assert [mail[name] for name in fields] == [
        '"Mary Major" <mary@corp.example>',
        f'"John" <{ALIAS}>',
        "About the flat",
        "Sun, 1 Mar 2026 12:00:00 +0100",
        "<m1@corp.example>",
        None,
        None,
    ]
    leaves = [part for part in mail.walk() if not part.is_multipart()]
    assert [part.get_content_type() for part in leaves] == ["text/plain", "text/html", "image/png"]
    assert (leaves[2].get_payload(decode=True), leaves[2].get_filename()) == (b"\x89PNG", "Plan der Küche.png")


def test_a_rebuilt_mail_is_read_as_its_author_wrote_it() -> None:
    mail = read(Subject="Grüße 🏠")
    assert isinstance(mail.sender, ClearFrom)
    assert (str(mail.sender.address), mail.sender.display) == ("mary@corp.example", "Mary Major")
    assert (mail.content.subject, mail.content.text.strip()) == ("Grüße 🏠", "Is it still free?")


def test_a_report_stays_a_report() -> None:
    kind = "multipart/report; report-type=delivery-status; boundary=x"
    headers = [{"Name": "Content-Type", "Value": kind}]
    assert rebuilt(Headers=headers).get_content_type() == "multipart/report"


def test_a_field_that_stands_in_both_places_is_written_once() -> None:
    headers = [{"Name": "subject", "Value": "Other"}, {"Name": "From", "Value": "eve@evil.example"}]
    mail = rebuilt(Headers=headers)
    assert (mail.get_all("Subject"), len(mail.get_all("From") or [])) == (["About the flat"], 1)


@pytest.mark.parametrize(
    ("trusted", "value", "spam"),
    [(True, "Yes, score=9.1", True), (True, "No", False), (False, "Yes", False), (True, 7, False)],
)
def test_the_spam_flag_counts_if_it_is_trusted(trusted: bool, value: object, spam: bool) -> None:  # noqa: FBT001
    door = Door(trust_spam_flag=trusted)
    door.post(inbound(RawEmail=RAW, Headers=[{"Name": "X-Spam-Status", "Value": value}]))
    assert door.records()[0].post.spam is spam


# --- what is refused ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "authorization",
    [
        "",
        "Basic",
        "Basic ",
        "Bearer " + basic().partition(" ")[2],
        basic("postmark:wrong-horse-battery"),
        basic("postmark"),
        basic(PAIR + " "),
        basic() + ", " + basic(),
        "Basic \x00\xff",
        "Basic é",
        "Basic " + "A" * 100_000,
    ],
)
def test_a_post_that_proves_nothing_is_refused_and_its_body_is_not_read(authorization: str) -> None:
    door = Door()
    assert door.post(inbound(), authorization=authorization).status == 401
    assert (door.records(), door.read) == ([], 0)


def test_two_credentials_are_accepted_while_they_rotate() -> None:
    door = Door(pairs=f"new:another-horse-battery, {PAIR}")
    posts = [basic(), basic("new:another-horse-battery"), basic().replace("Basic", "BASIC")]
    assert [door.post(inbound(), authorization=one).status for one in posts] == [200, 200, 200]


@pytest.mark.parametrize(
    ("body", "content_type", "told"),
    [
        (b"{", JSON, "body: expected JSON"),
        (b"", JSON, "body: expected JSON"),
        (b"[]", JSON, "body: expected a JSON object"),
        (b"\xff{}", JSON, "body: expected JSON"),
        (b'{"a":' + b"9" * 5_000 + b"}", JSON, "body: expected JSON"),
        (DEEP[:350_000], JSON, "body: expected JSON"),
        (b"{}", "text/plain", "content type: expected application/json"),
        (b"{}", JSON, "OriginalRecipient: missing"),
        (b'{"OriginalRecipient": ["a@b.example"]}', JSON, "OriginalRecipient: missing"),
        (b'{"OriginalRecipient": " "}', JSON, "OriginalRecipient: missing"),
    ],
)
def test_what_is_no_mail_is_told_so_that_postmark_shows_it_and_tries_again(
    body: bytes, content_type: str, told: str
) -> None:
    door = Door()
    answer = door.post(body, content_type=content_type)
    assert (answer.status, answer.text, door.records()) == (400, told, [])


def test_a_request_over_four_times_the_limit_is_refused_before_it_is_read_whole() -> None:
    door = Door(limit=1_000)
    assert door.post(inbound(RawEmail="x" * 50_000)).status == 413
    assert (door.records(), door.read) == ([], 5_000)


def test_while_the_store_is_away_postmark_is_asked_to_try_again() -> None:
    door = Door()
    door.faults.fail("blobs.put", memory.before("raw store"), times=1)
    answer = door.post(inbound())
    assert (answer.status, isinstance(answer.error, Unavailable)) == (503, True)
    assert door.post(inbound()).status == 200


def test_a_record_of_another_body_is_told_so_that_postmark_tries_again() -> None:
    async def accept(mail: IncomingMail) -> TokenReused:
        return TokenReused(RecordKey(mail.source))

    door = Door()
    door.webhook = evolve(door.webhook, accept=accept)
    assert door.post(inbound()).status == 409


def test_no_answer_is_the_one_after_which_postmark_never_tries_again() -> None:
    door = Door(limit=1_000)
    bodies: list[object] = [b"", {}, inbound(), inbound(RawEmail="x" * 9_000)]
    assert 403 not in {door.post(body, authorization=one).status for body in bodies for one in ("", basic())}


# --- what is kept and never routed ----------------------------------------------------------------------


def test_a_mail_over_the_limit_is_kept_from_its_beginning() -> None:
    assert quarantined(inbound(RawEmail="Subject: x\r\n\r\n" + "y" * 2_000, HtmlBody=""), limit=2_000) == "too_large"


@pytest.mark.parametrize(
    "recipient", ["no address", f"{ALIAS}\r\nBcc: eve@evil.example", f"{ALIAS}, eve@evil.example", "a\x00@b.example"]
)
def test_a_recipient_that_is_no_address_is_kept_for_a_person(recipient: str) -> None:
    assert quarantined(inbound(RawEmail=RAW, OriginalRecipient=recipient)) == "unreadable_recipient"


@pytest.mark.parametrize(
    "parts",
    [
        {"Headers": {"Name": "X"}},
        {"Headers": ["X"]},
        {"Headers": [{"Name": "X"}]},
        {"Headers": [{"Name": "X-A: 1\r\nBcc", "Value": "eve@evil.example"}]},
        {"Headers": [{"Name": "X-Long", "Value": "y" * 102_401}]},
        {"Headers": [{"Name": "X", "Value": "y"}] * 1_001},
        {"Subject": "y" * 102_401},
        {"Attachments": "none"},
        {"Attachments": [attachment("")] * 1_001},
        {"Attachments": [{"Name": "x"}]},
        {"Attachments": [attachment("no base64!")]},
        {"Attachments": [attachment("QQ=")]},
        {"Attachments": [attachment("é")]},
    ],
    ids=lambda parts: f"{next(iter(parts))} {str(parts)[:40]}",
)
def test_parts_that_are_no_mail_are_kept_as_they_were_posted(parts: dict[str, Any]) -> None:
    door = Door(limit=500_000)
    posted = inbound(**parts)
    assert door.post(posted).status == 200
    assert door.records()[0].quarantined == "unparseable"
    head, _, body = door.kept().partition(b"\r\n\r\n")
    assert (head, json.loads(body)) == (b"X-Convalias-Post: postmark", posted)


# --- what a stranger may write into a mail --------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "address"),
    [
        ('Eve" <ceo@corp.example>, "', "eve@evil.example"),
        ("Eve\r\nBcc: all@corp.example", "eve@evil.example"),
        ("Eve \\", "eve@evil.example"),
        ("Eve\x00", "eve@evil.example"),
    ],
)
def test_no_name_is_an_address_or_a_field(name: str, address: str) -> None:
    mail = read(FromFull=person(address, name), FromName=name, From=address)
    assert isinstance(mail.sender, ClearFrom)
    assert str(mail.sender.address) == address
    assert rebuilt(FromFull=person(address, name), From=address)["Bcc"] is None


@pytest.mark.parametrize("value", ["x\r\nBcc: eve@evil.example", "x\nBcc: eve@evil.example\n\nbody", "x\x00\rBcc: e"])
def test_no_value_starts_a_field(value: str) -> None:
    mail = rebuilt(Subject=value, To=value, Headers=[{"Name": "X-Mine", "Value": value}])
    assert mail["Bcc"] is None
    assert mail["X-Mine"].startswith("x Bcc:")


def test_half_a_surrogate_pair_ends_in_a_mail() -> None:
    body = json.dumps(inbound(Subject="?", TextBody="?")).replace('"?"', '"\\ud83c"').encode()
    door = Door()
    assert door.post(body).status == 200
    assert email.message_from_bytes(door.kept())["Subject"] == "?"


def test_an_attached_mail_or_a_false_type_is_a_plain_file() -> None:
    kinds = ["message/rfc822", "multipart/mixed", "text/html\r\nX-Mine: 1", "", "é/é"]
    mail = rebuilt(Attachments=[attachment("QUJD", "a", kind) for kind in kinds])
    files = [part for part in mail.walk() if part.get_filename()]
    assert [part.get_content_type() for part in files] == [
        "application/octet-stream",
        "application/octet-stream",
        "text/html",
        "application/octet-stream",
        "application/octet-stream",
    ]
    assert all(part["X-Mine"] is None for part in files)


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)


@given(
    parts=st.dictionaries(st.sampled_from(sorted({*inbound(), "RawEmail"})), JSON_VALUES, max_size=4),
    recipient=st.text(min_size=1, max_size=20).filter(str.strip),
)
def test_any_parts_end_in_a_kept_mail(parts: dict[str, Any], recipient: str) -> None:
    door = Door()
    answer = door.post({**inbound(), **parts, "OriginalRecipient": recipient})
    assert (answer.status, len(door.records())) == (200, 1)
