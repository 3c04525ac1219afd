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
# URL Standard §4.4: without both slashes, or with backslashes, a link leads where the page lies that shows it.
_LINK: Final = re.compile(r"\s*+(?:https?://[^/\\\s]|mailto:|tel:)", re.IGNORECASE)


def _whole_link(_tag: str, attribute: str, value: str) -> str | None:
    """The value, unless it is a link that leads somewhere else on another page."""
    return None if attribute == "href" and not _LINK.match(value) else value


# Made once: building it costs eight times the cleaning of a short mail.
_CLEANER: Final = nh3.Cleaner(
    tags=_ALLOWED,
    attributes=_ATTRIBUTES,
    url_schemes={"http", "https", "mailto", "tel"},
    url_relative="deny",
    attribute_filter=_whole_link,
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
    """Return what a browser may be shown: no script, form, style or remote image. None beyond the bounds."""
    if not is_within_bounds(source):
        return None
    return _CLEANER.clean(visible(source))


@define
class Room:
    """The amount of HTML of one mail that may still be laid out."""

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
    shown = visible(source)
    return _laid_out(shown) or ("" if shown is source else _laid_out(source))


def _laid_out(source: str) -> str:
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


_STYLE: Final = re.compile(r"""\bstyle\s*+=\s*+(?:"([^"]*+)"|'([^']*+)')""", re.IGNORECASE)
_QUOTED: Final = re.compile(r""""[^"]*+"|'[^']*+'""")
_HIDES: Final = re.compile(
    r"display\s*:\s*none|visibility\s*:\s*hidden|\bhidden\b|opacity\s*:\s*0|(?:height|font-size)\s*:\s*0", re.IGNORECASE
)
_HIDING: Final = re.compile(
    r"(?:^|[;\s])(?:display\s*:\s*none|visibility\s*:\s*(?:hidden|collapse)|opacity\s*:\s*0(?:\.0*)?\s*(?:[;!]|$))",
    re.IGNORECASE,
)
_NO_HEIGHT: Final = re.compile(r"(?:^|[;\s])(?:max-)?height\s*:\s*0(?:px|pt|em|%)?\s*(?:[;!]|$)", re.IGNORECASE)
_CLIPPED: Final = re.compile(r"overflow\s*:\s*hidden", re.IGNORECASE)
_NO_SIZE: Final = re.compile(r"(?:^|[;\s])font-size\s*:\s*0(?:\.0*)?(?:px|pt|em|%)?\s*(?:[;!]|$)", re.IGNORECASE)
_ATTRIBUTE_HIDDEN: Final = re.compile(r"(?:^|\s)hidden(?=[\s=/]|$)", re.IGNORECASE)
_SIZELESS: Final = 50
"""Elements without size that are looked through, each as far as it goes."""
_MAY_HIDE: Final = frozenset(
    {"div", "span", "p", "td", "th", "tr", "table", "tbody", "font", "a", "b", "i", "strong", "em", "small", "center", "section",
     "li", "ul", "ol", "h1", "h2", "h3", "h4", "h5", "h6", "label", "article", "header", "footer", "pre"}
)  # fmt: skip
_TAGS: Final = {name: re.compile(rf"<(/?){name}(?![A-Za-z0-9:-])[^<>]*+>", re.IGNORECASE) for name in _MAY_HIDE}


def visible(source: str) -> str:
    """HTML without the elements that their style hides: the line for the list of mails is nothing that was said.

    An element that nothing closes hides nothing, so no words are lost with it. Linear.
    """
    if not _HIDES.search(source):
        return source
    pieces: list[str] = []
    unclosed: set[str] = set()
    kept = at = looked = 0
    while (found := _TAG.search(source, at)) is not None:
        at = found.end()
        if found["comment"] is not None:
            at = source.find("-->", at)
            if at < 0:
                break
            continue
        name = (found["name"] or "").lower()
        if found["close"] or name not in _MAY_HIDE or name in unclosed or not _HIDES.search(found["attributes"]):
            continue
        hidden, sizeless = _hiding(found["attributes"])
        if not hidden and (not sizeless or looked >= _SIZELESS):
            continue
        looked += not hidden
        end = _closed_at(source, at, name)
        if end < 0:
            unclosed.add(name)
        elif hidden or "font-size" not in source[at:end].lower():  # what sets a size of its own is seen
            pieces.append(source[kept : found.start()])
            kept = at = end
    return "".join([*pieces, source[kept:]]) if pieces else source


def _closed_at(source: str, at: int, name: str) -> int:
    """Where the element ends whose start tag ends at `at`; -1 when nothing closes it."""
    depth = 1
    for tag in _TAGS[name].finditer(source, at):
        depth += -1 if tag[1] else 1
        if depth == 0:
            return tag.end()
        if depth > 1 and name in _CLOSED_BY_OTHERS:
            return tag.start()
    return -1


def _hiding(attributes: str) -> tuple[bool, bool]:
    """Whether an element is shown to nobody, and whether its letters have no size."""
    if _ATTRIBUTE_HIDDEN.search(_QUOTED.sub("", attributes)):
        return True, False
    found = _STYLE.search(attributes)
    style = (found[1] or found[2] or "") if found else ""
    hidden = _HIDING.search(style) or (_NO_HEIGHT.search(style) and _CLIPPED.search(style))
    return bool(hidden), _NO_SIZE.search(style) is not None
