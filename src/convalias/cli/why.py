"""`convalias why`: the way of a mail through the system, for whoever is asked where it went."""

from __future__ import annotations

from datetime import UTC, datetime

import click

from convalias.cli import views
from convalias.cli.deployment import At, located
from convalias.cli.exits import Exit
from convalias.cli.output import answer
from convalias.domain.aliases.unwrapping import bare
from convalias.domain.conversations import storable
from convalias.domain.inbound.posts import RecordKey
from convalias.services.operations.operations import Asked


@click.command("why")
@click.option("--message-id", help="As its sender sees it, with or without angle brackets.")
@click.option("--sender", metavar="ADDRESS", help="Whom it is from.")
@click.option("--recipient", metavar="ADDRESS", help="The alias it was sent to, in any spelling.")
@click.option("--conversation", metavar="ID", help="Its mails and its latest messages; stands alone.")
@click.option("--notification", metavar="ID", help="What that notification tells of; stands alone.")
@click.option("--record", help="Its envelope record; stands alone.")
@click.option("--since", metavar="TIME", help="RFC 3339: only mails received since then.")
@located
def command(at: At, /, *, since: str | None, **known: str | None) -> int:
    """Show what became of mails, newest first: each step to its end, the rule that decided, what to do next."""
    asked = _asked(**known)
    begin = None if since is None else read_time(since)
    found = at.run(lambda cv: cv.operations.why(asked, since=begin))
    answer(
        [views.story(one, is_cut=found.is_cut) for one in found],
        as_json=at.as_json,
        text=lambda: "\n\n".join(map(str, found)) or _nothing(asked),
    )
    for note in found.notes:
        click.echo(note, err=True)
    return Exit.OK


def _asked(
    *,
    message_id: str | None,
    sender: str | None,
    recipient: str | None,
    conversation: str | None,
    notification: str | None,
    record: str | None,
) -> Asked:
    if record is not None and not record.startswith("envelopes/"):
        raise click.UsageError(
            f"--record: found {record!r}, expected envelopes/..., as the line `record` of `why` has it"
        )
    alone = [one for one in (conversation, notification, record) if one is not None]
    if len(alone) > 1 or (alone and (message_id, sender, recipient) != (None, None, None)):
        raise click.UsageError("--conversation, --notification and --record each stand alone")
    return Asked(
        message_id=message_id,
        sender=None if sender is None else bare(sender),
        recipient=None if recipient is None else bare(recipient),
        conversation=None if conversation is None else storable.conversation_id(conversation),
        notification=None if notification is None else storable.typed("id of a notification", notification),
        record=None if record is None else RecordKey(record),
    )


def _nothing(asked: Asked) -> str:
    """Where to look next, by what was asked about."""
    if asked.conversation is not None:
        return f"no mail and no message; next: see that it is there: convalias show conversation {asked.conversation}"
    if asked.notification is not None:
        return "no such notification; next: see which there are: convalias show deliveries"
    if asked.record is not None:
        return "no such record; next: ask by what is known of the mail: --message-id, --sender or --recipient"
    return "no such mail; next: look at the provider's own log"


def read_time(text: str) -> datetime:
    """Read a time (RFC 3339; without a zone: UTC). Raises `UsageError`."""
    try:
        at = datetime.fromisoformat(text)
    except ValueError as error:
        raise click.UsageError(f"{text!r}: expected a time such as 2026-03-01T12:00:00Z") from error
    return at if at.tzinfo is not None else at.replace(tzinfo=UTC)
