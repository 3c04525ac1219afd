"""Keys that would make aliases in use forged ones are refused, whoever comes with them."""

from __future__ import annotations

from datetime import timedelta

import pytest
from attrs import evolve

from convalias.adapters import memory
from convalias.domain.aliases.alias import AliasFormat
from convalias.domain.aliases.styles import AliasStyle, AliasStyles
from convalias.domain.deployment.domains_and_policy import Deployment
from convalias.domain.deployment.keyring import Keyring, RootKey
from convalias.ports.records import Delete
from convalias.services.conversations.alias_keys import KeyGuard
from convalias.services.conversations.errors import KeysRefused
from convalias.stores.aliases.alias_keys import TABLE, KeyUses
from convalias.stores.deployment.deployments import Deployments
from services.inbound_desk import Process, Town
from services.keys_desk import RING, guard
from services.messaging_desk import ANN, C1, NOON, Desk, ProcessClock

OTHER = Keyring((RootKey(0, b"o" * 32),))
NEXT = Keyring((RootKey(1, b"n" * 32), *RING.keys))
LATER = Keyring(NEXT.keys[:1])
YEAR = timedelta(days=365)


class Listless:
    """Records that cannot say which partitions there are."""

    def __init__(self, records: memory.Records) -> None:
        for name in ("get", "write", "range", "latest", "due"):
            setattr(self, name, getattr(records, name))


def of(records: object, keyring: Keyring, **more: object) -> KeyGuard:
    return guard(records, memory.Clock(NOON + timedelta(minutes=1)), keyring=keyring, **more)  # type: ignore[arg-type]


async def minted(keyring: Keyring = RING, *, lives: timedelta | None = None) -> memory.Records:
    """A store in which Ann has one alias."""
    desk = Desk(keyring=keyring)
    messaging = await desk.conversation()
    assert messaging.aliasing.mint is not None
    mint = evolve(messaging.aliasing.mint, styles=AliasStyles(default=AliasStyle(lives=lives)))
    await evolve(messaging.aliasing, mint=mint).issue(C1, account=ANN)
    assert isinstance(desk.records, memory.Records)
    return desk.records


async def unnoted(records: memory.Records) -> memory.Records:
    """As a release left it that noted no keys."""
    for stored in await records.range(TABLE, TABLE, after="", limit=100):
        await records.write([Delete(stored.key, stored.version)])
    return records


async def noted(records: memory.Records) -> dict[int, str]:
    return {use.id: use.fingerprint for use in (await KeyUses(records=records).noted()).uses}


async def test_the_key_is_noted_before_the_first_alias_is_made_with_it() -> None:
    assert await noted(await minted()) == {0: RING.keys[0].fingerprint}


@pytest.mark.parametrize("noting", [True, False])
@pytest.mark.parametrize("keyring", [OTHER, LATER])
async def test_keys_that_did_not_make_the_aliases_in_use_are_refused(keyring: Keyring, *, noting: bool) -> None:
    records = await minted()
    if not noting:
        await unnoted(records)
    with pytest.raises(KeysRefused, match="key 0 made aliases that are in use"):
        await of(records, keyring).check()
    with pytest.raises(KeysRefused):
        await of(records, keyring).before_minting()
    await of(records, RING).check()
    await of(records, NEXT).check()


async def test_aliases_of_a_release_of_before_are_looked_at_once() -> None:
    records = await unnoted(await minted())
    await of(records, NEXT).check()
    assert await noted(records) == {0: RING.keys[0].fingerprint}
    asked = memory.Faults()
    await of(memory.faulty.Records(Listless(records), asked), NEXT).check()  # type: ignore[arg-type]


async def test_a_key_may_go_when_its_aliases_are_revoked_or_expired() -> None:
    records = await minted(lives=timedelta(seconds=30))
    await of(records, LATER).check()
    assert await noted(records) == {}
    await of(records, OTHER).before_minting()
    assert await noted(records) == {0: OTHER.keys[0].fingerprint}


async def test_what_is_given_up_is_named() -> None:
    records = await minted()
    for keyring in (OTHER, LATER):
        await of(records, keyring, missing=[0]).check()
    await of(records, OTHER, missing=[0]).before_minting()
    assert await noted(records) == {0: RING.keys[0].fingerprint}
    with pytest.raises(KeysRefused):
        await of(records, LATER).check()


async def test_what_was_given_up_before_it_was_noted_is_asked_for_again() -> None:
    records = await unnoted(await minted())
    await of(records, LATER, missing=[0]).check()
    assert await noted(records) == {0: ""}
    with pytest.raises(KeysRefused):
        await of(records, LATER).check()
    await of(records, RING).check()  # the key is back
    assert await noted(records) == {0: RING.keys[0].fingerprint}


async def test_of_two_that_begin_with_different_secrets_one_makes_aliases() -> None:
    records = memory.Records()
    first, second = of(records, RING), of(records, OTHER)
    await first.check()
    await second.check()
    await first.before_minting()
    with pytest.raises(KeysRefused, match="another secret"):
        await second.before_minting()


async def test_a_store_that_cannot_be_listed_believes_its_notes() -> None:
    records = await minted(lives=timedelta(seconds=1))
    with pytest.raises(KeysRefused):  # whether key 0 is still in use nobody can say
        await of(Listless(records), LATER).check()
    survey = await of(Listless(records), RING).survey()
    assert (survey.whole, survey.made) == (False, {})


async def test_a_look_at_old_aliases_is_bounded() -> None:
    records = await unnoted(await minted())
    desk = Desk(records)
    await desk.messaging.aliasing.issue(C1, account="bob")
    survey = await of(records, RING, most=1).survey()
    assert (survey.whole, survey.made) == (False, {0: 1})
    assert (await of(records, RING).survey()).whole


async def test_aliases_that_others_made_and_that_are_listed_are_no_reason_to_refuse() -> None:
    records = await unnoted(await minted())
    foreign = Deployments(records=records)
    await foreign.change(lambda standing: evolve(standing, foreign_tokens=True))
    assert (await foreign.get()) == Deployment(foreign_tokens=True)
    await of(records, LATER).check()
    assert await noted(records) == {}


async def test_aliases_that_are_taken_over_note_the_key_that_made_them() -> None:
    (alias,) = await Desk(await minted()).aliases.of(C1)
    fresh = memory.Records()
    await of(fresh, LATER).before_adopting([alias])
    assert await noted(fresh) == {}
    await of(fresh, NEXT).before_adopting([alias])
    assert await noted(fresh) == {0: RING.keys[0].fingerprint}


async def test_keys_that_are_lost_make_nothing() -> None:
    with pytest.raises(KeysRefused, match="gone"):
        await of(memory.Records(), RING, lost="they are gone").check()


async def test_aliases_without_a_token_are_nobodys() -> None:
    desk = Desk()
    messaging = await desk.conversation()
    assert messaging.aliasing.mint is not None
    old = evolve(messaging.aliasing.mint, styles=AliasStyles(default=AliasStyle(format=AliasFormat.V2)))
    await evolve(messaging.aliasing, mint=old).issue(C1, account=ANN)
    survey = await of(desk.records, OTHER).survey()
    assert (survey.made, survey.strange) == ({}, {})


async def test_a_replay_with_other_keys_decides_nothing() -> None:
    desk = Process(Town())
    lost = guard(memory.Records(), ProcessClock(), lost="they are gone")
    with pytest.raises(KeysRefused):
        await evolve(desk.replay, keys=lost).one("envelopes/x", dry_run=False)  # type: ignore[arg-type]


async def test_keys_that_are_not_here_are_named_also_when_given_up() -> None:
    records = await minted()
    assert await of(records, RING).lacking() == ""
    assert await of(records, RING, lost="they are gone").lacking() == "they are gone"
    other = Keyring((RootKey(RING.keys[0].id, b"x" * 32),))
    assert "and is not here, or has another secret" in await of(records, other, missing=range(32)).lacking()
