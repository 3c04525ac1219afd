"""Calendar entries as a recipient may have them: what happens when and where, and nobody's address but the alias."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator
from typing import Final

from attrs import evolve, frozen

from convalias.domain.addresses.email_address import EmailAddress, InvalidAddress
from convalias.domain.mail.envelope import Attachment
from convalias.domain.outbound.masks import Masks, without_addresses
from convalias.domain.outbound.seals import Seals
from convalias.domain.printable import one_line

_TYPES: Final = frozenset({"text/calendar", "application/ics"})
MOST_OCTETS: Final = 1_000_000
_MOST_LINES: Final = 20_000
_LINE_OCTETS: Final = 75
"""RFC 5545 §3.1: octets of a line without its end."""
_SHOWN: Final = 200
"""Characters of a title or place."""
_BREAK: Final = re.compile(r"\r?\n(?![ \t])")
_FOLD: Final = re.compile(r"\r?\n[ \t]")
_LINE: Final = re.compile(
    r'([A-Za-z0-9-]+)((?:;[A-Za-z0-9-]+=(?:"[^"]*"|[^";:,]*)(?:,(?:"[^"]*"|[^";:,]*))*)*):(.*)', re.DOTALL
)
_PARAMETER: Final = re.compile(r';([A-Za-z0-9-]+)=("[^"]*"|[^";:,]*)')
_ESCAPED: Final = re.compile(r"\\([\\;,nN])")
_WHEN: Final = re.compile(r"(\d{4})(\d\d)(\d\d)(?:T(\d\d)(\d\d)\d\d(Z?))?")
_CONTROL: Final = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")
_SAFE: Final = re.compile(r"[A-Za-z0-9 /_+:.()-]{1,80}")
_LONGEST_TEXT: Final = 10_000
"""Characters of a title, place or description."""
_TIMES: Final = frozenset({"DTSTART", "DTEND"})
_TOO_OFTEN: Final = re.compile(r"FREQ=(?:SECONDLY|MINUTELY)", re.IGNORECASE)
"""Meetings are not so frequent, and a program that lists them all has work for hours."""
_VALUE: Final = re.compile(r"[A-Za-z0-9 /_+:;,.=()-]*")
"""Times, rules, numbers and names of zones: no sign by which an address could stand there."""
_TEXTS: Final = frozenset({"SUMMARY", "LOCATION", "DESCRIPTION"})
_PLAIN: Final = frozenset(
    {
        "CLASS",
        "CREATED",
        "DTEND",
        "DTSTAMP",
        "DTSTART",
        "DURATION",
        "EXDATE",
        "LAST-MODIFIED",
        "PRIORITY",
        "RDATE",
        "RECURRENCE-ID",
        "RRULE",
        "SEQUENCE",
        "STATUS",
        "TRANSP",
        "TZID",
        "TZNAME",
        "TZOFFSETFROM",
        "TZOFFSETTO",
    }
)
_KEPT_PARAMETERS: Final = frozenset({"TZID", "VALUE", "RANGE"})
_PLACES: Final = frozenset(
    {
        ("VCALENDAR", "VEVENT"),
        ("VCALENDAR", "VTIMEZONE"),
        ("VCALENDAR", "VTIMEZONE", "STANDARD"),
        ("VCALENDAR", "VTIMEZONE", "DAYLIGHT"),
    }
)
"""Components that are kept, with those around them. An alarm acts on the reader's computer, so it is left out."""
_DEEPEST: Final = 8
_ANSWERS: Final = frozenset({"REPLY", "COUNTER"})
_ASKS: Final = frozenset({"REQUEST", "CANCEL", "ADD"})
_ANSWERED: Final = frozenset({"ACCEPTED", "DECLINED", "TENTATIVE", "NEEDS-ACTION", "DELEGATED"})


@frozen
class _Line:
    """One content line (RFC 5545 §3.1)."""

    name: str
    parameters: tuple[tuple[str, str], ...]
    value: str

    def parameter(self, name: str) -> str:
        return next((value for found, value in self.parameters if found == name), "")


@frozen(kw_only=True)
class Meeting:
    """A calendar entry as people read it. Plain text of one line each, empty where nothing is said."""

    title: str = ""
    when: str = ""
    where: str = ""
    repeats: bool = False
    cancelled: bool = False


@frozen(kw_only=True)
class Calendar:
    """A calendar entry, of which only what is harmless was kept."""

    method: str
    """`REQUEST`, `CANCEL`, `REPLY` and their like (RFC 5546 §1.4)."""
    answer: str
    """How its sender answers: a PARTSTAT (RFC 5545 §3.2.12). Empty where none stands."""
    meeting: Meeting
    organizer: EmailAddress | None = None
    """Who organizes, as its sender knows them; None where nobody readable does."""
    lines: tuple[_Line, ...]
    """All kept lines between the calendar's own first and last."""

    def is_answer_to_one_of(self, aliases: Collection[EmailAddress]) -> bool:
        """Whether somebody answers who was asked by one of these."""
        return self.method in _ANSWERS and self.organizer in aliases

    def with_uids(self, seals: Seals, domain: str, *, masks: Masks, own: Iterable[EmailAddress] = ()) -> Calendar:
        """Return it with the UIDs that its reader may have. `masks`: everybody's addresses, `own`: the reader's.

        A UID stays as it is, for an update must find what it updates; one that names somebody else is sealed. Whom it
        names gets it back in an answer, which has to name the entry as its organizer knows it.
        """
        others = masks.without(own)

        def shown(uid: str) -> str:
            sealed = seals.unsealed_uid(uid.strip())
            if sealed is None:
                return seals.sealed_uid(uid, domain) if others.is_named_in(uid) else uid
            is_readers = masks.is_named_in(sealed) and not others.is_named_in(sealed)
            return sealed if is_readers else uid

        lines = (evolve(line, value=shown(line.value)) if line.name == "UID" else line for line in self.lines)
        return evolve(self, lines=tuple(lines))

    def for_recipient(self, *, author: EmailAddress, author_name: str, recipient: EmailAddress) -> str:
        """Return it as that recipient gets it: `author` is the alias under which he knows its sender.

        The sender of a request organizes, and the recipient alone attends; of an answer it is the other way round.
        """
        people: tuple[_Line, ...]
        if self.method in _ANSWERS:
            part = (("PARTSTAT", self.answer),) if self.answer else ()
            people = (_person("ORGANIZER", recipient, ""), _person("ATTENDEE", author, author_name, *part))
        elif self.method in _ASKS:
            asked = (("PARTSTAT", "NEEDS-ACTION"), ("RSVP", "TRUE"))
            people = (_person("ORGANIZER", author, author_name), _person("ATTENDEE", recipient, "", *asked))
        else:
            people = (_person("ORGANIZER", author, author_name),)
        return self._written(self.method, people)

    def without_people(self) -> str:
        """Return it as anybody may have it: it names nobody, and asks nobody for an answer."""
        return self._written("PUBLISH", ())

    def _written(self, method: str, people: Iterable[_Line]) -> str:
        # RFC 5545 §3.6: version and producer are required; the producer is whoever wrote this.
        head = (("BEGIN", "VCALENDAR"), ("VERSION", "2.0"), ("PRODID", "-//convalias//EN"), ("METHOD", method))
        lines = [_Line(name, (), value) for name, value in head]
        for line in self.lines:
            if (line.name, line.value) == ("END", "VEVENT"):
                lines.extend(people)
            lines.append(line)
        lines.append(_Line("END", (), "VCALENDAR"))
        return "".join(f"{folded}\r\n" for line in lines for folded in _folded(line))


def is_calendar(file: Attachment) -> bool:
    """Whether a file is a calendar entry by its type or its ending."""
    return file.media_type.lower() in _TYPES or file.name.lower().endswith(".ics")


def calendar(octets: bytes) -> Calendar | None:
    """Read a calendar file; None for what is none, or larger than `MOST_OCTETS`. Total; linear."""
    if len(octets) > MOST_OCTETS:
        return None
    text = _CONTROL.sub("", octets.decode("utf-8-sig", "replace").replace("\r", ""))
    lines = [line for one in _BREAK.split(text) if (line := _read(_FOLD.sub("", one))) is not None]
    if len(lines) > _MOST_LINES or not any((one.name, one.value.upper()) == ("BEGIN", "VEVENT") for one in lines):
        return None
    kept = tuple(_kept(lines))
    answers = (one.parameter("PARTSTAT").upper() for one in lines if one.name == "ATTENDEE")
    method = next((one.value.strip().upper() for one in lines if one.name == "METHOD"), "PUBLISH")
    known = method if method in _ASKS | _ANSWERS else "PUBLISH"
    answer = next(answers, "")
    if known in _ASKS and not any(line.name == "DTSTART" for line in kept):
        return None  # nothing that anybody could answer
    meeting = _meeting(kept)
    meeting = evolve(meeting, cancelled=meeting.cancelled or known == "CANCEL")
    organizers = (found for one in lines if one.name == "ORGANIZER" and (found := _mailbox(one.value)) is not None)
    return Calendar(
        method=known,
        answer=answer if answer in _ANSWERED else "",
        meeting=meeting,
        organizer=next(organizers, None),
        lines=kept,
    )


def _read(line: str) -> _Line | None:
    found = _LINE.fullmatch(line)
    if found is None:
        return None
    parameters = ((name.upper(), value.strip('"')) for name, value in _PARAMETER.findall(found[2]))
    return _Line(found[1].upper(), tuple(parameters), found[3])


def _kept(lines: Iterable[_Line]) -> Iterator[_Line]:
    """Lines of known components and properties; each component that began ends."""
    around: tuple[str, ...] = ()
    for line in lines:
        component = line.value.strip().upper()
        if line.name == "BEGIN":
            around = (*around, component)
            if len(around) > _DEEPEST:
                break
            if around in _PLACES:
                yield _Line("BEGIN", (), component)
        elif line.name == "END":
            if around[-1:] == (component,):
                yield from _ended(around)
                around = around[:-1]
        elif around in _PLACES and _is_kept(line):
            yield _harmless(line)
    while around:
        yield from _ended(around)
        around = around[:-1]


def _ended(around: tuple[str, ...]) -> Iterator[_Line]:
    if around in _PLACES:
        yield _Line("END", (), around[-1])


def _is_kept(line: _Line) -> bool:
    if line.name in _TIMES:
        return _WHEN.fullmatch(line.value.strip()) is not None
    if line.name == "RRULE" and _TOO_OFTEN.search(line.value):
        return False
    return line.name in _TEXTS or line.name == "UID" or (line.name in _PLAIN and bool(_VALUE.fullmatch(line.value)))


def _harmless(line: _Line) -> _Line:
    parameters = tuple(
        (name, value) for name, value in line.parameters if name in _KEPT_PARAMETERS and _SAFE.fullmatch(value)
    )
    value = line.value
    if line.name in _TEXTS:
        value = _escaped(without_addresses(_unescaped(line.value[:_LONGEST_TEXT])))
    return evolve(line, parameters=parameters, value=value)


def _meeting(lines: Iterable[_Line]) -> Meeting:
    """The first event's."""
    found, inside = dict[str, _Line](), False
    for line in lines:
        if line.name in {"BEGIN", "END"}:
            if inside and line.name == "END":
                break
            inside = line.value == "VEVENT"
        elif inside:
            found.setdefault(line.name, line)
    title, where = (
        one_line(_unescaped(found[name].value))[:_SHOWN] if name in found else "" for name in ("SUMMARY", "LOCATION")
    )
    when = _when(found["DTSTART"], found.get("DTEND")) if "DTSTART" in found else ""
    is_off = "STATUS" in found and found["STATUS"].value.strip().upper() == "CANCELLED"
    return Meeting(title=title, when=when, where=where, repeats="RRULE" in found, cancelled=is_off)


def _when(start: _Line, end: _Line | None) -> str:
    """Days and times as they stand there, and in what zone."""
    begins = _WHEN.fullmatch(start.value.strip())
    assert begins is not None  # noqa: S101 - no other DTSTART is kept
    ends = None if end is None else _WHEN.fullmatch(end.value.strip())
    day = "-".join(begins.group(1, 2, 3))
    if begins[4] is None:
        return day
    shown = f"{day} {begins[4]}:{begins[5]}"
    zone = "UTC" if begins[6] else start.parameter("TZID")
    if ends is not None and ends[4] is not None:
        last = "-".join(ends.group(1, 2, 3))
        time = f"{ends[4]}:{ends[5]}"
        shown += f"\u2013{time}" if last == day else f" \u2013 {last} {time}"
    return f"{shown} ({zone})" if zone else shown


def _mailbox(value: str) -> EmailAddress | None:
    """The address of a calendar user (RFC 5545 §3.3.3)."""
    scheme, _, address = value.strip().partition(":")
    try:
        return EmailAddress.parse(address) if scheme.lower() == "mailto" else None
    except InvalidAddress:
        return None


def _person(name: str, address: EmailAddress, shown: str, *more: tuple[str, str]) -> _Line:
    common = one_line(shown.replace('"', "'"))
    parameters = (*((("CN", common),) if common else ()), *more)
    return _Line(name, parameters, f"mailto:{address.written}")


def _unescaped(text: str) -> str:
    return _ESCAPED.sub(lambda found: "\n" if found[1] in "nN" else found[1], text)


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace(";", "\\;").replace(",", "\\,").replace("\n", "\\n")


def _folded(line: _Line) -> Iterator[str]:
    """The line in pieces of at most 75 octets, no character cut in two; all but the first begin with a space."""
    parameters = "".join(
        f';{name}="{value}"' if set(value) & set(":;,") or name == "CN" else f";{name}={value}"
        for name, value in line.parameters
    )
    piece, size = "", 0
    for char in f"{line.name}{parameters}:{line.value}":
        width = len(char.encode("utf-8", "replace"))
        if size + width > _LINE_OCTETS:
            yield piece
            piece, size = " ", 1
        piece += char
        size += width
    yield piece
