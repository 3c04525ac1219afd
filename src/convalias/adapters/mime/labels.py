"""Charset labels of mail, and the codec that reads what their senders mean by them."""

from __future__ import annotations

import re
from typing import Final

_ISO: Final = ("iso-8859-{}", "iso8859-{}", "iso_8859-{}", "iso8859{}", "iso8859_{}")
_WINDOWS: Final = ("windows-{}", "cp{}", "x-cp{}", "win-{}")
_IBM: Final = ("ibm{}", "cp{}", "cp-{}", "{}")

# The Encoding Standard (WHATWG) §4.2: labels name the superset that people mean, not the registered charset.
LABELS: Final = {
    **{form.format(n): f"iso8859-{n}" for n in (2, 3, 4, 5, 6, 7, 8, 10, 13, 14, 15, 16) for form in _ISO},
    **{form.format(n): f"cp{n}" for n in (*range(1250, 1259), 874) for form in _WINDOWS},
    **{form.format(n): f"cp{n}" for n in (437, 850, 852, 855, 858, 866) for form in _IBM},
    **{form.format(1): "cp1252" for form in _ISO},
    **{form.format(9): "cp1254" for form in _ISO},
    **{form.format(11): "cp874" for form in _ISO},
    **dict.fromkeys(("latin1", "latin-1", "l1", "cp819", "ibm819", "x-ansi", "x-user-defined"), "cp1252"),
    **dict.fromkeys(("ansi", "iso-latin-1", "iso-8859", "8859-1", "western", "windows-latin-1"), "cp1252"),
    **dict.fromkeys(("latin2", "latin-2", "l2", "csisolatin2"), "iso8859-2"),
    **dict.fromkeys(("latin3", "l3", "csisolatin3"), "iso8859-3"),
    **dict.fromkeys(("latin4", "l4", "csisolatin4"), "iso8859-4"),
    **dict.fromkeys(("cyrillic", "csisolatincyrillic"), "iso8859-5"),
    **dict.fromkeys(("arabic", "ecma-114", "iso-8859-6-e", "iso-8859-6-i"), "iso8859-6"),
    **dict.fromkeys(("greek", "greek8", "ecma-118", "elot_928"), "iso8859-7"),
    **dict.fromkeys(("hebrew", "logical", "visual", "iso-8859-8-i", "iso-8859-8-e"), "iso8859-8"),
    **dict.fromkeys(("latin5", "l5", "csisolatin5"), "cp1254"),
    **dict.fromkeys(("latin6", "l6", "csisolatin6"), "iso8859-10"),
    **dict.fromkeys(("latin9", "latin-9", "l9", "csisolatin9"), "iso8859-15"),
    **dict.fromkeys(("tis-620", "dos-874"), "cp874"),
    **dict.fromkeys(("koi8-r", "koi8_r", "koi8", "koi", "cskoi8r"), "koi8-r"),
    **dict.fromkeys(("koi8-u", "koi8-ru"), "koi8-u"),
    **dict.fromkeys(("macintosh", "x-mac-roman", "mac", "csmacintosh"), "mac-roman"),
    **dict.fromkeys(("x-mac-cyrillic", "x-mac-ukrainian"), "mac-cyrillic"),
    **dict.fromkeys(
        ("utf-8", "utf8", "unicode-1-1-utf-8", "utf-8-strict", "x-unicode20utf8", "unicode11utf8", "cp65001"), "utf-8"
    ),
    **dict.fromkeys(
        ("utf-16", "utf-16le", "ucs-2", "iso-10646-ucs-2", "unicode", "csunicode", "unicodefeff"), "utf-16-le"
    ),
    **dict.fromkeys(("utf-16be", "unicodefffe"), "utf-16-be"),
    **dict.fromkeys(
        ("shift_jis", "shift-jis", "sjis", "x-sjis", "ms_kanji", "windows-31j", "cp932", "ms932", "csshiftjis"), "cp932"
    ),
    **dict.fromkeys(("euc-jp", "x-euc-jp", "x-euc", "ujis", "cp51932", "cseucpkdfmtjapanese"), "euc_jp"),
    **dict.fromkeys(
        ("gb2312", "gb18030", "gbk", "x-gbk", "cp936", "windows-936", "gb_2312-80", "gb_2312", "chinese", "csgb2312",
         "euc-cn", "x-euc-cn"), "gb18030",
    ),
    **dict.fromkeys(("big5", "big5-hkscs", "cn-big5", "x-x-big5", "csbig5", "cp950"), "big5hkscs"),
    **dict.fromkeys(
        ("ks_c_5601", "ks_c_5601-1987", "ks_c_5601-1989", "ksc5601", "ksc_5601", "euc-kr", "cseuckr", "cp949", "korean",
         "windows-949", "uhc"), "cp949",
    ),
}  # fmt: skip
"""Label in lower case -> codec. What is not here is respelled, guessed or refused."""
BY_OCTET: Final = frozenset(
    codec
    for codec in LABELS.values()
    if codec.startswith(("iso8859", "koi8", "mac-")) or (codec.startswith("cp") and codec[2:].isdigit())
) - {"cp932", "cp949"}
"""Codecs of one octet a character."""
GUESSED: Final = frozenset(
    {"", "us-ascii", "ascii", "us", "ansi_x3.4-1968", "iso646-us", "iso_646.irv:1991", "7bit", "8bit", "8-bit",
     "binary", "default", "none", "unknown", "unknown-8bit", "x-unknown", "x-unknown-8bit"}
)  # fmt: skip
"""Labels that say ASCII, or that the sender did not know (RFC 1428 §3)."""
ISO_2022_JP: Final = frozenset(
    {"iso-2022-jp", "csiso2022jp", "iso-2022-jp-1", "iso-2022-jp-2", "iso-2022-jp-3", "iso-2022-jp-2004",
     "iso-2022-jp-ms", "x-iso-2022-jp-ms", "cp50220", "cp50221", "cp50222", "jis"}
)  # fmt: skip
UTF_32: Final = frozenset({"utf-32", "utf32", "utf-32le", "utf-32be", "ucs-4", "iso-10646-ucs-4"})
"""Labels that programs set without meaning them: only octets that are nothing else are read so."""

_NOISE: Final = re.compile(r"[^a-z0-9]+")
_PIECES: Final = re.compile(r"[:;,.@()\s]+")
# Read by nobody: they hide markup from whoever looks at the octets, or are codecs and no charsets at all.
_REFUSED: Final = frozenset(
    {"utf7", "unicode11utf7", "csunicode11utf7", "utf7imap", "hzgb2312", "hz", "iso2022kr", "csiso2022kr", "iso2022cn",
     "iso2022cnext", "idna", "punycode", "base64", "quotedprintable", "quopri", "uu", "uuencode", "xuuencode", "hex",
     "rot13", "zlib", "bz2", "gzip", "zip", "unicodeescape", "rawunicodeescape", "stringescape", "undefined", "mbcs",
     "oem", "palmos", "charmap"}
)  # fmt: skip
_SHORTEST: Final = 3
_SQUEEZED: Final = {
    short: label
    for label in (*LABELS, *GUESSED, *ISO_2022_JP)
    if len(short := _NOISE.sub("", label)) >= _SHORTEST and not short.isdecimal()
}
"""Letters and digits of a label -> the label: `windows1252`, `iso-8859-1_`."""
_UTF_8_WITHIN: Final = re.compile(r"utf[^a-z0-9]?8(?![0-9])")
_ISO_WITHIN: Final = re.compile(r"8859[^0-9]?([0-9]{1,2})(?![0-9])")
_WINDOWS_WITHIN: Final = re.compile(r"(?<![0-9])125[0-8](?![0-9])")


def is_refused(name: str) -> bool:
    """Whether nobody decodes what is labelled so."""
    return _NOISE.sub("", name) in _REFUSED


def respelled(name: str) -> str | None:
    """The known label that an unknown one misspells (`charset=utf-8`, `ISO_8859-1:1987`), or None."""
    for text in (name, name.partition("charset=")[2], *_PIECES.split(name)):
        if (found := _SQUEEZED.get(_NOISE.sub("", text))) is not None:
            return found
    return None


def hinted(name: str) -> str | None:
    """The codec that stands somewhere within an unknown label (`utf8mb4`, `x-windows-1252-ms`), or None."""
    if _UTF_8_WITHIN.search(name):
        return "utf-8"
    if (iso := _ISO_WITHIN.search(name)) is not None:
        return LABELS.get(f"iso-8859-{int(iso[1])}")
    windows = _WINDOWS_WITHIN.search(name)
    return None if windows is None else LABELS[f"cp{windows[0]}"]
