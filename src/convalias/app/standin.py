"""The stand-in legacy relay beside a store that machines share: in that store, with what this machine kept before."""

from __future__ import annotations

import asyncio
from functools import partial
from pathlib import Path

from convalias.adapters import embedded, standin
from convalias.ports.ambient import Clock
from convalias.ports.legacy import Audience
from convalias.ports.mail import OutgoingMail
from convalias.ports.records import Records


def shared_relay(
    file: Path, *, records: Records, outgoing: OutgoingMail, audience: Audience, clock: Clock
) -> standin.LegacyRelay:
    """The relay that all machines see. What lies in `file`, from before the store was shared, is brought along."""
    alone = embedded.LegacyRelay(file, outgoing=outgoing, audience=audience, clock=clock)
    return standin.LegacyRelay(
        records=records, outgoing=outgoing, audience=audience, clock=clock, take_over=partial(_kept_in, file, alone)
    )


async def _kept_in(file: Path, relay: embedded.LegacyRelay) -> standin.Before | None:
    if not await asyncio.to_thread(file.is_file):
        return None
    await relay.open()
    try:
        aliases, tenures, calls = await relay.everything()
    finally:
        await relay.close()
    return standin.Before(aliases=aliases, tenures=tenures, calls=calls)
