"""Slips at the door: what is answered 200 and not kept, and what is kept and not gone on with."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from typing import Final

from attrs import evolve

from convalias.codec import dumps
from convalias.domain.ids import TraceId
from convalias.domain.inbound.posts import EnvelopeRecord, IncomingMail, MailReference
from convalias.ports.blobs import Put
from convalias.ports.errors import Unavailable
from convalias.services.inbound import receiver
from convalias.services.inbound.receiver import (
    Kept,
    Receipt,
    Receiver,
    raw_key,
    record_key,
    reference_body,
    reference_to,
)
from convalias.testing.simulator.mutant import Mutant
from convalias.testing.simulator.provider import Provider

from .patching import Method, around


def _acknowledged_first(kept: Method) -> Method:
    underway: set[asyncio.Task[object]] = set()

    async def storing(self: Receiver, mail: IncomingMail) -> None:
        with suppress(Unavailable, TimeoutError):
            await kept(self, mail)

    async def accept(self: Receiver, mail: IncomingMail) -> Receipt:
        task: asyncio.Task[object] = asyncio.get_running_loop().create_task(storing(self, mail))
        underway.add(task)
        task.add_done_callback(underway.discard)
        return Kept(record_key(mail, self.clock.now()), TraceId(self.clock.new_id()))

    return accept


def _token_first(kept: Method) -> Method:
    del kept

    async def accept(self: Receiver, mail: IncomingMail) -> Receipt:
        record = _record(self, mail)
        if await self.blobs.put(record.key, dumps(record)) is not Put.NEW:
            return Kept(record.key, record.trace)
        await self.blobs.put(record.raw, mail.raw)
        await self.queue.put([reference_body(reference_to(record))])
        return Kept(record.key, record.trace)

    return accept


def _bound_and_done(kept: Method) -> Method:
    del kept

    async def accept(self: Receiver, mail: IncomingMail) -> Receipt:
        record = _record(self, mail)
        await self.blobs.put(record.raw, mail.raw)
        if await self.blobs.put(record.key, dumps(record)) is Put.NEW:
            await self.queue.put([reference_body(reference_to(record))])
        return Kept(record.key, record.trace)

    return accept


def _job_first(kept: Method) -> Method:
    async def accept(self: Receiver, mail: IncomingMail) -> Receipt:
        await self.queue.put([reference_body(reference_to(_record(self, mail)))])
        receipt: Receipt = await kept(self, mail)
        return receipt

    return accept


def _digest_of_the_post(kept: Method) -> Method:
    def record(self: Receiver, mail: IncomingMail, **rest: object) -> EnvelopeRecord:
        made: EnvelopeRecord = kept(self, mail, **rest)
        return evolve(made, digest=f"{made.digest} {self.clock.new_id()}")

    return record


def _told_in_the_job(kept: Method) -> Method:
    def reference(record: EnvelopeRecord) -> MailReference:
        made: MailReference = kept(record)
        return evolve(made, lane=record.post.recipients[0].key)

    return reference


def _not_acceptable(kept: Method) -> Method:
    async def tried(self: Provider, incoming: IncomingMail, draws: object) -> int:
        code: int = await kept(self, incoming, draws)
        return 406 if code == 503 else code

    return tried


def _not_stored_under_load(kept: Method) -> Method:
    async def accept(self: Receiver, mail: IncomingMail) -> Receipt:
        try:
            receipt: Receipt = await kept(self, mail)
        except Unavailable:
            return Kept(record_key(mail, self.clock.now()), TraceId(self.clock.new_id()))
        return receipt

    return accept


def _record(self: Receiver, mail: IncomingMail) -> EnvelopeRecord:
    now = self.clock.now()
    return Receiver._record(self, mail, raw=raw_key(mail.raw, now), now=now, cut=False)  # pyright: ignore[reportPrivateUsage]


MUTANTS: Final[Sequence[Mutant]] = (
    Mutant(
        name="acknowledge-before-store",
        slip="The door answers 200, and stores the mail behind the answer's back.",
        breaks="I1",
        patched=around(Receiver, "accept", _acknowledged_first),
    ),
    Mutant(
        name="token-saved-first",
        slip="The token is bound before the mail is stored, and a known token is answered 200.",
        breaks="I1",
        patched=around(Receiver, "accept", _token_first),
    ),
    Mutant(
        name="token-bound-without-going-on",
        slip="A known token is answered 200, though its job may never have been queued.",
        breaks="I1",
        patched=around(Receiver, "accept", _bound_and_done),
    ),
    Mutant(
        name="job-before-mail",
        slip="The job is queued before the mail that it names is stored.",
        breaks="I8",
        patched=around(Receiver, "accept", _job_first),
    ),
    Mutant(
        name="digest-of-the-post",
        slip="A post's digest covers what differs from try to try, so its second try looks like a forgery.",
        breaks="I1",
        patched=around(Receiver, "_record", _digest_of_the_post),
    ),
    Mutant(
        name="failure-answered-200",
        slip="The door answers 200 when its stores are away.",
        breaks="I1",
        patched=around(Receiver, "accept", _not_stored_under_load),
    ),
    Mutant(
        name="failure-answered-406",
        slip="The door answers 406 where it means 503, and the provider forgets the mail.",
        breaks="I1",
        patched=around(Provider, "_try", _not_acceptable),
    ),
    Mutant(
        name="address-in-the-job",
        slip="A job carries the recipient's address.",
        breaks="I5",
        patched=around(receiver, "reference_to", _told_in_the_job),
    ),
)
