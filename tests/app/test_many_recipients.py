"""What one mail to very many costs: no step of it looks through all recipients for each of them."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest

from convalias.app import Convalias
from convalias.domain.conversations.participants import Participant
from convalias.domain.inbound.posts import IncomingMail
from convalias.domain.routing.plan import RoutingPlan
from convalias.domain.routing.verdicts import Ruling

ANN, BOB = (Participant.of(name, name=name.title(), addresses=[f"{name}@home.example"]) for name in ("ann", "bob"))


def looked_through(recipients: int, monkeypatch: pytest.MonkeyPatch) -> int:
    """How often the plan of a mail to so many was gone through, while it was decided and carried out."""
    times, through = 0, RoutingPlan.__iter__

    def counted(plan: RoutingPlan) -> Iterator[Ruling]:
        nonlocal times
        times += 1
        return through(plan)

    async def story() -> None:
        async with Convalias.in_memory(alias_domain="reply.example") as cv:
            aliases = await cv.open_conversation("c1", use_case="hiring", participants=[ANN, BOB])
            to = [str(aliases[ANN.account]), *(f"x{number}@reply.example" for number in range(recipients))]
            raw = f"From: bob@home.example\nTo: {to[0]}\nMessage-ID: <1@h>\n\nHello\n"
            await cv.receiver.accept(IncomingMail(raw.encode(), recipients=to))
            with monkeypatch.context() as patched:
                patched.setattr(RoutingPlan, "__iter__", counted)
                await cv.run_until_idle()
            assert len(cv.mailbox("ann@home.example")) == 1

    asyncio.run(story())
    return times


def test_a_mail_to_ten_times_as_many_is_looked_through_as_often(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ten thousand recipients stopped a process for half a minute, and with it everybody's mail."""
    assert looked_through(200, monkeypatch) == looked_through(20, monkeypatch) > 0
