"""Bodies: flowed text, HTML, alternatives, charsets, encodings, and mail without a text."""

from __future__ import annotations

from mails.families.common import ALIAS, MARY, Mail, ambiguous, letter, raw

HTML = "Content-Type: text/html; charset=utf-8\nContent-Transfer-Encoding: 8bit\n"
ALTERNATIVE = 'Content-Type: multipart/alternative; boundary="alt"\n'
PNG = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==\n"
NOBODY: dict[str, object] = {"from": ambiguous(), "synthetic": True, "to": [], "cc": [], "date": None, "class": "human"}


def plain(charset: str, encoding: str = "8bit") -> str:
    return f"Content-Type: text/plain; charset={charset}\nContent-Transfer-Encoding: {encoding}\n"


def alternative(text: str, html: str) -> str:
    return (
        f"--alt\nContent-Type: text/plain; charset=utf-8\n\n{text}\n"
        f"--alt\nContent-Type: text/html; charset=utf-8\n\n{html}\n--alt--\n"
    )


MAILS: tuple[Mail, ...] = (
    letter(
        "body-flowed",
        "RFC 3676: soft breaks joined, space-stuffing removed, the signature line is no soft break",
        "A paragraph that \ngoes on.\n From here a stuffed line.\n\n-- \nMary\n",
        {"text": "A paragraph that goes on.\nFrom here a stuffed line.\n\n--\nMary"},
        content="Content-Type: text/plain; charset=utf-8; format=flowed\n",
    ),
    letter(
        "body-flowed-delsp",
        "DelSp=yes: the space before a soft break is no part of the text (Japanese has none)",
        "これは長い \n文です。\n",
        {"text": "これは長い文です。"},
        content="Content-Type: text/plain; charset=utf-8; format=flowed; delsp=yes\n",
    ),
    letter(
        "body-html-only",
        "HTML alone",
        "<html><body><p>Hello John,</p><p>yes &amp; gladly.</p></body></html>\n",
        {"text_words": "Hello John, yes & gladly.", "attachments": []},
        content=HTML,
    ),
    letter(
        "body-html-hostile",
        "script, style, remote image and form: the words stay",
        "<html><head><style>p{background:url(https://evil.example/s)}</style></head><body><p>Hello</p>"
        '<script>alert("x")</script><img src="https://evil.example/p.gif"><form action="https://evil.example/f">'
        "</form><p>Bye</p></body></html>\n",
        {"text_contains": ["Hello", "Bye"], "text_lacks": ["alert", "background", "<script", "<img"]},
        content=HTML,
    ),
    letter(
        "body-html-stub",
        "a plain part that says nothing yields to the HTML",
        alternative(
            "This is an HTML message. Please use a mail program that can show HTML.", "<p>Come on Tuesday.</p>"
        ),
        {"text_words": "Come on Tuesday."},
        content=ALTERNATIVE,
    ),
    letter(
        "body-html-blank-plain",
        "an empty plain part yields to the HTML",
        alternative(" \n", "<p>Come on Tuesday.</p>"),
        {"text_words": "Come on Tuesday."},
        content=ALTERNATIVE,
    ),
    letter(
        "body-alternative",
        "plain before HTML",
        alternative("The plain words.", "<p>The <b>other</b> words.</p>"),
        {"text": "The plain words.", "attachments": []},
        content=ALTERNATIVE,
    ),
    letter(
        "body-alternative-html-first",
        "a plain part behind HTML never takes its place",
        "--alt\nContent-Type: text/html; charset=utf-8\n\n<p>The other words.</p>\n"
        "--alt\nContent-Type: text/plain; charset=utf-8\n\nThe plain words.\n--alt--\n",
        {"text": "The other words.\n\nThe plain words."},
        content=ALTERNATIVE,
    ),
    letter(
        "body-alternative-html-first-same",
        "HTML and the same in plain words behind it",
        "--alt\nContent-Type: text/html; charset=utf-8\n\n<p>The same <b>words</b>.</p>\n"
        "--alt\nContent-Type: text/plain; charset=utf-8\n\nThe same words.\n--alt--\n",
        {"text": "The same words."},
        content=ALTERNATIVE,
    ),
    letter(
        "body-related",
        "HTML with an inline image",
        '--rel\nContent-Type: text/html; charset=utf-8\n\n<p>See the plan.</p><img src="cid:plan@corp.example">\n'
        "--rel\nContent-Type: image/png\nContent-ID: <plan@corp.example>\nContent-Disposition: inline\n"
        f"Content-Transfer-Encoding: base64\n\n{PNG}--rel--\n",
        {"text_starts": "See the plan."},
        content='Content-Type: multipart/related; boundary="rel"\n',
    ),
    letter(
        "body-nested-mail",
        "an attached mail: its fields and its text are its own",
        "--mix\nContent-Type: text/plain; charset=utf-8\n\nSee below.\n"
        '--mix\nContent-Type: message/rfc822\nContent-Disposition: attachment; filename="old.eml"\n\n'
        "From: ceo@corp.example\nSubject: Bounce\nMessage-ID: <inner@corp.example>\nAuto-Submitted: auto-replied\n"
        "Content-Type: text/calendar\n\nBEGIN:VCALENDAR\nEND:VCALENDAR\n--mix--\n",
        {"text": "See below.", "attachments": [{"name": "old.eml", "media_type": "message/rfc822"}]},
        content='Content-Type: multipart/mixed; boundary="mix"\n',
    ),
    letter(
        "body-preamble",
        "preamble and epilogue are no text",
        "This is a multi-part message in MIME format.\n--mix\n\nOnly this.\n--mix--\nAn epilogue.\n",
        {"text": "Only this."},
        content='Content-Type: multipart/mixed; boundary="mix"\n',
    ),
    letter(
        "body-unclosed",
        "the last boundary is missing",
        "--mix\nContent-Type: text/plain; charset=utf-8\n\nCut off here\n",
        {"text_words": "Cut off here"},
        content='Content-Type: multipart/mixed; boundary="mix"\n',
        omit=("oddity",),
    ),
    letter(
        "body-base64-twice",
        "two base64 texts one after the other; what the first says must be there",
        "SGVsbG8gSm9obg==\nYW5kIE1hcnk=\n",
        {"text_starts": "Hello John"},
        content=plain("utf-8", "base64"),
        omit=("oddity", "text"),
    ),
    letter(
        "body-qp-soft-breaks",
        "quoted-printable with soft breaks inside a character",
        "Gr=C3=\n=BC=C3=9Fe=\n!\n",
        {"text": "Grüße!"},
        content=plain("utf-8", "quoted-printable"),
    ),
    letter(
        "charset-unknown",
        "a charset that nobody knows says nothing: no UTF-8, so windows-1252",
        b"Hello caf\xe9\n",
        {"text": "Hello café"},
        content=plain("nope"),
    ),
    letter(
        "charset-utf-7",
        "utf-7 is never decoded: it hides markup",
        "Hello +ADw-script+AD4-\n",
        {"text_contains": ["Hello"], "text_lacks": ["<script>"]},
        content=plain("utf-7", "7bit"),
    ),
    letter(
        "charset-idna",
        "a codec that is no charset",
        "Hello\n",
        {"text_contains": ["Hello"]},
        content=plain("idna", "7bit"),
    ),
    letter(
        "charset-latin-is-cp1252",
        "iso-8859-1 is read as browsers do",
        b"\x80 400 \x96 \x93fine\x94\n",
        {"text": "\u20ac 400 \u2013 \u201cfine\u201d"},
        content=plain("iso-8859-1"),
    ),
    letter(
        "charset-ascii-is-utf-8",
        "us-ascii with 8 bits is UTF-8 where it can be",
        "Grüße\n",
        {"text": "Grüße"},
        content=plain("us-ascii"),
    ),
    letter(
        "charset-ascii-is-cp1252",
        "us-ascii with 8 bits that are no UTF-8",
        b"Gr\xfc\xdfe \x80\n",
        {"text": "Grüße €"},
        content=plain("us-ascii"),
    ),
    letter(
        "charset-jis-vendor",
        "iso-2022-jp with NEC row 13, which only cp932's table has",
        b"\x1b$B-!-j\x1b(B\n",
        {"text": "①㈱"},
        content=plain("iso-2022-jp", "7bit"),
    ),
    letter(
        "charset-gb2312-is-gb18030",
        "gb2312 on the label, a character of GBK in the text",
        "朱镕基\n".encode("gb18030"),
        {"text": "朱镕基"},
        content=plain("gb2312"),
    ),
    letter(
        "charset-ks-is-cp949",
        "ks_c_5601-1987 on the label, syllables that only cp949 has",
        "똠방각하\n".encode("cp949"),
        {"text": "똠방각하"},
        content=plain("ks_c_5601-1987"),
    ),
    letter(
        "charset-subject-words",
        "encoded words of two charsets; white space between them is none",
        "Hello\n",
        {"subject": "Grüße かな", "text": "Hello"},
        subject="Subject: =?iso-8859-1?Q?Gr=FC=DFe?= =?utf-8?B?IOOBi+OBqg==?=\n",
    ),
    letter(
        "mail-encrypted",
        "OpenPGP: not empty, though there is no text to read",
        '--enc\nContent-Type: application/pgp-encrypted\n\nVersion: 1\n--enc\nContent-Type: application/octet-stream; name="encrypted.asc"\n'
        "\n-----BEGIN PGP MESSAGE-----\n\nhQEMA000\n-----END PGP MESSAGE-----\n--enc--\n",
        content='Content-Type: multipart/encrypted; protocol="application/pgp-encrypted"; boundary="enc"\n',
    ),
    letter(
        "mail-opaque-signed",
        "S/MIME with the text inside the signature",
        "MIAGCSqGSIb3DQEHAqCAMIACAQExCzAJBgUrDgMCGgUAMIAGCSqGSIb3DQEHAQAA\n",
        content='Content-Type: application/pkcs7-mime; smime-type=signed-data; name="smime.p7m"\n'
        'Content-Transfer-Encoding: base64\nContent-Disposition: attachment; filename="smime.p7m"\n',
    ),
    letter(
        "mail-calendar-only",
        "an answer to an invitation and nothing else",
        "BEGIN:VCALENDAR\nMETHOD:REPLY\nBEGIN:VEVENT\nEND:VEVENT\nEND:VCALENDAR\n",
        {"class": "calendar", "subject": "Accepted: the talk"},
        subject="Subject: Accepted: the talk\n",
        content="Content-Type: text/calendar; charset=utf-8; method=REPLY\n",
    ),
    letter(
        "empty-re", "only a reply mark", "\n\n", {"subject": "Re:", "empty": True, "text": ""}, subject="Subject: Re:\n"
    ),
    letter(
        "empty-nothing",
        "an empty subject and blank lines",
        "  \n\n",
        {"subject": "", "empty": True, "text": ""},
        subject="Subject:\n",
    ),
    letter(
        "empty-subject-says",
        "no text, but a subject that says something: it is the text",
        "\n",
        {"subject": "Call me", "text": "Call me"},
        subject="Subject: Call me\n",
    ),
    letter(
        "empty-attachment",
        "no text and only a reply mark, but a file",
        "--mix\nContent-Type: text/plain\n\n\n--mix\nContent-Type: application/pdf\n"
        'Content-Disposition: attachment; filename="cv.pdf"\nContent-Transfer-Encoding: base64\n\nJVBERi0xLjQK\n--mix--\n',
        {"subject": "Re:", "text": "", "attachments": [{"name": "cv.pdf", "media_type": "application/pdf"}]},
        subject="Subject: Re:\n",
        content='Content-Type: multipart/mixed; boundary="mix"\n',
    ),
    raw(
        "mail-no-body",
        "a header block that the file's end closes",
        f"From: Mary Jones <mary@corp.example>\nTo: {ALIAS}\nSubject: Call me\nMessage-ID: <nb@corp.example>\n",
        {
            "subject": "Call me",
            "from": MARY,
            "message_id": "<nb@corp.example>",
            "class": "human",
            "text": "Call me",
            "empty": False,
        },
    ),
    raw(
        "mail-no-headers",
        "a blank line first: no field at all",
        "\nHello there\n",
        {**NOBODY, "text": "Hello there", "empty": False, "subject": ""},
    ),
    raw("mail-no-bytes", "nothing", "", {**NOBODY, "text": "", "empty": True, "subject": ""}),
    raw(
        "mail-mbox-line",
        "the separator line of an mbox, dropped",
        f"From mary@corp.example Mon Mar  2 09:14:00 2026\nFrom: Mary Jones <mary@corp.example>\nTo: {ALIAS}\nSubject: Hi\n"
        "Message-ID: <mb@corp.example>\n\nHello\n",
        {
            "subject": "Hi",
            "from": MARY,
            "message_id": "<mb@corp.example>",
            "class": "human",
            "text": "Hello",
            "to": [ALIAS],
        },
        eol="\n",
    ),
)
