"""`convalias keys`: secrets that guard aliases and links."""

from __future__ import annotations

import os
import secrets

import click

from convalias.cli.exits import Exit
from convalias.cli.output import answer
from convalias.domain.keyring import SECRET_OCTETS, Keyring, RootKey
from convalias.settings import KEYS


@click.group("keys")
def command() -> None:
    """Secrets that guard aliases and links."""


@command.command("new")
@click.option("--json", "as_json", is_flag=True, help="Answer in JSON.")
def new(*, as_json: bool) -> int:
    """Print a value for CONVALIAS_KEYS: a new key in front of those that it holds now.

    The newest key makes, all verify: take a key away only when nothing that it made is in use any more.
    """
    secret = secrets.token_bytes(SECRET_OCTETS)
    standing = os.environ.get(KEYS, "")
    ring = Keyring.parse(standing).with_new(secret) if standing else Keyring((RootKey(0, secret),))
    result = {"keys": ring.render(), "newest": ring.keys[0].id}
    answer(result, as_json=as_json, text=ring.render)
    return Exit.OK
