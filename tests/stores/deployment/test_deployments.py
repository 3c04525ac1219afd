"""One record, changed by whoever is told something, and no word of it lost."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from convalias.adapters import memory
from convalias.domain.addresses.email_address import EmailAddress, MailDomains
from convalias.domain.deployment.domains_and_policy import Deployment
from convalias.domain.errors import InvalidValue
from convalias.domain.routing.admission import STRICT
from convalias.domain.routing.policy import BlockedSenders, RoutingPolicy
from convalias.ports.records import Insert, Replace
from convalias.stores.deployment.deployments import KEY, Deployments
from convalias.stores.errors import Contended
from stores.interfering import Interfering, Stubborn

POLICY = RoutingPolicy(admission=STRICT, blocked=BlockedSenders([EmailAddress.parse("eve@evil.example")]))


def joining(domain: str) -> Callable[[Deployment], Deployment]:
    return lambda standing: standing.joined(MailDomains({domain}))


async def test_nothing_told_is_an_empty_deployment() -> None:
    assert await Deployments(records=memory.Records()).get() == Deployment()


async def test_what_was_told_is_read_again() -> None:
    deployments = Deployments(records=memory.Records())
    told = await deployments.change(joining("reply.example"))
    assert told.alias_domains == ("reply.example",)
    under = await deployments.change(lambda standing: standing.under(POLICY))
    assert await deployments.get() == under
    assert under.policy == POLICY


async def test_the_same_again_writes_nothing() -> None:
    records = memory.Records()
    deployments = Deployments(records=records)
    await deployments.change(joining("reply.example"))
    before = (await records.get([KEY]))[KEY].version
    await deployments.change(joining("reply.example"))
    assert (await records.get([KEY]))[KEY].version == before


@pytest.mark.parametrize("earlier", [[], ["first.example"]], ids=["the first", "a later one"])
async def test_what_another_tells_meanwhile_is_kept(earlier: list[str]) -> None:
    records = Interfering()
    deployments = Deployments(records=records)
    for domain in earlier:
        await deployments.change(joining(domain))
    records.meanwhile = [lambda: deployments.change(joining("theirs.example"))]
    told = await deployments.change(joining("ours.example"))
    assert {*told.alias_domains} == {*earlier, "theirs.example", "ours.example"}
    assert await deployments.get() == told


@pytest.mark.parametrize("kind", [Insert, Replace])
async def test_who_never_gets_a_turn_says_so(kind: type[Insert | Replace]) -> None:
    deployments = Deployments(records=Stubborn(kind, "deployment"))

    async def tell_two() -> None:
        await deployments.change(joining("a.example"))
        await deployments.change(joining("b.example"))

    with pytest.raises(Contended):
        await tell_two()


async def test_a_refused_change_changes_nothing() -> None:
    deployments = Deployments(records=memory.Records())
    await deployments.change(joining("reply.example"))
    with pytest.raises(InvalidValue):
        await deployments.change(lambda standing: standing.joined(MailDomains((), {"reply.example"})))
    assert (await deployments.get()).legacy_domains == ()
