"""`convalias suppressions`: addresses and conversations about which no mail leaves."""

from __future__ import annotations

from typing import Final

import click

from convalias.app.facade import Convalias
from convalias.cli import views
from convalias.cli.deployment import At, located
from convalias.cli.errors import Failed
from convalias.cli.exits import Exit
from convalias.cli.output import answer, listing
from convalias.domain.addresses.email_address import EmailAddress

_COLUMNS: Final = ("kind", "account", "address", "conversation", "status", "at")


@click.group("suppressions")
def command() -> None:
    """Addresses that take no mail, and conversations that participants muted."""


@command.command("list")
@click.option("--account", metavar="ACCOUNT", help="Only those of this participant.")
@located
def list_(at: At, account: str | None) -> int:
    """All suppressed addresses and muted conversations: since when, and what the last server said."""
    found = at.run(lambda cv: cv.suppressing.listed())
    rows = [*map(views.suppressed, found.addresses), *map(views.muted, found.muted)]
    if account is not None:
        rows = [row for row in rows if row["account"] == account]
    listing(rows, as_json=at.as_json, columns=_COLUMNS)
    if found.unreadable:
        click.echo(
            f"convalias: suppressions: {found.unreadable} left out; use a newer convalias, or lift and add again what is damaged",
            err=True,
        )
    return Exit.OK


@command.command("add")
@click.argument("address", required=False)
@click.option("--account", metavar="ACCOUNT", help="With --conversation: mute it for this participant.")
@click.option("--conversation", metavar="ID", help="With --account: the conversation to mute.")
@located
def add(at: At, address: str | None, account: str | None, conversation: str | None) -> int:
    """Send no mail to ADDRESS from now on, or none about a conversation to one participant."""
    if address is not None and account is None and conversation is None:
        mailbox = EmailAddress.parse(address)
        added = at.run(lambda cv: cv.suppressing.add(mailbox))
        done = f"{mailbox.key} is suppressed"
        row = {"kind": "address", "address": mailbox.key, "added": added}
    else:
        who, where = _muted(address, account, conversation)
        added = at.run(lambda cv: cv.suppressing.mute(who, where))
        done = f"{where} is muted for {who}"
        row = {"kind": "conversation", "account": who, "conversation": where, "added": added}
    answer(row, as_json=at.as_json, text=lambda: done if added else f"{done} already")
    return Exit.OK


@command.command("lift")
@click.argument("address", required=False)
@click.option("--account", metavar="ACCOUNT", help="With --conversation: mail this participant about it again.")
@click.option("--conversation", metavar="ID", help="With --account: the muted conversation.")
@click.option("--yes", "against", is_flag=True, help="Lift a mute, though the participant wanted no mail.")
@located
def lift(at: At, address: str | None, account: str | None, conversation: str | None, *, against: bool) -> int:
    """Mail leaves again for ADDRESS, or about a conversation for one participant."""
    if address is not None and account is None and conversation is None:
        mailbox = EmailAddress.parse(address)
        lifted, what = at.run(lambda cv: cv.suppressing.lift(mailbox)), mailbox.key
        row = {"kind": "address", "address": mailbox.key, "lifted": True}
    else:
        who, where = _muted(address, account, conversation)
        lifted, what = at.run(lambda cv: _unmuted(cv, who, where, against=against)), f"{where} of {who}"
        row = {"kind": "conversation", "account": who, "conversation": where, "lifted": True}
    if not lifted:
        raise Failed(f"{what}: nothing is suppressed there; see convalias suppressions list", Exit.NO_INPUT)
    answer(row, as_json=at.as_json, text=lambda: f"mail leaves again: {what}")
    return Exit.OK


def _muted(address: str | None, account: str | None, conversation: str | None) -> tuple[str, str]:
    if address is not None or account is None or conversation is None:
        raise click.UsageError("expected either ADDRESS, or --account and --conversation together")
    return account, conversation


async def _unmuted(cv: Convalias, account: str, conversation: str, *, against: bool) -> bool:
    if not against:
        raise Failed(
            f"{conversation} of {account}: the participant wanted no mail about it; --yes lifts the mute all the same",
            Exit.REFUSED,
        )
    return await cv.suppressing.unmute(account, conversation)
