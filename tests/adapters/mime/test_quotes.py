"""Quoted history as programs write it, each beside words of the author that look like it."""

from __future__ import annotations

import pytest

from convalias.adapters.mime.quotes import without_history
from convalias.domain.mail.subjects import is_forward, without_marks
from convalias.ports.drafts import REPLY_MARKER

OURS = frozenset({"reply.example"})
BOB = "bob-ray-1ab131e2@reply.example"
QUOTED = "> Does Tuesday suit you?\n> Bob"
MARKED = f"> {REPLY_MARKER}\n>\n{QUOTED}"


def cut(text: str, subject: str = "Re: Message") -> str:
    return without_history(text, OURS, subject=subject)


# --- attributions -------------------------------------------------------------------------------------

ATTRIBUTIONS = {
    "wrapped behind an ordinal": f"Bob Ray <{BOB}> schrieb am Fr., 28.\nApr. 2026 um 11:53 Uhr:\n",
    "wrapped behind an ordinal above the address": f"Am Fr., 28.\nApr. 2026 um 11:53 Uhr schrieb Bob Ray <{BOB}>:\n",
    "closing angle on the next line": f'Am 21.04.2026 17:48 schrieb "Bob Ray" <{BOB}\n>:\n',
    "closing angle and verb on the next line": f'2026-03-01 10:00 GMT+01:00 "Bob Ray" <{BOB}\n> napisał(a):\n',
    "no colon": f"2026/3/1 Bob Ray <{BOB}>\n",
    "no colon, directly above": f"Bob Ray <{BOB}>, 1. März 2026",
    "no colon, Japanese": f"2026年3月1日(日) 10:00 Bob Ray <{BOB}>\n",
    "bidi marks": f"\u202bבתאריך יום א׳, 1 במרץ 2026 ב-10:00 מאת \u202aBob Ray\u202c\u200f <\u202a{BOB}\u202c\u200f>:\u202c\n",
    "zero width": f"Bob Ray <{BOB}> wrote:\u200b\n",
    "in brackets": f"[On 1 March 2026, Bob Ray <{BOB}> wrote:]\n",
    "in full-width brackets": f"（2026年3月1日 Bob Ray <{BOB}>：）\n",
    "in brackets, no colon": f"[{BOB} wrote on 1 March]\n",
    "between angles": f">>> Bob Ray <{BOB}> 3/1/2026 10:00 AM >>>\n",
    "verb on the next line": f"El dom, 1 mar 2026 a las 10:00, Bob Ray (<{BOB}>)\nescribió:\n",
    "opening angle on its line": f"On Sun, Mar 1, 2026 at 10:00 AM Bob Ray via Corp and a long name <\n{BOB}> wrote:\n",
    "three lines": f"On Sunday, 1 March 2026 at 10:00:00 Central European Time,\nBob Ray via the Conversations of Corp 2026\n<{BOB}> wrote:\n",
    "full-width colon": f"Bob Ray <{BOB}> 于2026年3月1日周日 10:00写道：\n",
    "bold": f"*Bob Ray <{BOB}> wrote:*\n",
    "no address": "Am 01.03.26 um 10:00 schrieb Bob Ray:\n",
}


@pytest.mark.parametrize("quoted", [QUOTED, MARKED], ids=["quoted", "marked"])
@pytest.mark.parametrize("attribution", ATTRIBUTIONS.values(), ids=ATTRIBUTIONS.keys())
def test_an_attribution_goes_with_what_it_introduces(attribution: str, quoted: str) -> None:
    assert cut(f"Tuesday is fine.\n\n{attribution}\n{quoted}\n") == "Tuesday is fine."


@pytest.mark.parametrize(
    "text",
    [
        f"Write to {BOB}, please.\n\n> Work begins on 4 May.",
        f"I wrote to {BOB} on 1 March 2026.\n\n{QUOTED}\n\nThat was all.",
        f"See you, {BOB} :)",
        f"I shall ask (see {BOB}\n> and others): yes",
        f"As of 1 March 2026 {BOB} is right.\nPlease note\nthe following:\n\n- one\n- two",
        f"Passt am 28.\nMfG\n\nBob ist {BOB}",
        "- yes:\n- no",
    ],
)
def test_words_of_the_author_that_look_like_an_attribution_stay(text: str) -> None:
    assert cut(text) == text


def test_a_mark_alone_above_the_attribution_is_no_word() -> None:
    assert cut(f"Tuesday.\n> \n> On 1 March 2026, Bob Ray <{BOB}> wrote:\n> Hello") == "Tuesday."


def test_a_date_in_the_line_above_an_attribution_stays_without_its_month() -> None:
    assert cut(f"Passt am 28.\nBob Ray <{BOB}> schrieb:\n\n{QUOTED}") == "Passt am 28."


def test_a_line_of_the_author_directly_above_an_attribution_stays() -> None:
    assert cut(f"Tuesday is fine,\nBob Ray <{BOB}> wrote:\n{QUOTED}") == "Tuesday is fine,"


def test_answers_between_and_below_quoted_lines_are_all_shown_even_without_a_first_line() -> None:
    inline = f"On 1 March 2026, Bob Ray <{BOB}> wrote:\n> Does Tuesday suit you?\nYes.\n> Which room?\nThe small one."
    assert cut(inline) == inline
    below = f"{QUOTED}\n\nYes, it does."
    assert cut(below) == below


# --- header blocks ------------------------------------------------------------------------------------

BLOCK = f"From: Bob Ray <{BOB}>\nSent: Sunday, March 1, 2026 10:00\nTo: Ann Ray\nSubject: Message"
BLOCKS = {
    "Outlook": BLOCK,
    "with a rule": f"________________________________\nFrom: Bob Ray <{BOB}>\nSent: today",
    "a folded sender": f"From: Bob Ray\n <{BOB}>\nSent: Sunday, March 1, 2026 10:00\nTo: Ann Ray\nSubject: Message",
    "an address on its own line": f"From: Bob Ray\n<{BOB}>\nSent: Sunday, March 1, 2026 10:00\nTo: Ann Ray",
    "folded recipients": f"From: Bob Ray\nSent: 01.03.2026 10:00\nTo: Ann Ray,\nBob Ray <{BOB}>\nSubject: Message",
    "GMX": f"Gesendet: Sonntag, 01. März 2026 um 10:00 Uhr\nVon: Bob Ray <{BOB}>\nAn: Ann\nBetreff: Message",
    "Chinese": f"发件人：Bob Ray <{BOB}>\n发送时间：2026年3月1日 10:00\n收件人：Ann\n主题：Message",
    "Notes": f"Von:\tBob Ray <{BOB}>\nAn:\tann@home.example\nDatum:\t01.03.2026 10:00\nBetreff:\tMessage",
    "old hyphens": f"\u2010\u2010\u2010\u2010\u2010\u2010\u2010 Original Message \u2010\u2010\u2010\u2010\u2010\u2010\u2010\nFrom: Bob Ray <{BOB}>\nTo: Ann",
}


@pytest.mark.parametrize("block", BLOCKS.values(), ids=BLOCKS.keys())
def test_a_header_block_goes_with_what_it_introduces(block: str) -> None:
    assert cut(f"Tuesday is fine.\n\n{block}\n\nDoes Tuesday suit you?\n") == "Tuesday is fine."


def test_a_line_of_the_author_directly_above_a_block_stays() -> None:
    assert cut(f"My answer: yes\n{BLOCK}\n\nDoes it suit?") == "My answer: yes"


@pytest.mark.parametrize(
    "fields",
    [
        f"Phone: 030 1234\nMail: {BOB}",
        f"Mail: {BOB}\nPhone: 030 1234",
        f"Name: Ann Ray\nPhone: 030 1234\nMail: {BOB}",
        f"Hours: 9:00-17:00\nPhone: +49 30 2019 2020\nMail: {BOB}",
        f"Mail: {BOB}",
        f"My address: {BOB}\nRoom: 4\nBring: the papers",
    ],
)
def test_name_and_value_lines_of_the_author_stay_with_all_below_them(fields: str) -> None:
    text = f"Here are the addresses:\n\n{fields}\n\nand my question: can I start in May?"
    assert cut(text) == text


# --- banners ------------------------------------------------------------------------------------------

BANNERS = {
    "caution": "CAUTION: a stranger's mail, be slow to click.",
    "external": "[EXTERNAL] Be careful.",
    "German": "Achtung: Diese E-Mail kommt von außerhalb der Organisation.",
    "French": "ATTENTION : message externe",
    "Japanese": "【社外メール】ご注意ください。",
    "first mail": "You don't often get email from bob@reply.example. Learn why this is important\n<https://aka.ms/LearnAboutSenderIdentification>",
    "two fields": "CAUTION: from outside\nNOTE: be careful",
    "two banners": "[EXTERNAL]\n\nThis message originated from outside your organization.",
}


@pytest.mark.parametrize("banner", BANNERS.values(), ids=BANNERS.keys())
@pytest.mark.parametrize(
    "introduction", [BLOCK.replace(f" <{BOB}>", ""), "On 1 March 2026 Bob Ray wrote:"], ids=["block", "line"]
)
def test_a_banner_between_block_and_marker_belongs_to_the_block(introduction: str, banner: str) -> None:
    text = f"Tuesday is fine.\n\n{introduction}\n\n{banner}\n\n{REPLY_MARKER}\n\nDoes it suit?"
    assert cut(text) == "Tuesday is fine."


def test_a_banner_in_quoted_lines_belongs_to_them() -> None:
    text = (
        f"Tuesday is fine.\n\nOn Sunday Bob Ray wrote:\n> [EXTERNAL] Be careful.\n>\n> {REPLY_MARKER}\n> Does it suit?"
    )
    assert cut(text) == "Tuesday is fine."


def test_an_answer_between_a_block_and_the_marker_stays() -> None:
    text = f"{BLOCK.replace(f' <{BOB}>', '')}\n\nMy answer is yes.\n\n{REPLY_MARKER}\n\nDoes it suit?"
    assert "My answer is yes." in cut(text)


def test_a_banner_below_words_of_the_author_takes_none_of_them() -> None:
    assert cut(f"I need two things:\n\nCaution: wet paint.\n\n{REPLY_MARKER}\nold").startswith("I need two things:")


# --- forwards -----------------------------------------------------------------------------------------

AGENCY = f"From: Cleo Agency <cleo@agency.example>\nDate: Sat, 28 Feb 2026 at 09:00\nSubject: Terms\nTo: {BOB}\n\nOur terms are: 12 days."
FORWARD = f"FYI:\n\n---------- Forwarded message ---------\n{AGENCY}"


@pytest.mark.parametrize(
    "subject", ["Fwd: Terms", "FW: Terms", "WG: Terms", "TR : Terms", "RV: Terms", "[Fwd: Terms]", "转发：Terms"]
)
@pytest.mark.parametrize("text", [FORWARD, f"I resend:\n\n-----Original Message-----\n{BLOCK}\n\nThe number is 4711."])
def test_in_a_forward_the_forwarded_text_is_the_message(subject: str, text: str) -> None:
    assert cut(text, subject) == text


def test_a_forward_without_a_mark_in_the_subject_is_told_by_its_rule() -> None:
    assert cut(FORWARD, "Terms") == FORWARD
    apple = f"FYI\n\nBegin forwarded message:\n\n{AGENCY}"
    assert cut(apple, "Terms") == apple


def test_a_forward_of_our_own_mail_is_cut_at_our_marker() -> None:
    ours = f"Look:\n\n---------- Forwarded message ---------\n{BLOCK}\n\n{REPLY_MARKER}\n\nDoes it suit?"
    assert cut(ours, "Fwd: Message") == "Look:"
    deep = f"{FORWARD}\n\nOn 1 March 2026 Bob Ray wrote:\n{MARKED}"
    assert cut(deep, "Fwd: Terms") == FORWARD


def test_a_reply_to_a_forward_is_a_reply() -> None:
    assert cut(f"Agreed.\n\n{BLOCK}\n\nold", "Re: Fwd: Terms") == "Agreed."


@pytest.mark.parametrize(
    ("subject", "bare"), [("Re: AW: x", "x"), ("Re[2]: Fwd: x", "x"), ("Report", "Report"), ("I: x", "x"), ("Re:", "")]
)
def test_marks_are_taken_off_a_subject(subject: str, bare: str) -> None:
    assert without_marks(subject) == bare


@pytest.mark.parametrize("subject", ["Re: Fwd: x", "Forward: march", "Trip: x", "I am here: x", ""])
def test_a_subject_without_a_mark_in_front_forwards_nothing(subject: str) -> None:
    assert not is_forward(subject)
