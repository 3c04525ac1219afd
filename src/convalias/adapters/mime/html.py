"""HTML from mail: to text by our own linear pass, and sanitised under bounds that make the sanitiser linear."""

from __future__ import annotations

import html
import re
from typing import Final

import nh3

from convalias.adapters.mime import limits

_TAG: Final = re.compile(
    r"<(?:!--(?P<comment>)|(?P<close>/)?(?P<name>[A-Za-z][A-Za-z0-9:-]*+)(?P<attributes>[^<>]*+)>?|[!?][^<>]*+>?)"
)
_ENTITY: Final = re.compile(r"&(?:#[0-9]{1,7}|#[xX][0-9A-Fa-f]{1,6}|[A-Za-z][A-Za-z0-9]{1,31});?")
_SPACE: Final = re.compile(r"[ \t\r\n\f]++")
_HREF: Final = re.compile(r"""href\s*+=\s*+(?:"([^"]*+)"|'([^']*+)'|([^\s"'>]++))""", re.IGNORECASE)
_ALT: Final = re.compile(r"""\balt\s*+=\s*+(?:"([^"]*+)"|'([^']*+)'|([^\s"'>]++))""", re.IGNORECASE)
_MANY_BLANK: Final = re.compile(r"\n(?:[> ]*\n){2,}")
_CRUDE: Final = re.compile(r"(?:<[^<>]*+>\s*+)++")

_HIDDEN: Final = frozenset(
    {"head", "script", "style", "title", "template", "noscript", "svg", "math", "select", "iframe", "object"}
)
_RAW_TEXT: Final = frozenset({"script", "style", "title"})
_VOID: Final = frozenset(
    {"area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr"}
)
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


def depth(source: str) -> int:
    """The most elements that are open at once, at least: an element counts until an end tag of its own name.

    A parser that closes some by itself is never deeper than that, but for the formatting elements it opens again.
    """
    opened: dict[str, int] = {}
    now = most = 0
    for found in _TAG.finditer(source):
        name = found["name"]
        if name is None:
            continue
        name = name.lower()
        if found["close"]:
            if opened.get(name):
                opened[name] -= 1
                now -= 1
        elif name not in _VOID:
            opened[name] = opened.get(name, 0) + 1
            now += 1
            most = max(most, now)
    return most


def sanitised(source: str) -> str | None:
    """What a browser may be shown: no script, form, style or remote image. None beyond the bounds."""
    if len(source) > limits.HTML or depth(source) > limits.HTML_DEPTH:
        return None
    return nh3.clean(source, tags=_ALLOWED, attributes=_ATTRIBUTES, url_schemes=_SCHEMES, link_rel=_REL)


# Images are trackers: none is shown, neither remote nor `cid:`, whose parts are attachments.
_ALLOWED: Final = {
    "a", "abbr", "b", "blockquote", "br", "caption", "code", "col", "colgroup", "dd", "del", "div", "dl", "dt", "em",
    "h1", "h2", "h3", "h4", "h5", "h6", "hr", "i", "ins", "kbd", "li", "ol", "p", "pre", "q", "s", "samp", "small",
    "span", "strike", "strong", "sub", "sup", "table", "tbody", "td", "tfoot", "th", "thead", "tr", "u", "ul",
}  # fmt: skip
_ATTRIBUTES: Final = {
    "a": {"href", "title"},
    "td": {"colspan", "rowspan"},
    "th": {"colspan", "rowspan"},
    "*": {"dir", "lang"},
}
_SCHEMES: Final = {"http", "https", "mailto", "tel"}
_REL: Final = "noopener noreferrer nofollow"


def entities(text: str) -> str:
    """Character references resolved; each is bounded, because a long number costs quadratic time."""
    return _ENTITY.sub(lambda found: html.unescape(found[0]), text) if "&" in text else text


def to_text(source: str) -> str:
    """The text a reader would see. Block quotes become `> `, so that quoted history is found as in plain text."""
    if len(source) > limits.HTML:
        return entities(_CRUDE.sub(" ", source)).strip()
    page, unclosed = _Page(), set[str]()
    at, size = 0, len(source)
    while at < size:
        found = _TAG.search(source, at)
        page.words(source[at : found.start() if found else size])
        if found is None:
            break
        at = found.end()
        if found["comment"] is not None:
            end = source.find("-->", at)
            if end < 0:
                break
            at = end + 3
        elif (name := found["name"]) is not None:
            name = name.lower()
            if found["close"]:
                page.close(name)
            elif name in _HIDDEN:
                at = _after_hidden(source, at, name, unclosed)
            else:
                page.open(name, found["attributes"])
    return page.text()


_END_TAGS: Final = {name: re.compile(rf"</{name}\b[^<>]*+>?", re.IGNORECASE) for name in _HIDDEN}


def _after_hidden(source: str, at: int, name: str, unclosed: set[str]) -> int:
    """Where an element that is never shown ends. Without an end tag, only script, style and title hide the rest.

    `unclosed` remembers for which names no end tag follows: looking again each time would cost quadratic time.
    """
    if name in unclosed:
        return at
    end = _END_TAGS[name].search(source, at)
    if end is not None:
        return end.end()
    unclosed.add(name)
    return len(source) if name in _RAW_TEXT else at


class _Page:
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
                self._put("- ")
            elif name == "blockquote":
                self._quotes = min(self._quotes + 1, 20)
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
            elif name == "pre" and self._pre:
                self._pre -= 1

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
