"""Mail made to be slow, by size in octets: each name is a way to make a reader work again on what it has read."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from adapters.mime.test_hostile import HEAD, READER, addressed, encoded, html, mixed, plain, typed

__all__ = ["ATTACKS", "LARGEST", "READER"]

LARGEST: Final = 25_000_000
"""What a door lets in by default."""
Make = Callable[[int], bytes]


def multi(head: bytes, body: bytes, count: int) -> bytes:
    """Many parts, each within a bound of its own."""
    return mixed((b"--b\r\n" + head + b"\r\n\r\n" + body + b"\r\n") * max(count, 1))


SCALED: Final[dict[str, Make]] = {
    "jis within bounds": lambda n: multi(
        b"Content-Type: text/plain; charset=iso-2022-jp", b"\x1b$B\x1b(B" * 65_000, n // 390_000 + 1
    ),
    "utf16 within bounds": lambda n: multi(
        b"Content-Type: text/plain; charset=utf-16", b"\x00\xdc" * 195_000, n // 390_000 + 1
    ),
    "gbk within bounds": lambda n: multi(
        b"Content-Type: text/plain; charset=gb2312", b"\x80" * 390_000, n // 390_000 + 1
    ),
    "plain spaces": lambda n: plain(b" " * n),
    "plain newlines": lambda n: plain(b"\n" * n),
    "plain utf8": lambda n: typed(b"text/plain; charset=utf-8", "山".encode() * (n // 3)),
    "plain latin": lambda n: typed(b"text/plain; charset=iso-8859-1", b"\xe9" * n),
    "bare CR": lambda n: plain(b"\r" * n),
    "nul": lambda n: plain(b"\0" * n),
    "crlf": lambda n: plain(b"\r\n" * (n // 2)),
    "base64 text": lambda n: encoded(b"base64", b"QUJD" * (n // 4)),
    "base64 padding": lambda n: encoded(b"base64", b"QQ==" * (n // 4)),
    "base64 eq": lambda n: encoded(b"base64", b"= " * (n // 2)),
    "base64 junk": lambda n: encoded(b"base64", b"!Q" * (n // 2)),
    "qp": lambda n: encoded(b"quoted-printable", b"=41" * (n // 3)),
    "qp soft": lambda n: encoded(b"quoted-printable", b"=\n" * (n // 2)),
    "attachment": lambda n: mixed(
        b"--b\r\nContent-Type: application/pdf\r\nContent-Transfer-Encoding: base64\r\n\r\n"
        + b"QUJD" * (19) * 1
        + b"\r\n"
        + (b"QUJD" * 19 + b"\r\n") * (n // 78)
    ),
    "rfc822 chain": lambda n: HEAD + b"Content-Type: message/rfc822\r\n\r\n" * 28 + b"\r\n" + b"x" * n,
    "jis": lambda n: typed(b"text/plain; charset=iso-2022-jp", b"\x1b$B\x1b(B" * (n // 6)),
    "jis parts": lambda n: multi(
        b"Content-Type: text/plain; charset=iso-2022-jp", b"\x1b$B\x1b(B" * (166_000), n // 1_000_000 + 1
    ),
    "jis parts full": lambda n: multi(
        b"Content-Type: text/plain; charset=iso-2022-jp", b"\x1b$B;3ED\x1b(B\n" * (90_000), n // 1_000_000 + 1
    ),
    "euc parts": lambda n: multi(
        b"Content-Type: text/plain; charset=euc-jp", b"\xa1\xa1a" * (333_000), n // 1_000_000 + 1
    ),
    "gbk parts": lambda n: multi(b"Content-Type: text/plain; charset=gb2312", b"\x80" * (999_000), n // 1_000_000 + 1),
    "gb18030 replace": lambda n: typed(b"text/plain; charset=gb18030", b"\xff" * n),
    "utf8 replace": lambda n: typed(b"text/plain; charset=utf-8", b"\xff" * n),
    "ascii replace": lambda n: typed(b"text/plain; charset=nope", b"\xff" * n),
    "big5 replace": lambda n: typed(b"text/plain; charset=big5", b"\xff" * n),
    "cp949 replace": lambda n: typed(b"text/plain; charset=euc-kr", b"\xff" * n),
    "cp932 replace": lambda n: typed(b"text/plain; charset=shift_jis", b"\xff" * n),
    "euc replace": lambda n: typed(b"text/plain; charset=euc-jp", b"\xff" * n),
    "jis std replace": lambda n: typed(b"text/plain; charset=iso-2022-jp", b"\x1b" * n),
    "utf16 replace": lambda n: typed(b"text/plain; charset=utf-16", b"\x00\xdc" * (n // 2)),
    "utf16 be bom": lambda n: typed(b"text/plain; charset=utf-16", b"\xfe\xff" + b"\xdc\x00" * (n // 2)),
    "flowed parts": lambda n: multi(
        b"Content-Type: text/plain; format=flowed", b">> x \r\n" * (140_000), n // 1_000_000 + 1
    ),
    "flowed parts 2": lambda n: multi(
        b"Content-Type: text/plain; format=flowed", b"\n" * (999_000), n // 1_000_000 + 1
    ),
    "html text parts": lambda n: multi(b"Content-Type: text/html", b"<p>" + b"x y" * 333_000, n // 1_000_000 + 1),
    "html crude": lambda n: html(b"<b>x</b>" * (n // 8)),
    "html crude script": lambda n: html(b"<script></script>" * (n // 17)),
    "html crude parts": lambda n: multi(b"Content-Type: text/html", b"<b>x</b>" * (120_000), n // 1_000_000 + 1),
    "html one big": lambda n: html(b"x" * n),
    "html lt": lambda n: html(b"<" * n),
    "alternatives": lambda n: typed(
        b"multipart/alternative; boundary=b",
        (b"--b\r\nContent-Type: text/html\r\n\r\n" + b"<br>" * 49_000 + b"\r\n") * 120,
    ),
    "quoted >": lambda n: plain(b">" * n),
    "quoted lines 1M": lambda n: plain(b"> a\n" * 240_000),
    "ours lines": lambda n: plain(b"a: x@reply.example\n" * 50_000),
    "ours lines open": lambda n: plain(b"x@reply.example <\n" * 50_000),
    "ours framed": lambda n: plain(b"--- x@reply.example ---x\n" * 38_000),
    "rules": lambda n: plain((b"-" * 100 + b"\n") * 9_900),
    "fields only": lambda n: plain(b"a: b\n" * 190_000 + b"x@reply.example:\n"),
    "at lines": lambda n: plain((b"@a" * 990 + b"\n") * 500),
    "blank then ours": lambda n: plain((b"\n" * 400_000) + b"x@reply.example:\n" * 30_000),
    "lookalikes": lambda n: mixed(b"--b\r\n\r\n" + b"--bX\r\n" * 9_999 + b"x" * n),
    "nested lookalikes": lambda n: (
        HEAD
        + b"".join(b"Content-Type: multipart/mixed; boundary=b%d\r\n\r\n--b%d\r\n" % (i, i) for i in range(10, 38))
        + b"\r\n"
        + b"\n--b1" * (n // 5)
    ),
    "nested same boundary": lambda n: (
        HEAD + b"Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n" * 28 + b"\r\n" + b"\n--b" * 300 + b"x" * n
    ),
    "nested boundaries body": lambda n: (
        HEAD
        + b"".join(b"Content-Type: multipart/mixed; boundary=b%d-\r\n\r\n--b%d-\r\n" % (i, i) for i in range(28))
        + b"\r\n"
        + b"\n--b" * (n // 4)
    ),
    "rfc822 in multipart": lambda n: multi(b"Content-Type: message/rfc822", HEAD + b"\r\n" + b"x" * (25_000), 990),
    "no header": lambda n: b"x" * n,
    "no header lines": lambda n: b"x\n" * (n // 2),
    "headers folded": lambda n: HEAD + b"X: y\r\n" + b" y\r\n" * (n // 4),
    "header block": lambda n: HEAD + b"X: y\r\n" * (n // 6),
    "one header": lambda n: HEAD + b"X: " + b"y" * n + b"\r\n\r\nx",
    "subject words": lambda n: HEAD + b"Subject: " + b"=?utf-8?q?a?= " * 7_000 + b"\r\n\r\nx",
    "subject alternate": lambda n: HEAD + b"Subject: " + b"=?utf-8?q?a?= =?a?q?a?= " * 4_000 + b"\r\n\r\nx",
    "subject jis": lambda n: HEAD + b"Subject: " + b"\x1b$B\x1b(B" * 17_000 + b"\r\n\r\nx",
    "subjects x": lambda n: HEAD + (b"Subject: " + b"=?" * 50_000 + b"\r\n") * 2 + b"\r\nx",
    "ref": lambda n: HEAD + b"References: " + b"<a@b>" * 20_000 + b"\r\n\r\nx",
    "ref many": lambda n: HEAD + (b"In-Reply-To: " + b"<a@b> " * 40 + b"\r\n") * 900 + b"\r\nx",
    "received 900": lambda n: HEAD + b"Received: x\r\n" * 900 + b"\r\nx",
    "auth results many": lambda n: (
        (b"Authentication-Results: mx.example; " + b"dkim=pass header.d=a.b; " * 40 + b"\r\n") * 200
        + b"Received: x\r\n"
        + plain(b"x")
    ),
    "auth results deep": lambda n: (
        (
            b"Authentication-Results: mx.example; dmarc=pass ("
            + b"(" * 1000
            + b")" * 1000
            + b") header.from=x; "
            + b"\r\n"
        )
        * 100
        + b"Received: x\r\n"
        + plain(b"x")
    ),
    "auth one long": lambda n: (
        (b"Authentication-Results: mx.example; " + b"spf=pass smtp.mailfrom=a@b.cd; " * 3_000 + b"\r\n") * 2
        + b"Received: x\r\n"
        + plain(b"x")
    ),
    "ct params": lambda n: HEAD + b"Content-Type: text/plain" + b"; a=b" * 19_000 + b"\r\n\r\nx",
    "ct params quoted": lambda n: HEAD + b"Content-Type: text/plain" + b'; a="' * 19_000 + b"\r\n\r\nx",
    "parts alt": lambda n: mixed(
        (b"--b\r\nContent-Type: multipart/alternative; boundary=c\r\n\r\n--c\r\n\r\nx\r\n--c--\r\n") * 490
    ),
    "date": lambda n: HEAD + b"Date: " + b"(" * 320 + b"\r\n\r\nx",
    "report": lambda n: typed(
        b"multipart/report; boundary=b; report-type=delivery-status",
        b"--b\r\nContent-Type: message/delivery-status\r\n\r\n" + b"a: b\r\n\r\n" * 2_000_000,
    ),
}
"""As large as asked for."""

FIXED: Final[dict[str, Make]] = {
    "html tags parts": lambda n: multi(b"Content-Type: text/html", b"<b>x</b>" * (24_000), 130),
    "html br parts": lambda n: multi(b"Content-Type: text/html", b"<br>" * (49_000), 120),
    "html ent parts": lambda n: multi(b"Content-Type: text/html", b"&amp;" * (49_000), 100),
    "html quotes": lambda n: multi(b"Content-Type: text/html", b"<blockquote>" * 20 + b"<br>" * 49_000, 100),
    "at signs": lambda n: plain(b"@a" * 490_000),
    "from commas": lambda n: addressed(b"From", b"a@b," * 10_000),
    "from idna": lambda n: addressed(b"From", ("a@" + "ü" * 120 + ".de ").encode() * 400),
    "from idna2": lambda n: addressed(b"From", ("a@ü.de,").encode() * 10_000),
    "to idna": lambda n: addressed(b"To", ("a@ü" * 1 + ".de,").encode() * 10_000),
    "to idna long": lambda n: addressed(b"To", (("a@" + "ü.ß." * 20 + "de,").encode() * 900)),
    "to words": lambda n: addressed(b"To", b"a@b " * 25_000),
    "cd 2231 distinct parts": lambda n: multi(
        b"Content-Disposition: attachment" + b"".join(b"; filename*%d=x" % i for i in range(120)), b"x", 990
    ),
    "file names": lambda n: multi(
        b'Content-Disposition: attachment; filename="' + b"=?utf-8?q?x?= " * 140 + b'"', b"x", 990
    ),
    "parts text": lambda n: multi(b"Content-Type: text/plain", b"x" * 25_000, 990),
}
"""Smaller than the largest: what is larger is over a limit at once."""

ATTACKS: Final[dict[str, Make]] = SCALED | FIXED
