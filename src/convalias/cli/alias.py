"""`convalias alias`: give out, look up and revoke addresses of participants."""

from __future__ import annotations

from datetime import datetime
from typing import Final

import click

from convalias.app.facade import Convalias
from convalias.cli.deployment import At, located
from convalias.cli.exits import Exit
from convalias.cli.output import Row, answer, lines, listing
from convalias.domain.addresses.email_address import EmailAddress
from convalias.domain.aliases.alias import AliasKeys, ConversationAlias, Forged
from convalias.domain.aliases.tokens import is_v1, is_v2, read_v3
from convalias.domain.aliases.unwrapping import unwrapped

_SAMPLES: Final = ("John Smith", "José Ångström", "山田太郎")


@click.group("alias")
def command() -> None:
    """Addresses of participants in conversations."""


@command.command("mint")
@click.argument("conversation")
@click.option("--as", "account", metavar="ACCOUNT", required=True, help="For whom: a participant.")
@click.option("--topic", default="", help="One of several things the participant writes about there.")
@located
def mint(at: At, conversation: str, account: str, topic: str) -> int:
    """Print the live alias of ACCOUNT in CONVERSATION; a new one where there is none."""
    alias = at.run(lambda cv: cv.messaging.aliasing.issue(conversation, account=account, topic=topic))
    answer(_row(alias), as_json=at.as_json, text=lambda: alias.address.key)
    return Exit.OK


@command.command("preview")
@click.argument("use_case", metavar="USE_CASE")
@click.option("--region", metavar="REGION", help="Of the participant; none: not known.")
@click.option("--name", "names", metavar="NAME", multiple=True, help="Of the participant; several times for several.")
@located
def preview(at: At, use_case: str, region: str | None, names: tuple[str, ...]) -> int:
    """Show how new aliases would look in USE_CASE, by the settings. Nothing is given out."""

    async def shown(cv: Convalias) -> list[Row]:
        return [_preview(cv, use_case, region, name) for name in names or _SAMPLES]

    listing(at.run(shown), as_json=at.as_json, columns=("name", "address", "names", "format", "days"))
    return Exit.OK


def _preview(cv: Convalias, use_case: str, region: str | None, name: str) -> Row:
    address, style = cv.messaging.aliasing.preview(use_case, name=name, region=region)
    return {
        "use_case": use_case,
        "region": region,
        "name": name,
        "address": address.key,
        "names": style.names.value,
        "format": style.format.name.lower(),
        "days": None if style.lives is None else style.lives.days,
    }


@command.command("inspect")
@click.argument("address")
@located
def inspect(at: At, address: str) -> int:
    """Show how ADDRESS is read, and what it leads to."""
    row = at.run(lambda cv: _inspect(cv, EmailAddress.parse(address)))
    answer(row, as_json=at.as_json, text=lambda: lines(row))
    return Exit.OK


@command.command("revoke")
@click.argument("address")
@located
def revoke(at: At, address: str) -> int:
    """Let ADDRESS take no mail from now on; nobody else ever gets it."""
    alias = at.run(lambda cv: cv.messaging.aliasing.revoke(address))
    answer(_row(alias), as_json=at.as_json, text=lambda: f"{alias.address.key} is revoked")
    return Exit.OK


async def _inspect(cv: Convalias, written: EmailAddress) -> Row:
    mint = cv.messaging.aliasing.mint
    bare = unwrapped(written, cv.deployment.domains)[-1]
    alias = await cv.messaging.aliasing.resolve(bare)
    read: Row = {
        "address": bare.key,
        "ours": cv.deployment.domains.ours(bare),
        "shape": _shape(bare, None if mint is None else mint.keys),
        "given_out": alias is not None,
    }
    return read if alias is None else {**read, **_row(alias)}


def _shape(address: EmailAddress, keys: AliasKeys | None) -> str:
    token = read_v3(address.local, address.domain, keys)
    if token is not None:
        return "v3, no key of ours made it" if isinstance(token, Forged) else "v3"
    if is_v1(address.local):
        return "v1"
    return "v2" if is_v2(address.local) else "none of ours"


def _row(alias: ConversationAlias) -> Row:
    def time(value: datetime | None) -> str | None:
        return None if value is None else value.isoformat()

    return {
        "address": alias.address.key,
        "conversation": alias.conversation,
        "participant": alias.stands_for,
        "topic": alias.topic,
        "format": alias.format.value,
        "id": alias.id,
        "created_at": time(alias.created_at),
        "expires_at": time(alias.expires_at),
        "revoked_at": time(alias.revoked_at),
        "superseded_by": alias.superseded_by,
    }
