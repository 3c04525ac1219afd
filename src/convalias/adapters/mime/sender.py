"""The From field: one reading, or an ambiguity that never matches anybody."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import Final

import idna
from attrs import frozen

from convalias.adapters.mime.fields import Block, unfolded
from convalias.adapters.mime.mailboxes import parsed, text_of
from convalias.adapters.mime.repair import repaired
from convalias.adapters.mime.words import decoded
from convalias.domain.addresses.email_address import EmailAddress
from convalias.domain.mail.envelope import AmbiguousFrom, ClearFrom, From
from convalias.domain.printable import one_line

_TOKEN: Final = re.compile(
    # An encoded word with quotes, brackets or angles in it is none (RFC 2047 §5 (3)), it is read as plain text.
    r"(?P<word>=\?[^\s?\"()<>\\]++\?[bBqQ]\?[^\s?\"()<>\\]*+\?=)"
    r'|(?P<quoted>"(?:[^"\\]|\\.)*+")'
    r'|(?P<angle><(?:[^<>"]|"(?:[^"\\]|\\.)*+")*+>)'
    r"|(?P<open>\()"
    r'|(?P<stray>["<>:])'
    r'|(?P<plain>(?:(?!=\?)[^"<>():])++|=)'
    r"|(?P<close>\))",
    re.DOTALL,
)
_PAREN: Final = re.compile(r"\\.|[()]", re.DOTALL)
_BARE: Final = re.compile(r'(?:"(?:[^"\\]|\\.)*+"|[^\s"@<>(),:;\\\[\]]++)@(?:\[[^\s\[\]@]*+\]|[^\s"@<>(),:;\\\[\]]++)')
_WORDS: Final = re.compile(r"[^\s,;<>()]+")
_CANDIDATE: Final = re.compile(r"[^\s,;:<>()\"\[\]\\]+")
_EDGES: Final = "'\"`\u2018\u2019\u201c\u201d[]{}.*|"
# IDNA maps these to a dot (UTS 46 §2.3), and people's eyes map the others to an at sign.
_DOTS: Final = {0x3002: ".", 0xFF0E: ".", 0xFF61: "."}
_ATS: Final = {0xFF20: "@", 0xFE6B: "@"}
_WIDE: Final = {**_DOTS, **_ATS}


@frozen
class _Tokens:
    """A From taken apart: its plain text, its angle addresses, and where the last of them ended."""

    plain: tuple[str, ...] = ()
    angles: tuple[str, ...] = ()
    shown: str = ""
    comments: str = ""
    objection: str = ""


def read_from(block: Block) -> From:
    """Read the From fields of a mail (RFC 5322 §3.6.2): ambiguous unless exactly one reading is possible."""
    values = block.all(b"from")
    objection = _objection(block, values)
    if not objection:
        value = unfolded(values[0])
        plain = _simple(value)
        if plain is not None:
            return plain
        clear = _reading(text_of(value))
        if isinstance(clear, ClearFrom):
            # Escape sequences were hidden from the scanner, the name is read from the octets.
            return (
                ClearFrom(clear.address, _unquoted(decoded(value[: value.rfind(b"<")]))) if b"\x1b" in value else clear
            )
        if (mended := repaired(value)) is not None:
            return mended
        objection = clear
    return AmbiguousFrom(readings([*values, *block.hidden_from]), objection)


def _objection(block: Block, values: Sequence[bytes]) -> str:
    """What is wrong before the value is looked at."""
    if block.hidden_from:
        return "a From hidden behind a bare CR"
    if b"from" in block.bare:
        return "a bare CR or NUL"
    if b"from" in block.spaced:
        return "white space before the colon"
    if len(values) != 1:
        return "no From" if not values else "more than one From"
    return ""


_SIMPLE: Final = re.compile(rb"(?:([A-Za-z0-9 .'_-]*+)<)?([A-Za-z0-9_.+-]++@[A-Za-z0-9.-]++)(>)?")


def _simple(value: bytes) -> ClearFrom | None:
    """The two commonest shapes at once: `john@corp` and `John Smith <john@corp>`."""
    found = _SIMPLE.fullmatch(value)
    if found is None or (found[1] is None) != (found[3] is None):
        return None
    address = parsed(found[2].decode("ascii"))
    return None if address is None else ClearFrom(address, _unquoted(one_line((found[1] or b"").decode("ascii"))))


def _reading(text: str) -> ClearFrom | str:
    """The one reading, or why there is none."""
    tokens = _taken_apart(text)
    if tokens.objection:
        return tokens.objection
    if not tokens.angles:
        return _bare(text, tokens)
    if len(tokens.angles) > 1:
        return "more than one address"
    inner = "".join(tokens.angles).strip()
    address = parsed(inner) if _BARE.fullmatch(inner) and not _at_in_quotes(inner) else None
    if address is None:
        return "no address that can be read in one way"
    before = "".join(tokens.plain)
    others = [word for word in _WORDS.findall(before) if _is_address_like(word)]
    if others and ("," in before or ";" in before or any(_same(word) != address for word in others)):
        return "text before the address reads as another address"
    return ClearFrom(address, tokens.shown or tokens.comments)


def _bare(text: str, tokens: _Tokens) -> ClearFrom | str:
    """`john@corp`, perhaps with a comment; nothing else beside it."""
    words = "".join(tokens.plain).strip()
    if not words:
        return "no address"
    if not _BARE.fullmatch(words) or _at_in_quotes(words):
        return "no address that can be read in one way"
    if tokens.comments and words not in text:
        return "a comment inside an address"
    address = parsed(words)
    return "no address that can be read in one way" if address is None else ClearFrom(address, tokens.comments)


def _at_in_quotes(text: str) -> bool:
    """`"a@b"@c`: two at signs, and programs differ on which one counts."""
    return text.count("@") > 1


def _is_address_like(word: str) -> bool:
    """`x@y` without a space. A full-width at sign counts between Latin letters or before a dot, not in `営業＠東京`."""
    if "@" not in word:
        plain = word.translate(_WIDE)
        if "@" not in plain or not (plain.isascii() or "." in plain.partition("@")[2].strip(".")):
            return False
        word = plain
    left, _, right = word.partition("@")
    return bool(left) and bool(right)


def _same(word: str) -> EmailAddress | None:
    """The address a word of a display name reads as, without the quotes people put around it."""
    return parsed(word.strip(_EDGES))


_STRAY: Final = {
    ":": "a colon outside quotes",
    '"': "an unclosed quote",
    "<": "an unclosed bracket",
    ">": "a bracket that nothing opened",
}


def _taken_apart(text: str) -> _Tokens:
    """One pass over the value. Any colon, semicolon, unclosed quote, bracket or comment is an objection."""
    plain: list[str] = []
    angles: list[str] = []
    shown: list[str] = []
    comments: list[str] = []
    at = 0
    while at < len(text):
        found = _TOKEN.match(text, at)
        if found is None:
            return _Tokens(objection="an unclosed quote or bracket")
        kind, token, at = found.lastgroup, found[0], found.end()
        if kind == "open":
            at, comment = _comment(text, at)
            if at < 0:
                return _Tokens(objection="an unclosed comment")
            comments.append(comment)
            plain.append("" if _touches_at(plain, text, at) else " ")
            continue
        if kind == "stray":
            return _Tokens(objection=_STRAY[token])
        if angles and token.strip():
            return _Tokens(objection="text after the address")
        if kind == "angle":
            if plain and plain[-1].endswith(("@", "\uff20", "\ufe6b")):
                return _Tokens(objection="an at sign before the address")
            angles.append(token[1:-1])
            continue
        shown.append(token)
        # Quoted strings and encoded words are opaque, unless an at sign touches them: then they are part of an address.
        plain.append(token if kind == "plain" or _touches_at(plain, text, at) else " ")
    return _Tokens(tuple(plain), tuple(angles), _display("".join(shown)), one_line(" ".join(comments)))


def _touches_at(plain: list[str], text: str, at: int) -> bool:
    """Whether an at sign stands directly before or behind what was just read."""
    return text.startswith(("@", "\uff20", "\ufe6b"), at) or bool(
        plain and plain[-1].endswith(("@", "\uff20", "\ufe6b"))
    )


def _comment(text: str, at: int) -> tuple[int, str]:
    """Where the comment that was opened before `at` ends (-1: nowhere), and its text."""
    depth, start = 1, at
    for found in _PAREN.finditer(text, at):
        if found[0] == "(":
            depth += 1
        elif found[0] == ")":
            depth -= 1
            if depth == 0:
                return found.end(), text[start : found.start()]
    return -1, ""


_ESCAPED: Final = re.compile(r"\\(.)", re.DOTALL)


def _display(shown: str) -> str:
    """The name as people read it: quotes off, encoded words decoded."""
    text = shown.strip()
    if text.startswith('"') and text.endswith('"') and len(text) > 1:
        text = text[1:-1]
    text = _ESCAPED.sub(r"\1", text) if "\\" in text else text
    return _unquoted(decoded(text.encode("utf-8")))


def _unquoted(name: str) -> str:
    """A name without the quotes some programs put around it inside the quotes of the standard."""
    return name[1:-1].strip() if len(name) > 1 and name[0] == name[-1] and name[0] in "'\"" else name


def readings_of(sender: From) -> frozenset[EmailAddress]:
    """Every reading of a From: the one, or all that are possible."""
    match sender:
        case ClearFrom(address=address):
            return frozenset({address})
        case AmbiguousFrom(readings=found):
            return found


def readings(values: Iterable[bytes]) -> frozenset[EmailAddress]:
    """Every address that some program might read in those fields: for the list of the blocked, and for loops."""
    found: set[EmailAddress] = set()
    for value in values:
        if b"@" not in value and b"\xef\xbc\xa0" not in value and b"\xef\xb9\xab" not in value:
            continue
        text = text_of(unfolded(value))
        for word in _CANDIDATE.findall(text if text.isascii() else f"{text} {text.translate(_WIDE)}"):
            if "@" in word:
                found.update(_pairs(word))
    return frozenset(found)


def _pairs(word: str) -> Iterable[EmailAddress]:
    """Every `left@right` of a word with one or more at signs."""
    parts = word.split("@")
    for left, right in pairwise(parts):
        text = f"{left.strip(_EDGES)}@{right.strip(_EDGES)}"
        if (one := parsed(text)) is not None:
            yield one
        elif (mapped := _mapped(text)) is not None:
            yield mapped


def _mapped(text: str) -> EmailAddress | None:
    """The address with its domain mapped as lenient programs do (UTS 46)."""
    local, _, domain = text.rpartition("@")
    if domain.isascii() or len(domain) > 255:  # noqa: PLR2004 - RFC 5321 §4.5.3.1.2
        return None
    try:
        return parsed(f"{local}@{idna.encode(domain, uts46=True).decode()}")
    except (idna.IDNAError, UnicodeError):
        return None
