"""Structure that parsers disagree on, dates, recipients, and mails at the reader's limits."""

from __future__ import annotations

from mails.families.common import ALIAS, Mail, letter, raw

HI = "Hello\n"
ODD, HEAD = {"oddity": "body"}, {"oddity": "header"}
TEXT = "Content-Type: text/plain; charset=utf-8\n"
WHEN = "Date: Mon, 02 Mar 2026 10:14:00 +0100\n"


def dated(name: str, why: str, value: str, instant: str | None) -> Mail:
    return letter(f"date-{name}", why, HI, {"date": instant}, date=f"Date: {value}\n")


def hidden(name: str, why: str, fields: str | bytes, omit: tuple[str, ...] = ()) -> Mail:
    """A bare CR or NUL, or a field twice, where rules read: the mail is held."""
    return letter(f"odd-{name}", why, HI, HEAD, fields=fields, omit=("text", *omit), eol="\n")


def numbered(count: int) -> bytes:
    """A mail of exactly `count` fields."""
    first = f"From: Mary Jones <mary@corp.example>\nTo: {ALIAS}\nSubject: Hi\nMessage-ID: <h@corp.example>\n"
    more = (count - 4) * "X-N: 1\n"
    return f"{first}{more}\nHello\n".encode()


def bounded(length: int) -> bytes:
    """A multipart whose boundary has `length` characters."""
    mark = "b" * length
    head = f'From: mary@corp.example\nSubject: Hi\nMessage-ID: <b@corp.example>\nContent-Type: multipart/mixed; boundary="{mark}"\n'
    return f"{head}\n--{mark}\n\nHello\n--{mark}--\n".encode()


READ = {"from": {"kind": "clear", "address": "mary@corp.example"}, "subject": "Hi", "text": "Hello"}

MAILS: tuple[Mail, ...] = (
    letter(
        "odd-space-colon",
        "a space before a field's colon",
        HI,
        ODD,
        content=TEXT + "X-Mailer : Mail 1.0\n",
        omit=("text",),
    ),
    letter(
        "odd-no-colon",
        "a line without a colon after the fields that count",
        HI,
        ODD,
        content=TEXT + "this is no field\n",
        omit=("text",),
    ),
    letter(
        "odd-bare-cr",
        "a bare CR in a field that no rule reads",
        HI,
        ODD,
        fields=b"X-Mailer: Mail\r1.0\n",
        omit=("text",),
        eol="\n",
    ),
    letter(
        "odd-nul", "a NUL in a field that no rule reads", HI, ODD, fields=b"X-Mailer: Mail\x001.0\n", omit=("text",)
    ),
    letter("odd-two-types", "two Content-Type fields", HI, ODD, fields="Content-Type: text/html\n", omit=("text",)),
    letter(
        "odd-two-boundaries",
        "two boundaries in one field",
        "--a\n\none\n--a--\n--b\n\ntwo\n--b--\n",
        ODD,
        content='Content-Type: multipart/mixed; boundary="a"; boundary="b"\n',
    ),
    letter(
        "odd-encodings",
        "two transfer encodings at once: read as identity",
        "SGVsbG8=\n",
        {**ODD, "text": "SGVsbG8="},
        content=TEXT + "Content-Transfer-Encoding: 7bit, base64\n",
    ),
    letter(
        "odd-encoding-8bits",
        "8bits: read as identity",
        "Grüße\n",
        ODD,
        content=TEXT + "Content-Transfer-Encoding: 8bits\n",
    ),
    letter(
        "odd-encoding-7-bit", "7-bit: read as identity", HI, ODD, content=TEXT + "Content-Transfer-Encoding: 7-bit\n"
    ),
    letter(
        "odd-encoding-case",
        "a known encoding in other letters is not odd",
        "SGVsbG8=\n",
        {"text": "Hello"},
        content=TEXT + "Content-Transfer-Encoding: BASE64\n",
    ),
    hidden("two-subjects", "two subjects", "Subject: another\n", ("subject",)),
    hidden("two-dates", "two dates", "Date: Tue, 03 Mar 2026 10:14:00 +0100\n", ("date",)),
    hidden("two-tos", "two To fields", "To: mary@corp.example\n", ("to",)),
    hidden("two-ccs", "two Cc fields", "Cc: a@corp.example\nCc: b@corp.example\n", ("cc",)),
    hidden("two-auto-submitted", "two Auto-Submitted fields", "Auto-Submitted: no\nAuto-Submitted: No\n", ("class",)),
    letter(
        "odd-two-equal",
        "fields that stand twice with one value, folded or not",
        HI,
        {"oddity": None},
        fields="Cc: Team <team@corp.example>\nCc: Team\n <team@corp.example>\nAuto-Submitted: no\nAuto-Submitted:  no\n",
        omit=("cc",),
    ),
    letter(
        "odd-cr-subject",
        "a bare CR in Subject",
        HI,
        HEAD,
        subject=b"Subject: Hello\rBcc: v@corp.example\n",
        omit=("subject", "text"),
        eol="\n",
    ),
    letter("odd-nul-to", "a NUL in To", HI, HEAD, to=f"To: {ALIAS}\x00\n", omit=("to", "text")),
    letter(
        "odd-cr-date",
        "a bare CR in Date",
        HI,
        HEAD,
        date=WHEN.replace("2026 ", "2026\r").encode(),
        omit=("date", "text"),
        eol="\n",
    ),
    letter(
        "odd-nul-id",
        "a NUL in Message-ID",
        HI,
        HEAD,
        message_id="Message-ID: <a\x00b@corp.example>\n",
        omit=("message_id", "text"),
    ),
    letter(
        "subject-newline",
        "an encoded line break that must not become a field when the subject is used again",
        HI,
        {"subject_contains": ["Hello"], "subject_lacks": ["\n", "\r"]},
        subject="Subject: =?utf-8?Q?Hello=0D=0ABcc:_victim@corp.example?=\n",
        omit=("subject",),
    ),
    letter(
        "subject-folded",
        "a folded subject is one line",
        HI,
        {"subject": "Re: the job in Hamburg"},
        subject="Subject: Re: the job\n in Hamburg\n",
    ),
    letter("subject-utf-8", "raw UTF-8 in a subject", HI, {"subject": "Grüße"}, subject="Subject: Grüße\n"),
    letter("subject-case", "names of fields know no case", HI, {"subject": "Hi"}, subject="SUBJECT: Hi\n"),
    letter("fields-no-space", "no space after the colon", HI, subject="Subject:Re: the job\n", to=f"To:{ALIAS}\n"),
    letter("lines-lf", "LF alone throughout", "Hello\n\nMary\n", eol="\n"),
    letter(
        "to-many",
        "names, quotes, comments and upper case in To and Cc",
        HI,
        {"to": [ALIAS, "a@corp.example", "b@corp.example"], "cc": ["team@else.example"]},
        to=f'To: "Smith, John" <{ALIAS.upper()}>,\n A (the first) <a@corp.example>, b@corp.example\n',
        fields="Cc: The Team <team@else.example>\n",
    ),
    letter("to-none", "no To: the alias was in Bcc", HI, {"to": []}, to=""),
    letter(
        "to-legacy",
        "an alias and a legacy address",
        HI,
        {"to": [ALIAS], "cc": ["xyz@relay.example"]},
        fields="Cc: xyz@relay.example\n",
    ),
    dated("zulu", "an obsolete zone name", "Mon, 02 Mar 2026 09:14:00 GMT", "2026-03-02T09:14:00Z"),
    dated("no-weekday", "no weekday", "2 Mar 2026 09:14:00 +0000", "2026-03-02T09:14:00Z"),
    dated("no-seconds", "no seconds", "Mon, 2 Mar 2026 09:14 +0000", "2026-03-02T09:14:00Z"),
    dated("comment", "a comment after the zone", "Mon, 2 Mar 2026 14:44:00 +0530 (IST)", "2026-03-02T09:14:00Z"),
    dated("garbage", "no date at all", "yesterday", None),
    dated("empty", "an empty field", "", None),
    dated("impossible", "a day that no month has", "Mon, 99 Mar 2026 09:14:00 +0000", None),
    letter("date-none", "no field", HI, {"date": None}, date=""),
    raw(
        "limit-headers-1000",
        "1,000 fields are read",
        numbered(1000),
        {**READ, "message_id": "<h@corp.example>", "class": "human"},
    ),
    raw("limit-headers-1001", "1,001 fields are over the limit", numbered(1001), {"malformed": "headers"}),
    raw(
        "limit-boundary-256",
        "a boundary of 256 is read",
        bounded(256),
        {**READ, "message_id": "<b@corp.example>", "class": "human"},
    ),
    raw("limit-boundary-257", "a boundary of 257 is over the limit", bounded(257), {"malformed": "boundary"}),
)
