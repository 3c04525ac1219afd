"""Mutated input, seeded: mails of our own taken apart and put together wrongly, byte by byte and piece by piece."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from typing import Final

PIECES: Final[tuple[bytes, ...]] = (
    b"\r\n", b"\n", b"\r", b"\r\n\r\n", b"\n\n", b" ", b"\t", b"\0", b"\x1b$B", b"\x1b(B", b"\x1b(J", b"\x1b$(D", b"\xff",
    b"\xfe\xff", b"\xef\xbb\xbf", b"\x80", b"\xed\xa0\x80", b"--", b"<", b">", b"<>", b"@", b",", b";", b":", b'"', b"(",
    b")", b"\\", b"=", b"?=", b"=?", b"=?utf-8?q?=41?=", b"=?utf-8?b?w7w=?=", b"=?iso-2022-jp?b?GyRC?=", b"=?x*y?Q??=",
    b"=?utf-7?q?+AGE-?=", b"a@b.cd", b"<a@b.cd>", b"a@b@c", b"a..b@c.de", b"\xef\xbc\xa0", b"\xe3\x80\x82", b"%2F", b"&#",
    b"&#x110000;", b"<!--", b"<div>", b"</div>", b"<blockquote>", b"<pre>", b"<script>", b"> ", b">>", b"==", b"*0*=", b"*=",
    b"''", b"filename*0*=utf-8''%", b"boundary=", b'boundary=""', b"charset=", b"format=flowed; delsp=yes",
    b"\r\nFrom: a@b.cd", b"\r\nFrom : x@y.zz", b"\rFrom: c@d.ef", b"\r\nTo: ", b"\r\nSubject: ", b"\r\nMessage-ID: <>",
    b"\r\nMessage-ID: <@>", b"\r\nDate: ", b"\r\nReferences: ", b"\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n",
    b"\r\nContent-Type: message/rfc822\r\n\r\n", b"\r\nContent-Transfer-Encoding: base64", b"\r\nAuto-Submitted: ",
    b"\r\nContent-Type: multipart/report; report-type=delivery-status; boundary=b", b"message/delivery-status",
    b"\r\nAuthentication-Results: mx.example; dmarc=pass header.from=a", b"\r\nReceived: x", b"reply.example", b"relay.example",
    b"prvs=", b"btv1==", b"SRS0=a=b=c=", b"SRS1=", b"+", b"##- Please type your reply above this line -##", b"9" * 20, b"-1",
    b"null", b"true", b"[", b"]", b"{", b"}", b'""', b"\\u0000", b"\\ud800", b"1e999", b"0", b"\xc5\xbf", b"\xe2\x84\xaa",
)  # fmt: skip
LABELS: Final[tuple[bytes, ...]] = (
    b"utf-8", b"us-ascii", b"iso-8859-1", b"iso-2022-jp", b"shift_jis", b"euc-jp", b"gb2312", b"big5", b"euc-kr", b"utf-16",
    b"utf-7", b"idna", b"koi8-r", b"x-user-defined", b"nope", b"base64", b"punycode", b"undefined", b"mbcs", b"\xff",
)  # fmt: skip
LONGEST: Final = 20_000
"""Octets of a mutated input: size is another test's matter."""


class Mutator:
    """Draws inputs from seeds. The same seed draws the same inputs in the same order."""

    def __init__(self, corpus: Sequence[bytes], seed: int) -> None:
        self._corpus = [one for one in corpus if len(one) <= LONGEST] or [b""]
        self._random = random.Random(seed)
        self._ways: tuple[Callable[[bytes], bytes], ...] = (
            self._insert, self._insert, self._replace, self._delete, self._repeat, self._flip, self._splice, self._splice,
            self._swap_lines, self._relabel, self._truncate,
        )  # fmt: skip

    def draw(self) -> bytes:
        """One input: a seed of the corpus, mutated one to eight times."""
        found = self._random.choice(self._corpus)
        for _ in range(self._random.randint(1, 8)):
            found = self._random.choice(self._ways)(found)
        return found[:LONGEST]

    def _at(self, octets: bytes) -> int:
        return self._random.randint(0, len(octets))

    def _span(self, octets: bytes) -> tuple[int, int]:
        first = self._at(octets)
        return first, min(len(octets), first + self._random.choice((1, 2, 4, 16, 64, 256)))

    def _insert(self, octets: bytes) -> bytes:
        at = self._at(octets)
        return octets[:at] + self._random.choice(PIECES) + octets[at:]

    def _replace(self, octets: bytes) -> bytes:
        first, last = self._span(octets)
        return octets[:first] + self._random.choice(PIECES) + octets[last:]

    def _delete(self, octets: bytes) -> bytes:
        first, last = self._span(octets)
        return octets[:first] + octets[last:]

    def _repeat(self, octets: bytes) -> bytes:
        first, last = self._span(octets)
        return octets[:last] + octets[first:last] * self._random.choice((1, 2, 8, 40)) + octets[last:]

    def _flip(self, octets: bytes) -> bytes:
        if not octets:
            return bytes((self._random.randrange(256),))
        at = self._random.randrange(len(octets))
        return octets[:at] + bytes((octets[at] ^ (1 << self._random.randrange(8)),)) + octets[at + 1 :]

    def _splice(self, octets: bytes) -> bytes:
        """The beginning of one and the end of another, cut at line ends where there are any."""
        other = self._random.choice(self._corpus)
        return octets[: self._line(octets)] + other[self._line(other) :]

    def _line(self, octets: bytes) -> int:
        return octets.find(b"\n", self._at(octets)) + 1 or self._at(octets)

    def _swap_lines(self, octets: bytes) -> bytes:
        lines = octets.splitlines(keepends=True)
        if len(lines) < 2:
            return octets
        first, second = self._random.randrange(len(lines)), self._random.randrange(len(lines))
        lines[first], lines[second] = lines[second], lines[first]
        return b"".join(lines)

    def _relabel(self, octets: bytes) -> bytes:
        """Another charset: the octets are read by what they are not."""
        at = octets.find(b"charset=", self._at(octets))
        if at < 0:
            return self._insert(octets)
        end = at + len(b"charset=")
        return octets[:end] + self._random.choice(LABELS) + b";" + octets[end:]

    def _truncate(self, octets: bytes) -> bytes:
        return octets[: self._at(octets)]
