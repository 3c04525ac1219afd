"""Message-IDs: canonical where they serve, synthetic where they do not."""

from __future__ import annotations

from mails.families.common import Mail, letter

HI = "Hello\n"


def named(name: str, why: str, value: str | bytes, shown: str) -> Mail:
    """A Message-ID whose canonical form is known; `shown` is in angle brackets."""
    field = b"Message-ID:" + value + b"\n" if isinstance(value, bytes) else f"Message-ID:{value}\n"
    return letter(f"id-{name}", why, HI, {"message_id": shown}, message_id=field)


def useless(name: str, why: str, written: str, *omit: str) -> Mail:
    """Fields that give no id that serves."""
    return letter(f"id-{name}", why, HI, {"synthetic": True}, message_id=written, omit=omit)


MAILS: tuple[Mail, ...] = (
    named("plain", "as it should be", " <a1@corp.example>", "<a1@corp.example>"),
    named("case", "an id is opaque: letters are kept", " <AbC@Corp.Example>", "<AbC@Corp.Example>"),
    named("no-at", "no at sign", " <11107978796724623>", "<11107978796724623>"),
    named("no-brackets", "no brackets: the whole value", " a1@corp.example", "<a1@corp.example>"),
    named("square", "Outlook's brackets as they are", " <[2]@outlook.example>", "<[2]@outlook.example>"),
    named("folded", "folded before the id", "\n <a1@corp.example>", "<a1@corp.example>"),
    named("folded-inside", "folded inside the id", " <a1.\n b2@corp.example>", "<a1.b2@corp.example>"),
    named("spaces", "white space inside is removed", " < a 1@corp .example\t>", "<a1@corp.example>"),
    named(
        "comment",
        "a comment after the id",
        " <a1@corp.example> (added by postmaster@corp.example)",
        "<a1@corp.example>",
    ),
    named("nested", "brackets in brackets: up to the last", " <<a1@corp.example>>", "<<a1@corp.example>>"),
    named(
        "pair",
        "two ids in one field: up to the last bracket",
        " <a1@corp.example> <b2@corp.example>",
        "<a1@corp.example><b2@corp.example>",
    ),
    named("literal", "an address literal", " <p05@[192.0.2.136]>", "<p05@[192.0.2.136]>"),
    named("two-ats", "two at signs", " <a1@b2@corp.example>", "<a1@b2@corp.example>"),
    named(
        "dollar", "Outlook Express", " <001301c17797$9cd0ef30$a3ab620c@vaio>", "<001301c17797$9cd0ef30$a3ab620c@vaio>"
    ),
    named("utf-8", "UTF-8 in an id", " <gr\u00fc\u00dfe@corp.example>", "<gr\u00fc\u00dfe@corp.example>"),
    named(
        "latin", "bytes that are no UTF-8, shown backslash-escaped", b" <gr\xfc@corp.example>", "<gr\\xfc@corp.example>"
    ),
    named("long", "990 octets still serve", f" <{'a' * 977}@corp.example>", f"<{'a' * 977}@corp.example>"),
    useless("missing", "no field", "X-No-Id: 1\n"),
    useless("empty", "an empty value", "Message-ID:\n"),
    useless("empty-angle", "empty brackets", "Message-ID: <>\n"),
    useless("blank-angle", "brackets around white space", "Message-ID: < >\n"),
    useless("at-alone", "an at sign alone", "Message-ID: <@>\n"),
    useless("too-long", "over 998 octets", f"Message-ID: <{'a' * 1100}@corp.example>\n"),
    useless("two-fields", "two fields", "Message-ID: <a1@corp.example>\nMessage-ID: <b2@corp.example>\n", "oddity"),
    useless(
        "two-fields-agree",
        "two fields that agree are two fields",
        "Message-ID: <a1@corp.example>\nMessage-ID: <a1@corp.example>\n",
        "oddity",
    ),
    letter(
        "id-field-case",
        "a field's name knows no case",
        HI,
        {"message_id": "<a1@corp.example>"},
        message_id="MESSAGE-id: <a1@corp.example>\n",
    ),
)
