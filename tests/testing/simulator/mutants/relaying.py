"""Slips of the inbound worker and relay: what is acknowledged, counted, read and concluded."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import timedelta
from typing import Any, Final

from convalias.domain.inbound.outcomes import Done, Outcome, OutcomeRecord, Progress
from convalias.domain.inbound.posts import MailReference
from convalias.domain.routing.context import Holders
from convalias.domain.routing.questions import Questions
from convalias.ports.mail import ReadMail
from convalias.ports.queue import Job
from convalias.services.inbound import relay
from convalias.services.inbound.facts import FactFinder, LegacyFacts, PeopleFacts
from convalias.services.inbound.relay import InboundRelay
from convalias.services.inbound.sweeper import Sweeper
from convalias.services.inbound.worker import InboundWorker, Processed
from convalias.testing.simulator.mutant import Mutant

from .patching import Method, around, inner, instead, step_by_step, together

_READING: Final = 0.2
_NO_TIME: Final = timedelta(0)


async def _deleted_first(self: InboundWorker, **_: object) -> Sequence[Job]:
    jobs = await self.queue.take(limit=self.batch, wait=_NO_TIME, lease=self.visible_for)
    if jobs:
        await self.queue.done(jobs)
    return jobs


async def _all_done(self: InboundWorker, processed: Sequence[Processed]) -> int:
    await self.queue.done([one.job for one in processed])
    return len(processed)


def _concluded_first(kept: Method) -> Method:
    async def routed(self: InboundRelay, mail: MailReference, *rest: Any) -> Progress:
        *_, read, standing = rest
        if standing is None:
            outcome: OutcomeRecord = inner(self, "_outcome")(mail, Done(()), read=read)
            await self.stores.inbound.conclude(outcome)
        progress: Progress = await kept(self, mail, *rest)
        return progress

    return routed


def _never_concluded(kept: Method) -> Method:
    async def written(self: InboundRelay, outcome: OutcomeRecord, standing: OutcomeRecord | None = None) -> object:
        return outcome.outcome if isinstance(outcome.outcome, Done) else await kept(self, outcome, standing)

    return written


def _one_reader_for_all(kept: Method) -> Method:
    last: dict[int, ReadMail] = {}

    async def read(self: InboundRelay, *rest: object, **also: object) -> object:
        found: object = await kept(self, *rest, **also)
        if not isinstance(found, ReadMail):
            return found
        last[id(self)] = found
        await asyncio.sleep(_READING)
        return last[id(self)]

    return read


def _nobody_there(kept: Method) -> Method:
    async def people(self: FactFinder, asked: Questions) -> PeopleFacts:
        found: PeopleFacts = await kept(self, asked)
        if not found[2]:
            return found
        return dict.fromkeys(asked.holders, Holders()), dict.fromkeys(asked.accounts), frozenset()

    return people


def _no_overlap(kept: Method) -> Method:
    async def legacy(self: FactFinder, asked: Questions) -> LegacyFacts:
        found: LegacyFacts = await kept(self, asked)
        return (dict.fromkeys(asked.legacy), dict.fromkeys(asked.tenures, ()), frozenset()) if found[2] else found

    return legacy


async def _never_swept(self: Sweeper, *, every: timedelta) -> int:
    del self, every
    return 0


def _no_outage(error: BaseException) -> None:
    del error


async def _read_first(self: InboundRelay, mail: MailReference, why: str, tries: int) -> Outcome:
    outcome: Outcome = await inner(self, "_bury")(mail, why, tries)
    return outcome


MUTANTS: Final[Sequence[Mutant]] = (
    Mutant(
        name="read-before-given-up",
        slip="A mail that stops its workers is read once more, to name it, before it is given up.",
        breaks="I6",
        patched=instead(InboundRelay, "_bury_unread", _read_first),
    ),
    Mutant(
        name="delete-before-process",
        slip="Jobs are deleted when they are taken, not when they are done.",
        breaks="I1",
        patched=instead(InboundWorker, "take", _deleted_first),
    ),
    Mutant(
        name="try-again-acknowledged",
        slip="A job is deleted whatever its mail came to, also when it has to be tried again.",
        breaks="I1",
        patched=instead(InboundWorker, "_acknowledge", _all_done),
    ),
    Mutant(
        name="outcome-before-effects",
        slip="The outcome is written before the effects, so a crash in between ends the mail.",
        breaks="I8",
        patched=around(InboundRelay, "_route", _concluded_first),
    ),
    Mutant(
        name="no-outcome",
        slip="What was carried out is acknowledged without an outcome.",
        breaks="I1",
        patched=together(around(InboundRelay, "_written", _never_concluded), step_by_step()),
    ),
    Mutant(
        name="sweeper-off",
        slip="Nobody looks for mail that was kept and never concluded: what the queue lost is lost.",
        breaks="I1",
        patched=instead(Sweeper, "in_turn", _never_swept),
    ),
    Mutant(
        name="outage-counts-as-a-try",
        slip="A dependency that is away counts as a failure of the mail, and the third is its end.",
        breaks="I1",
        patched=instead(relay, "outage_in", _no_outage),
    ),
    Mutant(
        name="one-reader-for-all",
        slip="Mails that are worked on side by side share the place where the one just read is kept.",
        breaks="I8",
        patched=around(InboundRelay, "read", _one_reader_for_all),
    ),
    Mutant(
        name="directory-away-is-nobody",
        slip="A directory that does not answer is read as one that knows nobody.",
        breaks="I8",
        patched=around(FactFinder, "_people", _nobody_there),
    ),
    Mutant(
        name="legacy-away-is-no-overlap",
        slip="A legacy look-up that failed is read as an address that legacy does not know.",
        breaks="I8",
        patched=around(FactFinder, "_legacy", _no_overlap),
    ),
)
