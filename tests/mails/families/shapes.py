"""Mails in the shapes that common programs and services send."""

from __future__ import annotations

from mails.families.common import ALIAS, MARY, Mail, clear, letter, raw

GMAIL = f"""\
Received: by mail-lf1-f49.mailer.example with SMTP id 2adb3069b0e04-5489;
        Mon, 02 Mar 2026 01:14:08 -0800 (PST)
DKIM-Signature: v=1; a=rsa-sha256; c=relaxed/relaxed; d=corp.example; s=20230601;
        h=to:subject:message-id:date:from:in-reply-to:references:mime-version;
        bh=47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=; b=AAAA
MIME-Version: 1.0
References: <c1.17@reply.example>
In-Reply-To: <c1.17@reply.example>
From: Mary Jones <mary@corp.example>
Date: Mon, 2 Mar 2026 10:14:00 +0100
Message-ID: <CAJ+9zQ8=tF5v-k0x_Rb2yw@mail.mailer.example>
Subject: Re: the job
To: John Smith <{ALIAS}>
Content-Type: multipart/alternative; boundary="000000000000a1b2c3d4e5f6"

--000000000000a1b2c3d4e5f6
Content-Type: text/plain; charset="UTF-8"

Thank you, Tuesday at ten is fine.

Mary

--000000000000a1b2c3d4e5f6
Content-Type: text/html; charset="UTF-8"

<div dir="ltr">Thank you, Tuesday at ten is fine.<div><br></div><div>Mary</div></div>

--000000000000a1b2c3d4e5f6--
"""

EXCHANGE = f"""\
Received: from AM0PR01MB1.eurprd01.prod.exchange.example (2603:10a6:208::1) by
 AM0PR01MB2.eurprd01.prod.exchange.example with HTTPS; Mon, 2 Mar 2026 09:14:02 +0000
From: "Jones, Mary" <Mary.Jones@Corp.Example>
To: John Smith <{ALIAS.upper()}>
CC: "Doe, John (HR)" <john.doe@corp.example>
Subject: RE: the job
Thread-Topic: the job
Thread-Index: AQHbiy9vQ2m0sJ0hR0m2aQ==
Date: Mon, 2 Mar 2026 09:14:00 +0000
Message-ID:
 <AM0PR01MB1234567890ABCDEF@AM0PR01MB1.eurprd01.prod.exchange.example>
References: <c1.17@reply.example>
In-Reply-To: <c1.17@reply.example>
Accept-Language: en-GB, en-US
Content-Language: en-GB
X-MS-Has-Attach:
X-MS-TNEF-Correlator:
x-ms-exchange-messagesentrepresentingtype: 1
Content-Type: text/plain; charset="Windows-1252"
Content-Transfer-Encoding: quoted-printable
MIME-Version: 1.0

Dear John,

that=92s fine =96 the fee is =80 400.

Mary
"""

APPLE = f"""\
From: Mary Jones <mary@corp.example>
Content-Type: multipart/mixed;
\tboundary="Apple-Mail=_6C0E2B3A-1B2C-4D5E-8F90-ABCDEF012345"
Mime-Version: 1.0 (Mac OS X Mail 16.0 \\(3774.300.61\\))
Subject: Re: the job
Message-Id: <2CCE0408-10C7-4045-9B16-A1C11C314691@corp.example>
Date: Mon, 2 Mar 2026 10:14:00 +0100
To: John Smith <{ALIAS}>
X-Mailer: Apple Mail (2.3774.300.61)

--Apple-Mail=_6C0E2B3A-1B2C-4D5E-8F90-ABCDEF012345
Content-Transfer-Encoding: 7bit
Content-Type: text/plain;
\tcharset=us-ascii

First my letter.

--Apple-Mail=_6C0E2B3A-1B2C-4D5E-8F90-ABCDEF012345
Content-Disposition: attachment;
\tfilename=letter.pdf
Content-Type: application/pdf;
\tx-unix-mode=0644;
\tname="letter.pdf"
Content-Transfer-Encoding: base64

JVBERi0xLjQKJSVFT0YK
--Apple-Mail=_6C0E2B3A-1B2C-4D5E-8F90-ABCDEF012345
Content-Transfer-Encoding: 7bit
Content-Type: text/plain;
\tcharset=us-ascii

Then the rest.

--Apple-Mail=_6C0E2B3A-1B2C-4D5E-8F90-ABCDEF012345--
"""

YAHOO = f"""\
Date: Mon, 2 Mar 2026 09:14:00 +0000 (UTC)
From: Mary Jones <mary_jones@webmail.example>
To: John Smith <{ALIAS}>
Message-ID: <1188948659.29502.1741@mail.webmail.example>
Subject: Re: the job
MIME-Version: 1.0
Content-Type: text/plain; charset=UTF-8
Content-Transfer-Encoding: quoted-printable
References: <1188948659.29502.1741.ref@mail.webmail.example>
X-Mailer: WebService/1.1.23369 YMailNorrin

 Yes,=20
Tuesday =E2=80=93 gladly.=C2=A0
"""

TO_ALIAS = {"to": [ALIAS], "cc": [], "date": "2026-03-02T09:14:00Z", "class": "human", "oddity": None, "empty": False}
SAID = "Thank you for the offer.\n"
MEAN = b"\x1b$B@6@n:NMQ<R\x1b(B"  # ISO-2022-JP whose octets hold @, : and <

MAILS: tuple[Mail, ...] = (
    raw(
        "shape-gmail",
        "Gmail's alternative, CRLF",
        GMAIL,
        {
            **TO_ALIAS,
            "subject": "Re: the job",
            "from": MARY,
            "display": "Mary Jones",
            "message_id": "<CAJ+9zQ8=tF5v-k0x_Rb2yw@mail.mailer.example>",
            "text": "Thank you, Tuesday at ten is fine.\n\nMary",
            "attachments": [],
        },
    ),
    raw(
        "shape-exchange",
        "Exchange: folded Message-ID, upper-case recipient, Windows-1252",
        EXCHANGE,
        {
            **TO_ALIAS,
            "cc": ["john.doe@corp.example"],
            "subject": "RE: the job",
            "from": clear("mary.jones@corp.example"),
            "display": "Jones, Mary",
            "message_id": "<AM0PR01MB1234567890ABCDEF@AM0PR01MB1.eurprd01.prod.exchange.example>",
            "text": "Dear John,\n\nthat\u2019s fine \u2013 the fee is \u20ac 400.\n\nMary",
            "attachments": [],
        },
    ),
    raw(
        "shape-apple",
        "Apple Mail puts the attachment between two text parts; both are the text",
        APPLE,
        {
            **TO_ALIAS,
            "subject": "Re: the job",
            "from": MARY,
            "message_id": "<2CCE0408-10C7-4045-9B16-A1C11C314691@corp.example>",
            "text_words": "First my letter. Then the rest.",
            "attachments": [{"name": "letter.pdf", "media_type": "application/pdf"}],
        },
        eol="\n",
    ),
    raw(
        "shape-yahoo",
        "Yahoo: a comment after the date, quoted-printable spaces",
        YAHOO,
        {
            **TO_ALIAS,
            "subject": "Re: the job",
            "from": clear("mary_jones@webmail.example"),
            "message_id": "<1188948659.29502.1741@mail.webmail.example>",
            "text_words": "Yes, Tuesday \u2013 gladly.",
        },
    ),
    letter(
        "shape-mobile-dots",
        "old Japanese mobile address: dots in a row and at the end, no quotes",
        "了解しました。\n",
        {"from": clear("taro..yamada.@mobile.example")},
        sender="From: taro..yamada.@mobile.example\n",
    ),
    letter(
        "shape-mobile-quoted",
        "the same address with its local part quoted is the same key",
        "了解しました。\n",
        {"from": clear("taro..yamada.@mobile.example")},
        sender='From: "taro..yamada."@mobile.example\n',
    ),
    letter(
        "shape-mobile-raw-jis",
        "raw ISO-2022-JP in From: its octets hold @, : and <, and ESC ( B is no comment",
        "\x1b$BN;2r\x1b(B\n".encode("ascii"),
        {"from": clear("saiyou@corp.example"), "text": "了解"},
        sender=b"From: " + MEAN + b" <saiyou@corp.example>\n",
        content="Content-Type: text/plain; charset=iso-2022-jp\nContent-Transfer-Encoding: 7bit\n",
    ),
    letter(
        "shape-mobile-sjis",
        "shift_jis as phones send it: vendor characters of cp932",
        "①㈱髙﨑\n".encode("cp932"),
        {"text": "①㈱髙﨑"},
        content="Content-Type: text/plain; charset=shift_jis\nContent-Transfer-Encoding: 8bit\n",
    ),
    letter(
        "shape-icloud-relay",
        "Hide My Email: the person's address spelt into a relay address",
        SAID,
        {"from": clear("mary_at_corp_example_k3j2h1@privaterelay.example")},
        sender="From: Mary Jones <mary_at_corp_example_k3j2h1@privaterelay.example>\n",
    ),
    letter(
        "shape-google-groups",
        "a list that rewrites From; whether it is believed is not the reader's business",
        SAID,
        {"from": clear("jobs@groups.example"), "display": "'Mary Jones' via Jobs", "class": "bulk"},
        sender="From: \"'Mary Jones' via Jobs\" <jobs@groups.example>\n",
        fields="Reply-To: Mary Jones <mary@corp.example>\nX-Original-From: Mary Jones <mary@corp.example>\n"
        "Precedence: list\nMailing-list: list jobs@groups.example; contact jobs+owners@groups.example\n"
        "List-ID: <jobs.groups.example>\n",
    ),
    letter(
        "shape-tracking-notice",
        "applicant-tracking system, a notice",
        "Dear John,\n\nwe received your application.\n",
        {"from": clear("no-reply@hire-one.example"), "display": "Corp Hiring", "class": "auto_generated"},
        sender='From: "Corp Hiring" <no-reply@hire-one.example>\n',
        fields="Reply-To: Corp Hiring <reply+c4f1@in.hire-one.example>\nAuto-Submitted: auto-generated\n",
    ),
    letter(
        "shape-tracking-person",
        "applicant-tracking system, a recruiter's own words under the system's address",
        "Hi John,\n\ncan we talk on Tuesday?\n",
        {"from": clear("mary.jones.corp@hire-two.example"), "display": "Mary Jones (Corp)"},
        sender='From: "Mary Jones (Corp)" <mary.jones.corp@hire-two.example>\n',
        fields="Sender: notifications@hire-two.example\nX-Entity-Ref-ID: 8f1e\n",
    ),
    letter(
        "shape-tracking-campaign",
        "applicant-tracking system, a campaign",
        "New jobs for you.\n",
        {"from": clear("jobs@hire-three.example"), "class": "bulk"},
        sender="From: Hire Three <jobs@hire-three.example>\n",
        fields="List-Unsubscribe: <https://hire-three.example/u/1>\nList-Unsubscribe-Post: List-Unsubscribe=One-Click\n",
    ),
    letter(
        "shape-list-footer",
        "a mailing list with its footer part",
        "--b1\nContent-Type: text/plain; charset=utf-8\n\nDoes anybody know John?\n\n"
        "--b1\nContent-Type: text/plain; charset=us-ascii\nContent-Disposition: inline\n\n"
        "_______________________________________________\nTalk mailing list\ntalk@lists.example\n--b1--\n",
        {"class": "bulk", "subject": "[Talk] John", "text_starts": "Does anybody know John?"},
        subject="Subject: [Talk] John\n",
        fields="Precedence: list\nList-Id: Talk <talk.lists.example>\nList-Post: <mailto:talk@lists.example>\n",
        content='Content-Type: multipart/mixed; boundary="b1"\n',
    ),
)
