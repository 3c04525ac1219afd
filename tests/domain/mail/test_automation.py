"""The class of a mail: the first that fits, in the order of the classes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from convalias.domain.mail.automation import MailClass, Signs, classify

OURS = frozenset({"reply.example"})


def words(*texts: str) -> frozenset[str]:
    return frozenset(texts)


CASES = {
    "a person": (Signs(), MailClass.HUMAN),
    "Auto-Submitted: no": (Signs(auto_submitted=words("no")), MailClass.HUMAN),
    "our mark": (Signs(marked=True), MailClass.OWN),
    "a From of ours": (Signs(from_domains=words("corp.example", "reply.example")), MailClass.OWN),
    "a Message-ID of ours": (Signs(message_id_domains=OURS), MailClass.OWN),
    "fifty hops": (Signs(hops=50), MailClass.HUMAN),
    "fifty-one hops": (Signs(hops=51), MailClass.OWN),
    "a complaint": (Signs(report="feedback-report"), MailClass.COMPLAINT),
    "a receipt": (Signs(report="disposition-notification"), MailClass.READ_RECEIPT),
    "an international receipt": (Signs(report="global-disposition-notification"), MailClass.READ_RECEIPT),
    "a bounce": (Signs(report="delivery-status"), MailClass.BOUNCE),
    "an international bounce": (Signs(report="global-delivery-status"), MailClass.BOUNCE),
    "failed recipients": (Signs(failed_recipients=True), MailClass.BOUNCE),
    "a report of something else": (Signs(report="vacation"), MailClass.HUMAN),
    "a null return path alone": (Signs(null_return_path=True), MailClass.AUTO_REPLY),
    "a null return path with a report": (Signs(null_return_path=True, report="delivery-status"), MailClass.BOUNCE),
    "auto-replied": (Signs(auto_submitted=words("auto-replied")), MailClass.AUTO_REPLY),
    "an old field": (Signs(auto_reply_field=True), MailClass.AUTO_REPLY),
    "precedence auto_reply": (Signs(precedence=words("auto_reply")), MailClass.AUTO_REPLY),
    "a person who writes of an absence": (Signs(subject="Out of office next week?"), MailClass.HUMAN),
    "an absence": (Signs(auto_submitted=words("auto-replied"), subject="Out of Office: hi"), MailClass.OUT_OF_OFFICE),
    "eine Abwesenheit": (Signs(null_return_path=True, subject="Abwesenheitsnotiz"), MailClass.OUT_OF_OFFICE),
    "auto-generated": (Signs(auto_submitted=words("auto-generated")), MailClass.AUTO_GENERATED),
    "a token of tomorrow": (Signs(auto_submitted=words("auto-dreamt")), MailClass.AUTO_GENERATED),
    "a list": (Signs(list_field=True), MailClass.BULK),
    "precedence bulk": (Signs(precedence=words("bulk")), MailClass.BULK),
    "precedence list": (Signs(precedence=words("list")), MailClass.BULK),
    "precedence junk": (Signs(precedence=words("junk")), MailClass.BULK),
    "precedence junk of a vacation program": (Signs(precedence=words("junk"), looped=True), MailClass.AUTO_REPLY),
    "a loop field alone": (Signs(looped=True), MailClass.HUMAN),
    "a status part at depth": (Signs(leaf_types=words("message/delivery-status")), MailClass.BOUNCE),
    "a receipt part at depth": (Signs(leaf_types=words("message/disposition-notification")), MailClass.READ_RECEIPT),
    "a complaint part that is no report": (Signs(leaf_types=words("message/feedback-report")), MailClass.HUMAN),
    "a type that is named like a report": (Signs(leaf_types=words("text/delivery-status")), MailClass.HUMAN),
    "Exchange's automatic reply": (
        Signs(exchange_rule=True, subject="Automatic reply: Message"),
        MailClass.OUT_OF_OFFICE,
    ),
    "eine automatische Antwort auf unsere Mail": (
        Signs(answers_domains=OURS, subject="Automatische Antwort: Message"),
        MailClass.OUT_OF_OFFICE,
    ),
    "an automatic reply that says auto-generated": (
        Signs(auto_submitted=words("auto-generated"), subject="Réponse automatique : Message"),
        MailClass.OUT_OF_OFFICE,
    ),
    "a subject of responders alone": (Signs(subject="Automatic reply: Message"), MailClass.HUMAN),
    "a person who answers one": (
        Signs(answers_domains=OURS, subject="Re: Automatic reply: Message"),
        MailClass.HUMAN,
    ),
    "a person who asks who covers": (
        Signs(answers_domains=OURS, subject="Out of office next week: who covers?"),
        MailClass.HUMAN,
    ),
    "a person whose mail a rule of Exchange forwarded": (Signs(exchange_rule=True, subject="Message"), MailClass.HUMAN),
    "a calendar entry": (Signs(leaf_types=words("text/plain", "text/calendar")), MailClass.CALENDAR),
    "a reaction": (Signs(leaf_types=words("text/vnd.google.email-reaction+json")), MailClass.REACTION),
    "an automatic answer to a list": (Signs(auto_reply_field=True, list_field=True), MailClass.AUTO_REPLY),
    "an automatic mail of a list": (Signs(auto_submitted=words("x"), list_field=True), MailClass.AUTO_GENERATED),
}


@pytest.mark.parametrize("name", CASES)
def test_the_first_class_that_fits_counts(name: str) -> None:
    signs, expected = CASES[name]
    assert classify(signs, OURS) is expected


@given(
    st.builds(
        Signs,
        marked=st.booleans(),
        hops=st.integers(0, 60),
        report=st.sampled_from([None, "feedback-report", "delivery-status", "disposition-notification"]),
        failed_recipients=st.booleans(),
        auto_submitted=st.frozensets(st.sampled_from(["no", "auto-replied", "auto-generated"])),
        auto_reply_field=st.booleans(),
        null_return_path=st.booleans(),
        list_field=st.booleans(),
        leaf_types=st.frozensets(st.sampled_from(["text/calendar", "text/plain"])),
    )
)
def test_a_mark_of_ours_comes_before_everything(signs: Signs) -> None:
    own = signs.marked or signs.hops > 50
    assert (classify(signs, OURS) is MailClass.OWN) == own


def test_without_alias_domains_nothing_is_ours_by_its_domain() -> None:
    assert classify(Signs(from_domains=OURS, message_id_domains=OURS), ()) is MailClass.HUMAN
