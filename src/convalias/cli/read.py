"""`convalias read`: how far a participant has read."""

from __future__ import annotations

import click

from convalias.cli.deployment import At, located
from convalias.cli.exits import Exit
from convalias.cli.output import answer
from convalias.domain.ids import AccountId


@click.command("read")
@click.argument("conversation")
@click.option("--as", "account", metavar="ACCOUNT", required=True, help="Who has read: a participant.")
@click.option("--up-to", type=int, metavar="SEQ", required=True, help="The seq of the last event that was read.")
@located
def command(at: At, conversation: str, account: str, up_to: int) -> int:
    """Note that ACCOUNT has read everything up to and with SEQ. A mark never goes back."""
    thread = at.run(lambda cv: cv.messaging.mark_read(conversation, account=account, up_to=up_to))
    mark = thread.read_up_to.get(AccountId(account), 0)
    result = {"conversation": thread.id, "account": account, "read_up_to": mark}
    answer(result, as_json=at.as_json, text=lambda: f"{account} has read {thread.id} up to {mark}")
    return Exit.OK
