"""Limits of the reader: how much of a mail is read. The limit itself passes."""

from __future__ import annotations

from typing import Final, Literal, TypeAlias

Limit: TypeAlias = Literal["header_block", "header", "headers", "addresses", "nesting", "parts", "boundary", "size"]

HEADER_BLOCK: Final = 256 * 1024
"""Octets of one header block, without the empty line that ends it."""
PART_HEADERS: Final = 2 * 1024 * 1024
"""Octets of the header blocks of all parts together."""
HEADER: Final = 102_400
"""Octets of one field with its name, without its last line end. 300 recipients make a To of 19 kB."""
HEADERS: Final = 1_000
"""Fields of one header block."""
ADDRESSES: Final = 10_240
"""Comma-separated items over all address fields of the mail."""
NESTING: Final = 30
"""Depth of the tree of parts: the root is 1, a message/rfc822 and the message in it are a level each."""
PARTS: Final = 1_000
"""Parts of all multiparts together."""
BOUNDARY: Final = 256
"""Octets of a boundary. RFC 2046 §5.1.1 says 70; senders have been seen to need more."""
REFERENCES: Final = 100
"""Ids that are kept of References, the last ones."""
SIZE: Final = 64 * 1024 * 1024
"""Octets of a mail that are looked at all; doors refuse far earlier."""
HTML: Final = 1_000_000
"""Octets of HTML that a sanitiser is shown."""
HTML_DEPTH: Final = 256
"""Open elements of HTML that a sanitiser is shown: nested `<div>` cost it quadratic time."""
HTML_TAGS: Final = 50_000
"""Tags and character references of HTML that are laid out and sanitised."""
HTML_WORK: Final = 500_000
"""Elements that a parser would open again because they were never closed, at most."""
SHOWN: Final = 4_000_000
"""Octets of text and HTML of a mail that are read; of what is longer the original is attached. A book has a tenth."""
SCANNED: Final = 400_000_000
"""Octets in which delimiters are looked for, a level of nesting each: 0.7 s. A mail of 13 MB may nest to the limit."""
JAPANESE: Final = 400_000
"""Octets of text of a mail that are read step by step (cp932's characters in ISO-2022-JP, broken UTF-16): 0.4 s a million."""
LOOKALIKES: Final = 10_000
"""Lines that begin like a delimiter and are none. More are no honest mail, and count as parts."""
LINES: Final = 100_000
"""Lines of text that are looked at one by one where a charset is wrong."""
FLOWED: Final = 250_000
"""Characters of format=flowed of a mail that are unwrapped: empty lines cost a second a million."""
TEXT: Final = 1_000_000
"""Characters of text that are searched for quoted history; longer text stays as it is."""


class OverLimit(Exception):
    """A limit is passed; never leaves this package."""

    def __init__(self, limit: Limit, found: int) -> None:
        """Remember which, and how much there was."""
        super().__init__(limit, found)
        self.limit: Limit = limit
        self.found = found
