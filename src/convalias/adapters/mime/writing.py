"""Fields of outgoing mail: whatever a value holds, what is written is that one field."""

from __future__ import annotations

import base64
import re
import unicodedata
from collections.abc import Iterable, Sequence
from typing import Final

from convalias.domain.addresses.likeness import holds_brand
from convalias.domain.errors import InvalidValue

_LINE: Final = 76
"""RFC 5322 §2.1.1 wants 78 with the name; encoded words end at 76 (RFC 2047 §2)."""
_WORD_OCTETS: Final = 42
"""Octets of UTF-8 in one encoded word: base64 makes 56 of them, the frame 12 more."""
_NAME: Final = 60
_MAY_START_BELOW: Final = frozenset({"List-Unsubscribe"})
"""Fields whose value may begin on the second line: one long word. Not ids, which some programs read on the first."""
UNNAMED: Final = "Participant"
"""Shown of somebody without a name, or with one that holds the platform's."""
_ATOM: Final = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~ -]*")
_ID: Final = re.compile(r"[!-;=?-~]{1,900}")
_TOKEN: Final = re.compile(r"[A-Za-z0-9._:-]{1,200}")
_HTTPS: Final = re.compile(r"https://[!-;=?-~]{1,1500}")
_UNSAFE_IN_NAMES: Final = frozenset('<>"\\@\uff20\ufe6b')


def clean(text: str) -> str:
    """Return one line without controls, format characters (bidi marks, zero widths) and surrogates."""
    if text.isascii() and text.isprintable():
        return " ".join(text.split())
    kept = (" " if char in "\r\n\t\v\f\x85\u2028\u2029" or not _is_shown(char) else char for char in text)
    return " ".join("".join(kept).split())


def _is_shown(char: str) -> bool:
    # Zero-width joiners stand inside names in Persian and Indic scripts; all other format characters only mislead.
    return char in "\u200c\u200d" or unicodedata.category(char) not in {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}


def display_name(name: str, via: str) -> str:
    """The author's name as a recipient sees it: no address in it, not the platform's own name, 60 characters.

    >>> display_name("Mary <ceo@corp.example>", "Jobs")
    'Mary ceo corp.example (via Jobs)'
    """
    platform = clean("".join(" " if char in _UNSAFE_IN_NAMES else char for char in via))
    text = clean("".join(" " if char in _UNSAFE_IN_NAMES else char for char in name))
    if not platform:
        return text[:_NAME].rstrip()
    if not text.strip("\u200c\u200d ") or holds_brand(text, platform) or holds_brand(name, platform):
        text = UNNAMED  # nobody is the platform
    suffix = f"(via {platform[: _NAME // 2].rstrip()})"
    return f"{text[: _NAME - len(suffix) - 1].rstrip()} {suffix}"


def phrase(text: str) -> str:
    """A display name as the standard wants it (RFC 5322 §3.2.5): quoted, or in encoded words."""
    if text.isascii() and "=?" not in text:
        return text if _ATOM.fullmatch(text) else '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
    return encoded_words(text)


def unstructured(text: str) -> str:
    """Free text for a field (RFC 5322 §2.2.1), encoded where it has to be."""
    shown = clean(text)
    longest = max(map(len, shown.split(" ")), default=0)
    return shown if shown.isascii() and "=?" not in shown and longest < _LINE - 12 else encoded_words(shown)


def encoded_words(text: str) -> str:
    """The text as UTF-8 in base64 words, no character cut in two (RFC 2047 §5)."""
    words: list[str] = []
    chunk = b""
    for char in text:
        octets = char.encode("utf-8", "replace")
        if len(chunk) + len(octets) > _WORD_OCTETS:
            words.append(_word(chunk))
            chunk = b""
        chunk += octets
    if chunk:
        words.append(_word(chunk))
    return " ".join(words)


def _word(octets: bytes) -> str:
    return f"=?utf-8?b?{base64.b64encode(octets).decode('ascii')}?="


def message_id(text: str) -> str:
    """A Message-ID in angle brackets. `InvalidValue` when it is none that may be written."""
    inner = text.removeprefix("<").removesuffix(">")
    if not _ID.fullmatch(inner):
        raise InvalidValue("Message-ID", found=text, expected="printable ASCII without spaces and angle brackets")
    return f"<{inner}>"


def message_ids(texts: Iterable[str]) -> str:
    """Return the ids that may be written; ids of other people's mail can hold anything."""
    inner = (text.removeprefix("<").removesuffix(">") for text in texts)
    return " ".join(f"<{one}>" for one in inner if _ID.fullmatch(one))


def token(what: str, text: str) -> str:
    """A short machine-made value. `InvalidValue` for anything else."""
    if not _TOKEN.fullmatch(text):
        raise InvalidValue(what, found=text, expected="letters, digits and . _ : -")
    return text


def https(what: str, text: str) -> str:
    """A web address in angle brackets. `InvalidValue` for anything else."""
    if not _HTTPS.fullmatch(text):
        raise InvalidValue(what, found=text, expected="an https address without spaces")
    return f"<{text}>"


def written(fields: Sequence[tuple[str, str]]) -> bytes:
    """The fields, folded, with CRLF after each. A value with a control in it is refused: the last net under all."""
    lines: list[str] = []
    for name, value in fields:
        if not value:
            continue
        if not value.isprintable():
            raise InvalidValue(name, found=value, expected="a value of one line without controls")
        lines.append(_fold(name, value))
    return "".join(lines).encode("utf-8")


def _fold(name: str, value: str) -> str:
    """One field, broken at spaces (RFC 5322 §2.2.3). Spaces are single, so no line is white space alone."""
    lines = [f"{name}:"]
    for word in value.split(" "):
        is_bare = lines == [f"{name}:"]
        if len(lines[-1]) + 1 + len(word) > _LINE and lines[-1].strip() and (not is_bare or name in _MAY_START_BELOW):
            # Programs that write mail anew put a space behind a colon; a signature of simple form counts it.
            lines[-1] += " " if is_bare else ""
            lines.append("")
        lines[-1] += f" {word}"
    return "\r\n".join(lines) + "\r\n"
