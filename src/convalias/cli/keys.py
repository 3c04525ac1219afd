"""`convalias keys`: secrets that guard aliases and links."""

from __future__ import annotations

import secrets

import click

from convalias.app.embedded import KEY_FILE, stored_keyring
from convalias.cli.deployment import At, located
from convalias.cli.exits import Exit
from convalias.cli.output import answer
from convalias.domain.errors import InvalidValue
from convalias.domain.keyring import SECRET_OCTETS, Keyring, RootKey
from convalias.settings import KEYS, WrongSettings


@click.group("keys")
def command() -> None:
    """Secrets that guard aliases and links."""


@command.command("new")
@located
def new(at: At) -> int:
    """Print a value for CONVALIAS_KEYS: a new key in front of those that it holds now, and of the data directory's own.

    The newest key makes, all verify: take a key away only when nothing that it made is in use any more.
    """
    settings = at.settings()
    path = settings.data / KEY_FILE
    given, kept = settings.keyring, stored_keyring(settings.data)
    try:
        held = (given or Keyring(())).joined(kept or Keyring(()))
    except InvalidValue as error:
        raise WrongSettings({KEYS: f"{error}; {path} holds the other: take the one out that made nothing"}) from error
    ring = held.with_new(secrets.token_bytes(SECRET_OCTETS))
    origins = [_origin(key, given, path=str(path)) for key in held.keys]
    _tell(ring.keys[0], origins)
    result = {"keys": ring.render(), "newest": ring.keys[0].id, "held": origins}
    answer(result, as_json=at.as_json, text=ring.render)
    return Exit.OK


def _origin(key: RootKey, given: Keyring | None, *, path: str) -> dict[str, object]:
    is_given = given is not None and given.get(key.id) is not None
    return {"id": key.id, "from": KEYS if is_given else path}


def _tell(newest: RootKey, origins: list[dict[str, object]]) -> None:
    """On the other stream, so that the value can be taken by a shell."""
    held = ", ".join(f"key {one['id']} of {one['from']}" for one in origins)
    line = f"key {newest.id} is new, in front of {held}" if held else f"key {newest.id} is new; there was none before"
    click.echo(f"convalias: {line}", err=True)
