"""A decision as an SVG file: the mail, each recipient, the rules that spoke about it, its verdict. No script, no font."""

from __future__ import annotations

from collections.abc import Iterable
from html import escape
from typing import Final

from attrs import frozen

from convalias.domain.addresses.email_address import EmailAddress
from convalias.domain.routing.explanation import Explanation, Fired, Ruled, Waiting
from convalias.domain.routing.plan import Decision
from convalias.domain.routing.rendering import outcome, said

_CHARACTER: Final = 7.2
"""Width of a character of the 12 px monospace that every viewer has."""
_LINE: Final = 16
_PAD: Final = 10
_GAP: Final = 36
_COLOURS: Final = {
    "relay": "#2e7d32",
    "legacy": "#5e35b1",
    "skip": "#757575",
    "hold": "#b26a00",
    "reject": "#c62828",
    "ignore": "#546e7a",
    "again": "#b26a00",
}
_PLAIN: Final = "#37474f"


@frozen
class Box:
    """A frame with lines of text; `tip` shows under the pointer."""

    lines: tuple[str, ...]
    colour: str = _PLAIN
    tip: str = ""

    @property
    def width(self) -> float:
        """Pixels."""
        return max(map(len, self.lines)) * _CHARACTER + 2 * _PAD

    @property
    def height(self) -> float:
        """Pixels."""
        return len(self.lines) * _LINE + 2 * _PAD


def picture(decision: Decision) -> str:
    """An SVG document. Addresses stand in it as they do in the text for people."""
    explanation = decision.explain()
    rows = [*_rows(explanation)] or [[Box(("no recipient",))]]
    mail = Box(("mail", explanation.policy))
    left = _PAD + mail.width + _GAP
    height = sum(max(box.height for box in row) + _PAD for row in rows) + _PAD
    width = left + max(sum(box.width + _GAP for box in row) for row in rows)
    drawn = [*_row_by_row(rows, left, (_PAD + mail.width, height / 2)), _box(mail, _PAD, (height - mail.height) / 2)]
    head = f'<svg xmlns="http://www.w3.org/2000/svg" width="{width:.0f}" height="{height:.0f}" '
    style = 'font-family="monospace" font-size="12">\n<rect width="100%" height="100%" fill="#ffffff"/>\n'
    return head + style + "\n".join(drawn) + "\n</svg>\n"


def _rows(explanation: Explanation) -> Iterable[list[Box]]:
    """One row for each recipient: its address, the rules in their order, the verdict."""
    spoke: dict[EmailAddress | None, list[Box]] = {None: []}
    for step in explanation.steps:
        match step:
            case Fired(rule=rule, number=number, recipient=recipient, verdict=verdict, law=law):
                name = rule if number is None else f"{number} {rule}"
                spoke.setdefault(recipient, []).append(Box((name, said(verdict)), tip=law))
            case Ruled(recipient=recipient, source=source, verdict=verdict):
                word = outcome(verdict)
                rules = [*spoke[None], *spoke.get(recipient, [])]
                yield [Box((str(recipient), source.value)), *rules, Box((word.upper(),), _COLOURS[word])]
            case Waiting(witness=witness):
                yield [Box(("TRY AGAIN", f"{witness.value} is away"), _COLOURS["again"])]
            case _:
                pass


def _row_by_row(rows: Iterable[list[Box]], left: float, mail: tuple[float, float]) -> Iterable[str]:
    top = float(_PAD)
    for row in rows:
        height = max(box.height for box in row)
        middle, before, x = top + height / 2, mail, left
        for box in row:
            yield _arrow(before, (x, middle))
            yield _box(box, x, middle - box.height / 2)
            before = (x + box.width, middle)
            x += box.width + _GAP
        top += height + _PAD


def _box(box: Box, x: float, y: float) -> str:
    frame = f'<rect x="{x:.1f}" y="{y:.1f}" width="{box.width:.1f}" height="{box.height:.1f}" rx="6" fill="#ffffff"'
    lines = "".join(
        f'<text x="{x + _PAD:.1f}" y="{y + _PAD + (number + 0.8) * _LINE:.1f}" fill="{box.colour}">{escape(line)}</text>'
        for number, line in enumerate(box.lines)
    )
    tip = f"<title>{escape(box.tip)}</title>" if box.tip else ""
    return f'<g>{tip}{frame} stroke="{box.colour}"/>{lines}</g>'


def _arrow(start: tuple[float, float], end: tuple[float, float]) -> str:
    (x, y), (to_x, to_y) = start, end
    bend = (x + to_x) / 2
    line = f"M{x:.1f} {y:.1f}C{bend:.1f} {y:.1f} {bend:.1f} {to_y:.1f} {to_x - 6:.1f} {to_y:.1f}"
    head = f"M{to_x - 7:.1f} {to_y - 4:.1f}L{to_x:.1f} {to_y:.1f}L{to_x - 7:.1f} {to_y + 4:.1f}z"
    return f'<path d="{line}" fill="none" stroke="{_PLAIN}"/><path d="{head}" fill="{_PLAIN}"/>'
