"""Attachments with hostile, long and oddly written names."""

from __future__ import annotations

from collections.abc import Mapping

from mails.families.common import Mail, letter, octets

MIXED = 'Content-Type: multipart/mixed; boundary="mix"\n'
SAFE: Mapping[str, object] = {"name_safe": True}


def attached(
    name: str, why: str, disposition: str | bytes, *wanted: Mapping[str, object], kind: str = "application/pdf"
) -> Mail:
    """A short text and one file whose Content-Disposition is given."""
    body = (
        b"--mix\nContent-Type: text/plain; charset=utf-8\n\nSee the file.\n--mix\nContent-Type: "
        + octets(kind)
        + b"\nContent-Transfer-Encoding: base64\nContent-Disposition: "
        + octets(disposition)
        + b"\n\nJVBERi0xLjQK\n--mix--\n"
    )
    described = [{"media_type": kind.partition(";")[0], **one} for one in wanted]
    return letter(name, why, body, {"text": "See the file.", "attachments": described}, content=MIXED)


MAILS: tuple[Mail, ...] = (
    attached("file-plain", "an ordinary name", 'attachment; filename="cv.pdf"', {"name": "cv.pdf"}),
    attached("file-parent", "a path upwards", 'attachment; filename="../../etc/passwd"', SAFE),
    attached("file-backslash", "a path upwards for Windows", 'attachment; filename="..\\\\..\\\\evil.exe"', SAFE),
    attached("file-absolute", "an absolute path", 'attachment; filename="/etc/cron.d/x"', SAFE),
    attached(
        "file-nul", "RFC 2231 writes a NUL: the name ends twice", "attachment; filename*=utf-8''cv.pdf%00.exe", SAFE
    ),
    attached("file-slash-2231", "RFC 2231 writes slashes", "attachment; filename*=utf-8''..%2F..%2Fetc%2Fpasswd", SAFE),
    attached(
        "file-slash-percent", "percent signs in a plain name", 'attachment; filename="..%2F..%2Fetc%2Fpasswd"', SAFE
    ),
    attached("file-con", "a device name of Windows", 'attachment; filename="CON"', SAFE),
    attached(
        "file-con-extension", "a device name with an extension is one still", 'attachment; filename="con.txt"', SAFE
    ),
    attached(
        "file-bidi", "a right-to-left override hides .exe", "attachment; filename*=utf-8''cv%E2%80%AEfdp.exe", SAFE
    ),
    attached("file-isolate", "a bidi isolate does the same", "attachment; filename*=utf-8''cv%E2%81%A7fdp.exe", SAFE),
    attached("file-long", "300 characters", f'attachment; filename="{"a" * 296}.pdf"', SAFE),
    attached("file-dots", "a name of dots", 'attachment; filename=".."', SAFE),
    attached("file-line-break", "an encoded line break", "attachment; filename*=utf-8''cv%0D%0ABcc%3A%20x.pdf", SAFE),
    attached(
        "file-continued",
        "RFC 2231 continuations, encoded and not",
        "attachment;\n filename*0*=utf-8''Lebens;\n filename*1*=l%C3%A4ufe%20;\n filename*2=\"2026.pdf\"",
        {"name": "Lebensläufe 2026.pdf"},
    ),
    attached(
        "file-continued-disorder",
        "continuations in another order; the numbers count",
        'attachment; filename*1="load.pdf"; filename*0="down"',
        {"name": "download.pdf"},
    ),
    attached(
        "file-2231-latin",
        "RFC 2231 in another charset",
        "attachment; filename*=iso-8859-1''Gr%FC%DFe.pdf",
        {"name": "Grüße.pdf"},
    ),
    attached(
        "file-encoded-word",
        "an encoded word in quotes, as Outlook writes it against RFC 2047",
        'attachment; filename="=?utf-8?B?TGViZW5zbMOkdWZlLnBkZg==?="',
        {"name": "Lebensläufe.pdf"},
    ),
    attached(
        "file-name-only",
        "the name is in Content-Type",
        "attachment",
        {"name": "cv.pdf"},
        kind='application/pdf; name="cv.pdf"',
    ),
    attached("file-nameless", "no name anywhere", "attachment", {}),
    attached(
        "file-text",
        "a text that is a file, not the text",
        'attachment; filename="notes.txt"',
        {"name": "notes.txt"},
        kind="text/plain",
    ),
    letter(
        "file-two-same",
        "two files of one name are two files",
        "--mix\nContent-Type: text/plain; charset=utf-8\n\nTwo.\n"
        + 2 * '--mix\nContent-Type: image/png\nContent-Disposition: attachment; filename="a.png"\n\nx\n'
        + "--mix--\n",
        {"text": "Two.", "attachments": 2 * [{"name": "a.png", "media_type": "image/png"}]},
        content=MIXED,
    ),
)
