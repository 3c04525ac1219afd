"""What the rules may know of a mail, as plain facts, and a small reader that finds them in simple mails."""

from __future__ import annotations

import email.utils
import re
from dataclasses import dataclass
from datetime import datetime
from email.utils import getaddresses, parsedate_to_datetime

from doors.naive_address import canonical

# Marks of automation, found in the mail alone; what depends on the world is added by the model.
OWN_FIELD = "own_field"
MANY_RECEIVED = "many_received"
COMPLAINT = "complaint"
READ_RECEIPT = "read_receipt"
BOUNCE = "bounce"
AUTO_REPLY = "auto_reply"
AWAY_SUBJECT = "away_subject"
RESPONDER_SUBJECT = "responder_subject"
EXCHANGE = "exchange"
AUTO_GENERATED = "auto_generated"
BULK = "bulk"
CALENDAR = "calendar"
REACTION = "reaction"

REPORTS = {"feedback-report": COMPLAINT, "disposition-notification": READ_RECEIPT, "delivery-status": BOUNCE}
AUTO_REPLY_FIELDS = {"x-autoreply", "x-autorespond", "x-autoresponder", "x-autoresponse", "x-auto-reply-from"}
RESPONDERS = ("out of office:", "automatic reply:", "automatische antwort:", "réponse automatique :")
RULED_FIELDS = ("to", "cc", "date", "subject", "message-id", "auto-submitted")
ADDRESS = re.compile(r"[^\s<>,;:\"'()@]+@[^\s<>,;:\"'()@]+")
JAPANESE = re.compile(r"\x1b\$[@B].*?\x1b\([BJ]", re.DOTALL)


@dataclass(frozen=True, slots=True)
class MailFacts:
    """A mail as the rules see it; `sender` None means that From is ambiguous, `message_id` None a synthetic one."""

    sender: str | None
    readings: frozenset[str]
    to: tuple[str, ...] = ()
    cc: tuple[str, ...] = ()
    delivered: tuple[str, ...] = ()
    marks: frozenset[str] = frozenset()
    message_id: str | None = None
    date: datetime | None = None
    empty: bool = False
    odd_fields: bool = False
    mime_ambiguous: bool | None = False  # None: the rules leave it open
    malformed: bool = False
    id_left_open: bool = False  # nothing is said of its Message-ID
    repaired: bool = False  # From is broken, but has one reading
    answers: tuple[str, ...] = ()  # the right sides of the ids it answers
    shown: frozenset[str] = frozenset()  # which of From, Subject and Date are there, even empty

    @property
    def to_cc(self) -> tuple[str, ...]:
        """All header recipients."""
        return (*self.to, *self.cc)


def read(mail: bytes) -> MailFacts:
    """The facts of a simple, well-made mail; hard shapes are described by who makes them."""
    text = mail.decode("utf-8", "surrogateescape")
    head, _, body = re.sub(r"(?<=\n)\r\n", "\n", text.replace("\r\n", "\n")).partition("\n\n")
    fields = _fields(head)
    sender, readings = read_from([value for name, value in fields if name == "from"])
    hidden = frozenset(canonical(m) for m in re.findall(r"\r[Ff]rom:.*?(\S+@\S+)", head))
    spaced = [value for name, value in fields if name.rstrip() == "from" and name != "from"]
    if hidden or spaced:
        sender, readings = None, readings | hidden | {canonical(a) for v in spaced for a in ADDRESS.findall(v)}
    subjects = [value.strip() for name, value in fields if name == "subject"]
    dates = [value for name, value in fields if name == "date"]
    broken = [name for name, value in fields if "\r" in value or "\0" in value]
    twice = [n for n in RULED_FIELDS if n != "message-id" and len({v.strip() for name, v in fields if name == n}) > 1]
    kind = next((value for name, value in fields if name == "content-type"), "text/plain")
    mended = None if sender or hidden or spaced else _mended([value for name, value in fields if name == "from"])
    return MailFacts(
        repaired=mended is not None,
        sender=sender or mended,
        readings=readings,
        to=_listed(fields, {"to"}),
        cc=_listed(fields, {"cc"}),
        delivered=_listed(fields, {"delivered-to", "x-original-to", "envelope-to"}),
        marks=_marks(fields, kind, body, subjects),
        answers=tuple(
            one.lower()
            for name, value in fields
            if name in ("in-reply-to", "references")
            for one in re.findall(r"@([^\s<>@]+)>", value)
        ),
        message_id=read_message_id([value for name, value in fields if name == "message-id"]),
        date=read_date(dates[0]) if dates else None,
        empty=not body.strip() and "multipart" not in kind and not said_in("".join(subjects)),
        odd_fields=bool(twice) or any(name in RULED_FIELDS for name in broken),
        mime_ambiguous=None,
        shown=frozenset({name.rstrip() for name, _ in fields} & {"from", "subject", "date"}),
    )


def _fields(head: str) -> list[tuple[str, str]]:
    unfolded = re.sub(r"\n(?=[ \t])", "", head)
    pairs = [line.partition(":") for line in unfolded.split("\n") if ":" in line]
    return [(name.lower(), value) for name, _, value in pairs]


def _listed(fields: list[tuple[str, str]], names: set[str]) -> tuple[str, ...]:
    values = [value.replace("\r", " ").replace("\0", "") for name, value in fields if name in names]
    return tuple(address for _, address in _addresses(values) if "@" in address)


def _addresses(values: list[str]) -> list[tuple[str, str]]:
    """Newer releases of Python give one empty address for a list that they find odd, unless they are told not to."""
    if getattr(email.utils, "supports_strict_parsing", False):
        return getaddresses(values, strict=False)
    return getaddresses(values)


def read_from(values: list[str]) -> tuple[str | None, frozenset[str]]:
    """The sender, None if From can be read in two ways or not at all, and all its readings."""
    readings = frozenset(canonical(a) for v in values for a in ADDRESS.findall(JAPANESE.sub("", v)))
    sender = _one_mailbox(JAPANESE.sub("x", values[0]).strip()) if len(values) == 1 else None
    return (None, readings) if sender is None else (sender, frozenset({sender}))


def _mended(values: list[str]) -> str | None:
    """The address of a From with a bracket, quote, colon or semicolon too many or too few."""
    value = values[0].strip() if len(values) == 1 else ""
    found = re.fullmatch(r'([\w\s&"<:.-]*)<([^\s<>,;:"\'()@＠﹫%]+@[^\s<>,;:"\'()@＠．%]+?)[>;"\s]*', value)
    if (
        found is None
        or (":" in found[1] and value.endswith(";"))
        or re.search(r"[A-ZÄÖÜ]", found[2].rpartition("@")[2].translate(_NO_ASCII))
    ):
        return None
    return canonical(found[2])


def _one_mailbox(value: str) -> str | None:
    value = re.sub(r"\([^()]*\)\s*$", "", value).strip()
    before, bracket, address = value.rpartition("<")
    if not bracket:
        address, before = value, ""
    elif address.endswith(">"):
        address = address[:-1]
    else:
        return None
    shown = re.sub(r'"(?:[^"\\]|\\.)*"|=\?[^?\s]*\?[^?\s]*\?[^?\s]*\?=|\([^()]*\)', "", before)
    if re.search(r'[":<>]', shown) or not re.fullmatch(r'("[^"]*"|[^\s"<>,;:()@＠]+)@[^\s"<>,;:()@．＠]+', address):
        return None
    if re.search(r"[A-ZÄÖÜ]", address.rpartition("@")[2].translate(_NO_ASCII)):
        return None  # a domain that needs more than ASCII case folded
    others = {canonical(word.strip("',;")) for word in shown.split() if re.search(r"\S@\S", word)}
    return canonical(address) if others <= {canonical(address)} else None


_NO_ASCII = dict.fromkeys(range(128))


def _marks(fields: list[tuple[str, str]], kind: str, body: str, subjects: list[str]) -> frozenset[str]:
    names = {name for name, _ in fields}
    values = {name: value.strip().lower() for name, value in fields}
    precedence = values.get("precedence", "")
    automatic = re.split(r"[\s;(]", values.get("auto-submitted", "no"))[0]
    parts = re.findall(r"(?im)^content-type:\s*([a-z0-9./+-]+)", re.sub(r"(?is)message/rfc822.*?\n--", "", body))
    leaves = [kind.strip().split(";")[0].lower(), *(part.lower() for part in parts)]
    found = {
        OWN_FIELD: "x-convalias-id" in names,
        MANY_RECEIVED: sum(name == "received" for name, _ in fields) > 50,
        AUTO_REPLY: automatic == "auto-replied"
        or bool(names & AUTO_REPLY_FIELDS)
        or precedence == "auto_reply"
        or (precedence == "junk" and "x-loop" in names)
        or values.get("x-autogenerated", "").split(";")[0].strip() == "reply"
        or re.split(r"[\s;]", values.get("x-post-messageclass", ""))[0] == "9",
        RESPONDER_SUBJECT: any(subject.lower().startswith(RESPONDERS) for subject in subjects),
        EXCHANGE: bool(names & {"x-ms-exchange-inbox-rules-loop", "x-ms-exchange-generated-message-source"}),
        AWAY_SUBJECT: any("out of office" in subject.lower() for subject in subjects),
        AUTO_GENERATED: automatic not in ("no", "auto-replied"),
        BULK: any(name.startswith("list-") for name in names)
        or precedence in ("bulk", "list")
        or (precedence == "junk" and "x-loop" not in names),
        BOUNCE: "x-failed-recipients" in names,
        CALENDAR: "text/calendar" in leaves,
        REACTION: "text/vnd.google.email-reaction+json" in leaves,
    }
    marks = {mark for mark, there in found.items() if there}
    if "multipart/report" in kind.lower():
        named = re.search(r'report-type="?([a-z-]+)', kind.lower())
        marks |= {
            REPORTS[t]
            for t in ([named[1]] if named else re.findall(r"message/([a-z-]+)", body.lower()))
            if t in REPORTS
        }
    else:
        marks |= {REPORTS[leaf[8:]] for leaf in leaves if leaf.startswith("message/") and leaf[8:] in REPORTS} - {
            COMPLAINT
        }
    return frozenset(marks)


def said_in(subject: str) -> str:
    """What a subject says: nothing where it is a reply mark alone, or the subject of our own notifications."""
    bare = re.sub(r"(?i)^(re:)?\s*", "", subject.strip())
    return "" if bare == "Message in your conversation" or re.search(r"\[[0-9a-f]{6}\]$", bare) else bare


def read_message_id(values: list[str]) -> str | None:
    """The canonical Message-ID in its brackets; None (a synthetic one is needed) if there is no usable single one."""
    if len(values) != 1:
        return None
    bare = re.sub(r"\s", "", values[0])
    inner = bare[bare.index("<") + 1 : bare.rindex(">")] if re.search("<.*>", bare) else bare
    left = inner.split("@")[0].lower()
    nobodys = {
        "",
        "null",
        "(null)",
        "nil",
        "none",
        "undefined",
        "nan",
        "n/a",
        "unknown",
        "empty",
        "false",
        "[objectobject]",
    }
    unfilled = re.fullmatch(r"[$#]?\{[a-z_.-]+\}|\{\{[a-z_.-]+\}\}|<%=?[a-z_.-]+%>|%[a-z_.-]+%|%[sd]|[0-]{36}", left)
    return None if left in nobodys or unfilled or len(inner.encode()) > 998 else f"<{inner}>"


def read_date(value: str) -> datetime | None:
    """The instant of a Date field, None if it cannot be read."""
    try:
        date = parsedate_to_datetime(value.strip())
    except (ValueError, IndexError, TypeError):
        return None
    return date if date.tzinfo else None
