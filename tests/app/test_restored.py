"""A restore tells nobody, by either system, and a redrive of what nobody heard of does."""

from __future__ import annotations

import logging
from datetime import timedelta

import pytest

from convalias.adapters import memory
from convalias.app import Convalias
from convalias.app.memory import memory_ports, memory_wiring
from convalias.domain.conversations.participants import Participant
from convalias.domain.ids import ConversationId, UseCase
from convalias.domain.inbound.posts import IncomingMail
from convalias.domain.migration.rollout import Axis, Rollout, Stage
from convalias.services.operations.replay import Selection


@pytest.mark.parametrize("stage", list(Stage))
@pytest.mark.parametrize("notify", [True, False])
async def test_whom_a_restore_tells(stage: Stage, caplog: pytest.LogCaptureFixture, *, notify: bool) -> None:
    caplog.set_level(logging.INFO, "convalias.mail")

    flags = memory.Flags()
    flags.set(Rollout(UseCase("hiring"), Stage.NATIVE, 10_000, "s"), Axis.MINTING)
    flags.set(Rollout(UseCase("hiring"), stage, 10_000, "s"), Axis.OUTBOUND)
    ports = memory_ports(legacy=True).but(flags=flags)
    async with Convalias.over(ports, memory_wiring("reply.example", "relay.example", None)) as cv:
        people = [Participant.of(name, addresses=[f"{name}@home.example"]) for name in ("ann", "bob")]
        aliases = await cv.open_conversation("c1", use_case="hiring", participants=people)
        to = str(next(iter(aliases.values())))
        raw = f"From: bob@home.example\r\nTo: {to}\r\nMessage-ID: <1@h>\r\n\r\nhello\r\n".encode()
        await cv.receiver.accept(IncomingMail(raw, recipients=[to], sender="bob@home.example"))
        await cv.ports.clock.advance(timedelta(hours=7))  # type: ignore[attr-defined]
        assert (await cv.replay.all(dry_run=True, of=Selection(notify=notify))).events == 1
        assert caplog.messages == []  # nothing was concluded
        assert (await cv.replay.all(dry_run=False, of=Selection(notify=notify))).events == 1
        assert [line.partition(";")[0] for line in caplog.messages] == ["mail relayed"]
        await cv.run_until_idle("feed", "outbound")
        (decision,) = [one async for one in cv.services.stores.ledger.of(ConversationId("c1"))]
        rows = [(row.state.value, row.reason) for row in decision.deliveries]
        legacy = ports.legacy
        calls = [call.suppress_notification for call in await legacy.calls()]  # type: ignore[union-attr]
        hub = len(cv.mailbox("ann@home.example"))
        told = hub + len(legacy._outgoing.mails)  # type: ignore[union-attr]
        if notify:
            assert rows == [("sent", "")]
            assert told >= 1
        else:
            assert rows == [("cancelled", "restored")]
            assert told == 0
            assert all(calls)
        assert [one async for one in cv.services.stores.dead_letters.list("deliveries")] == []
