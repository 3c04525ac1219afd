"""Charsets, encoded words, HTML, quoted history, file names, dates: the small readers, each for itself."""

from __future__ import annotations

import time
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.mime.expectations import is_safe_name
from convalias.adapters.mime import limits
from convalias.adapters.mime.charsets import decode
from convalias.adapters.mime.dates import read_date
from convalias.adapters.mime.flowed import unwrapped
from convalias.adapters.mime.html import is_within_bounds, sanitised, to_text
from convalias.adapters.mime.mailboxes import recipients
from convalias.adapters.mime.message_id import canonical, listed
from convalias.adapters.mime.parameters import read_parameters
from convalias.adapters.mime.quotes import without_history
from convalias.adapters.mime.transfer import undone
from convalias.adapters.mime.words import decoded
from convalias.domain.mail.file_names import neutralised
from convalias.ports.drafts import REPLY_MARKER

OURS = frozenset({"reply.example"})


@pytest.mark.parametrize(
    ("octets", "label", "text"),
    [
        (b"\x87\x40", "Shift_JIS", "①"),
        (b"\x1b$B-!\x1b(B", "iso-2022-jp", "①"),
        (b"\x1b$B;3ED\x1b(B!", "ISO-2022-JP", "山田!"),
        (b"\x1b(I1\x1b(B", "iso-2022-jp", "ｱ"),
        (b"\x1b$B;3\n!", "iso-2022-jp", "山\n!"),
        (b"\x1b$B;", "iso-2022-jp", "\ufffd"),
        (b"\x95\x32\x82\x36", "gb2312", "𠀀"),
        (b"\xb0\xa1\x81\x41", "ks_c_5601-1987", "가갂"),
        (b"\x80 \x93x\x94", "iso-8859-1", "€ “x”"),
        ("ü".encode(), "us-ascii", "ü"),
        (b"\xfc", "us-ascii", "ü"),
        (b"\x81", "windows-1252", "\ufffd"),
        (b"+AGE-", "utf-7", "+AGE-"),
        (b"\xfcx", "idna", "\ufffdx"),
        (b"\xffa", "nope", "ÿa"),
        (b"a\x00", "utf-16", "a"),
        (b"\xff", "utf-8", "\ufffd"),
        (b"x", '"UTF-8"', "x"),
        (b"\xc0", "koi8-r", "ю"),
    ],
)
def test_a_charset_is_read_as_browsers_do(octets: bytes, label: str, text: str) -> None:
    assert decode(octets, label) == text


def test_a_long_japanese_text_is_read_by_the_plain_standard() -> None:
    octets = b"\x1b$B;3ED\x1b(B\n" * (limits.JAPANESE // 11 + 1)
    assert decode(octets, "iso-2022-jp").startswith("山田\n山田\n")


@given(st.binary(max_size=60), st.sampled_from("utf-8 iso-2022-jp shift_jis gb2312 big5 cp949 utf-16 x-none".split()))
def test_no_octets_under_any_label_raise(octets: bytes, label: str) -> None:
    assert isinstance(decode(octets, label), str)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (b"=?utf-8?q?a=C3?= =?utf-8?q?=BC?=", "aü"),
        (b"=?utf-8?b?w7w=?= and =?iso-8859-1?q?=FC?=", "ü and ü"),
        (b"=?utf-8*de?q?=C3=BC?=", "ü"),
        (b"=?utf-8?q?a_b?=\r\n =?utf-8?q?c?=", "a bc"),
        (b"=?utf-8?b?w7w?=", "ü"),
        (b"=?utf-8?b?w?=", ""),
        (b"=?nope?q?=FC?=", "ü"),
        (b"=?utf-8?q?Hi=0D=0ABcc:_x@y?=", "Hi Bcc: x@y"),
        (b"=?utf-8?q?gpj=E2=80=AEexe?=", "gpjexe"),
        (b"=?x", "=?x"),
        (b"  a   b ", "a b"),
    ],
)
def test_encoded_words_are_decoded_for_display(value: bytes, text: str) -> None:
    assert decoded(value) == text


@pytest.mark.parametrize(
    ("source", "text"),
    [
        ("<p>Hello <b>Mary</b>,</p><p>yes.</p>", "Hello Mary,\n\nyes."),
        ("one<br>two<br><br>three", "one\ntwo\n\nthree"),
        ("<style>p{}</style><script>x</script><title>t</title>text<!-- no -->", "text"),
        ("<head><title>x</title></head><body>text</body>", "text"),
        ("a&nbsp;&amp;&#x20AC;&lt;b&gt;", "a &€<b>"),
        ("<ul><li>a<li>b</ul>", "- a\n- b"),
        ('<a href="https://x.example/">here</a>', "here <https://x.example/>"),
        ('<a href="https://x.example/">https://x.example/</a>', "https://x.example/"),
        ('<a href="javascript:x">here</a>', "here"),
        ("said:<blockquote>old<br>words</blockquote>new", "said:\n> old\n> words\nnew"),
        ('<img src="https://t.example/p.gif" alt="a cat">', "a cat"),
        ("<pre>a\n  b</pre>", "a\n  b"),
        ("<table><tr><td>a</td><td>b</td></tr><tr><td>c</td></tr></table>", "a b\nc"),
        ("a < b", "a < b"),
        ("text<script>never ends", "text"),
        ("text<!-- never ends", "text"),
        ("<svg>shown, because nothing ends it", "shown, because nothing ends it"),
        ("&#" + "9" * 5_000 + ";", "\ufffd" + "9" * 4_993 + ";"),
    ],
)
def test_html_becomes_the_text_a_reader_sees(source: str, text: str) -> None:
    assert to_text(source) == text


@pytest.mark.parametrize(
    ("source", "text"),
    [
        ("<ol><li>a<li>b</ol>", "1. a\n2. b"),
        ("<ol start=3><li>a<li value=7>b<li>c</ol>", "3. a\n7. b\n8. c"),
        ("<ol type=a><li>a<li>b</ol>", "a. a\nb. b"),
        ('<ol type="A" start="26"><li>a<li>b</ol>', "Z. a\n27. b"),
        ("<ol><li>a<ul><li>b</ul><li>c</ol><ul><li>d</ul>", "1. a\n\n- b\n\n2. c\n\n- d"),
        ("<li>a</ol></ul><ol start=99999999><li>b", "- a\n\n1. b"),
    ],
)
def test_the_items_of_a_list_keep_their_numbers(source: str, text: str) -> None:
    assert to_text(source) == text


HIDDEN = [
    '<div style="display:none">no</div>',
    "<div style='display: none; font-size:0'>no<div>no</div></div>",
    '<span style="color:red;visibility:hidden">no</span>',
    "<p hidden>no<p>yes",
    '<td style="display:none">no<td>yes',
    '<div style="max-height:0px;overflow:hidden">no</div>',
    '<span style="opacity:0">no</span>',
    '<span style="font-size:0px;line-height:0">no</span>',
    '<DIV STYLE="DISPLAY:NONE">no</DIV>',
]


@pytest.mark.parametrize("source", HIDDEN)
def test_what_a_style_hides_is_no_text(source: str) -> None:
    whole = f"<p>Tuesday is fine.</p>{source}<p>Ann</p>"
    assert "no" not in to_text(whole).replace("Ann", "").split()
    assert ">no<" not in (sanitised(whole) or "")
    assert to_text(whole).startswith("Tuesday is fine.")
    assert to_text(whole).endswith("Ann")


@pytest.mark.parametrize(
    "source",
    [
        '<div style="display:none">shown, because nothing closes it',
        '<div style="font-size:0"><span style="font-size:14px">shown</span></div>',
        '<div style="opacity:0.9">shown</div>',
        '<div style="mso-hide:all">shown</div>',
        '<div style="line-height:0">shown</div>',
        '<div style="max-height:0">shown</div>',
        '<div title="display:none hidden">shown</div>',
        '<div class="hidden">shown</div>',
        '<!-- <div style="display:none"> --><div>shown</div>',
        "<style>.x{display:none}</style><p>shown</p>",
        '<body style="display:none">shown</body>',
        "<p>a</p><!-- <div hidden> shown",
        '<div style="display:none">shown, because it is all there is</div>',
    ],
)
def test_what_looks_hidden_and_may_be_seen_is_text(source: str) -> None:
    assert "shown" in to_text(source) or source.startswith("<p>a</p><!--")


@pytest.mark.parametrize("open_tag", ["<div hidden>", '<div title="hidden">', '<div style="font-size:0">'])
def test_elements_that_hide_or_seem_to_cost_linear_time(open_tag: str) -> None:
    def cost(times: int) -> float:
        started = time.process_time()
        assert to_text(open_tag * times + "end").endswith("end")
        assert "end" in to_text(open_tag * times + "<i style=font-size:1em>" + "</div>" * times + "end")
        return time.process_time() - started

    # Four times as many take four times as long; sixteen times, if each looks at all others.
    assert min(cost(20_000), cost(20_000)) < 9 * cost(5_000)


@pytest.mark.parametrize(
    "bad",
    [
        '<img src="https://t.example/p.gif">',
        "<script>x()</script>",
        '<p style="background:url(https://t.example)">x</p>',
        '<a href="javascript:x()">x</a>',
        '<form action="https://x.example"><input></form>',
        '<p onclick="x()">x</p>',
        "<svg onload=x()></svg>",
    ],
)
def test_sanitised_html_holds_nothing_that_runs_or_calls_home(bad: str) -> None:
    clean = sanitised(f"<b>kept</b>{bad}")
    assert clean is not None
    assert "<b>kept</b>" in clean
    assert not any(word in clean for word in ("t.example", "x()", "javascript", "<form", "<input", "<img", "<svg"))


@pytest.mark.parametrize(
    ("source", "within"),
    [
        ("<div>" * 256 + "</div>" * 256, True),
        ("<div>" * 257, False),
        ("<div></p>" * 257, False),
        ("<p>x" * 5_000, True),
        ("<tr><td>" * 5_000, True),
        ("<b>" * 200 + "<p>x" * 2_000, True),
        ("<b>" * 250 + "<p>x" * 10_000, False),
        ("x" * limits.HTML, True),
        ("x" * (limits.HTML + 1), False),
        ("<br>" * (limits.HTML_TAGS + 1), False),
    ],
)
def test_a_sanitiser_sees_only_html_within_bounds(source: str, *, within: bool) -> None:
    assert is_within_bounds(source) is within
    assert (sanitised(source) is not None) is within


def test_html_beyond_the_bounds_is_text_without_tags() -> None:
    source = "<style>p{}</style>" + "<b>x</b> &amp; " * limits.HTML_TAGS
    assert to_text(source).split()[:4] == ["x", "&", "x", "&"]


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        (f"Yes.\n\n{REPLY_MARKER}\nold", "Yes."),
        (f"Yes.\n\nAnn <a@reply.example> wrote:\n> {REPLY_MARKER}\n> old", "Yes."),
        ("Yes.\n\nOn Mon, 2 Mar 2026 at 09:14, Ann via Jobs <\na-1@reply.example> wrote:\n> old", "Yes."),
        ("Yes.\n\n2026年3月2日 9:14 Ann <a@REPLY.example>:\n\nold", "Yes."),
        ("Yes.\n\n-----Original Message-----\nFrom: Ann <a@reply.example>\nSent: Monday\nTo: x\n\nold", "Yes."),
        ("Yes.\n\n________________________________\nVon: Ann <a@reply.example>\nGesendet: Montag\n\nalt", "Yes."),
        ("Yes.\n\nSomebody wrote:\n> old\n> words\n", "Yes."),
        ("Ann <a@reply.example> wrote:\n> old\n\nMy answer below.", None),
        ("Ann <a@reply.example> wrote:\n> old\nYes.\n> older\nNo.", None),
        ("Write to a@reply.example please.", None),
        ("The list:\n> not the end\nmore", None),
        ("Ann <a@reply.example> wrote:\n> all of it", None),
        ("a@reply.example: yes\nand more text", None),
    ],
)
def test_quoted_history_is_cut_where_it_surely_begins(text: str, kept: str | None) -> None:
    assert without_history(text, OURS) == (text if kept is None else kept)


def test_a_text_too_long_to_search_is_shown_whole() -> None:
    text = "x" * limits.TEXT + f"\n{REPLY_MARKER}\nold"
    assert without_history(text, OURS) == text


@given(
    st.lists(
        st.sampled_from(["Yes.", "> a", "x <a@reply.example> y:", "A: b", "", REPLY_MARKER, "--", "c:"]), max_size=12
    )
)
def test_what_is_kept_is_the_beginning_of_the_text_and_never_nothing(lines: list[str]) -> None:
    text = "\n".join(lines)
    kept = without_history(text, OURS)
    assert text.startswith(kept)
    assert kept.strip() or not text.strip()


@given(st.text(max_size=200), st.sampled_from(["image/png", "text/plain", "x/y"]))
def test_a_file_name_is_safe_whatever_it_was(name: str, media_type: str) -> None:
    assert is_safe_name(neutralised(name, media_type).translate({0x200C: None, 0x200D: None, 0xAD: None}) or "x")


@pytest.mark.parametrize(
    ("name", "safe"),
    [
        ("../../etc/passwd", "etc_passwd"),
        ("a%2Fb.txt", "a_2Fb.txt"),
        ("CON", "_CON"),
        ("nul.txt", "_nul.txt"),
        ("gpj\u202e.exe", "gpj.exe"),
        ("a\0b.pdf", "a b.pdf"),
        ("", "attachment.pdf"),
        ("...", "attachment.pdf"),
        ("x" * 300 + ".pdf", "x" * 116 + ".pdf"),
    ],
)
def test_a_file_name_is_neutralised(name: str, safe: str) -> None:
    assert neutralised(name, "application/pdf") == safe


NINE = datetime(2026, 3, 2, 9, 14, tzinfo=UTC)


@pytest.mark.parametrize(
    ("value", "date"),
    [
        (b"Mon, 2 Mar 2026 10:14:00 +0100", NINE),
        (b"2 Mar 2026 09:14 GMT", NINE),
        (b" Mon,  2 Mar 2026\r\n 09:14:00 -0000 (UTC)", NINE),
        (b"Mon, 02 Mar 2026 04:14:00 EST", NINE),
        (b"2 Mar 26 09:14:00 +0000", NINE),
        (b"Mon Mar  2 09:14:00 2026", NINE),
        (b"Mon, 2 Mar 2026 09:13:60 Z", NINE.replace(minute=13, second=59)),
        (b"Mon, 30 Feb 2026 09:14:00 +0000", None),
        (b"2 Mar 2026 09:14 +9999", None),
        (b"1 Jan 0001 00:00 +1400", None),
        (b"31 Dec 9999 23:59 -1400", None),
        (b"yesterday", None),
        (b"", None),
        (b"1 " * 5_000, None),
    ],
)
def test_a_date_is_read_as_an_instant_or_not_at_all(value: bytes, date: datetime | None) -> None:
    assert read_date(value) == date


@given(st.text(alphabet="0123456789 :+-,()MarJnonZEST/", max_size=50))
def test_no_date_raises(text: str) -> None:
    assert read_date(text.encode()) is None or read_date(text.encode()).tzinfo is UTC  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("value", "keys"),
    [
        (b"a@b.cd, John <c@d.ef>; <e@f.gh>", ["a@b.cd", "c@d.ef", "e@f.gh"]),
        (b'"Doe, John" <a@b.cd>, "x@y.z" <c@d.ef>', ["a@b.cd", "c@d.ef"]),
        (b"Team: a@b.cd, c@d.ef; e@f.gh", ["a@b.cd", "c@d.ef", "e@f.gh"]),
        (b"undisclosed-recipients:;", []),
        (b"'a@b.cd' (comment, x@y.z), \"c@d.ef\"", ["a@b.cd", "c@d.ef"]),
        (b'"a b"@c.de', ['"a b"@c.de']),
        (b"<<a@b.cd>>, <@route:c@d.ef>", ["a@b.cd", "c@d.ef"]),
        (b"A@B.cd., a@b.cd", ["a@b.cd"]),
        (b'\x1b$B;3",<\x1b(B <a@b.cd>', ["a@b.cd"]),
        (b'"never closed <a@b.cd>', []),
        (b"Name a@b.cd", ["a@b.cd"]),
        ("a@bücher.example".encode(), ["a@xn--bcher-kva.example"]),
    ],
)
def test_recipients_are_found_tolerantly(value: bytes, keys: list[str]) -> None:
    assert [one.key for one in recipients([value])] == keys


@pytest.mark.parametrize(
    ("value", "inner"),
    [
        (b" <a@b> ", b"a@b"),
        (b"<a\r\n @b>", b"a@b"),
        (b"<<a>@[b]>", b"<a>@[b]"),
        (b"no brackets", b"nobrackets"),
        (b"> a <", b">a<"),
        (b"<>", None),
        (b"<@>", None),
        (b"", None),
        (b"<" + b"a" * 998 + b">", b"a" * 998),
        (b"<" + b"a" * 999 + b">", None),
        (b"<\xff@x>", b"\xff@x"),
    ],
)
def test_a_message_id_is_opaque(value: bytes, inner: bytes | None) -> None:
    found = canonical(value)
    assert (None if found is None else found.value) == inner


def test_ids_without_brackets_are_listed_by_words() -> None:
    assert [one.value for one in listed([b"a@b c@d"])] == [b"a@b", b"c@d"]


def test_rfc_2231_pieces_are_joined_in_their_order() -> None:
    found = read_parameters(b"attachment; filename*1=%20; filename*0*=utf-8''%C3%BC; filename*2*=%41")
    assert found.text("filename") == "ü%20A"


def test_soft_breaks_are_joined_and_quote_depths_kept_apart() -> None:
    assert unwrapped("a \nb\n> c \n> d\n>e \nf", delete_space=False) == "a b\n> c d\n> e \nf"
    assert unwrapped("長い \n行", delete_space=True) == "長い行"


@pytest.mark.parametrize(
    ("octets", "content"),
    [(b"QUJD", b"ABC"), (b"QQ==QUJD", b"AABC"), (b"QUJ", b"AB"), (b"QUJDR", b"ABC"), (b"Q-U!J\nD", b"ABC"), (b"", b"")],
)
def test_broken_base64_is_read_as_far_as_it_goes(octets: bytes, content: bytes) -> None:
    assert undone(octets, "base64") == content
