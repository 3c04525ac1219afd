"""The From fields of generated mails: every ambiguous shape beside its honest look-alikes, each with its readings."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from doors.naive_address import canonical

Render = Callable[[str, str], list[str]]


@dataclass(frozen=True, slots=True)
class Shape:
    """Header lines for an address and another one; `both` says whether the other one is a reading as well."""

    name: str
    lines: Render
    both: bool = False
    vague: bool = False  # what its readings are is left open
    ascii_only: bool = False  # means something else, or is not allowed, with other characters


@dataclass(frozen=True, slots=True)
class From:
    """A drawn From: its lines, the sender (None: ambiguous), its readings."""

    shape: str
    lines: list[str]
    sender: str | None
    readings: frozenset[str]
    vague: bool = False
    repaired: bool = False


def _line(template: str) -> Render:
    def render(address: str, other: str) -> list[str]:
        local, _, domain = address.rpartition("@")
        return ["From: " + template.format(a=address, o=other, local=local, domain=domain)]

    return render


def _lines(*templates: str) -> Render:
    def render(address: str, other: str) -> list[str]:
        return [template.format(a=address, o=other) for template in templates]

    return render


HONEST = (
    Shape("bare", _line("{a}")),
    Shape("angle", _line("<{a}>")),
    Shape("named", _line("Some One <{a}>")),
    Shape("no space", _line("Some One<{a}>")),
    Shape("quoted name", _line('"One, Some" <{a}>')),
    Shape("escaped quote in name", _line('"One \\" <Some" <{a}>')),
    Shape("comma name", _line("Doe, John <{a}>")),
    Shape("bracketed name", _line("John [Corp] <{a}>")),
    Shape("single-quoted same", _line("'{a}' <{a}>")),
    Shape("same before", _line("{a} <{a}>")),
    Shape("quoted same", _line('"{a}" <{a}>')),
    Shape("quoted other", _line('"{o}" <{a}>')),
    Shape("comment other before", _line("John ({o}) Doe <{a}>")),
    Shape("encoded other", _line("=?UTF-8?Q?{o}?= <{a}>"), ascii_only=True),
    Shape("well encoded other", lambda a, o: [f"From: =?UTF-8?Q?{o.replace('@', '=40')}?= <{a}>"], ascii_only=True),
    Shape("encoded comma", _line("=?UTF-8?Q?Doe,_John?= <{a}>")),
    Shape("comment after", _line("<{a}> ({o})")),
    Shape("bare with comment", _line("{a} (John)")),
    Shape("folded", _lines("From: Some One", "\t<{a}>")),
    Shape("lower-case field", _lines("from: Some One <{a}>")),
    Shape("at sign with spaces", _line("John @ Corp <{a}>")),
    Shape("raw japanese", _line("\x1b$B;3ED<@$(\x1b(B <{a}>")),
    Shape("quoted local part", _line('<"{local}"@{domain}>')),
    Shape(
        "upper domain",
        lambda a, _: [f"From: <{a.rpartition('@')[0]}@{a.rpartition('@')[2].swapcase()}>"],
        ascii_only=True,
    ),
)

AMBIGUOUS = (
    Shape("two fields", _lines("From: {a}", "From: {o}"), both=True),
    Shape("two fields that agree", _lines("From: {a}", "From: <{a}>")),
    Shape("two mailboxes", _line("{a}, {o}"), both=True),
    Shape("two mailboxes that agree", _line("<{a}>, <{a}>")),
    Shape("other before", _line("{o} <{a}>"), both=True),
    Shape("single-quoted other before", _line("'{o}' <{a}>"), both=True),
    Shape("address after bracket", _line("<{a}>{o}"), both=True),
    Shape("text after bracket", _line("<{a}> John")),
    Shape("two brackets", _line("<{a}> <{o}>"), both=True),
    Shape("two at signs", lambda a, o: [f"From: {a}@{o.rpartition('@')[2]}"], vague=True),
    Shape("route", _line("<@evil.example:{a}>")),
    Shape("group", _line("Team: {a};")),
    Shape("comma after", _line("John <{a}>,")),
    Shape("name without brackets", _line("John {a}")),
    Shape("closed group with brackets", _line("Team: John <{a}>;")),
    Shape("other behind a doubled bracket", _line("<<{a}>> {o}"), both=True),
    Shape("full-width dot", lambda a, _: [f"From: <{a.replace('.', '．')}>"], vague=True),
    Shape("full-width at", lambda a, _: [f"From: {a.replace('@', '＠')}"], vague=True),
    Shape("mapped domain", lambda a, _: [f"From: <{a.rpartition('@')[0]}@BÜCHER.example>"], vague=True),
    Shape("behind a bare CR", _lines("From: {a}", "X-Note: hello\rFrom: {o}"), both=True),
    Shape("behind a bare CR in Subject", _lines("From: {a}", "X-Subject: hello\rFrom: <{o}>"), both=True),
    Shape("space before colon", _lines("From : {a}")),
    Shape("space before second colon", _lines("From: {a}", "From : {o}"), both=True),
)

REPAIRED = (
    Shape("unclosed quote", _line('"John <{a}>')),
    Shape("colon", _line("Re: John <{a}>")),
    Shape("nested", _line("John <John <{a}>>")),
    Shape("doubled", _line("<<{a}>>")),
    Shape("semicolon after", _line("John <{a}>;")),
    Shape("unclosed bracket", _line("John <{a}")),
)

NOBODY = (
    Shape("empty", _lines("From: ")),
    Shape("name only", _lines("From: John Smith")),
    Shape("none", _lines()),
)


def honest(shape: Shape, address: str, other: str) -> From:
    """A From with one reading."""
    sender = canonical(address)
    return From(shape.name, shape.lines(address, other), sender, frozenset({sender}))


def repaired(shape: Shape, address: str, other: str) -> From:
    """A From with broken syntax and one reading."""
    sender = canonical(address)
    return From(shape.name, shape.lines(address, other), sender, frozenset({sender}), repaired=True)


def ambiguous(shape: Shape, address: str, other: str) -> From:
    """A From with several readings, or none to be trusted."""
    readings = {canonical(address), *([canonical(other)] if shape.both else [])}
    return From(shape.name, shape.lines(address, other), None, frozenset(readings), shape.vague)


def nobody(shape: Shape) -> From:
    """A From without any address."""
    return From(shape.name, shape.lines("", ""), None, frozenset())
