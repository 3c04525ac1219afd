"""Quoted history cut off a reply: our own linear cutter, which knows no language but our marker and addresses."""

from __future__ import annotations

import re
from collections.abc import Collection
from typing import Final

from convalias.adapters.mime import limits
from convalias.ports.drafts import REPLY_MARKER

_ADDRESS: Final = re.compile(r"@([A-Za-z0-9](?:[A-Za-z0-9.-]{0,250}))")
_FIELD: Final = re.compile(r"[>\s]*+\*{0,2}[^\s:>@\uff1a][^:@\uff1a]{0,40}+\*{0,2}\s?[:\uff1a]")
_RULE: Final = re.compile(
    r"[>\s]*+(?:[-_=*\u2500-\u257f]{3,}.{0,60}[-_=*\u2500-\u257f]{3,}|[-_=]{5,}.{0,60}|[-_=\u2500-\u257f]{3,})\s*+"
)
_COLONS: Final = (":", "\uff1a")
_RULE_LENGTH: Final = 160
_WRAPPED: Final = 50
_DIGIT: Final = re.compile(r"\d")
_DATED: Final = re.compile(r"\d{4}.{0,40}\d{1,2}:\d{2}")
_FRAMED: Final = re.compile(r"[>\s]*+-{3,}+\s.{1,300}\s-{3,}+\s*+")
"""An attribution between hyphens, as `---- On Monday, John <alias> wrote ---`."""
_FOOTER: Final = re.compile(r"--\s*+|([_*=-])\1{9,}\s*+")
"""What signatures and the notices of gateways stand under; nobody begins an answer so."""


def without_history(text: str, alias_domains: Collection[str]) -> str:
    """The new part of a reply; all of it when nothing would be left, or when it is too long to search."""
    if len(text) > limits.TEXT:
        return text
    lines = text.split("\n")
    cut = _cut_at(lines, alias_domains)
    if cut is None:
        return text
    kept = "\n".join(lines[:cut]).rstrip()
    return kept if kept.strip() else text


def _cut_at(lines: list[str], alias_domains: Collection[str]) -> int | None:
    """The first line of quoted history, or None."""
    trail = _quoted_trail(lines)
    for number, line in enumerate(lines):
        if REPLY_MARKER in line:
            # Quoted, with own words among or under the quoted lines: then nothing is cut.
            answered_below = line.startswith(">") and (trail is None or trail > number)
            return None if answered_below else _above(lines, number)
        if "@" in line and _names_alias(line, alias_domains):
            start = _attribution(lines, number, trail)
            if start is not None:
                return start
    if trail is not None:
        last = _last_filled(lines, trail)
        if last is not None and lines[last].rstrip().endswith(_COLONS):
            return _attribution_start(lines, last)
    return None


def _names_alias(line: str, alias_domains: Collection[str]) -> bool:
    """Whether an address at an alias domain stands in the line."""
    return any(found[1].lower().rstrip(".-") in alias_domains for found in _ADDRESS.finditer(line[:2_000]))


def _attribution(lines: list[str], number: int, trail: int | None) -> int | None:
    """Where the history begins that this line introduces; None when it is only a line of the text."""
    if _introduces(lines[number]) or _colon_follows(lines, number):
        answered_below = not lines[number].startswith(">") and _answers_below(lines, number + 1, trail)
        return None if answered_below else _attribution_start(lines, number)
    if _FIELD.match(lines[number]):
        first = number
        while first and _FIELD.match(lines[first - 1]):
            first -= 1
        following = number + 1 < len(lines) and _FIELD.match(lines[number + 1])
        if first < number or following:
            return _above_rule(lines, first)
    return None


def _introduces(line: str) -> bool:
    """Whether an attribution ends here: in a colon, or framed in hyphens."""
    return line.rstrip(" *\t\u00a0").endswith(_COLONS) or _FRAMED.fullmatch(line) is not None


def _colon_follows(lines: list[str], number: int) -> bool:
    """An attribution wrapped after the address: the next line is short and ends with the colon."""
    if number + 1 >= len(lines):
        return False
    following = lines[number + 1].strip()
    return following.endswith(_COLONS) and len(following) < _WRAPPED and lines[number].rstrip().endswith((">", ")"))


def _answers_below(lines: list[str], start: int, trail: int | None) -> bool:
    """Whether somebody wrote between or under the lines quoted with `>`: then nothing is cut here."""
    first = next((at for at in range(start, min(start + 4, len(lines))) if lines[at].strip()), None)
    if first is None or not lines[first].lstrip().startswith(">"):
        return False
    return trail is None or trail > first


def _quoted_trail(lines: list[str]) -> int | None:
    """Where the quoted lines begin that go to the end of the text, or None. A footer below them is none of the text."""
    start = None
    for number in range(_without_footer(lines) - 1, -1, -1):
        stripped = lines[number].lstrip()
        if stripped.startswith(">"):
            start = number
        elif stripped:
            break
    return start


def _without_footer(lines: list[str]) -> int:
    """Where a signature or notice begins below the last quoted line, or the end."""
    below = len(lines)
    while below and not lines[below - 1].lstrip().startswith(">"):
        below -= 1
    first = next((at for at in range(below, len(lines)) if lines[at].strip()), len(lines))
    return first if below and first < len(lines) and _FOOTER.fullmatch(lines[first]) else len(lines)


def _last_filled(lines: list[str], before: int) -> int | None:
    """The last line above `before` that is not blank, if it is near."""
    return next((at for at in range(before - 1, max(before - 4, -1), -1) if lines[at].strip()), None)


def _attribution_start(lines: list[str], last: int) -> int:
    """An attribution may be wrapped: the lines above belong to it when they are long, dated, or end in an open `<`."""
    first = last
    for above in range(last - 1, max(last - 3, -1), -1):
        line = lines[above].rstrip()
        if not line:
            break
        wrapped = len(line) >= _WRAPPED and _DIGIT.search(line) and not line.endswith((".", "!", "?"))
        dated = len(line) < _RULE_LENGTH and _DATED.search(line) and not line.endswith((".", "!", "?", "。"))
        if not (line.endswith(("<", ",")) or wrapped or dated):
            break
        first = above
    return _above_rule(lines, first)


def _above_rule(lines: list[str], first: int) -> int:
    """A line such as `-----Original Message-----` above the history belongs to it."""
    above = first - 1
    while above >= 0 and not lines[above].strip(" >"):
        above -= 1
    is_rule = above >= 0 and len(lines[above]) < _RULE_LENGTH and _RULE.fullmatch(lines[above])
    return above if is_rule else first


def _above(lines: list[str], marker: int) -> int:
    """Where the history begins whose first line of text is our marker: its attribution or header block goes too."""
    last = _last_filled(lines, marker)
    if last is None:
        return marker
    if _FIELD.match(lines[last]) and last and _FIELD.match(lines[last - 1]):
        while last and _FIELD.match(lines[last - 1]):
            last -= 1
        return _above_rule(lines, last)
    if _introduces(lines[last]):
        return _attribution_start(lines, last)
    return _above_rule(lines, marker)
