"""`convalias send`: a chat message."""

from __future__ import annotations

import click

from convalias.cli import views
from convalias.cli.deployment import At, located
from convalias.cli.exits import Exit
from convalias.cli.output import answer


@click.command("send")
@click.argument("conversation")
@click.argument("text")
@click.option("--as", "account", metavar="ACCOUNT", required=True, help="Who writes: a participant.")
@click.option("--key", required=True, help="The same key is the same message, however often it is sent.")
@located
def command(at: At, conversation: str, text: str, account: str, key: str) -> int:
    """Add TEXT to CONVERSATION as a chat message."""
    event = at.run(lambda cv: cv.messaging.send(conversation, text, author=account, key=key))
    answer(views.event(event), as_json=at.as_json, text=lambda: f"event {event.seq} of {conversation}: {event.id}")
    return Exit.OK
