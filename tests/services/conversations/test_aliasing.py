"""A row and the event that says so, whatever happens in between."""

from __future__ import annotations

import asyncio
from collections import Counter
from datetime import timedelta

import pytest
from attrs import evolve

from convalias.adapters import memory
from convalias.domain.aliases.styles import AliasStyle, AliasStyles
from convalias.domain.conversations.participants import Participant
from convalias.domain.errors import InvalidValue
from convalias.ports.errors import Unavailable
from convalias.services.conversations.aliasing import Aliasing
from convalias.services.conversations.errors import NoSuchAlias, NoSuchConversation, Refused
from services.messaging_desk import ANN, C1, EVE, NOON, PEOPLE, Desk


async def test_an_alias_shows_its_participants_name_and_is_issued_once() -> None:
    desk = Desk()
    await desk.conversation()
    alias = await desk.aliasing.issue(C1, account=ANN)
    assert alias.address.key.startswith("ann-alb-")
    assert alias.address.domain == "reply.example"
    assert (alias.created_at, alias.expires_at) == (NOON, None)
    assert await desk.aliasing.issue(C1, account=ANN) == alias
    assert await desk.kinds() == ["ConversationCreated", "AliasIssued"]


async def test_a_topic_has_an_alias_of_its_own() -> None:
    desk = Desk()
    await desk.conversation()
    one, two = [await desk.aliasing.issue(C1, account=ANN, topic=topic) for topic in ("", "job")]
    assert one.address != two.address


async def test_an_alias_lives_as_long_as_the_policy_says() -> None:
    desk = Desk()
    await desk.conversation()
    assert desk.aliasing.mint is not None
    short = evolve(
        desk.aliasing, mint=evolve(desk.aliasing.mint, styles=AliasStyles(default=AliasStyle(lives=timedelta(days=1))))
    )
    assert (await short.issue(C1, account=ANN)).expires_at == NOON + timedelta(days=1)


async def test_a_preview_draws_until_a_token_looks_well_and_writes_nothing() -> None:
    desk = Desk()
    shown = [desk.aliasing.preview("apply", name="Ann Albright") for _ in range(100)]  # about twenty are drawn anew
    assert all(address.key.startswith("ann-albright-") for address, _ in shown)
    assert {style for _, style in shown} == {AliasStyle()}
    assert [await desk.aliasing.resolve(address) for address, _ in shown[:3]] == [None] * 3
    with pytest.raises(InvalidValue, match="alias domain"):
        Desk(mints=False).aliasing.preview("apply", name="Ann")


async def test_only_participants_of_what_exists_get_an_alias() -> None:
    desk = Desk()
    await desk.conversation()
    with pytest.raises(Refused, match="eve"):
        await desk.aliasing.issue(C1, account=EVE)
    with pytest.raises(NoSuchConversation):
        await desk.aliasing.issue("c9", account=ANN)


async def test_without_an_alias_domain_none_can_be_issued() -> None:
    desk = Desk(mints=False)
    await desk.conversation()
    with pytest.raises(InvalidValue, match="alias domain"):
        await desk.aliasing.issue(C1, account=ANN)
    assert await desk.aliasing.issue_all(await desk.messaging.thread(C1)) == ()


async def test_rotating_twice_rotates_once_and_the_old_one_goes_on_working() -> None:
    desk = Desk()
    await desk.conversation()
    first = await desk.aliasing.issue(C1, account=ANN)
    second = await desk.aliasing.rotate(str(first.address))
    assert second.address != first.address
    assert await desk.aliasing.rotate(str(first.address)) == second
    old = await desk.aliasing.resolve(first.address)
    assert old is not None
    assert (old.superseded_by, old.revoked_at) == (second.id, None)
    assert Counter(await desk.kinds())["AliasIssued"] == 2


async def test_who_has_left_gets_no_new_alias() -> None:
    desk = Desk()
    messaging = await desk.conversation()
    alias = await desk.aliasing.issue(C1, account=ANN)
    await messaging.remove_participant(C1, ANN)
    with pytest.raises(Refused):
        await desk.aliasing.rotate(str(alias.address))


async def test_a_revoked_alias_says_so_once() -> None:
    desk = Desk()
    await desk.conversation()
    alias = await desk.aliasing.issue(C1, account=ANN)
    revoked = await desk.aliasing.revoke(str(alias.address))
    desk.clock.step(timedelta(hours=1))
    assert await desk.aliasing.revoke(str(alias.address)) == revoked == await desk.aliasing.resolve(alias.address)
    assert revoked.revoked_at == NOON
    assert Counter(await desk.kinds())["AliasRevoked"] == 1


def test_an_address_that_was_never_given_out_is_neither_rotated_nor_revoked() -> None:
    async def story(act: str) -> None:
        await getattr(Desk().aliasing, act)("nobody@reply.example")

    for act in ("rotate", "revoke"):
        with pytest.raises(NoSuchAlias, match="never given out") as caught:
            asyncio.run(story(act))
        assert "nobody" not in str(caught.value)


@pytest.mark.parametrize("writes", range(5))
async def test_creation_that_broke_off_anywhere_is_completed_by_creating_again(writes: int) -> None:
    faults = memory.Faults()
    desk = Desk(memory.faulty.Records(memory.Records(), faults))
    faults.fail("records.write", memory.after("records"), times=1, skip=writes)
    with pytest.raises(Unavailable):
        await desk.messaging.create("apply", PEOPLE, conversation=C1)
    await desk.messaging.create("apply", PEOPLE, conversation=C1)
    assert Counter(await desk.kinds()) == {"ConversationCreated": 1, "AliasIssued": 2}
    assert len(await desk.aliases.of(C1)) == 2


async def test_somebody_without_a_name_gets_a_neutral_one() -> None:
    desk = Desk()
    await desk.messaging.create("apply", [Participant(EVE)], conversation=C1)
    (alias,) = await desk.aliases.of(C1)
    assert alias.address.key.startswith("member-")


def test_the_keys_of_the_mint_are_not_shown() -> None:
    assert "ssss" not in repr(Desk().aliasing)
    assert isinstance(Desk().aliasing, Aliasing)
