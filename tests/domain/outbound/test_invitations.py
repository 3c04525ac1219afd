"""A calendar entry says when and where to its recipient, and names nobody but the alias."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from convalias.domain.addresses.email_address import EmailAddress
from convalias.domain.mail.envelope import Attachment
from convalias.domain.outbound.invitations import MOST_OCTETS, Calendar, Meeting, calendar, is_calendar
from convalias.domain.outbound.masks import Masks
from convalias.domain.outbound.seals import Seal, Seals

ALIAS = EmailAddress.parse("ann-lee-1ab131e2@reply.example")
BOB = EmailAddress.parse("bob@home.example")
REQUEST = """BEGIN:VCALENDAR
VERSION:2.0
PRODID:-//Somebody//ann@corp.example//EN
METHOD:REQUEST
X-WR-CALNAME:ann@corp.example
BEGIN:VTIMEZONE
TZID:Europe/Berlin
X-LIC-LOCATION:Europe/Berlin
BEGIN:STANDARD
DTSTART:19701025T030000
RRULE:FREQ=YEARLY;BYMONTH=10;BYDAY=-1SU
TZOFFSETFROM:+0200
TZOFFSETTO:+0100
END:STANDARD
END:VTIMEZONE
BEGIN:VEVENT
UID:1@calendar.example
DTSTAMP:20260301T120000Z
DTSTART;TZID=Europe/Berlin:20260310T100000
DTEND;TZID=Europe/Berlin:20260310T110000
SUMMARY;LANGUAGE=en:Interview\\, with ann@corp.exam
 ple
LOCATION:Room 5\\; second floor
DESCRIPTION:Call me\\nann%40corp.example or <ANN@corp.example>
ORGANIZER;CN="Ann Lee":mailto:ann@corp.example
ATTENDEE;CN=x@reply.example;RSVP=TRUE:mailto:x@reply.example
ATTENDEE;CN=Eve:mailto:eve@home.example
X-ALT-DESC;FMTTYPE=text/html:<p>ann@corp.example</p>
SEQUENCE:2
BEGIN:VALARM
ACTION:EMAIL
ATTENDEE:mailto:ann@corp.example
DESCRIPTION:ann@corp.example
END:VALARM
END:VEVENT
END:VCALENDAR
"""


def read(text: str = REQUEST) -> Calendar:
    found = calendar(text.replace("\n", "\r\n").encode())
    assert found is not None
    return found


def unfolded(text: str) -> list[str]:
    assert text.endswith("\r\n")
    return text.replace("\r\n ", "").split("\r\n")[:-1]


def written(text: str = REQUEST, name: str = "Ann Lee") -> list[str]:
    return unfolded(read(text).for_recipient(author=ALIAS, author_name=name, recipient=BOB))


def test_what_people_read_of_it_is_title_time_and_place() -> None:
    assert read().meeting == Meeting(
        title="Interview, with [\u2026@\u2026]",
        when="2026-03-10 10:00\u201311:00 (Europe/Berlin)",
        where="Room 5; second floor",
    )


def test_the_alias_asks_the_recipient_and_nobody_else_is_in_it() -> None:
    lines = written()
    assert 'ORGANIZER;CN="Ann Lee":mailto:ann-lee-1ab131e2@reply.example' in lines
    assert [one for one in lines if one.startswith("ATTENDEE")] == [
        "ATTENDEE;PARTSTAT=NEEDS-ACTION;RSVP=TRUE:mailto:bob@home.example"
    ]
    text = "\n".join(lines).lower()
    for gone in ("corp.example", "eve@", "cn=eve", "x-", "valarm", "x@reply"):
        assert gone not in text


def test_what_makes_it_the_same_entry_stays() -> None:
    lines = written()
    for kept in (
        "UID:1@calendar.example",
        "SEQUENCE:2",
        "METHOD:REQUEST",
        "DTSTART;TZID=Europe/Berlin:20260310T100000",
    ):
        assert kept in lines
    assert lines.count("BEGIN:VTIMEZONE") == lines.count("END:VTIMEZONE") == 1
    assert "RRULE:FREQ=YEARLY;BYMONTH=10;BYDAY=-1SU" in lines
    assert lines[:2] == ["BEGIN:VCALENDAR", "VERSION:2.0"]
    assert lines[-1] == "END:VCALENDAR"


ANNS = EmailAddress.parse("ann@corp.example")
MASKS = Masks.of([ANNS, BOB], shown_domains=["reply.example"])
SEALS = Seals(Seal(b"m" * 32), Seal(b"r" * 32), Seal(b"l" * 32))


def uid_for(uid: str, *own: EmailAddress, masks: Masks = MASKS) -> str:
    entry = read(REQUEST.replace("UID:1@calendar.example", f"UID:{uid}"))
    (line,) = [
        one
        for one in unfolded(entry.with_uids(SEALS, "reply.example", masks=masks, own=own).without_people())
        if one.startswith("UID")
    ]
    return line.removeprefix("UID:")


@pytest.mark.parametrize("uid", ["1@calendar.example", "joann@corp.example", "040000008200E00074C5B7101A82E008", ""])
def test_a_uid_that_names_nobody_stays(uid: str) -> None:
    assert uid_for(uid, BOB) == uid


@pytest.mark.parametrize("uid", ["ann@corp.example-1", "ANN@CORP.EXAMPLE", "20260310/ann+x@corp.example"])
def test_a_uid_that_names_somebody_else_is_sealed_and_given_back_to_whom_it_names(uid: str) -> None:
    sealed = uid_for(uid, BOB)
    assert sealed == SEALS.sealed_uid(uid, "reply.example")
    assert uid_for(uid, ANNS) == uid
    assert uid_for(sealed, ANNS) == uid
    assert uid_for(sealed, BOB) == sealed
    assert uid_for(sealed) == sealed


def test_a_sealed_uid_tells_nobody_else_what_it_was_when_its_address_is_no_participants_any_more() -> None:
    sealed = uid_for("ann@corp.example-1", BOB)
    assert uid_for(sealed, BOB, masks=Masks.of([BOB])) == sealed


def test_an_answer_goes_to_who_asked_in_the_name_of_the_alias() -> None:
    answer = REQUEST.replace("METHOD:REQUEST", "METHOD:REPLY").replace(
        "ATTENDEE;CN=x@reply.example;RSVP=TRUE:", "ATTENDEE;PARTSTAT=ACCEPTED:"
    )
    lines = written(answer)
    assert "METHOD:REPLY" in lines
    assert "ORGANIZER:mailto:bob@home.example" in lines
    assert 'ATTENDEE;CN="Ann Lee";PARTSTAT=ACCEPTED:mailto:ann-lee-1ab131e2@reply.example' in lines


@pytest.mark.parametrize(
    ("method", "organizer", "is_one"),
    [
        ("REPLY", f"MAILTO:{ALIAS.written.upper()}", True),
        ("COUNTER", f"mailto:{ALIAS.written}", True),
        ("REQUEST", f"mailto:{ALIAS.written}", False),
        ("REPLY", "mailto:ann@corp.example", False),
        ("REPLY", f"tel:{ALIAS.written}", False),
        ("REPLY", "mailto:nobody", False),
    ],
)
def test_an_answer_is_for_whom_it_names_as_organizer(method: str, organizer: str, *, is_one: bool) -> None:
    text = REQUEST.replace("METHOD:REQUEST", f"METHOD:{method}").replace(
        "mailto:ann@corp.example\nATT", f"{organizer}\nATT"
    )
    assert organizer in text
    assert read(text).is_answer_to_one_of({ALIAS}) is is_one


def test_an_answer_without_an_organizer_is_to_nobody_known() -> None:
    assert not read(REQUEST.replace("METHOD:REQUEST", "METHOD:REPLY").replace("ORGANIZER", "X")).is_answer_to_one_of(
        {ALIAS}
    )


@pytest.mark.parametrize(("said", "kept"), [("declined", ";PARTSTAT=DECLINED"), ("X;Y", ""), ("", "")])
def test_an_answer_is_one_of_those_there_are(said: str, kept: str) -> None:
    text = f'BEGIN:VCALENDAR\nMETHOD:reply\nBEGIN:VEVENT\nATTENDEE;PARTSTAT="{said}":mailto:a@b.example\nEND:VEVENT\nEND:VCALENDAR'
    assert f"ATTENDEE{kept}:mailto:{ALIAS.written}" in written(text, "")


def test_an_entry_that_asks_nothing_names_its_sender_alone() -> None:
    lines = written(REQUEST.replace("METHOD:REQUEST", "METHOD:X-ODD"))
    assert "METHOD:PUBLISH" in lines
    assert [one for one in lines if one.startswith(("ORGANIZER", "ATTENDEE"))] == [
        'ORGANIZER;CN="Ann Lee":mailto:ann-lee-1ab131e2@reply.example'
    ]


def test_behind_a_link_it_names_nobody_and_asks_nothing() -> None:
    lines = unfolded(read().without_people())
    assert "METHOD:PUBLISH" in lines
    assert not [one for one in lines if "mailto" in one.lower()]


@pytest.mark.parametrize(
    ("times", "when"),
    [
        ("DTSTART:20260310T100000Z", "2026-03-10 10:00 (UTC)"),
        ("DTSTART:20260310T100000", "2026-03-10 10:00"),
        ("DTSTART;VALUE=DATE:20260310", "2026-03-10"),
        ("DTSTART:20260310T230000Z\nDTEND:20260311T010000Z", "2026-03-10 23:00 \u2013 2026-03-11 01:00 (UTC)"),
        ("DTSTART:20260310T230000Z\nDTEND:20260311", "2026-03-10 23:00 (UTC)"),
        ("DTSTART;TZID=ann@corp.example:20260310T100000", "2026-03-10 10:00"),
        ("DTEND:20260310T100000Z", ""),
        ("DTSTART:tomorrow", ""),
    ],
)
def test_times_are_shown_as_they_stand(times: str, when: str) -> None:
    found = read(f"BEGIN:VCALENDAR\nBEGIN:VEVENT\n{times}\nRRULE:FREQ=DAILY\nEND:VEVENT\nEND:VCALENDAR\n")
    assert found.meeting == Meeting(when=when, repeats=True)


@pytest.mark.parametrize(
    ("text", "cancelled"),
    [
        ("METHOD:CANCEL\nBEGIN:VEVENT\nDTSTART:20260310", True),
        ("BEGIN:VEVENT\nSTATUS:cancelled", True),
        ("METHOD:REQUEST\nBEGIN:VEVENT\nDTSTART:20260310\nSTATUS:CONFIRMED", False),
    ],
)
def test_a_meeting_that_is_off_says_so(text: str, *, cancelled: bool) -> None:
    assert read(f"BEGIN:VCALENDAR\n{text}\n").meeting.cancelled == cancelled


def test_what_would_keep_a_program_busy_is_left_out() -> None:
    lines = written(
        f"BEGIN:VCALENDAR\nBEGIN:VEVENT\nSUMMARY:{'x' * 20_000}\nRRULE:FREQ=SECONDLY\nDTSTART:20260310\nEND:VEVENT"
    )
    assert not [one for one in lines if one.startswith("RRULE")]
    assert max(map(len, lines)) < 10_100


def test_the_link_to_a_meeting_loses_the_address_in_it_alone() -> None:
    text = "BEGIN:VCALENDAR\nBEGIN:VEVENT\nDESCRIPTION:Join https://teams.example/x?u=mary@corp.example&v=1 now"
    assert "DESCRIPTION:Join https://teams.example/x?u=[\u2026@\u2026]&v=1 now" in written(text)


def test_only_the_first_event_is_shown() -> None:
    event = "BEGIN:VEVENT\nSUMMARY:{}\nEND:VEVENT\n"
    text = f"BEGIN:VCALENDAR\n{event.format('one')}{event.format('two')}END:VCALENDAR"
    assert read(text).meeting.title == "one"
    assert "SUMMARY:two" in written(text)


@pytest.mark.parametrize(
    "octets",
    [
        b"",
        b"%PDF-1.4",
        b"BEGIN:VCALENDAR\r\nBEGIN:VTODO\r\nEND:VTODO\r\nEND:VCALENDAR",
        b"BEGIN:VEVENT\r\n" * 20_001,
        b"BEGIN:VCALENDAR\r\nMETHOD:REQUEST\r\nBEGIN:VEVENT\r\nDTSTART:tomorrow\r\nEND:VEVENT\r\nEND:VCALENDAR",
        b"BEGIN:VEVENT\r\n" + b" " * MOST_OCTETS,
    ],
)
def test_what_is_no_calendar_entry_is_none(octets: bytes) -> None:
    assert calendar(octets) is None


@pytest.mark.parametrize(
    ("text", "components"),
    [
        ("BEGIN:VCALENDAR\nBEGIN:VEVENT\nUID:1", ["BEGIN:VEVENT", "UID:1", "END:VEVENT"]),
        ("BEGIN:VEVENT\nUID:1\nEND:VEVENT", []),
        ("BEGIN:VCALENDAR\nEND:VEVENT\nBEGIN:VEVENT\nEND:VALARM\nEND:VEVENT\n", ["BEGIN:VEVENT", "END:VEVENT"]),
        ("BEGIN:VCALENDAR\nBEGIN:VEVENT\n" + "BEGIN:X\n" * 9 + "UID:1", ["BEGIN:VEVENT", "END:VEVENT"]),
        ("BEGIN:VCALENDAR\nBEGIN:VEVENT\nBEGIN:X\nUID:1\nEND:X\nUID:2\n", ["BEGIN:VEVENT", "UID:2", "END:VEVENT"]),
        ("BEGIN:VCALENDAR\nno line\nBEGIN:VEVENT\nSTATUS:a@b.example\n", ["BEGIN:VEVENT", "END:VEVENT"]),
    ],
)
def test_broken_structure_ends_in_whole_components(text: str, components: list[str]) -> None:
    assert unfolded(read(text).without_people())[4:-1] == components


@pytest.mark.parametrize(
    ("name", "kind", "expected"),
    [
        ("a", "TEXT/Calendar", True),
        ("invite", "application/ics", True),
        ("invite.ICS", "application/octet-stream", True),
        ("a.pdf", "application/pdf", False),
    ],
)
def test_a_calendar_entry_is_known_by_type_or_ending(name: str, kind: str, *, expected: bool) -> None:
    assert is_calendar(Attachment(name, kind, 1, "d")) == expected


PIECES = st.sampled_from(
    [*REQUEST.splitlines(), "BEGIN:VALARM", "END:VALARM", "SUMMARY:ann@corp.example", 'CN="', ";:,", "\x00", "\r", " x"]
)


@given(st.lists(PIECES, max_size=40).map("\n".join), st.text(max_size=20))
def test_whatever_comes_no_address_but_two_goes_out_and_no_line_is_long(text: str, name: str) -> None:
    found = calendar(f"BEGIN:VCALENDAR\nBEGIN:VEVENT\nDTSTART:20260310T100000Z\nSTATUS:CONFIRMED\n{text}".encode())
    assert found is not None
    out = found.for_recipient(author=ALIAS, author_name=name, recipient=BOB)
    bare = re.sub(r'CN="[^"]*"', "", out.replace("\r\n ", ""))
    assert "corp.example" not in bare.lower()
    assert "home.example" not in bare.replace("bob@home.example", "")
    assert max(len(line.encode("utf-8", "replace")) for line in out.split("\r\n")) <= 75
    assert calendar(out.encode("utf-8", "replace")) is not None
