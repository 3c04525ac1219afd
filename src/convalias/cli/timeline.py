"""`convalias timeline`: a conversation as one participant may see it."""

from __future__ import annotations

from collections.abc import Sequence

import click

from convalias.app.facade import Convalias
from convalias.cli import views
from convalias.cli.deployment import At, located
from convalias.cli.exits import Exit
from convalias.cli.output import answer
from convalias.cli.stored import all_events
from convalias.domain.ids import AccountId
from convalias.domain.timeline import TimelineItem, stitch


@click.command("timeline")
@click.argument("conversation", metavar="ID")
@click.option("--as", "account", metavar="ACCOUNT", required=True, help="Through whose eyes.")
@located
def command(at: At, conversation: str, account: str) -> int:
    """Mail and chat of one conversation, stitched, as ACCOUNT may see them."""
    items = at.run(lambda cv: _items(cv, conversation, account))
    answer([views.timeline_item(item) for item in items], as_json=at.as_json, text=lambda: as_text(items))
    return Exit.OK


async def _items(cv: Convalias, conversation: str, account: str) -> Sequence[TimelineItem]:
    await cv.messaging.thread(conversation)  # raises where there is none
    return stitch(await all_events(cv, conversation), reader=AccountId(account))


def as_text(items: Sequence[TimelineItem]) -> str:
    """A paragraph a message."""
    return "\n\n".join(_paragraph(item) for item in items) or "nothing was said yet"


def _paragraph(item: TimelineItem) -> str:
    who = "you" if item.own else item.author
    head = f"{item.occurred_at:%Y-%m-%d %H:%M}  {who}  (by {item.medium.value})"
    said = "(removed)" if item.redacted else item.text
    return "\n".join([head, *(f"    {line}" for line in said.splitlines())])
