"""What an adapter of a host fails on for a day, in one conversation alone, is a dead letter; the others go on meanwhile."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import pytest
from attrs import frozen

from app.blips import PROVED, Blip, Host, Walk, letters_of, text_of
from convalias.app import Convalias
from convalias.domain.addresses.email_address import EmailAddress
from convalias.domain.conversations.participants import Participant
from convalias.domain.inbound.posts import IncomingMail
from convalias.services.conversations.errors import NotReady
from convalias.testing.simulator.loop import VirtualLoop
from ports.minimal.table import HIRING

BAD, GOOD = "c-bad", "c-good"
LOOK_EVERY: Final = 870
"""Seconds: less than the longest pause of anything that is tried again."""
LOOKS: Final = 27 * 3600 // LOOK_EVERY


@frozen(kw_only=True)
class Came:
    letters: Sequence[str]
    soon: Sequence[str]
    """What ann and bob had within a quarter of an hour, of the good conversation."""
    late: Sequence[str]
    """The same of what was written a day later."""
    told: str
    """Of readiness, while it fails."""


def day(port: str, method: str) -> Came:
    """Chat and mail in two conversations; about one of them that call fails for ever."""

    async def story() -> Came:
        blip = Blip(poison=(port, method))
        host = Host(blip, talks=True)
        assert host.talks is not None
        tables = host.talks.tables
        for conversation, other in ((BAD, "mal"), (GOOD, "bob")):
            tables.open(
                conversation, *(Participant.of(name, name=name.title()) for name in ("ann", other)), use_case=HIRING
            )
        cv = Convalias.in_memory(alias_domain="reply.example", legacy_domain="relay.example", **host.instead)
        async with cv:
            aliases = {one: await cv.alias(one, for_="ann") for one in (BAD, GOOD)}
            blip.is_armed = True
            walk = Walk(cv, host, blip)
            for conversation in (BAD, GOOD):
                tables.say(conversation, "ann", f"Chat in {conversation}", at=host.clock.now())
                await post(
                    walk, conversation, aliases[conversation], is_proved=port != "authenticator" or conversation == GOOD
                )
            await walk.rest()
            await walk.look([1, LOOK_EVERY])
            soon = had(host)
            told = await readiness(cv)
            await walk.look([LOOK_EVERY] * LOOKS)
            tables.say(GOOD, "ann", f"Later in {GOOD}", at=host.clock.now())
            await walk.rest()
            assert blip.failed
            return Came(
                letters=await letters_of(cv), soon=soon, late=[one for one in had(host) if one not in soon], told=told
            )

    loop = VirtualLoop()
    try:
        return loop.run_until_complete(story())
    finally:
        loop.close()


async def post(walk: Walk, conversation: str, alias: EmailAddress, *, is_proved: bool) -> None:
    sender = "mal@home.example" if conversation == BAD else "bob@home.example"
    words = "Bad words" if conversation == BAD else "Good words"
    raw = f"From: {sender}\nTo: {alias}\nMessage-ID: <{conversation}@x>\n\nMail in {conversation}: {words}\n"
    mail = IncomingMail(raw.encode(), recipients=[alias], sender=sender, evidence=PROVED if is_proved else None)
    await walk.insist(lambda: walk.cv.receiver.accept(mail))


async def readiness(cv: Convalias) -> str:
    try:
        return str(await (await cv.checks())["adapters"]())
    except NotReady as broken:
        return str(broken)


def had(host: Host) -> list[str]:
    """Who was told of what in the good conversation, by mail."""
    texts = (f"Chat in {GOOD}", f"Mail in {GOOD}", f"Later in {GOOD}")
    return sorted(
        f"{str(one.to).partition('@')[0]}: {text.partition(' ')[0]}"
        for one in host.mail.sent
        for text in texts
        if text in text_of(one.raw)
    )


CALLS: Final = (
    *(("conversations", name) for name in ("find", "thread", "post", "told", "read")),
    *(("identity", "get"), ("endpoints", "of"), ("channel_choice", "of"), ("check", "check"), ("reader", "read")),
    *(("authenticator", "evidence"), ("identity", "at")),
)


@pytest.mark.slow
@pytest.mark.parametrize(("port", "method"), CALLS)
def test_what_fails_in_one_conversation_alone_is_a_letter_and_holds_up_no_other(port: str, method: str) -> None:
    came = day(port, method)
    assert came.soon == ["ann: Mail", "bob: Chat"]
    assert came.late == ["bob: Later"]
    assert came.letters
    for letter in came.letters:
        assert f"{port}.{method} of the host: KeyError at app/blips.py:" in letter
        assert "home.example" not in letter
    assert f"{port}.{method}: KeyError at app/blips.py:" in came.told
