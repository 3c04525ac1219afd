"""Which parts of a mail are its text: forms of one text, the only text, signed text, and parts that are for programs."""

from __future__ import annotations

import time

import pytest

from adapters.mime.expectations import read
from convalias.adapters.mime.fields import read_block
from convalias.adapters.mime.text import said_twice
from convalias.domain.mail.envelope import MailContent, MessageEnvelope, Oddity

HEAD = b"From: mary@corp.example\nMIME-Version: 1.0\n"
ANSWER = "The answer is yes, on 4 May."


def envelope(raw: bytes) -> MessageEnvelope:
    mail = read(raw)
    assert isinstance(mail, MessageEnvelope)
    return mail


def content(raw: bytes) -> MailContent:
    return envelope(raw).content


def part(kind: str, text: str = ANSWER, *fields: str) -> str:
    return "\n".join([f"Content-Type: {kind}; charset=utf-8", *fields, "", text, ""])


def multipart(kind: str, *parts: str, boundary: str = "b") -> str:
    return "\n".join(
        [
            f'Content-Type: multipart/{kind}; boundary="{boundary}"',
            "",
            *(f"--{boundary}\n{one}" for one in parts),
            f"--{boundary}--",
            "",
        ]
    )


def mail(body: str) -> MailContent:
    return content(HEAD + body.encode())


PLAIN = part("text/plain")
HTML = part("text/html", f"<p>{ANSWER}</p>")
FILE = "Content-Type: application/pdf; name=offer.pdf\nContent-Transfer-Encoding: base64\n\nJVBERi0=\n"
NOTICE = part("text/plain", "-- \nChecked by the gateway of Corp.")


# --- multipart/alternative: each child is one form of the whole ---------------------------------------


@pytest.mark.parametrize(
    "forms",
    [
        (PLAIN, multipart("mixed", HTML, FILE, NOTICE, boundary="c")),
        (PLAIN, HTML, NOTICE),
        (HTML, PLAIN, NOTICE),
        (multipart("mixed", HTML, FILE, NOTICE, boundary="c"),),
        (part("text/plain", " "), multipart("mixed", HTML, NOTICE, boundary="c")),
    ],
    ids=["beside a mixed branch", "behind the HTML", "HTML first", "in the only form", "beside a blank form"],
)
def test_a_notice_in_an_alternative_never_replaces_what_was_written(forms: tuple[str, ...]) -> None:
    text = mail(multipart("alternative", *forms)).text
    assert text.count(ANSWER) == 1
    assert text.count("Checked by the gateway") == 1


def test_many_notices_beside_a_long_text_cost_linear_time() -> None:
    started = time.process_time()
    notices = [part("text/plain", f"notice {number}") for number in range(500)]
    assert "notice 499" in mail(multipart("alternative", part("text/plain", "a b " * 200_000), HTML, *notices)).text
    assert time.process_time() - started < 4


def test_of_two_plain_forms_of_one_text_the_last_is_shown() -> None:
    forms = multipart("alternative", part("text/plain", "The answer is yes"), part("text/plain", "The answer is: yes!"))
    assert mail(forms).text == "The answer is: yes!"


def test_two_plain_forms_that_say_different_things_are_both_shown() -> None:
    text = mail(
        multipart("alternative", part("text/plain", "Yes, gladly."), part("text/plain", "A notice of ours"))
    ).text
    assert "Yes, gladly." in text
    assert "A notice of ours" in text


@pytest.mark.parametrize("kind", ["text/markdown", "text/enriched", "text/x-amp-html", "text/watch-html"])
def test_another_form_of_the_text_is_no_file_and_not_shown_beside_it(kind: str) -> None:
    found = mail(multipart("alternative", PLAIN, part(kind, "<b>marks</b>"), HTML))
    assert (found.text, found.attachments) == (ANSWER, ())


def test_a_form_with_marks_is_the_text_where_no_other_has_words() -> None:
    found = mail(multipart("alternative", part("text/plain", ""), part("text/markdown", "The *answer*")))
    assert found.text == "The *answer*"


# --- siblings that say the same -----------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["mixed", "form-data", "related"])
@pytest.mark.parametrize("parts", [(PLAIN, HTML), (HTML, PLAIN)], ids=["plain first", "HTML first"])
def test_plain_and_html_that_say_the_same_are_shown_once(kind: str, parts: tuple[str, str]) -> None:
    assert mail(multipart(kind, *parts)).text == ANSWER


def test_html_that_says_more_is_shown_in_place_of_its_plain_sibling() -> None:
    more = part("text/html", f"<p>{ANSWER}</p><p>Mary</p>")
    assert mail(multipart("mixed", PLAIN, more)).text == f"{ANSWER}\n\nMary"


@pytest.mark.parametrize(
    ("plain", "html"),
    [
        ("The answer is yes.", "<p>Mary Jones<br>Corp Ltd.</p>"),
        ("Yes.", "<p>Yes, that is how we work at Corp Ltd., since 1920.</p>"),
        ("no, yes", "yes, no"),
        ("Ja", "Nein"),
    ],
)
def test_siblings_with_words_of_their_own_are_both_shown(plain: str, html: str) -> None:
    text = mail(multipart("mixed", part("text/plain", plain), part("text/html", html))).text
    assert text.startswith(plain)
    assert len(text) > len(plain) + 2


@pytest.mark.parametrize(
    ("one", "other", "shown"),
    [
        ("Yes, ten o'clock", "Yes, ten  o'clock\n", "Yes, ten o'clock"),
        ("See https://x.example/a?b=c now", "See now", "See https://x.example/a?b=c now"),
        ("火曜日で\n大丈夫です", "火曜日で大丈夫です", "火曜日で\n大丈夫です"),
        ("a b c", "a b d", None),
        ("", "a", None),
        ("!", "?", None),
    ],
)
def test_what_is_said_twice_is_told_by_its_words(one: str, other: str, shown: str | None) -> None:
    assert said_twice(one, other) == shown


# --- the only text, whatever its label ----------------------------------------------------------------


@pytest.mark.parametrize(
    "kind",
    ["text/markdown", "text/x-unheard-of", "plain/text", "text", "html", "html/text", "text/htm", "application/text"],
)
def test_the_only_text_of_a_mail_is_its_text_whatever_it_is_called(kind: str) -> None:
    found = mail(part(kind))
    assert (found.text, found.attachments) == (ANSWER, ())


def test_what_is_called_html_is_read_as_html() -> None:
    assert mail(part("html", "<p>Yes &amp; no</p>")).text == "Yes & no"


@pytest.mark.parametrize("kind", ["text/plain", "text/html", "text/markdown"])
def test_the_only_text_of_a_mail_is_shown_though_it_is_marked_as_an_attachment(kind: str) -> None:
    found = mail(part(kind, ANSWER, "Content-Disposition: attachment"))
    assert (found.text, found.attachments) == (ANSWER, ())


def test_forms_that_are_both_marked_as_attachments_are_one_text() -> None:
    marked = "Content-Disposition: attachment"
    forms = part("text/plain", ANSWER, marked), part("text/html", f"<p>{ANSWER}</p>", marked)
    assert mail(multipart("alternative", *forms)).text == ANSWER


def test_a_mail_that_is_one_named_text_is_shown_and_kept_as_a_file() -> None:
    found = mail(part("text/plain", ANSWER, "Content-Disposition: attachment; filename=answer.txt"))
    assert (found.text, [one.name for one in found.attachments]) == (ANSWER, ["answer.txt"])


def test_a_text_file_beside_a_text_is_a_file() -> None:
    attached = part("text/plain", "a log", "Content-Disposition: attachment; filename=log.txt")
    found = mail(multipart("mixed", PLAIN, attached))
    assert (found.text, [one.name for one in found.attachments]) == (ANSWER, ["log.txt"])


@pytest.mark.parametrize("kind", ["text/calendar", "text/vcard", "text/csv"])
def test_text_that_is_data_is_a_file(kind: str) -> None:
    assert [one.media_type for one in mail(multipart("mixed", PLAIN, part(kind, "a,b"))).attachments] == [kind]


# --- multiparts that are torn -------------------------------------------------------------------------


@pytest.mark.parametrize("body", ["--b--\n", "--b--", "\n--b--\n\n", "--b--\n--b--\n", "", "\n"])
def test_a_multipart_with_nothing_but_its_closing_delimiter_has_no_text(body: str) -> None:
    found = mail(f'Content-Type: multipart/mixed; boundary="b"\n\n{body}')
    assert (found.text, found.attachments) == ("", ())


def test_a_million_closing_delimiters_cost_linear_time() -> None:
    started = time.process_time()
    for body in ("x\n" + "--b--\n" * 500_000, "--b--\n" * 500_000):
        mail(f"Content-Type: multipart/mixed; boundary=b\n\n{body}")
    assert time.process_time() - started < 4


def test_a_multipart_without_parts_is_plain_text_without_its_closing_delimiter() -> None:
    assert mail(f"Content-Type: multipart/mixed; boundary=b\n\n{ANSWER}\n--b--\n").text == ANSWER
    assert mail(f"Content-Type: multipart/mixed; boundary=b\n\n{ANSWER} --b--\n").text == f"{ANSWER} --b--"


@pytest.mark.parametrize(
    "head", ['multipart/mixed; boundary="nowhere"', "multipart/alternative", 'multipart/mixed; boundary=""']
)
@pytest.mark.parametrize("above", ["", "This is a multi-part message in MIME format.\n\n"])
def test_a_boundary_that_is_plain_to_see_is_used_for_one_that_is_not_there(head: str, above: str) -> None:
    raw = HEAD + f"Content-Type: {head}\n\n{above}--other\n{PLAIN}--other\n{FILE}--other--\n".encode()
    found = envelope(raw)
    assert found.content.text == ANSWER
    assert [one.name for one in found.content.attachments] == ["offer.pdf"]
    assert Oddity.BODY in found.oddities


def test_words_above_something_like_a_delimiter_are_not_lost() -> None:
    text = f"My answer is this:\n--other\n{PLAIN}"
    assert "My answer is this:" in mail(f"Content-Type: multipart/mixed; boundary=b\n\n{text}").text


# --- signatures ---------------------------------------------------------------------------------------


def der(tag: int, *values: bytes) -> bytes:
    whole = b"".join(values)
    size = len(whole)
    length = bytes([size]) if size < 128 else bytes([0x82, *divmod(size, 256)])
    return bytes([tag]) + length + whole


def signed(entity: bytes, *, pieces: bool = False, kind: str = "2a864886f70d010702") -> bytes:
    data = der(0x06, bytes.fromhex("2a864886f70d010701"))
    octets = der(0x04, entity)
    if pieces:
        half = len(entity) // 2
        octets = b"\x24\x80" + der(0x04, entity[:half]) + der(0x04, entity[half:]) + b"\0\0"
        inner = b"\xa0\x80" + octets + b"\0\0"
        return (
            b"\x30\x80"
            + der(0x06, bytes.fromhex(kind))
            + b"\xa0\x80\x30\x80\x02\x01\x01\x31\x00\x30\x80"
            + data
            + inner
        )
    version, digests = der(0x02, b"\x01"), der(0x31)
    return der(
        0x30, der(0x06, bytes.fromhex(kind)), der(0xA0, der(0x30, version, digests, der(0x30, data, der(0xA0, octets))))
    )


def opaque(octets: bytes, name: str = "smime.p7m") -> MailContent:
    import base64  # noqa: PLC0415

    head = f"Content-Type: application/pkcs7-mime; smime-type=signed-data; name={name}\nContent-Transfer-Encoding: base64\n\n"
    return content(HEAD + head.encode() + base64.encodebytes(octets))


@pytest.mark.parametrize("pieces", [False, True], ids=["DER", "BER in pieces"])
def test_text_inside_an_opaque_signature_is_read(pieces: bool) -> None:  # noqa: FBT001
    found = opaque(signed(multipart("mixed", PLAIN, FILE).encode(), pieces=pieces))
    assert (found.text, [one.name for one in found.attachments]) == (ANSWER, ["offer.pdf"])
    assert not found.empty


@pytest.mark.parametrize(
    "octets",
    [
        b"",
        b"\x30",
        b"MIIB",
        signed(PLAIN.encode())[:-40],
        signed(PLAIN.encode(), kind="2a864886f70d010703"),
        b"\x30\x85\x01\x01\x01\x01\x01",
        b"\x30\x82\x01",
        signed(PLAIN.encode(), pieces=True).replace(b"\x24\x80", b"\x02\x80"),
        signed(PLAIN.encode()).replace(bytes.fromhex("2a864886f70d010701"), bytes.fromhex("2a864886f70d010709")),
        signed(("Content-Type: multipart/mixed; boundary=" + "b" * 300 + "\n\n").encode()),
    ],
)
def test_an_envelope_that_cannot_be_opened_says_that_the_original_is_attached(octets: bytes) -> None:
    found = opaque(octets)
    assert "the original is attached" in found.text
    assert [one.name for one in found.attachments] == ["smime.p7m"]


def test_only_a_few_envelopes_in_one_another_are_opened() -> None:
    import base64  # noqa: PLC0415

    entity = PLAIN.encode()
    for _ in range(6):
        entity = b"Content-Type: application/pkcs7-mime\nContent-Transfer-Encoding: base64\n\n" + base64.encodebytes(
            signed(entity)
        )
    found = content(HEAD + entity)
    assert "the original is attached" in found.text
    assert [one.media_type for one in found.attachments] == ["application/pkcs7-mime"]


CLEAR = f"""-----BEGIN PGP SIGNED MESSAGE-----
Hash: SHA256

{ANSWER}
- --\x20
Mary
-----BEGIN PGP SIGNATURE-----

iQEz
=abcd
-----END PGP SIGNATURE-----
"""


def test_clear_signed_text_is_shown_without_its_armour() -> None:
    assert mail(part("text/plain", f"{CLEAR}\nA notice.")).text == f"{ANSWER}\n-- \nMary\n\nA notice."


@pytest.mark.parametrize(
    "torn", [CLEAR[:-40], CLEAR.replace("-----BEGIN PGP SIGNATURE-----", ""), "> " + CLEAR.replace("\n", "\n> ")]
)
def test_armour_that_is_torn_or_quoted_stays(torn: str) -> None:
    assert "BEGIN PGP SIGNED MESSAGE" in mail(part("text/plain", torn)).full_text


@pytest.mark.parametrize(
    "technical",
    [
        "Content-Type: application/pkcs7-signature; name=smime.p7s\nContent-Disposition: attachment; filename=smime.p7s\n\nMIIB\n",
        "Content-Type: application/pgp-signature; name=signature.asc\n\n-----BEGIN PGP SIGNATURE-----\n",
        "Content-Type: application/octet-stream; name=smime.p7s\n\nMIIB\n",
        "Content-Type: application/pgp-keys; name=OpenPGP_0x1234567890ABCDEF.asc\n\n-----BEGIN\n",
        'Content-Type: application/pgp-keys; name="publickey - mary@corp.example - 0x1234.asc"\n\n-----BEGIN\n',
        "Content-Type: application/applefile; name=offer.pdf\n\nx\n",
    ],
)
def test_what_programs_add_for_programs_is_no_file(technical: str) -> None:
    found = mail(multipart("signed", PLAIN, technical))
    assert (found.text, found.attachments) == (ANSWER, ())


def test_a_key_that_somebody_attached_is_a_file() -> None:
    key = 'Content-Type: application/pgp-keys; name="mary.asc"\nContent-Disposition: attachment\n\n-----BEGIN\n'
    assert [one.name for one in mail(multipart("mixed", PLAIN, key)).attachments] == ["mary.asc"]


@pytest.mark.parametrize(
    "kind", ['application/ms-tnef; name="winmail.dat"', "application/octet-stream; name=WINMAIL.DAT"]
)
def test_a_mail_in_outlooks_own_format_says_so(kind: str) -> None:
    found = mail(f"Content-Type: {kind}\nContent-Transfer-Encoding: base64\n\neJ8+IgAA\n")
    assert "winmail.dat" in found.text
    assert len(found.attachments) == 1


# --- damaged declarations ------------------------------------------------------------------------------


TWO = multipart("mixed", PLAIN, FILE).partition("\n")[2]


@pytest.mark.parametrize(
    "fields",
    [
        'Content-Type: multipart/multipart/mixed; boundary="b"\n',
        "Content-Type: multipart; boundary=b\n",
        "Content-Type: multipart/; boundary=b\n",
        "Content-Type: multipart/mixed/; boundary=b\n",
        "Content-Type: \nContent-Type: multipart/mixed; boundary=b\n",
        "Content-Type:\n \nContent-Type: multipart/mixed; boundary=b\n",
    ],
)
def test_a_multipart_that_is_declared_badly_is_read(fields: str) -> None:
    found = mail(fields + TWO)
    assert found.text == ANSWER
    assert [one.name for one in found.attachments] == ["offer.pdf"]


def test_a_badly_declared_alternative_is_one() -> None:
    found = mail(
        "Content-Type: multipart/multipart/alternative; boundary=b\n" + multipart("x", PLAIN, HTML).partition("\n")[2]
    )
    assert found.text == ANSWER


def test_what_has_no_boundary_or_is_no_multipart_is_text() -> None:
    assert mail("Content-Type: multipart\n\nYes.\n").text == "Yes."
    assert mail("Content-Type: text; boundary=b\n\nYes.\n").text == "Yes."


def test_parts_whose_header_block_has_no_end_are_read() -> None:
    found = envelope(HEAD + b"Content-Type: multipart/mixed; boundary=b" + TWO.encode())
    assert found.content.text == ANSWER
    assert [one.name for one in found.content.attachments] == ["offer.pdf"]
    assert found.oddities == {Oddity.BODY}


@pytest.mark.parametrize("hidden", [b"From: eve@evil.example", b"Subject: two", b"To: x@y.example"])
def test_no_field_that_rules_read_hides_below_a_delimiter_in_the_header(hidden: bytes) -> None:
    raw = (
        b"Content-Type: multipart/mixed; boundary=b\nSubject: one\n--b\n"
        + hidden
        + b"\nContent-Type: text/plain\n\nx\n--b--\n"
    )
    block = read_block(HEAD + raw, 0, len(HEAD + raw))
    name, _, value = hidden.partition(b":")
    assert value in block.all(name.lower())
