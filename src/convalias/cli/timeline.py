"""`convalias timeline`: a conversation as one participant may see it."""

from __future__ import annotations

from collections.abc import Sequence

import click

from convalias.cli import views
from convalias.cli.deployment import At, located
from convalias.cli.exits import Exit
from convalias.cli.output import answer
from convalias.domain.conversations.timeline import TimelineItem
from convalias.domain.printable import visible


@click.command("timeline")
@click.argument("conversation", metavar="ID")
@click.option("--as", "account", metavar="ACCOUNT", required=True, help="Through whose eyes.")
@located
def command(at: At, conversation: str, account: str) -> int:
    """Mail and chat of one conversation, stitched, as ACCOUNT may see them.

    Who left sees what there was until then; who never took part is refused (77).
    """
    items = at.run(lambda cv: cv.messaging.timeline(conversation, seen_by=account))
    answer([views.timeline_item(item) for item in items], as_json=at.as_json, text=lambda: as_text(items))
    return Exit.OK


def as_text(items: Sequence[TimelineItem]) -> str:
    """A paragraph a message."""
    return "\n\n".join(_paragraph(item) for item in items) or "nothing was said yet"


def _paragraph(item: TimelineItem) -> str:
    who = "you" if item.own else visible(item.author)
    head = f"{item.occurred_at:%Y-%m-%d %H:%M}  {who}  (by {item.medium.value})"
    said = "(removed)" if item.redacted else item.text
    return "\n".join([head, *(f"    {line}" for line in said.splitlines())])
