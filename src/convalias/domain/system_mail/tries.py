"""The next step of a mail of ours: call, wait, ask, or end. One rule for all kinds of system mail.

What the way out says decides: surely not sent (the next look tries again), ambiguous (waited for, then asked about or
sent again under the same key if that is safe), sent.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from enum import Enum
from typing import Final

from attrs import evolve, frozen

from convalias.domain.outbound.lease import IN_FLIGHT
from convalias.domain.system_mail.letters import AT_REST, SystemMail, SystemMailState

TRIES: Final = 3
"""Calls that may have sent a mail."""
ASKED_FOR: Final = timedelta(hours=24)
"""From the first try: how long a way out is asked that does not answer the question."""


@frozen(kw_only=True)
class WayOut:
    """The promises of the host's mail port, and the deployment's wish if nobody can tell."""

    remembers_keys_for: timedelta
    never_forgets: bool
    """No mark is needed before a call: a repeat under the same key sends nothing."""
    can_be_asked: bool
    resends: bool
    """The deployment prefers perhaps two to perhaps none."""
    within: timedelta
    """How long a call may take."""


class Told(Enum):
    """The answer of a way out that was asked about a key."""

    SENT = "sent"
    NOT_SENT = "surely not sent"
    UNKNOWN = "it cannot tell"
    NO_ANSWER = "it did not answer"


@frozen
class Call:
    """Write `mail` down, then send. If that surely sent nothing, the row is `before` again."""

    mail: SystemMail
    before: SystemMail


@frozen
class Wait:
    """Look again at `until`."""

    until: datetime


@frozen
class Ask:
    """Ask the way out about the key. One that cannot be asked cannot tell."""


@frozen
class End:
    """The end of a mail: nothing more is due, and this is written down."""

    mail: SystemMail


def next_step(mail: SystemMail, *, now: datetime, way_out: WayOut) -> Call | Wait | Ask | End:
    """Return what is done about a mail that is due."""
    if mail.state in AT_REST:
        return End(mail)
    if mail.state is SystemMailState.DUE or mail.at is None:
        return Call(_trying(mail, now, first=now), before=mail)
    if now < mail.at + IN_FLIGHT:  # that call may still arrive
        return Wait(mail.at + IN_FLIGHT)
    if mail.tries < TRIES and _is_remembered(mail, now, way_out):
        return Call(_trying(mail, now, first=mail.first), before=mail)
    return Ask()


def after_answer(mail: SystemMail, told: Told, *, now: datetime, way_out: WayOut) -> Call | Wait | End:
    """Return what is done when the way out was asked about a mail that it may have sent."""
    if told is Told.SENT:
        return End(evolve(mail, state=SystemMailState.SENT))
    if told is Told.NO_ANSWER and now - (mail.first or now) < ASKED_FOR:
        return Wait(now + IN_FLIGHT)
    if mail.tries < TRIES:
        if told is Told.NOT_SENT:
            return Call(_trying(mail, now, first=now), before=evolve(mail, state=SystemMailState.DUE))
        if way_out.resends:
            return Call(_trying(mail, now, first=mail.first), before=mail)
    return End(evolve(mail, state=SystemMailState.UNCERTAIN))


def after_doubt(mail: SystemMail, way_out: WayOut) -> SystemMail:
    """Return the mail after a call that may have sent it. It stays `trying` if more can be known or done later."""
    is_known_later = way_out.can_be_asked or way_out.remembers_keys_for >= IN_FLIGHT + way_out.within
    if is_known_later or way_out.resends:
        return mail
    return evolve(mail, state=SystemMailState.UNCERTAIN)


def given_up(mail: SystemMail, because: str) -> SystemMail:
    """Return the mail after it could not be made, or was refused for good. An earlier try may have sent it."""
    was_tried = mail.state is SystemMailState.TRYING
    return evolve(mail, state=SystemMailState.UNCERTAIN if was_tried else SystemMailState.DROPPED, reason=because)


def due_at(mail: SystemMail, *, now: datetime) -> datetime | None:
    """Return when the mail wants attention; None if it is at rest."""
    if mail.state in AT_REST:
        return None
    return now if mail.state is SystemMailState.DUE or mail.at is None else mail.at + IN_FLIGHT


def _trying(mail: SystemMail, now: datetime, *, first: datetime | None) -> SystemMail:
    return evolve(mail, state=SystemMailState.TRYING, first=first, at=now, tries=mail.tries + 1)


def _is_remembered(mail: SystemMail, now: datetime, way_out: WayOut) -> bool:
    """Whether the key is known until a call that begins now has ended."""
    return now - (mail.first or now) + way_out.within <= way_out.remembers_keys_for
