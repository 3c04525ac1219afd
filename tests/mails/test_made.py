"""The committed mails are what their sources make."""

from __future__ import annotations

from mails.make import HERE, expected, mails


def test_every_mail_is_what_its_source_makes() -> None:
    made = {f"{mail.name}.eml": mail.raw for mail in mails()}
    assert made == {path.name: path.read_bytes() for path in HERE.glob("*.eml")}


def test_the_table_is_what_the_sources_say() -> None:
    assert (HERE / "expected.json").read_text(encoding="utf-8") == expected()


def test_no_two_mails_share_a_name() -> None:
    names = [mail.name for mail in mails()]
    assert len(names) == len(set(names))
