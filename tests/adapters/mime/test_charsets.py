"""What octets under a label mean: charsets as browsers label them (Encoding Standard §4.2), Japanese mail, flowed text."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.mime.expectations import read
from convalias.adapters.mime.charsets import decode
from convalias.domain.mail.envelope import ClearFrom, MessageEnvelope

BODIES: list[tuple[str, bytes, str]] = [
    # Western: the label names the superset that people mean.
    ("iso-8859-1", b"\x80 400 \x96 that\x92s fine", "€ 400 – that’s fine"),
    ("ISO-8859-1", b"caf\xe9", "café"),
    ("latin1", b"\x8cuvre \x9f", "Œuvre Ÿ"),
    ("windows-1252", b"\x84Hallo\x93", "„Hallo“"),
    ("cp1252", b"\x85", "…"),
    ("us-ascii", "grüße".encode(), "grüße"),
    ("us-ascii", b"gr\xfc\xdfe", "grüße"),
    ("us-ascii", b"\x80", "€"),
    ("", b"gr\xfc\xdfe", "grüße"),
    ("ANSI_X3.4-1968", b"plain", "plain"),
    ("unknown-8bit", "grüße".encode(), "grüße"),
    ("x-unknown", b"gr\xfc\xdfe", "grüße"),
    ("iso-8859-15", b"\xa4 5", "€ 5"),
    ("latin9", b"\xa4 5", "€ 5"),
    ("iso-8859-2", b"\xb1\xe6\xea", "ąćę"),
    ("latin2", b"\xb1", "ą"),
    ("iso8859-2", b"\xb1", "ą"),
    ("iso_8859-2", b"\xb1", "ą"),
    ("windows-1250", b"\x9a\x9e", "šž"),
    ("x-cp1250", b"\x9a", "š"),
    ("iso-8859-9", b"\xfd\xfe\xf0\x80", "ışğ€"),
    ("windows-1254", b"\xdd", "İ"),
    ("iso-8859-7", b"\xe1\xe2", "αβ"),
    ("greek", b"\xe1", "α"),
    ("windows-1253", b"\xc1", "Α"),
    ("iso-8859-5", b"\xbf\xe0", "Пр"),
    ("windows-1251", b"\xcf\xf0\xe8", "При"),
    ("koi8-r", b"\xf0\xd2\xc9", "При"),
    ("koi8-u", b"\xa4", "є"),
    ("ibm866", b"\x8f\xe0", "Пр"),
    ("x-mac-cyrillic", b"\x8f\xf0", "Пр"),
    ("macintosh", b"caf\x8e", "café"),
    ("windows-1255", b"\xf9\xec", "של"),
    ("iso-8859-8-i", b"\xf9\xec", "של"),
    ("windows-1256", b"\xe3", "م"),
    ("iso-8859-6", b"\xe5", "م"),
    ("windows-1257", b"\xe0", "ą"),
    ("windows-1258", b"\xd5", "Ơ"),
    ("tis-620", b"\xa1\x80", "ก€"),
    ("cp850", b"\x81", "ü"),
    # Unicode.
    ("UTF8", "grüße".encode(), "grüße"),
    ("unicode-1-1-utf-8", "ü".encode(), "ü"),
    ("utf-8", b"\xef\xbb\xbfx", "x"),
    ("iso-8859-1", b"\xef\xbb\xbf\xc3\xbc", "ü"),
    ("utf-8", b"\xed\xa0\x80", "\ufffd\ufffd\ufffd"),
    ("utf-8", b"\xc0\xaf", "\ufffd\ufffd"),
    ("utf-16le", b"a\0b\0", "ab"),
    ("utf-16be", b"\0a\0b", "ab"),
    ("utf-16", b"\xfe\xff\0a\0b", "ab"),
    ("utf-16", b"\xff\xfea\0b\0", "ab"),
    # Chinese and Korean.
    ("gb2312", b"\xd6\xd0\xce\xc4", "中文"),
    ("gb2312", b"\x87\xe5", "囧"),
    ("gbk", b"\x80 5", "€ 5"),
    ("gb18030", b"\x95\x32\x82\x36", "𠀀"),
    ("big5", b"\xa4\xa4\xa4\xe5", "中文"),
    ("big5", b"\x87\x40", "䏰"),
    ("ks_c_5601-1987", b"\xc7\xd1\xb1\xdb", "한글"),
    ("euc-kr", b"\x81\x41", "갂"),
    # Japanese: vendor characters of NEC and IBM, half-width kana, what the label really was.
    ("shift_jis", b"\x8e\x52\x93\x63", "山田"),
    ("shift_jis", b"\x87\x40\x87\x8a\x87\x54", "①㈱Ⅰ"),
    ("shift_jis", b"\xfb\xfc", "髙"),
    ("shift_jis", b"\x81\x60", "～"),
    ("shift_jis", b"\xb1\xb2", "ｱｲ"),
    ("windows-31j", b"\xed\x95", "﨑"),
    ("iso-2022-jp", b"\x1b$B;3ED\x1b(B", "山田"),
    ("iso-2022-jp", b"\x1b$B-!-j\x1b(B", "①㈱"),
    ("iso-2022-jp", b"\x1b$@;3\x1b(J\\1,000\x1b(B", "山¥1,000"),
    ("iso-2022-jp", b"\x1b(I12\x1b(B", "ｱｲ"),
    ("iso-2022-jp", b"\x1b$B!A\x1b(B", "～"),
    ("iso-2022-jp", b"\x1b$B|b\x1b(B", "髙"),
    ("iso-2022-jp", "山田".encode(), "山田"),
    ("iso-2022-jp", b"\x1b$B;3ED\n\x1b$BMM\x1b(B", "山田\n様"),
    ("cp50220", b"\x1b$B;3\x1b(B", "山"),
    ("us-ascii", b"\x1b$B;3ED\x1b(B", "山田"),
    ("euc-jp", b"\xbb\xb3\xc5\xc4", "山田"),
    ("euc-jp", b"\xad\xa1\xad\xea", "①㈱"),
    ("euc-jp", b"\x8e\xb1\x8f\xb0\xa1\xa1\xc1", "ｱ丂～"),
    ("euc-jp", b"\xbb\xb3\xff\xbb", "山\ufffd\ufffd"),
    # Not decoded by anybody, or dangerous to decode: replacement characters, never an exception.
    ("utf-7", b"+AGE- \xfc", "+AGE- \ufffd"),
    ("idna", b"xn--mnchen-3ya", "xn--mnchen-3ya"),
    ("hz-gb-2312", b"~{VPND~}", "~{VPND~}"),
    ("iso-2022-kr", b"\x1b$)C\x0e", "\x1b$)C\x0e"),
    ("base64", b"QQ==", "QQ=="),
    ("rot13", b"uryyb", "uryyb"),
    ("unicode_escape", b"\\u0041", "\\u0041"),
    ("nope\0", b"\xfcx", "üx"),
    ("undefined", b"x", "x"),
    ("x" * 5_000, b"x", "x"),
]


UMLAUTS = "Grüße – schön"


@pytest.mark.parametrize(
    "label",
    [
        "utf8mb4",
        "utf8mb3",
        "unicode-utf-8",
        "charset=utf-8",
        "en_US.UTF-8",
        "utf-32",
        "utf-8;",
        "'utf-8",
        "utf 8",
        "utf-8\\",
        "UTF-8; format=flowed",
        "x-nobody-knows",
        "utf_8",
        "windows-65001",
        "unicode",
    ],
)
def test_a_label_that_nobody_knows_says_nothing_about_valid_utf_8(label: str) -> None:
    assert decode(UMLAUTS.encode(), label) == UMLAUTS


@pytest.mark.parametrize(
    "label",
    [
        "windows1252",
        "iso-8859-1_",
        "ISO_8859-1:1987",
        "ansi",
        "de_DE.ISO-8859-1",
        "x-windows-1252-ms",
        "x-nobody-knows",
        "iso 8859 1",
        "win1252",
        "latin 1",
        "western",
        "foo-8859-1",
        "8859-1",
    ],
)
def test_a_misspelt_label_is_read_as_what_it_means_and_the_rest_as_windows_1252(label: str) -> None:
    assert decode(UMLAUTS.encode("cp1252"), label) == UMLAUTS


@pytest.mark.parametrize(
    ("label", "octets", "text"),
    [
        # A known label under which valid UTF-8 cannot be read is wrong.
        ("big5", "您好，我星期二有空。".encode(), "您好，我星期二有空。"),
        ("euc-kr", "火曜日は大丈夫".encode(), "火曜日は大丈夫"),
        ("windows-1252", "Á la carte".encode(), "Á la carte"),
        ("utf-16", b"Tuesday is fine\n", "Tuesday is fine\n"),
        # UTF-8 that is none is windows-1252 where that is plain to see, line by line.
        ("utf-8", b"Sch\xf6ne Gr\xfc\xdfe", "Schöne Grüße"),
        ("utf-8", "Grüße\n".encode() + b"gepr\xfcft", "Grüße\ngeprüft"),
        ("utf-32", "Hi ü".encode("utf-32"), "Hi ü"),
        ("utf-32", "Hi ü".encode("utf-32-le"), "Hi ü"),
        # Honest look-alikes: what is labelled right, or what nobody can be sure of.
        ("big5", b"\xa4\xa4\xa4\xe5", "中文"),
        ("iso-8859-1", b"we see Gr\xc3\xbc\xdfe", "we see GrÃ¼ße"),
        ("utf-8", "Привет".encode("cp1251"), "\ufffd" * 6),
        ("utf-8", "Grü".encode() + b"\xc3", "Grü\ufffd"),
        ("utf-16", b"\x4f\x60", "恏"),
        ("utf-32", b"abcd", "abcd"),
        ("utf-8", b"\xff" + b"\n" * 100_001, "\ufffd" + "\n" * 100_001),
        # Refused under any spelling.
        ("UTF_7", b"+AGE- \xfc", "+AGE- \ufffd"),
        ("HZ-GB-2312", b"~{VPND~}", "~{VPND~}"),
        ("unicode-1-1-utf-7", b"+AGE-", "+AGE-"),
    ],
)
def test_a_wrong_label_gives_way_only_where_that_is_sure(label: str, octets: bytes, text: str) -> None:
    assert decode(octets, label) == text


def test_html_under_a_label_that_nobody_knows_is_read_by_its_own() -> None:
    html = '<meta charset="windows-1251"><p>Привет</p>'.encode("cp1251")
    mail = read(b"From: a@corp.example\r\nContent-Type: text/html; charset=x-nobody-knows\r\n\r\n" + html)
    assert isinstance(mail, MessageEnvelope)
    assert mail.content.text == "Привет"


@pytest.mark.parametrize(("label", "octets", "text"), BODIES)
def test_octets_are_read_as_a_browser_would(label: str, octets: bytes, text: str) -> None:
    assert decode(octets, label) == text


HEADS: list[tuple[bytes, str, str]] = [
    # From, its address, its display name where it can be read.
    (b"\x1b$B;3ED\x1b(B <yamada@corp.example>", "yamada@corp.example", "山田"),
    (b"\x1b$B-j;3ED\x1b(B <a@corp.example>", "a@corp.example", "㈱山田"),
    (b'\x1b$B;3",<>@\x1b(B <a@corp.example>', "a@corp.example", ""),
    (b'"\x1b$B;3ED\x1b(B" <a@corp.example>', "a@corp.example", "山田"),
    ("山田 <a@corp.example>".encode(), "a@corp.example", "山田"),
    ("山田 <a@corp.example>".encode("cp932"), "a@corp.example", ""),
    (b"=?ISO-2022-JP?B?GyRCOzNFRBsoQg==?= <a@corp.example>", "a@corp.example", "山田"),
    (b"=?iso-2022-jp?B?GyRCLWo7M0VEGyhC?= <a@corp.example>", "a@corp.example", "㈱山田"),
    (b"=?Shift_JIS?B?h0CHig==?= <a@corp.example>", "a@corp.example", "①㈱"),
    (b"=?utf-8?B?5bGx?=\r\n =?utf-8?B?55Sw?= <a@corp.example>", "a@corp.example", "山田"),
    (b"a..b@mobile.example", "a..b@mobile.example", ""),
    (b"a.b.@mobile.example", "a.b.@mobile.example", ""),
    (b".a-b@mobile.example", ".a-b@mobile.example", ""),
    (b"Taro <a..b.@mobile.example>", "a..b.@mobile.example", "Taro"),
    (b'"a..b"@mobile.example', "a..b@mobile.example", ""),
    (b'Taro <"a..b."@mobile.example>', "a..b.@mobile.example", "Taro"),
    (b"a/b?c=d@mobile.example", "a/b?c=d@mobile.example", ""),
]


@pytest.mark.parametrize(("value", "key", "display"), HEADS)
def test_a_japanese_sender_is_clear(value: bytes, key: str, display: str) -> None:
    mail = read(b"From: " + value + b"\r\nSubject: x\r\n\r\ntext")
    assert isinstance(mail, MessageEnvelope)
    assert isinstance(mail.sender, ClearFrom), mail.sender
    assert mail.sender.address.key == key
    if display:
        assert mail.sender.display == display


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (b"\x1b$BLL@\\$N7o\x1b(B", "面接の件"),
        (b"Re: \x1b$BLL@\\$N7o\x1b(B\r\n \x1b$B$K$D$$$F\x1b(B", "Re: 面接の件 について"),
        ("面接の件".encode(), "面接の件"),
        (b"=?ISO-2022-JP?B?GyRCTExAXCROGyhC?=\r\n =?ISO-2022-JP?B?GyRCN28bKEI=?=", "面接の件"),
        (b"=?ISO-2022-JP?Q?=1B$BLL@\\$N7o=1B(B?=", "面接の件"),
        (b"=?cp932?B?lsqQ2ozz?= ", "面接" + b"\x8c\xf3".decode("cp932")),
        (b"=?euc-jp?B?raE=?=", "①"),
        (b"=?iso-8859-1?Q?=80_5?=", "€ 5"),
        (b"=?gb2312?B?1tDOxA==?=", "中文"),
        (b"=?ks_c_5601-1987?B?x9Gx2w==?=", "한글"),
        (b"=?utf-7?Q?+AGE-?=", "+AGE-"),
        (b"=?utf-8?B?5bGx55Sw?=\x1b$B;3\x1b(B", "山田山"),
    ],
)
def test_a_subject_is_shown_as_it_was_written(value: bytes, text: str) -> None:
    mail = read(b"From: a@corp.example\r\nSubject: " + value + b"\r\n\r\ntext")
    assert isinstance(mail, MessageEnvelope)
    assert mail.content.subject == text


@pytest.mark.parametrize(
    ("parameters", "body", "text"),
    [
        ("format=flowed", b"one \r\ntwo\r\nthree", "one two\nthree"),
        ("format=flowed; delsp=yes", "面接 \r\nの件".encode(), "面接の件"),
        ("Format=Flowed; DelSp=No", b"one \r\ntwo", "one two"),
        ('format="flowed"; delsp="yes"', b"on \r\ne", "one"),
        ("format=flowed", b" From here\r\n > no quote", "From here\n> no quote"),
        ("format=flowed", b"-- \r\nMary", "-- \nMary"),
        ("format=flowed", b"one \r\n-- \r\nMary", "one \n-- \nMary"),
        ("format=flowed", b"one  \r\ntwo", "one  two"),
        ("format=fixed", b"one \r\ntwo", "one \ntwo"),
        ("", b"one \r\ntwo", "one \ntwo"),
        ("format=flowed", b"one \r\n\r\ntwo", "one \ntwo"),
        ("format=flowed", b"> a \r\n> b\r\n>> c \r\n> d\r\nyes", "> a b\n>> c \n> d\nyes"),
    ],
)
def test_flowed_text_is_unwrapped(parameters: str, body: bytes, text: str) -> None:
    head = f"From: a@corp.example\r\nContent-Type: text/plain; charset=utf-8; {parameters}\r\n\r\n"
    mail = read(head.encode() + body)
    assert isinstance(mail, MessageEnvelope)
    assert mail.content.full_text == text


@given(st.lists(st.sampled_from("山田様①㈱髙﨑～ｱABC \n¥"), max_size=20).map("".join))
def test_text_that_iso_2022_jp_can_carry_comes_back(text: str) -> None:
    octets = text.replace("¥", "").encode("iso2022_jp_ext", "ignore")
    assert decode(octets, "iso-2022-jp") == octets.decode("iso2022_jp_ext").replace("〜", "～").replace("‖", "∥")
