"""`convalias keys`: secrets that guard aliases and links."""

from __future__ import annotations

import secrets
from collections.abc import Sequence

import click

from convalias.app.embedded import KEY_FILE, STORE_FILE, stored_keyring
from convalias.cli.deployment import At, placed
from convalias.cli.errors import is_unusable
from convalias.cli.exits import Exit
from convalias.cli.output import answer
from convalias.domain.deployment.keyring import SECRET_OCTETS, Keyring, RootKey
from convalias.domain.errors import InvalidValue
from convalias.ports.errors import Unavailable
from convalias.settings import KEYS, WrongSettings


@click.group("keys")
def command() -> None:
    """Secrets that guard aliases and links."""


@command.command("new")
@placed
def new(at: At) -> int:
    """Print a value for CONVALIAS_KEYS: a new key before those of the variable and of the data directory.

    The newest key makes, all verify: take a key away only when nothing that it made is in use any more.
    """
    settings = at.settings()
    path = settings.data / KEY_FILE
    given, kept = settings.keyring, stored_keyring(settings.data)
    try:
        held = (given or Keyring(())).joined(kept or Keyring(()))
    except InvalidValue as error:
        raise WrongSettings({KEYS: f"{error}; {path} holds the other: take the one out that made nothing"}) from error
    lost = () if held.keys or not (settings.data / STORE_FILE).exists() else _lost(at)
    ring = held.with_new(secrets.token_bytes(SECRET_OCTETS), used=lost)
    origins = [_origin(key, given, path=str(path)) for key in held.keys]
    _tell(ring.keys[0], origins, lost)
    result = {"keys": ring.render(), "newest": ring.keys[0].id, "held": origins}
    answer(result, as_json=at.as_json, text=ring.render)
    return Exit.OK


def _lost(at: At) -> tuple[int, ...]:
    """Ids of the keys that made aliases in a store whose keys are all gone; none where the store cannot be asked."""
    try:
        noted = at.run(lambda cv: cv.services.stores.key_uses.noted())
    except Exception as error:
        if isinstance(error, Unavailable) or is_unusable(error):
            return ()
        raise
    return tuple(use.id for use in noted.uses)


def _origin(key: RootKey, given: Keyring | None, *, path: str) -> dict[str, object]:
    is_given = given is not None and given.get(key.id) is not None
    return {"id": key.id, "from": KEYS if is_given else path}


def _tell(newest: RootKey, origins: list[dict[str, object]], lost: Sequence[int]) -> None:
    """On the other stream, so that the value can be taken by a shell."""
    held = ", ".join(f"key {one['id']} of {one['from']}" for one in origins)
    line = f"key {newest.id} is new, in front of {held}" if held else f"key {newest.id} is new; there was none before"
    if lost:
        numbers = ", ".join(map(str, lost))
        line = (
            f"key {newest.id} is new; key {numbers} made aliases and is gone: put it back,"
            f" or give up the mail to these with missing_key_ids = [{numbers}]"
        )
    click.echo(f"convalias: {line}", err=True)
