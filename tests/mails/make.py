"""Write the test mails and their expected readings: `cd tests && python -m mails.make`."""

from __future__ import annotations

import json
from pathlib import Path

from mails.families import automation, bodies, files, ids, replies, senders, shapes, structure, whole
from mails.families.common import Mail

HERE = Path(__file__).parent
FAMILIES = (shapes, replies, bodies, files, automation, senders, ids, structure, whole)


def mails() -> tuple[Mail, ...]:
    """Every mail of every family, in the order of the sources."""
    return tuple(mail for family in FAMILIES for mail in family.MAILS)


def expected() -> str:
    """The text of `expected.json`: file name -> reason and reading."""
    table = {f"{mail.name}.eml": {"why": mail.why, **mail.expected} for mail in mails()}
    return json.dumps(table, ensure_ascii=False, indent=1) + "\n"


def main() -> None:
    """Write one file per mail, and the table; what no source makes any more goes away."""
    wanted = {f"{mail.name}.eml": mail.raw for mail in mails()}
    for stale in {path.name for path in HERE.glob("*.eml")} - set(wanted):
        (HERE / stale).unlink()
    for name, content in wanted.items():
        (HERE / name).write_bytes(content)
    (HERE / "expected.json").write_text(expected(), encoding="utf-8")


if __name__ == "__main__":
    main()
