"""`convalias show`: what the store holds."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, TypedDict

import click

from convalias.app.facade import Convalias
from convalias.cli import views
from convalias.cli.dead import LANES
from convalias.cli.deployment import At, located
from convalias.cli.exits import Exit
from convalias.cli.output import Row, answer, lines, listing
from convalias.cli.stored import all_events, everything, legacy_calls
from convalias.domain.conversations.events import ConversationEvent
from convalias.domain.conversations.threads import ConversationThread, ThreadState
from convalias.domain.inbound.dead_letters import DeadLetter
from convalias.domain.inbound.held import HeldMail
from convalias.domain.operations.numbers import Figure
from convalias.domain.outbound.delivery import DeliveryDecision
from convalias.stores.conversations.parking import CONVERSATIONS

_DELIVERIES: Final = (
    "notification_id",
    "conversation",
    "recipient",
    "owner",
    "stage",
    "state",
    "attempts",
    "next_at",
    "reason",
)
_LEGACY: Final = ("kind", "external_id", "message_id", "address", "suppress_notification", "notified")
_HOLDS: Final = ("id", "conversation", "message_id", "sender", "reason", "state")
_DEAD: Final = ("id", "lane", "subject", "recipients", "reason", "attempts", "explanation")
_PARTICIPANTS: Final = ("account", "role", "name")
_EVENTS: Final = ("seq", "kind", "author", "origin", "text", "occurred_at")


@click.group("show")
def command() -> None:
    """Show what the store holds: a conversation, deliveries, holds, jobs, calls of the legacy relay."""


@command.command("conversation")
@click.argument("conversation", metavar="ID")
@located
def show_conversation(at: At, conversation: str) -> int:
    """Show one conversation with all its events."""
    thread, events = at.run(lambda cv: _conversation(cv, conversation))
    row = views.conversation(thread, events)
    answer(row, as_json=at.as_json, text=lambda: lines(row))
    if not at.as_json:
        click.echo("participants:")
        listing(
            [views.participant(one) for one in views.shown_participants(thread)], as_json=False, columns=_PARTICIPANTS
        )
        click.echo("events:")
        listing([views.event(one) for one in events], as_json=False, columns=_EVENTS)
    return Exit.OK


async def _conversation(cv: Convalias, conversation: str) -> tuple[ConversationThread, Sequence[ConversationEvent]]:
    thread = await cv.messaging.thread(conversation)
    return thread, await all_events(cv, conversation)


@command.command("deliveries")
@located
def show_deliveries(at: At) -> int:
    """Show who is told of what by whom, and how far that is."""
    listing(at.run(_deliveries), as_json=at.as_json, columns=_DELIVERIES)
    return Exit.OK


async def _deliveries(cv: Convalias) -> Sequence[Row]:
    decisions = [one async for one in everything(cv.ports.records, "decisions", DeliveryDecision)]
    decisions.sort(key=lambda one: (one.conversation, one.seq))
    return [views.delivery(decision, row) for decision in decisions for row in decision.deliveries]


@command.command("legacy")
@located
def show_legacy(at: At) -> int:
    """Show the calls that the stand-in legacy relay received, in order."""
    rows = [
        {
            "kind": call.kind,
            "external_id": call.external_id,
            "message_id": call.message_id,
            "address": None if call.address is None else call.address.key,
            "suppress_notification": call.suppress_notification,
            "notified": call.notified,
        }
        for call in at.run(legacy_calls)
    ]
    listing(rows, as_json=at.as_json, columns=_LEGACY)
    return Exit.OK


@command.command("holds")
@located
def show_holds(at: At) -> int:
    """Mails that wait for a person, or did."""
    listing(at.run(_holds), as_json=at.as_json, columns=_HOLDS)
    return Exit.OK


async def _holds(cv: Convalias) -> Sequence[Row]:
    holds = [one async for one in everything(cv.ports.records, "holds", HeldMail)]
    threads = await cv.services.stores.conversations.threads({one.conversation for one in holds})
    erased = {one for one, thread in threads.items() if thread.state is ThreadState.ERASED}
    return [views.hold(one, erased=one.conversation in erased) for one in holds]


@command.command("jobs")
@located
def show_jobs(at: At) -> int:
    """Show the jobs that wait, are worked on, were given up or are parked, and numbers past their bound."""
    letters, jobs = at.run(jobs_of)
    answer(jobs, as_json=at.as_json, text=lambda: f"{lines(jobs)}\ndead: {len(letters)}")
    if not at.as_json:
        if letters:
            listing([views.dead_line(letter) for letter in letters], as_json=False, columns=_DEAD)
        for past in jobs["past"]:
            click.echo(f"past its bound: {past}")
    return Exit.OK


class Jobs(TypedDict):
    """The answer of `show jobs` in JSON."""

    ready: int
    in_flight: int
    dead: Sequence[Row]
    quarantined: int
    quarantined_at_least: bool
    held: int
    parked: Sequence[Row]
    past: Sequence[str]


async def jobs_of(cv: Convalias) -> tuple[Sequence[DeadLetter], Jobs]:
    """The dead letters, and all that the command answers."""
    depth = await cv.ports.queue.depth()
    found = cv.services.stores.dead_letters
    lanes = [lane for lane in LANES if lane != CONVERSATIONS]  # `parked` lists them
    letters = [letter for lane in lanes async for letter in found.list(lane)]
    quarantined = await cv.operations.quarantined()
    numbers = [await reading() for _, reading in cv.services.numbers.readings()]
    return letters, Jobs(
        ready=depth.ready,
        in_flight=depth.in_flight,
        dead=[views.dead(letter) for letter in letters],
        quarantined=quarantined.count,
        quarantined_at_least=quarantined.at_least,
        held=next((one.count or 0 for one in numbers if one is not None and one.figure is Figure.HOLDS), 0),
        parked=[views.parked(one) async for one in cv.services.stores.parking.list()],
        past=[f"{one.figure.value}: {one}" for one in numbers if one is not None and one.is_past],
    )
