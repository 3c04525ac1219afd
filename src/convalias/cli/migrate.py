"""`convalias migrate`: make the indexes that the store stands on, and bring along what one machine kept."""

from __future__ import annotations

import asyncio
from pathlib import Path

import click
from attrs import asdict

from convalias.app.embedded import STORE_FILE, make_store
from convalias.app.engines import migrate, shared_keyring
from convalias.app.moving import Moved, NotAtRest, move
from convalias.cli.deployment import At, placed
from convalias.cli.errors import Failed
from convalias.cli.exits import Exit
from convalias.cli.output import Row, answer
from convalias.domain.deployment.data_places import DataPlace
from convalias.settings import Settings


@click.command("migrate")
@click.option("--from", "source", metavar="DIR", help="Also copy what this data directory holds to the engines.")
@click.option("--keep-first", is_flag=True, help="Of records under one name the first keeps it; all of them stay.")
@click.option("--take-over", is_flag=True, help="Let the store belong with this data directory: the other one is gone.")
@click.option("--own-conversations", is_flag=True, help="The platform has stopped keeping its own conversations.")
@click.option("--new-store", is_flag=True, help="Make an empty store.db where that of this data directory is gone.")
@placed
def command(
    at: At, source: str | None, *, keep_first: bool, take_over: bool, own_conversations: bool, new_store: bool
) -> int:
    """Make what a store needs before it is used: the indexes of MongoDB.

    With --from, mail of that data directory is copied to `raw` and its records to `store`, as far as these are set;
    nothing is removed or overwritten. Where a unique index was missing and several records came under one name, they
    are named and nothing is made; --keep-first lets the first of each keep the name. May be repeated, and without
    --from run beside a working deployment. The embedded backend makes its own at the first use.

    Beside a shared store one data directory keeps what no engine is set for, and others are refused. With --take-over
    that is this one from now on; what lies in the other is no longer seen.

    Where a platform keeps its own conversations, workers without them are refused. With --own-conversations they are
    our own events from now on.

    A data directory that was used and has no store.db is refused. With --new-store an empty one is made: mail to
    earlier aliases is refused for good. One that is there stays.
    """
    settings = at.settings()
    if at.by_default:
        click.echo(f"convalias: {at.by_default}", err=True)
    made = asyncio.run(migrate(settings, keep_first=keep_first))
    lines = [f"{setting}: made {', '.join(names) or 'nothing; all is there'}" for setting, names in made.items()]
    if new_store:
        is_made = asyncio.run(make_store(settings))
        lines.append(f"{settings.data / STORE_FILE}: {'an empty one was made' if is_made else 'is there and stays'}")
    taken = _taken(at) if take_over else None
    done: Row = {"made": made} if taken is None else {"made": made, "directory": taken.path}
    if taken is not None:
        lines.append(f"store: belongs with {taken.path} now")
    if own_conversations:
        at.run(lambda cv: cv.services.host.give_up())
        lines.append("conversations: our own events from now on")
    if source is None:
        answer(done, as_json=at.as_json, text=lambda: "\n".join(lines) or "nothing to migrate")
        return Exit.OK
    moved = _moved(settings, Path(source))
    lines.append(_told(moved))
    answer({**done, "moved": asdict(moved)}, as_json=at.as_json, text=lambda: "\n".join(lines))
    return Exit.OK


def _taken(at: At) -> DataPlace | None:
    return at.run(lambda cv: cv.services.place.take_over())


def _moved(settings: Settings, source: Path) -> Moved:
    shared_keyring(settings)  # records without the keys that made their aliases are worth nothing
    try:
        return asyncio.run(move(settings, source))
    except NotAtRest as waiting:
        raise Failed(str(waiting), Exit.TRY_AGAIN) from waiting


def _told(moved: Moved) -> str:
    told = f"copied {moved.blobs} blobs and {moved.records} records; {moved.there} were there"
    return f"{told}, {moved.differing} of them with another content, which stays" if moved.differing else told
