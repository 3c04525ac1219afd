"""Attacks on the sender's identity, each as raw mail and the facts it meets, with the verdict of every policy."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta

from attrs import frozen

from adapters.mime.authentication.signing import KEY, OTHER, Zone, sealed, signed
from convalias.domain.addresses.email_address import EmailAddress, MailDomains
from convalias.domain.aliases.alias import ConversationAlias
from convalias.domain.conversations.participants import Account, AddressTenure, GivenUp, Participant
from convalias.domain.conversations.threads import ConversationThread
from convalias.domain.ids import AccountId, ConversationId, UseCase
from convalias.domain.mail.message_id import MessageId
from convalias.domain.routing.context import Fact, Sighting

NOW = datetime.fromisoformat("2026-03-02T12:00:00+00:00")
DAY = timedelta(days=1)
ANN, BOB, EVE, ATS = (AccountId(name) for name in ("ann", "bob", "eve", "ats"))
ALIAS, CORP = EmailAddress.parse("ann-1ab131e2@reply.example"), frozenset({"corp.example"})
BOBS, EVES = EmailAddress.parse("bob@corp.example"), EmailAddress.parse("eve@evil.example")
DOMAINS = MailDomains({"reply.example"}, {"relay.example"})
THREAD = ConversationThread(
    ConversationId("c1"), UseCase("apply"), (Participant(ANN, name="Ann"), Participant(BOB, name="Bob"))
)
WORLD: tuple[Fact, ...] = (
    THREAD,
    ConversationAlias(address=ALIAS, conversation=THREAD.id, stands_for=ANN),
    Account(ANN, (EmailAddress.parse("ann@home.example"),)),
)
BOB_KNOWN = Account(BOB, (BOBS,), company_domains=CORP)
BOB_PROVED = Account(BOB, (BOBS,), frozenset({BOBS}), company_domains=CORP)
BOB_MOVED = Account(BOB, company_domains=CORP)
LISTS = frozenset({"lists.example"})

PASSED = "dmarc=pass (p=reject) header.from={}"
NOTHING = "spf=none; dkim=none; dmarc=none"


def mail(
    sender: str,
    found: str = NOTHING,
    *,
    more: str = "",
    to: str = str(ALIAS),
    date: str = "Mon, 02 Mar 2026 11:59:00 +0000",
) -> bytes:
    """A mail as it arrives at our border, which found that and wrote it on top."""
    return (
        f"Authentication-Results: mx.reply.example; {found}\r\nReceived: from mta.example by mx.reply.example\r\n{more}"
        f"From: {sender}\r\nTo: {to}\r\nSubject: The job\r\nDate: {date}\r\nMessage-ID: <1@x.example>\r\n\r\nHello\r\n"
    ).encode()


@frozen
class Spoof:
    """`known`, `aligned`, `any`: the verdict under each sender trust, for the admissions free, light, strict in order."""

    name: str
    raw: bytes
    known: str
    aligned: str
    any: str
    facts: tuple[Fact, ...] = (BOB_KNOWN,)
    zone: Zone | None = None
    """The mail is authenticated from its bytes, not by what a border wrote."""
    sealers: frozenset[str] = frozenset()
    spf_failed: bool = False
    accepted: str = ""
    """Why a post as another is accepted here, where it is."""


# Of somebody whom nobody knows, by what is proved of his own address: relayed as himself, held, or refused.
PROVED = ("P H U", "P H U", "P H U")
UNPROVED = ("P H U", "H H U", "P H U")
DOUBTFUL = ("H H U", "H H U", "P H U")
SPOOFED = ("S S S", "S S S", "B B B")
HELD = ("H H H", "H H H", "B B B")
UNKNOWN = ("B B B", "H H H", "B B B")
AMBIGUOUS, ASKED = ("A A A",) * 3, ("Q Q Q",) * 3
IGNORED, LOOP, SEVERAL = ("I I I",) * 3, ("L L L",) * 3, ("M M M",) * 3
VOUCHED = ("P P U", "P P U", "P P U")
OUTSIDER = ("P H N", "P H N", "P H N")
REPLAYED = ("H H H",) * 3

RISK = "ACCEPT_KNOWN relays a known address that nothing proves and nothing disproves, shown as sender not verified"
TESTS = "ACCEPT_ANY is for tests"
B, E = "bob@corp.example", "eve@evil.example"
FROM_EVE = PASSED.format("evil.example")


def evil(sender: str, *, more: str = "") -> bytes:
    """Mail that the attacker sends from a domain of his own, everything in order."""
    return mail(sender, FROM_EVE, more=more)


def failing(policy: str) -> bytes:
    return mail(B, f"dmarc=fail (p={policy}) header.from=corp.example")


def had(since: int, until: int | None, why: GivenUp | None = None, account: AccountId = BOB) -> AddressTenure:
    return AddressTenure(EVES, account, NOW - since * DAY, None if until is None else NOW - until * DAY, why)


HEAD = f"From: {B}\r\nTo: {ALIAS}\r\nSubject: The job\r\nDate: Mon, 02 Mar 2026 11:59:00 +0000\r\nMessage-ID: <1@x>\r\n"
TEXT = (HEAD + "\r\nHello\r\n").encode()
ZONE = Zone(
    {
        "_dmarc.corp.example": "v=DMARC1; p=reject",
        "s1._domainkey.corp.example": KEY.record,
        "s1._domainkey.evil.example": OTHER.record,
        "arc._domainkey.evil.example": OTHER.record,
        "arc._domainkey.lists.example": OTHER.record,
    }
)
OPEN_ZONE = Zone({name: text for name, text in ZONE.records.items() if not name.startswith("_dmarc")})
LONG = signed(TEXT, extra="l=7; ")
REWRITTEN = f"Reply-To: {B}\r\nX-Original-From: {B}\r\nList-Id: <team.lists.example>\r\n"


def row(name: str, raw: bytes, cells: tuple[str, str, str], *facts: Fact, accepted: str = "") -> Spoof:
    if not accepted and "B" in cells[2]:
        accepted = TESTS
    return Spoof(name, raw, *cells, facts or (BOB_KNOWN,), accepted=accepted)


def from_bytes(
    name: str,
    raw: bytes,
    cells: tuple[str, str, str],
    zone: Zone = ZONE,
    *,
    sealers: frozenset[str] = frozenset(),
    accepted: str = TESTS,
) -> Spoof:
    return Spoof(name, raw, *cells, (BOB_KNOWN,), zone, sealers, spf_failed=True, accepted=accepted)


EXACT = (
    row("his address, nothing proved", mail(B), UNKNOWN, accepted=RISK),
    row("his address in capitals", mail("BOB@CORP.EXAMPLE"), UNKNOWN, accepted=RISK),
    row("his address, which has passed before", mail(B), HELD, BOB_PROVED),
    row("his address, fail under reject", failing("reject"), SPOOFED),
    row("his address, fail under a policy nobody told", mail(B, "dmarc=fail"), SPOOFED),
    row("his address, fail under quarantine", failing("quarantine"), HELD),
    row("his address, fail under none", failing("none"), HELD),
    row("his address, permanent error", mail(B, "dmarc=permerror"), HELD),
    row("his address, temporary error", mail(B, "dmarc=temperror"), HELD),
    row("a pass and a fail", mail(B, "dmarc=pass header.from=corp.example; dmarc=fail"), SPOOFED),
    row("his address, SPF of another", mail(B, f"spf=pass smtp.mailfrom={E}"), UNKNOWN, accepted=RISK),
    row("his address, DKIM of another", mail(B, "dkim=pass header.d=evil.example"), UNKNOWN, accepted=RISK),
    row("... which has passed before", mail(B, "dkim=pass header.d=evil.example"), HELD, BOB_PROVED),
    row("his address, DKIM of a name below", mail(B, "dkim=pass header.d=x.corp.example"), HELD, BOB_PROVED),
    row("his address, DKIM of his top level", mail(B, "dkim=pass header.d=example"), HELD, BOB_PROVED),
    row("a pass for another domain", mail(B, FROM_EVE), HELD, BOB_PROVED),
    row(
        "a result he wrote himself",
        mail(B, more="Authentication-Results: mx.reply.example; dmarc=pass\r\n"),
        HELD,
        BOB_PROVED,
    ),
    row(
        "a provider's field he wrote himself",
        mail(B, more="X-Mailgun-Spf: Pass\r\nX-Mailgun-Dkim-Check-Result: Pass\r\n"),
        HELD,
        BOB_PROVED,
    ),
    row("a result hidden in a comment", mail(B, 'dmarc=fail (p=reject) reason="dmarc=pass"'), SPOOFED),
    row("a result that cannot be read", mail(B, "dmarc=pass " + "(" * 50), HELD),
)
OTHERS = (
    row("a lookalike domain", mail("bob@c0rp.example", PASSED.format("c0rp.example")), PROVED),
    row("a lookalike domain, nothing proved", mail("bob@c0rp.example"), UNPROVED),
    row("a homograph domain", mail("bob@\u0441orp.example", PASSED.format("xn--orp-3ed.example")), PROVED),
    row("a lookalike local part", mail("b0b@corp.example"), UNPROVED),
    row(
        "a letter that lower() would merge",
        mail("bo\u212a@corp.example"),
        UNPROVED,
        Account(BOB, (EmailAddress.parse("bok@corp.example"),), company_domains=CORP),
    ),
    row("his address with a tag", mail("bob+x@corp.example"), UNPROVED),
    row("a domain below his", mail("bob@x.corp.example", PASSED.format("x.corp.example")), PROVED),
    row("a domain that ends like his", mail("bob@notcorp.example", PASSED.format("notcorp.example")), PROVED),
    row(
        "his domain below another",
        mail("bob@corp.example.evil.example", PASSED.format("corp.example.evil.example")),
        PROVED,
    ),
    row("his name", evil(f"Bob <{E}>"), PROVED),
    row("his address as a name", evil(f'"{B}" <{E}>'), PROVED),
    row("his address in an encoded word", evil(f"=?utf-8?q?bob=40corp.example?= <{E}>"), PROVED),
    row("his address in a comment", evil(f"{E} ({B})"), PROVED),
    row("his name, nothing proved", mail(f"Bob <{E}>"), UNPROVED),
    row("his name, failing", mail(f"Bob <{E}>", "dmarc=fail (p=none)"), DOUBTFUL),
    row("his Sender and Reply-To", evil(E, more=f"Sender: {B}\r\nReply-To: {B}\r\n"), PROVED),
    row("his X-Original-From alone", evil(E, more=f"X-Original-From: {B}\r\nReply-To: {B}\r\n"), PROVED),
    row("his Resent-From and Return-Path", evil(E, more=f"Resent-From: {B}\r\nReturn-Path: <{B}>\r\n"), PROVED),
    row("a mailbox at his company", mail("eve@corp.example", PASSED.format("corp.example")), VOUCHED),
    row("one that nothing proves", mail("eve@corp.example"), UNPROVED),
    row("our own alias", mail(str(ALIAS), PASSED.format("reply.example")), LOOP),
    row("a known account that takes no part", evil(E), OUTSIDER, BOB_KNOWN, Account(EVE, (EVES,))),
)
READINGS = (
    row("his address before the address", evil(f"{B} <{E}>"), ASKED),
    row("... nothing proved", mail(f"{B} <{E}>"), AMBIGUOUS),
    row("his address in single quotes", evil(f"'{B}' <{E}>"), ASKED),
    row("his address in angles before another", mail(f"<{B}>{E}"), AMBIGUOUS),
    row("two mailboxes", mail(f"{B}, {E}"), AMBIGUOUS),
    row("two From fields", mail(B, more=f"From: {E}\r\n"), AMBIGUOUS),
    row("two From fields that agree", mail(B, PASSED.format("corp.example"), more=f"From: {B}\r\n"), ASKED),
    row("two at signs", mail(f"{B}@evil.example"), AMBIGUOUS),
    row("an obsolete route", mail(f"<@evil.example:{B}>"), AMBIGUOUS),
    row("a group", mail(f"x: {B};"), AMBIGUOUS),
    row("an unclosed quote", mail(f'"Bob <{B}>'), HELD),
    row("a full-width at sign", mail("bob\uff20corp.example"), AMBIGUOUS),
    row("a full-width dot", mail("bob@corp\uff0eexample"), AMBIGUOUS),
    row("a space before the colon", mail(B).replace(b"From: ", b"From : "), AMBIGUOUS),
    row("a From behind a bare CR", mail(E, more=f"X: y\rFrom: {B}\r\n"), AMBIGUOUS),
    row("no From at all", mail(B).replace(b"From:", b"Sender:"), AMBIGUOUS),
)
SIGNED = (
    from_bytes("unsigned", TEXT, SPOOFED),
    from_bytes("signed by another", signed(TEXT, domain="evil.example", key=OTHER), SPOOFED),
    from_bytes("signed by another in his name", signed(TEXT, key=OTHER), SPOOFED),
    from_bytes("text under l=", LONG + b"Send money\r\n", SPOOFED),
    from_bytes("l= and nothing added", LONG, SPOOFED),
    from_bytes("From not signed", signed(TEXT, names="to:subject"), SPOOFED),
    from_bytes("From added above a signed one", b"From: bob@corp.example\r\n" + signed(TEXT), AMBIGUOUS, accepted=""),
    from_bytes("From added by another domain", b"From: eve@evil.example\r\n" + signed(TEXT), AMBIGUOUS, accepted=""),
    from_bytes("expired", signed(TEXT, extra="x=1772400000; "), SPOOFED),
    from_bytes("l=, no policy", LONG, UNKNOWN, OPEN_ZONE, accepted=RISK),
    from_bytes("ARC by a sealer nobody listed", sealed(TEXT, domain="evil.example"), SPOOFED, sealers=LISTS),
    from_bytes("ARC of a listed sealer, forged", sealed(TEXT, key=KEY), SPOOFED, sealers=LISTS),
    from_bytes("ARC of a listed sealer that saw no pass", sealed(TEXT, results="dmarc=fail"), SPOOFED, sealers=LISTS),
    from_bytes("ARC of a listed sealer, changed", sealed(TEXT).replace(b"Hello", b"Money"), SPOOFED, sealers=LISTS),
)
OLD_MAIL = mail(B, PASSED.format("corp.example"), to="carl@else.example", date="Sat, 28 Feb 2026 11:00:00 +0000")
REPLAYS = (
    row("a signed mail to somebody else, days later", OLD_MAIL, REPLAYED),
    row(
        "a signed mail to another conversation",
        mail(B, PASSED.format("corp.example"), to="carl@else.example"),
        REPLAYED,
        BOB_KNOWN,
        Sighting(MessageId(b"1@x.example"), BOBS, ConversationId("c2")),
    ),
)
REWRITTEN_FROMS = (
    row(
        "a list nobody configured",
        mail("x@other.example", PASSED.format("other.example"), more=REWRITTEN.replace("lists", "other")),
        IGNORED,
    ),
    row("a configured list, no pass", mail("team@lists.example", "dmarc=none", more=REWRITTEN), IGNORED),
    row("a configured list, failing", mail("team@lists.example", "dmarc=fail (p=none)", more=REWRITTEN), IGNORED),
    row(
        "a configured list, another Reply-To",
        mail(
            "team@lists.example",
            PASSED.format("lists.example"),
            more=REWRITTEN.replace(f"Reply-To: {B}", f"Reply-To: {E}"),
        ),
        IGNORED,
    ),
    row(
        "a configured list, another List-Id",
        mail("team@lists.example", PASSED.format("lists.example"), more=REWRITTEN.replace("team.lists", "team.evil")),
        IGNORED,
    ),
    row(
        "a configured list, no List-Id",
        mail("team@lists.example", PASSED.format("lists.example"), more=f"Reply-To: {B}\r\nX-Original-From: {B}\r\n"),
        PROVED,
    ),
)
ACCOUNTS = (
    row("an address he gave up for security", evil(E), PROVED, BOB_MOVED, had(900, 9, GivenUp.SECURITY)),
    row("an employer's after he left", evil(E), PROVED, BOB_MOVED, had(900, 9, GivenUp.EMPLOYER)),
    row("an address he gave up long ago", evil(E), PROVED, BOB_MOVED, had(900, 366)),
    row("an address that will be his", evil(E), PROVED, BOB_MOVED, had(-1, None)),
    row("an address he had before another", evil(E), OUTSIDER, BOB_MOVED, had(900, 9), had(9, None, account=EVE)),
    row("an address another has now", evil(E), OUTSIDER, BOB_MOVED, had(900, 9), Account(EVE, (EVES,))),
    row("an old address, failing", mail(E, "dmarc=fail"), SPOOFED, BOB_MOVED, had(900, 9)),
    row(
        "one who speaks for somebody else",
        evil(E),
        OUTSIDER,
        BOB_KNOWN,
        Account(ATS, (EVES,), speaks_for=frozenset({EVE})),
    ),
    row(
        "one who once spoke for him",
        evil(E),
        OUTSIDER,
        BOB_KNOWN,
        Account(ATS, speaks_for=frozenset({BOB})),
        had(900, 9, account=ATS),
    ),
    row(
        "one who speaks for both", evil(E), SEVERAL, BOB_KNOWN, Account(ATS, (EVES,), speaks_for=frozenset({ANN, BOB}))
    ),
    row("an address that both have", evil(E), SEVERAL, Account(BOB, (EVES,)), Account(ANN, (EVES,))),
    row("an address both had", evil(E), SEVERAL, BOB_MOVED, had(900, 9), had(900, 9, account=ANN)),
)
SPOOFS = (*EXACT, *OTHERS, *READINGS, *SIGNED, *REPLAYS, *REWRITTEN_FROMS, *ACCOUNTS)
CELLS: Mapping[str, str] = {
    "B": "relay as Bob",
    "P": "relay as the sender's own address",
    "H": "hold NEEDS_APPROVAL",
    "Q": "hold FROM_AMBIGUOUS",
    "S": "reject SPOOFED_SENDER",
    "A": "reject FROM_AMBIGUOUS",
    "U": "reject UNKNOWN_SENDER",
    "N": "reject NOT_PARTICIPANT",
    "M": "reject ACCOUNT_AMBIGUOUS",
    "I": "ignore AUTOMATED",
    "L": "ignore LOOP",
}
