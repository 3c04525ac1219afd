"""HTML from mail: to text by our own linear pass, and sanitised under bounds that make the sanitiser linear."""

from __future__ import annotations

import re
from typing import Final

import nh3
from attrs import define

from convalias.adapters.mime import limits
from convalias.adapters.mime.page import Page

_TAG: Final = re.compile(
    r"<(?:!--(?P<comment>)|(?P<close>/)?(?P<name>[A-Za-z][A-Za-z0-9:-]*+)(?P<attributes>[^<>]*+)>?|[!?][^<>]*+>?)"
)
_NAME: Final = re.compile(r"<(/?)([A-Za-z][A-Za-z0-9:-]*+)")
_CRUDE: Final = re.compile(r"(?:<[^<>]*+>\s*+)++")
_HIDDEN: Final = frozenset(
    {"head", "script", "style", "title", "template", "noscript", "svg", "math", "select", "iframe", "object"}
)
_RAW_TEXT: Final = frozenset({"script", "style", "title"})
_VOID: Final = frozenset(
    {"area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr"}
)
# HTML §13.1.2.4: their end tags may be left out, so another one of them closes the last.
_CLOSED_BY_OTHERS: Final = frozenset(
    {"p", "li", "dt", "dd", "tr", "td", "th", "tbody", "thead", "tfoot", "option", "optgroup", "colgroup", "rt", "rp"}
)
# HTML §13.2.4.3: left open, they are opened again in every following paragraph.
_FORMATTING: Final = frozenset(
    {"a", "b", "big", "code", "em", "font", "i", "nobr", "s", "small", "strike", "strong", "tt", "u"}
)

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
# Made once: building it costs eight times the cleaning of a short mail.
_CLEANER: Final = nh3.Cleaner(
    tags=_ALLOWED,
    attributes=_ATTRIBUTES,
    url_schemes={"http", "https", "mailto", "tel"},
    link_rel="noopener noreferrer nofollow",
)


def is_within_bounds(source: str) -> bool:
    """Whether a parser does work linear in the length of this HTML: its size, its tags, its depth.

    An element counts as open until an end tag of its own name; a real parser is never deeper than a small multiple.
    """
    if len(source) > limits.HTML or source.count("<") + source.count("&") > limits.HTML_TAGS:
        return False
    opened: dict[str, int] = {}
    depth = formatting = work = 0
    for closing, raw in _NAME.findall(source):
        name = raw.lower()
        work += formatting
        if work > limits.HTML_WORK:
            return False
        if name in _VOID or name in _CLOSED_BY_OTHERS:
            continue
        step = 1
        if closing:
            step = -1 if opened.get(name) else 0
        opened[name] = opened.get(name, 0) + step
        depth += step
        if name in _FORMATTING:
            formatting += step
        if depth > limits.HTML_DEPTH:
            return False
    return True


def sanitised(source: str) -> str | None:
    """What a browser may be shown: no script, form, style or remote image. None beyond the bounds."""
    if not is_within_bounds(source):
        return None
    return _CLEANER.clean(source)


@define
class Room:
    """How much HTML of one mail may still be laid out."""

    size: int = limits.HTML
    tags: int = limits.HTML_TAGS

    def take(self, source: str) -> bool:
        """Whether there is room for this; then it is less."""
        tags = source.count("<") + source.count("&")
        if len(source) > self.size or tags > self.tags:
            return False
        self.size -= len(source)
        self.tags -= tags
        return True


def to_text(source: str, room: Room | None = None) -> str:
    """The text a reader would see. Block quotes become `> `, so that quoted history is found as in plain text."""
    if not (room or Room()).take(source):
        return _crude(source)
    page, unclosed = Page(), set[str]()
    at, size = 0, len(source)
    while at < size:
        found = _TAG.search(source, at)
        page.words(source[at : found.start() if found else size])
        if found is None:
            break
        at = _after(source, found, page, unclosed)
    return page.text()


def _after(source: str, found: re.Match[str], page: Page, unclosed: set[str]) -> int:
    """Put one tag on the page; where the search goes on."""
    at, name = found.end(), found["name"]
    if found["comment"] is not None:
        end = source.find("-->", at)
        return len(source) if end < 0 else end + 3
    if name is None:
        return at
    name = name.lower()
    if found["close"]:
        page.close(name)
    elif name in _HIDDEN:
        return _after_hidden(source, at, name, unclosed)
    else:
        page.open(name, found["attributes"])
    return at


def _crude(source: str) -> str:
    """Text of HTML beyond the bounds: tags are taken out, and the commonest character references resolved."""
    for name in ("style", "script"):
        source = _without(source, name)
    text = _CRUDE.sub(" ", source)
    for reference, char in _COMMONEST:
        text = text.replace(reference, char)
    return text.strip()


def _without(source: str, name: str) -> str:
    """Without what stands between `<name` and `</name`, written in lower or upper case."""
    pieces: list[str] = []
    at = 0
    while (start := source.find(f"<{name}", at)) >= 0 and (end := source.find(f"</{name}", start)) >= 0:
        pieces.append(source[at:start])
        at = end
    return "".join([*pieces, source[at:]])


_COMMONEST: Final = (("&nbsp;", " "), ("&lt;", "<"), ("&gt;", ">"), ("&quot;", '"'), ("&#39;", "'"), ("&amp;", "&"))


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
