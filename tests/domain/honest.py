"""Ordinary mail, in the shapes of the programs and services that people write with; none of it may be stopped."""

from __future__ import annotations

from collections.abc import Iterator

from attrs import frozen

from adapters.mime.authentication.signing import sealed, signed
from convalias.domain.addresses.email_address import EmailAddress
from convalias.domain.conversations.participants import Account, AddressTenure
from convalias.domain.routing.context import Fact
from domain.spoofs import ALIAS, ATS, BOB, BOB_KNOWN, BOB_MOVED, BOBS, CORP, DAY, NOW
from domain.spoofs import TEXT as UNSIGNED

DKIM = (
    "DKIM-Signature: v=1; a=rsa-sha256; c=relaxed/relaxed; d={d}; s=s1;\r\n h=from:to:subject:date:message-id;"
    " bh=47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=;\r\n b=AAAA\r\n"
)
TEXT = "Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\nYes, Monday is fine.\r\n"
BOTH = (
    'Content-Type: multipart/alternative; boundary="b1"\r\n\r\n--b1\r\nContent-Type: text/plain; charset="UTF-8"\r\n\r\n'
    'Yes, Monday is fine.\r\n\r\n--b1\r\nContent-Type: text/html; charset="UTF-8"\r\n\r\n<div>Yes, Monday is fine.</div>\r\n'
    "\r\n--b1--\r\n"
)
FLOWED = "Content-Type: text/plain; charset=us-ascii; format=flowed; delsp=yes\r\n\r\nYes, Monday \r\nis fine.\r\n"
JIS = 'Content-Type: text/plain; charset=ISO-2022-JP\r\nContent-Transfer-Encoding: 7bit\r\n\r\n\x1b$B$O$$!"7nMK$G$9\x1b(B\r\n'


@frozen
class Honest:
    """One mail of Bob's, from the address that `facts` give him."""

    name: str
    raw: bytes
    facts: tuple[Fact, ...]


def ordinary(
    name: str,
    sender: str,
    address: str,
    *,
    found: str,
    more: str = "",
    body: str = TEXT,
    to: str = f"Ann <{ALIAS}>",
    subject: str = "Re: The job",
    message_id: str = "<CAJ1.x@mail.example>",
    facts: tuple[Fact, ...] = (),
) -> Honest:
    raw = (
        f"Authentication-Results: mx.reply.example; {found}\r\nReceived: from mta.example (192.0.2.1) by mx.reply.example\r\n"
        f" with ESMTPS; Mon, 02 Mar 2026 11:59:30 +0000 (UTC)\r\n{more}MIME-Version: 1.0\r\nFrom: {sender}\r\nTo: {to}\r\n"
        f"Subject: {subject}\r\nDate: Mon, 2 Mar 2026 12:59:00 +0100\r\nMessage-ID: {message_id}\r\n{body}"
    )
    known = Account(BOB, (EmailAddress.parse(address),), frozenset({EmailAddress.parse(address)}), company_domains=CORP)
    return Honest(name, raw.encode("latin-1" if "\x1b" in raw else "utf-8"), facts or (known,))


def passed(domain: str, policy: str = "none") -> str:
    return f"spf=pass smtp.mailfrom={domain}; dkim=pass header.d={domain}; dmarc=pass (p={policy} dis=none) header.from={domain}"


def gmail() -> Iterator[Honest]:
    fields = (
        "Received: by mail-lf1.google.example with SMTP id x1\r\nX-Google-DKIM-Signature: v=1; a=rsa-sha256\r\n"
        + DKIM.format(d="gmail.com")
    )
    for name, sender in {
        "plain": "Bob Stone <bob.stone@gmail.com>",
        "bare": "bob.stone@gmail.com",
        "encoded name": "=?UTF-8?B?Qm9iIFN0w7ZuZQ==?= <bob.stone@gmail.com>",
        "encoded comma": "=?UTF-8?Q?St=C3=B6ne=2C_Bob?= <bob.stone@gmail.com>",
        "quoted nickname": '"Bob \\"Bo\\" Stone" <bob.stone@gmail.com>',
        "at a company": '"Bob @ Corp" <bob.stone@gmail.com>',
        "emoji": "Bob \U0001f680 <bob.stone@gmail.com>",
    }.items():
        yield ordinary(
            f"Gmail, {name}", sender, "bob.stone@gmail.com", found=passed("gmail.com"), more=fields, body=BOTH
        )
    yield ordinary(
        "Gmail, with a tag",
        "Bob <bob.stone+jobs@gmail.com>",
        "bob.stone+jobs@gmail.com",
        found=passed("gmail.com"),
        more=fields,
        body=BOTH,
    )
    yield ordinary(
        "Gmail, a reaction",
        "Bob <bob.stone@gmail.com>",
        "bob.stone@gmail.com",
        found=passed("gmail.com"),
        more=fields,
        body='Content-Type: text/vnd.google.email-reaction+json\r\n\r\n{"emoji": "x", "version": 1}\r\n',
    )
    yield ordinary(
        "Workspace, forwarded with ARC", "Bob <bob@corp.example>", "bob@corp.example", found=passed("corp.example", "reject"),
        more="ARC-Seal: i=1; a=rsa-sha256; cv=none; d=google.example; s=x; b=AA\r\nARC-Authentication-Results: i=1; x; dmarc=pass\r\n",
        body=BOTH,
    )  # fmt: skip


def outlook() -> Iterator[Honest]:
    fields = (
        "X-MS-Exchange-Organization-SCL: 1\r\nX-MS-Has-Attach:\r\nX-MS-TNEF-Correlator:\r\nThread-Topic: The job\r\n"
        "Thread-Index: AdE1x2y3\r\nX-Auto-Response-Suppress: DR, OOF, AutoReply\r\nAccept-Language: de-DE\r\n"
    )
    for name, sender in {
        "its own address in single quotes": "'bob@corp.example' <bob@corp.example>",
        "unquoted comma name": "Stone, Bob <bob@corp.example>",
        "quoted comma name": '"Stone, Bob" <bob@corp.example>',
        "department": "Stone, Bob (HR) <bob@corp.example>",
        "brackets": "Bob Stone [Corp] <bob@corp.example>",
        "capitals": '"STONE Bob" <Bob.Stone@CORP.example>',
        "address as name": '"bob@corp.example" <bob@corp.example>',
        "address beside address": "bob@corp.example <bob@corp.example>",
        "bare and proved": "bob@corp.example",
        "apostrophe": "Bob O'Stone <bob@corp.example>",
        "quoted colon": '"HR: Bob" <bob@corp.example>',
    }.items():
        address = "bob.stone@corp.example" if name == "capitals" else "bob@corp.example"
        yield ordinary(
            f"Outlook, {name}", sender, address, found=passed("corp.example", "quarantine"), more=fields, body=BOTH
        )
    yield ordinary(
        "Outlook, a Message-ID in brackets", "Bob <bob@corp.example>", "bob@corp.example", found=passed("corp.example"),
        more=fields, message_id="<[68cb10e9a7a04b0f9b]-corp-example@microsoft.example>",
    )  # fmt: skip
    yield ordinary(
        "outlook.com",
        "Bob Stone <bob@outlook.com>",
        "bob@outlook.com",
        found=passed("outlook.com"),
        more=fields,
        body=BOTH,
    )
    yield ordinary(
        "Exchange, no policy, bestguesspass", "Bob <bob@corp.example>", "bob@corp.example",
        found="spf=pass smtp.mailfrom=corp.example; dkim=none; dmarc=bestguesspass header.from=corp.example", more=fields,
    )  # fmt: skip
    yield ordinary(
        "Exchange, an answer to an invitation", "Bob <bob@corp.example>", "bob@corp.example", found=passed("corp.example"),
        subject="Accepted: Interview",
        body="Content-Type: text/calendar; charset=utf-8; method=REPLY\r\n\r\nBEGIN:VCALENDAR\r\nMETHOD:REPLY\r\nEND:VCALENDAR\r\n",
    )  # fmt: skip
    yield ordinary(
        "Exchange, TNEF", "Bob <bob@corp.example>", "bob@corp.example", found=passed("corp.example"),
        body='Content-Type: multipart/mixed; boundary="b1"\r\n\r\n--b1\r\n' + TEXT + '\r\n--b1\r\nContent-Type: application/ms-tnef;'
        ' name="winmail.dat"\r\nContent-Transfer-Encoding: base64\r\n\r\neJ8+Ig==\r\n--b1--\r\n',
    )  # fmt: skip


def apple() -> Iterator[Honest]:
    fields = "X-Mailer: iPhone Mail (21E219)\r\n" + DKIM.format(d="icloud.com")
    for name, sender in {
        "iPhone": "Bob Stone <bob@icloud.com>",
        "folded": "Bob\r\n Stone <bob@icloud.com>",
        "no space": "Bob Stone<bob@icloud.com>",
        "encoded": "=?utf-8?Q?Bob_St=C3=B6ne?= <bob@icloud.com>",
        "angles alone": "<bob@icloud.com>",
    }.items():
        yield ordinary(
            f"Apple Mail, {name}",
            sender,
            "bob@icloud.com",
            found=passed("icloud.com", "quarantine"),
            more=fields,
            body=BOTH,
        )
    yield ordinary(
        "Apple Mail, flowed", "Bob <bob@me.com>", "bob@me.com", found=passed("me.com"), more=fields, body=FLOWED
    )
    for name, relay in {
        "Hide My Email": "quiet.owls-0x@icloud.com",
        "private relay": "bob_at_corp_example_xk29fj3k@privaterelay.appleid.com",
    }.items():
        domain = relay.partition("@")[2]
        sender = f'"bob at corp.example" <{relay}>'
        yield ordinary(f"iCloud, {name}", sender, relay, found=passed(domain, "reject"), more=fields, body=BOTH)


def yahoo() -> Iterator[Honest]:
    for domain in ("yahoo.com", "yahoo.co.jp", "ymail.com", "aol.com"):
        fields = "X-YMail-OSG: abc\r\nReferences: <1.ref@mail.yahoo.example>\r\n" + DKIM.format(d=domain)
        yield ordinary(
            f"Yahoo, {domain}",
            f"Bob Stone <bob_stone@{domain}>",
            f"bob_stone@{domain}",
            found=passed(domain, "reject"),
            more=fields,
            body=BOTH,
        )


def japanese() -> Iterator[Honest]:
    for name, sender, address in (
        ("dots at the end", "bob..@docomo.ne.jp", "bob..@docomo.ne.jp"),
        ("doubled dots", "<b..o.b@ezweb.ne.jp>", "b..o.b@ezweb.ne.jp"),
        ("quoted dots", '"bob."@ezweb.ne.jp', "bob.@ezweb.ne.jp"),
        ("a dot in front", ".bob@docomo.ne.jp", ".bob@docomo.ne.jp"),
        ("raw ISO-2022-JP", "\x1b$B;3ED\x1b(B <bob@softbank.ne.jp>", "bob@softbank.ne.jp"),
        ("encoded ISO-2022-JP", "=?ISO-2022-JP?B?GyRCOzNFRBsoQg==?= <bob@i.softbank.jp>", "bob@i.softbank.jp"),
        ("a slash", "bob/x@docomo.ne.jp", "bob/x@docomo.ne.jp"),
    ):
        domain = address.partition("@")[2]
        found = f"spf=pass smtp.mailfrom={domain}; dkim=none; dmarc=none header.from={domain}"
        yield ordinary(f"Japanese mobile, {name}", sender, address, found=found, body=JIS, subject="Re: \x1b$B7o\x1b(B")


def others() -> Iterator[Honest]:
    for name, domain, found in (
        (
            "a small company, SPF alone",
            "corp.example",
            "spf=pass smtp.mailfrom=bob@corp.example; dkim=none; dmarc=none",
        ),
        (
            "a small company, DKIM of its parent",
            "mail.corp.example",
            "spf=none; dkim=pass header.d=corp.example; dmarc=none",
        ),
        ("Proton", "proton.me", passed("proton.me", "quarantine")),
        ("GMX", "gmx.de", passed("gmx.de", "reject")),
        ("Fastmail, own domain", "stone.example", passed("stone.example", "reject")),
        ("T-Online", "t-online.de", "spf=pass smtp.mailfrom=t-online.de; dkim=none; dmarc=none"),
    ):
        more = DKIM.format(d="corp.example") if "dkim=pass" in found else ""
        yield ordinary(name, f"Bob <bob@{domain}>", f"bob@{domain}", found=found, more=more)
    unproved = Account(BOB, (BOBS,))
    yield ordinary(
        "a server that proves nothing and never did",
        "Bob <bob@corp.example>",
        "bob@corp.example",
        found="spf=none; dkim=none; dmarc=none",
        facts=(unproved,),
    )
    yield ordinary(
        "an internationalised domain",
        "Bob <bob@b\u00fccher.example>",
        "bob@xn--bcher-kva.example",
        found=passed("xn--bcher-kva.example"),
    )
    yield ordinary(
        "an internationalised mailbox",
        "B\u00f6b <b\u00f6b@corp.example>",
        "b\u00f6b@corp.example",
        found=passed("corp.example"),
    )
    yield ordinary(
        "Thunderbird, flowed",
        "Bob Stone <bob@corp.example>",
        "bob@corp.example",
        found=passed("corp.example"),
        more="User-Agent: Mozilla Thunderbird\r\n",
        body=FLOWED,
    )
    yield ordinary("a comment behind", "bob@corp.example (Bob Stone)", "bob@corp.example", found=passed("corp.example"))
    yield ordinary(
        "many recipients",
        "Bob <bob@corp.example>",
        "bob@corp.example",
        found=passed("corp.example"),
        to=", ".join([f"P{n} <p{n}@corp.example>" for n in range(300)] + [str(ALIAS)]),
    )
    yield ordinary(
        "in blind copy, fresh",
        "Bob <bob@corp.example>",
        "bob@corp.example",
        found=passed("corp.example"),
        to="undisclosed-recipients:;",
    )
    yield ordinary(
        "a Sender that is an assistant's",
        "Bob <bob@corp.example>",
        "bob@corp.example",
        found=passed("corp.example"),
        more="Sender: Sue <sue@corp.example>\r\n",
    )
    yield ordinary(
        "a forged result below, a pass above",
        "Bob <bob@corp.example>",
        "bob@corp.example",
        found=passed("corp.example"),
        more="Authentication-Results: evil.example; dmarc=fail\r\n",
    )
    yield ordinary("an old address, given up lately", "Bob <bob@old.example>", "bob@old.example", found=passed("old.example"), facts=(BOB_MOVED, AddressTenure(EmailAddress.parse("bob@old.example"), BOB, NOW - 900 * DAY, NOW - 9 * DAY)))  # fmt: skip


def lists() -> Iterator[Honest]:
    group = "List-Id: <hiring.lists.example>\r\nPrecedence: list\r\nX-Google-Group-Id: 1\r\nList-Post: <mailto:hiring@lists.example>\r\n"
    yield ordinary(
        "Google Groups, From rewritten", "'Bob Stone' via Hiring <hiring@lists.example>", "bob@corp.example",
        found=passed("lists.example", "reject"), more=group + "Reply-To: Bob Stone <bob@corp.example>\r\nX-Original-From: Bob Stone <bob@corp.example>\r\n",
    )  # fmt: skip
    yield ordinary(
        "Google Groups, From kept",
        "Bob <bob@corp.example>",
        "bob@corp.example",
        found=passed("corp.example"),
        more=group,
    )
    yield ordinary(
        "Mailman, From rewritten", "Bob Stone via Hiring <hiring@lists.example>", "bob@corp.example",
        found=passed("lists.example"), more="List-Id: Hiring at Corp <hiring.lists.example>\r\nReply-To: bob@corp.example\r\nX-Original-From: bob@corp.example\r\n",
    )  # fmt: skip


def applicant_tracking() -> Iterator[Honest]:
    def system(address: str) -> tuple[Fact, ...]:
        return (BOB_KNOWN, Account(ATS, (EmailAddress.parse(address),), speaks_for=frozenset({BOB})))

    yield ordinary(
        "a tracking system's no-reply that speaks for its customer", "Bob Stone via Hire <no-reply@ats-one.example>", "no-reply@ats-one.example",
        found=passed("ats-one.example", "reject"), facts=system("no-reply@ats-one.example"), body=BOTH,
        more="Reply-To: Bob Stone <corp+abc123@ats-one.example>\r\nAuto-Submitted: auto-generated\r\nX-Entity-Ref-ID: 1\r\nFeedback-ID: 1:ats\r\n",
    )  # fmt: skip
    yield ordinary(
        "a tracking system under its customer's own name", "Bob Stone <bob@corp.example>", "bob@corp.example",
        found="spf=pass smtp.mailfrom=bounces.ats-two.example; dkim=pass header.d=corp.example; dmarc=pass (p=reject) header.from=corp.example",
        more="List-Unsubscribe: <https://ats-two.example/u/1>\r\nPrecedence: bulk\r\nX-Mailer: ATS Two\r\n" + DKIM.format(d="corp.example"),
        body=BOTH,
    )  # fmt: skip
    yield ordinary(
        "a tracking system with a mailbox for each customer", '"Corp Recruiting (Bob)" <corp.7f3a@talent.ats-three.example>', "corp.7f3a@talent.ats-three.example",
        found=passed("talent.ats-three.example"), facts=system("corp.7f3a@talent.ats-three.example"), more="Auto-Submitted: auto-generated (candidate-message)\r\n",
    )  # fmt: skip


SENDERS = tuple(
    one for make in (gmail, outlook, apple, yahoo, japanese, others, lists, applicant_tracking) for one in make()
)

SIGNED = {
    "signed by his domain": signed(UNSIGNED),
    "signed by his domain and by a list": signed(signed(UNSIGNED), domain="evil.example"),
    "From signed away": signed(UNSIGNED, names="from:from:to:subject"),
    "not expired": signed(UNSIGNED, extra="x=1772900000; "),
    "changed by a list that sealed it": sealed(
        signed(UNSIGNED).replace(b"The job", b"[team] The job"), results="dmarc=pass header.from=corp.example"
    ),
}
"""Mail that is authenticated from its bytes, beside the attacks on signatures."""

BESIDE = {
    "EXACT": {
        "his address, nothing proved": "a server that proves nothing and never did",
        "his address in capitals": "Outlook, capitals",
        "his address, DKIM of a name below": "a small company, DKIM of its parent",
        "a result he wrote himself": "a forged result below, a pass above",
        "his address, SPF of another": "a small company, SPF alone",
        "": "Outlook, bare and proved",
    },
    "OTHERS": {
        "a lookalike domain": "Yahoo, yahoo.co.jp",
        "a homograph domain": "an internationalised domain",
        "a letter that lower() would merge": "an internationalised mailbox",
        "his address with a tag": "Gmail, with a tag",
        "his address as a name": "Outlook, address as name",
        "his address in an encoded word": "Apple Mail, encoded",
        "his address in a comment": "a comment behind",
        "his Sender and Reply-To": "a Sender that is an assistant's",
        "": "Outlook, bare and proved",
    },
    "READINGS": {
        "his address before the address": "Outlook, address beside address",
        "his address in single quotes": "Outlook, its own address in single quotes",
        "his address in angles before another": "Apple Mail, angles alone",
        "two mailboxes": "Outlook, unquoted comma name",
        "two at signs": "Gmail, at a company",
        "a group": "Outlook, quoted colon",
        "an unclosed quote": "Gmail, quoted nickname",
        "a full-width dot": "Japanese mobile, doubled dots",
        "a full-width at sign": "Japanese mobile, raw ISO-2022-JP",
        "a From behind a bare CR": "Apple Mail, folded",
        "": "Outlook, bare and proved",
    },
    "SIGNED": {
        "text under l=": "signed by his domain and by a list",
        "From added above a signed one": "From signed away",
        "expired": "not expired",
        "ARC by a sealer nobody listed": "changed by a list that sealed it",
        "": "signed by his domain",
    },
    "REPLAYS": {"": "in blind copy, fresh"},
    "REWRITTEN_FROMS": {
        "a configured list, no List-Id": "Google Groups, From kept",
        "a configured list, no pass": "Mailman, From rewritten",
        "": "Google Groups, From rewritten",
    },
    "ACCOUNTS": {
        "one who speaks for somebody else": "a tracking system's no-reply that speaks for its customer",
        "one who once spoke for him": "a tracking system with a mailbox for each customer",
        "": "an old address, given up lately",
    },
}
"""For each group of attacks the honest mail that looks like it; under the empty name, like all others of the group."""
