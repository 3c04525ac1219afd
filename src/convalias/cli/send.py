"""`convalias send`: a chat message."""

from __future__ import annotations

import mimetypes
from pathlib import Path

import click

from convalias.cli import views
from convalias.cli.deployment import At, located
from convalias.cli.exits import Exit
from convalias.cli.output import answer
from convalias.ports.drafts import AttachedFile


@click.command("send")
@click.argument("conversation")
@click.argument("text")
@click.option("--as", "account", metavar="ACCOUNT", required=True, help="Who writes: a participant.")
@click.option("--key", required=True, help="The same key is the same message, however often it is sent.")
@click.option(
    "--attach",
    "paths",
    metavar="FILE",
    multiple=True,
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="A file that goes along; may be given again.",
)
@located
def command(  # noqa: PLR0917 - one parameter for each option
    at: At, conversation: str, text: str, account: str, key: str, paths: tuple[Path, ...]
) -> int:
    """Add TEXT to CONVERSATION as a chat message."""
    files = tuple(map(_file, paths))
    event = at.run(lambda cv: cv.messaging.send(conversation, text, author=account, key=key, attachments=files))
    answer(views.event(event), as_json=at.as_json, text=lambda: f"event {event.seq} of {conversation}: {event.id}")
    return Exit.OK


def _file(path: Path) -> AttachedFile:
    if not path.is_file():  # a pipe would be waited for, without end
        raise click.BadParameter(f"{path} is no regular file", param_hint="--attach")
    kind, packed = mimetypes.guess_type(path.name)
    try:
        content = path.read_bytes()
    except OSError as error:
        raise click.BadParameter(f"{path}: {error.strerror}", param_hint="--attach") from None
    return AttachedFile(path.name, kind if kind and not packed else "application/octet-stream", content)
