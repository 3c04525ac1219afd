"""HTML laid out as lines of text, tag by tag, as a reader would see it."""

from __future__ import annotations

import html
import re
from functools import lru_cache
from typing import Final

from attrs import define

_ENTITY: Final = re.compile(r"&(?:#[0-9]{1,7}|#[xX][0-9A-Fa-f]{1,6}|[A-Za-z][A-Za-z0-9]{1,31});?")
_SPACE: Final = re.compile(r"[ \t\r\n\f]++")
_HREF: Final = re.compile(r"""href\s*+=\s*+(?:"([^"]*+)"|'([^']*+)'|([^\s"'>]++))""", re.IGNORECASE)
_ALT: Final = re.compile(r"""\balt\s*+=\s*+(?:"([^"]*+)"|'([^']*+)'|([^\s"'>]++))""", re.IGNORECASE)
_START: Final = re.compile(r"""\b(?:start|value)\s*+=\s*+["']?(-?[0-9]{1,6})(?![0-9])""", re.IGNORECASE)
_LETTERS: Final = re.compile(r"""\btype\s*+=\s*+["']?([aA])(?![A-Za-z])""")
_ALPHABET: Final = 26
_MANY_BLANK: Final = re.compile(r"\n(?:[> ]*\n){2,}")
_LINE: Final = frozenset(
    {
        "div",
        "tr",
        "li",
        "dd",
        "dt",
        "address",
        "article",
        "aside",
        "center",
        "footer",
        "form",
        "header",
        "main",
        "nav",
        "section",
        "figure",
        "figcaption",
        "table",
        "tbody",
        "thead",
        "fieldset",
        "body",
        "html",
        "blockquote",
    }
)
_PARAGRAPH: Final = frozenset({"p", "h1", "h2", "h3", "h4", "h5", "h6", "ul", "ol", "dl", "pre", "hr"})


_DEEPEST_QUOTE: Final = 20


def entities(text: str) -> str:
    """Character references resolved; each is bounded, because a long number costs quadratic time."""
    return _ENTITY.sub(lambda found: _reference(found[0]), text) if "&" in text else text


@lru_cache(maxsize=1_024)
def _reference(text: str) -> str:
    return html.unescape(text)


@define
class _List:
    """A list that is open."""

    numbered: bool
    last: int = 0
    """The number of its last item."""
    letters: str = ""
    """`a` or `A` where its items have letters."""

    @classmethod
    def opened(cls, name: str, attributes: str) -> _List:
        if name != "ol":
            return cls(numbered=False)
        start, letters = _START.search(attributes), _LETTERS.search(attributes)
        return cls(numbered=True, last=int(start[1]) - 1 if start else 0, letters=letters[1] if letters else "")


class Page:
    """Text as it is laid out: lines, quote depth, what stands on the line now."""

    def __init__(self) -> None:
        self._lines: list[str] = []
        self._line: list[str] = []
        self._quotes = 0
        self._pre = 0
        self._blank_due = False
        self._space_due = False
        self._link = ""
        self._link_text: list[str] = []
        self._lists: list[_List] = []

    def words(self, raw: str) -> None:
        """Character data."""
        if not raw:
            return
        text = entities(raw)
        if self._pre:
            first, *rest = text.replace("\r\n", "\n").split("\n")
            self._put(first)
            for line in rest:
                self._end_line(force=True)
                self._put(line)
            return
        shown = _SPACE.sub(" ", text)
        if shown == " ":
            self._space_due = bool(self._line)
            return
        if shown.startswith(" "):
            self._space_due = self._space_due or bool(self._line)
        self._put(shown.strip(" "))
        self._space_due = shown.endswith(" ")

    def _put(self, text: str) -> None:
        if not text:
            return
        if self._blank_due and (self._lines or self._line):
            self._end_line()
            self._lines.append(self._prefix().rstrip())
        self._blank_due = False
        if self._space_due and self._line:
            self._line.append(" ")
        self._space_due = False
        self._line.append(text)
        if self._link:
            self._link_text.append(text)

    def _prefix(self) -> str:
        return "> " * self._quotes

    def _end_line(self, *, force: bool = False) -> None:
        if self._line or force:
            self._lines.append((self._prefix() + "".join(self._line)).rstrip())
        self._line = []
        self._space_due = False

    def open(self, name: str, attributes: str) -> None:
        """A start tag."""
        if name == "br":
            self._end_line(force=True)
        elif name in _LINE or name in _PARAGRAPH:
            self._end_line()
            self._blank_due = self._blank_due or name in _PARAGRAPH
            if name == "li":
                self._put(self._item(attributes))
            elif name in {"ol", "ul"}:
                self._lists.append(_List.opened(name, attributes))
            elif name == "blockquote":
                self._quotes = min(self._quotes + 1, _DEEPEST_QUOTE)
            elif name == "pre":
                self._pre += 1
        elif name in {"td", "th"}:
            self._space_due = bool(self._line)
        elif name == "a":
            self._link, self._link_text = _attribute(_HREF, attributes), []
        elif name == "img" and (alt := _attribute(_ALT, attributes)):
            self.words(alt)

    def close(self, name: str) -> None:
        """An end tag."""
        if name == "a":
            self._end_link()
        elif name in _LINE or name in _PARAGRAPH:
            self._end_line()
            self._blank_due = self._blank_due or name in _PARAGRAPH
            if name == "blockquote" and self._quotes:
                self._quotes -= 1
            elif name in {"ol", "ul"} and self._lists:
                self._lists.pop()
            elif name == "pre" and self._pre:
                self._pre -= 1

    def _item(self, attributes: str) -> str:
        """What stands before an item of the innermost list: people refer to its number."""
        inner = self._lists[-1] if self._lists else None
        if inner is None or not inner.numbered:
            return "- "
        given = _START.search(attributes)
        inner.last = int(given[1]) if given else inner.last + 1
        if inner.letters and 0 < inner.last <= _ALPHABET:
            return f"{chr(ord(inner.letters) + inner.last - 1)}. "
        return f"{inner.last}. "

    def _end_link(self) -> None:
        """A link says where it leads, unless its text does."""
        target, shown = self._link.strip(), "".join(self._link_text)
        self._link = ""
        if target.lower().startswith(("http://", "https://")) and shown and shown not in target and target not in shown:
            self._line.append(f" <{target}>")

    def text(self) -> str:
        """All of it."""
        self._end_line()
        return _MANY_BLANK.sub("\n\n", "\n".join(self._lines)).replace("\u00a0", " ").strip("\n ")


def _attribute(pattern: re.Pattern[str], attributes: str) -> str:
    found = pattern.search(attributes)
    return entities(found[1] or found[2] or found[3] or "") if found else ""
