"""`convalias load`: a world into the store."""

from __future__ import annotations

import json

import click
from attrs import asdict

from convalias.app.facade import Convalias
from convalias.app.loading import Loaded, load_world, unverifiable
from convalias.cli.deployment import At, located
from convalias.cli.errors import Failed, read_octets
from convalias.cli.exits import Exit
from convalias.cli.output import answer, lines, progress
from convalias.codec.document import Json
from convalias.codec.doors import InvalidWorld, World, read_world
from convalias.domain.conversations.participants import Account
from convalias.domain.conversations.threads import ConversationThread


@click.command("load")
@click.argument("path", metavar="WORLD.json")
@located
def command(at: At, path: str) -> int:
    """Put the conversations, aliases, accounts, history and policy of WORLD.json into the store.

    Twice is the same as once. Of several aliases of one participant in one conversation the last listed is the live
    one. `now`, stages, `seen`, the envelope and its authentication are not read: stages come from `rollout set`.
    """
    document, world = _world(path)
    loaded = at.run(lambda cv: _load(cv, world, at=at, with_policy=_has_policy(document)))
    counts = asdict(loaded)
    answer(counts, as_json=at.as_json, text=lambda: lines(counts))
    _warn(at, world)
    return Exit.OK


async def _load(cv: Convalias, world: World, *, at: At, with_policy: bool) -> Loaded:
    steps = sum(isinstance(one, (Account, ConversationThread)) for one in world.facts)
    with progress("loading", total=steps, hidden=at.as_json) as advance:
        return await load_world(cv, world, with_policy=with_policy, done=advance)


def _world(path: str) -> tuple[Json, World]:
    try:
        document: Json = json.loads(read_octets(path))
    except (ValueError, RecursionError) as error:
        raise Failed(
            f"{path}: no JSON ({error}); expected a world, see convalias explain --schema world", Exit.DATA
        ) from error
    try:
        return document, read_world(document)
    except InvalidWorld as error:
        raise Failed(f"{path}: {error}", Exit.DATA) from error


def _has_policy(document: Json) -> bool:
    """A world that says nothing about the policy leaves the one that stands."""
    return isinstance(document, dict) and document.get("policy") is not None


def _warn(at: At, world: World) -> None:
    if forged := unverifiable(world, at.convalias().keyring.alias_keys()):
        click.echo(
            f"convalias: {forged} aliases have a token that no key of this deployment made; they work, but forged tokens"
            " are told from unknown ones no more (set CONVALIAS_KEYS to the keys they were minted with)",
            err=True,
        )
