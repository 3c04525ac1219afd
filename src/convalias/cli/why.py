"""`convalias why`: the way of a mail through the system, for whoever is asked where it went."""

from __future__ import annotations

from datetime import UTC, datetime

import click

from convalias.cli import views
from convalias.cli.deployment import At, located
from convalias.cli.exits import Exit
from convalias.cli.output import answer
from convalias.domain.addresses import EmailAddress
from convalias.domain.inbound import RecordKey
from convalias.services.operations import Asked


@click.command("why")
@click.option("--message-id", help="As its sender sees it, with or without angle brackets.")
@click.option("--sender", metavar="ADDRESS", help="Whom it is from.")
@click.option("--recipient", metavar="ADDRESS", help="The alias it was sent to.")
@click.option("--record", help="Its envelope record.")
@click.option("--since", metavar="TIME", help="RFC 3339; without it the last seven days.")
@located
def command(
    at: At, *, message_id: str | None, sender: str | None, recipient: str | None, record: str | None, since: str | None
) -> int:
    """What became of mails, newest first: each step, the rule that decided, what to do next."""
    asked = Asked(
        message_id=message_id,
        sender=None if sender is None else EmailAddress.parse(sender),
        recipient=None if recipient is None else EmailAddress.parse(recipient),
        record=None if record is None else RecordKey(record),
    )
    begin = None if since is None else _time(since)
    stories = at.run(lambda cv: cv.operations.why(asked, since=begin))
    answer(
        [views.story(one) for one in stories],
        as_json=at.as_json,
        text=lambda: "\n\n".join(map(str, stories)) or "no such mail; next: look at the provider's own log",
    )
    return Exit.OK


def _time(text: str) -> datetime:
    try:
        at = datetime.fromisoformat(text)
    except ValueError as error:
        raise click.UsageError(f"--since {text!r}: expected a time such as 2026-03-01T12:00:00Z") from error
    return at if at.tzinfo is not None else at.replace(tzinfo=UTC)
