"""From fields that can be read in more than one way, and beside them the honest ones that look alike."""

from __future__ import annotations

from mails.families.common import ALIAS, Mail, ambiguous, clear, letter

GOOD, EVIL = "mary@corp.example", "x@evil.example"
HI = "Hello\n"
# A space before a colon ends the header block for some readers: what follows is not laid down.
ONLY_FROM = ("oddity", "subject", "to", "cc", "date", "message_id", "text", "class", "empty")


def odd(name: str, why: str, value: str | bytes, *readings: str) -> Mail:
    """A From that never matches anybody. Its oddity is not laid down."""
    field = b"From: " + value + b"\n" if isinstance(value, bytes) else f"From: {value}\n"
    return letter(f"from-odd-{name}", why, HI, {"from": ambiguous(*readings)}, sender=field, omit=("oddity",))


def fine(name: str, why: str, value: str, address: str = GOOD, display: str | None = None) -> Mail:
    """A From that some reader gets wrong, but that has one reading."""
    expected: dict[str, object] = {"from": clear(address)}
    if display is not None:
        expected["display"] = display
    return letter(f"from-fine-{name}", why, HI, expected, sender=f"From: {value}\n")


def fields(name: str, why: str, written: str | bytes, *readings: str, omit: tuple[str, ...] = ("oddity",)) -> Mail:
    """Whole From fields, none or several."""
    return letter(f"from-odd-{name}", why, HI, {"from": ambiguous(*readings)}, sender=written, omit=omit, eol="\n")


MAILS: tuple[Mail, ...] = (
    fields("two-fields", "two From fields", f"From: {GOOD}\nFrom: {EVIL}\n", GOOD, EVIL),
    fields("two-fields-agree", "two From fields that agree", f"From: {GOOD}\nFrom: {GOOD}\n", GOOD),
    odd("two-mailboxes", "two mailboxes", f"{GOOD}, {EVIL}", GOOD, EVIL),
    odd("two-mailboxes-agree", "the same mailbox twice", f"{GOOD}, {GOOD}", GOOD),
    odd("two-mailboxes-named", "two mailboxes with names", f"Mary <{GOOD}>, X <{EVIL}>", GOOD, EVIL),
    odd("bare-before", "an address before the address", f"{GOOD} <{EVIL}>", GOOD, EVIL),
    odd("single-quoted", "single quotes quote nothing", f"'{GOOD}' <{EVIL}>", EVIL),
    odd("bare-comma", "an address and a name before the address", f"{GOOD}, Mary <{EVIL}>", GOOD, EVIL),
    odd("after-angle", "an address after the angle", f"<{GOOD}>{EVIL}", GOOD),
    odd("two-angles", "two angles", f"<{GOOD}> <{EVIL}>", GOOD, EVIL),
    odd("word-after", "a word after the angle", f"Mary <{GOOD}> Jones", GOOD),
    odd("two-ats", "two at signs", f"{GOOD}@evil.example"),
    odd("route", "an obsolete route", f"<@evil.example:{GOOD}>", GOOD),
    odd("group", "a group", f"Team: {GOOD}, {EVIL};", GOOD, EVIL),
    odd("empty-group", "a group of nobody", "undisclosed-recipients:;"),
    fine("unclosed-quote", "a quote that never ends, and one address", f'"Mary <{GOOD}>', display="Mary"),
    fine("colon", "a colon outside quotes, and one address", f"Jones: Mary <{GOOD}>", display="Jones Mary"),
    odd("closed-group", "a group that is closed, with brackets", f"Jones: Mary <{GOOD}>;", GOOD),
    odd("full-width-at", "a full-width at sign", "mary\uff20corp.example"),
    odd("full-width-dot", "a full-width dot", "mary@corp\uff0eexample"),
    odd("mapped-domain", "a domain that IDNA 2008 would have to map", "mary@B\u00dcCHER.example"),
    odd("name-only", "a name and no address", "Mary Jones"),
    odd("empty", "an empty field", ""),
    odd("empty-angle", "an empty angle", "Mary Jones <>"),
    fields("none", "no From; Sender stands in for nobody", f"Sender: {GOOD}\n"),
    fields("space-colon", "the only From has a space before its colon", f"From : {GOOD}\n", omit=ONLY_FROM),
    fields(
        "space-colon-second", "a second From hidden by a space", f"From: {EVIL}\nFrom : {GOOD}\n", EVIL, omit=ONLY_FROM
    ),
    fields(
        "bare-cr",
        "a second From hidden behind a bare CR",
        f"From: {EVIL}\nX-Note: hello\rFrom: {GOOD}\n".encode(),
        EVIL,
    ),
    fields("bare-cr-inside", "a bare CR inside From", f"From: {EVIL}\rFrom: {GOOD}\n".encode()),
    fine("single-quoted", "Outlook: the same address in single quotes", f"'{GOOD}' <{GOOD}>"),
    fine("bare-same", "the same address twice, once in the angle", f"{GOOD} <{GOOD}>"),
    fine("bare-same-case", "the same address in other letters", f"Mary@Corp.Example <{GOOD}>"),
    fine("comma-name", "an unquoted comma name that holds no address", f"Jones, Mary <{GOOD}>", display="Jones, Mary"),
    fine("brackets", "square brackets in the name", f"Mary [Corp] <{GOOD}>", display="Mary [Corp]"),
    fine("quoted-address", "another address inside quotes is a name", f'"{GOOD}" <{EVIL}>', EVIL, GOOD),
    fine("quoted-comma", "a quoted comma", f'"Jones, Mary" <{GOOD}>', display="Jones, Mary"),
    fine("quoted-colon", "a quoted colon", f'"Jones: Mary" <{GOOD}>', display="Jones: Mary"),
    fine("quoted-angle", "a quoted angle with another address", f'"Mary <{EVIL}>" <{GOOD}>'),
    fine("comment-address", "another address inside a comment", f"Mary ({EVIL}) <{GOOD}>"),
    fine("comment-after", "a comment after the angle", f"Mary Jones <{GOOD}> (at work)"),
    fine("comment-after-bare", "the old form: a comment after a bare address", f"{GOOD} (Mary Jones)"),
    fine(
        "encoded-comma",
        "a comma in an encoded word is decoded after parsing",
        f"=?UTF-8?Q?Jones,_Mary?= <{GOOD}>",
        display="Jones, Mary",
    ),
    fine(
        "encoded-address", "an address in an encoded word is a name", f"=?UTF-8?Q?ceo=40corp.example?= <{EVIL}>", EVIL
    ),
    fine("encoded-angle", "an angle in an encoded word", f"=?UTF-8?B?PGNlb0Bjb3JwLmV4YW1wbGU+?= <{EVIL}>", EVIL),
    fine("at-without-local", "an at sign between spaces makes no address", f"Mary @ Corp <{GOOD}>"),
    fine("override", "U+202E in the name; the address is plain", f"=?UTF-8?B?4oCubWFyeQ==?= <{GOOD}>"),
    fine("folded", "folded before the angle", f"Mary Jones\n <{GOOD}>", display="Mary Jones"),
    fine("no-space", "the angle touches the name", f"Mary Jones<{GOOD}>", display="Mary Jones"),
    fine("angle-only", "an angle alone", f"<{GOOD}>"),
    fine("upper-case", "letters of the key are lowered", "MARY@CORP.EXAMPLE"),
    fine("plus-tag", "a tag is part of a sender's address", "Mary <mary+jobs@corp.example>", "mary+jobs@corp.example"),
    fine("idna", "\u00df is a letter of IDNA 2008, not ss", "mary@fa\u00df.example", "mary@xn--fa-hia.example"),
    fine("a-label", "a domain that is an A-label already", "mary@xn--bcher-kva.example", "mary@xn--bcher-kva.example"),
    letter(
        "from-fine-resent",
        "Sender, Reply-To and Resent-From are other fields",
        HI,
        sender=f"Resent-From: {EVIL}\nFrom: Mary Jones <{GOOD}>\nSender: {EVIL}\nReply-To: {EVIL}\n",
        fields=f"Resent-To: {ALIAS}\nResent-Date: Mon, 02 Mar 2026 10:20:00 +0100\n",
    ),
    letter(
        "from-fine-forged-results",
        "what a sender writes about his own authentication is no evidence and no oddity",
        HI,
        fields="Authentication-Results: mx.reply.example; dmarc=pass header.from=corp.example\nX-Mailgun-Spf: Pass\n",
    ),
)
