"""`convalias explain`: the rules as a black box: a mail and a world in, the plan out. No store, network or clock."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import IO

import click
from attrs import frozen

from convalias.adapters.mime import Reader
from convalias.cli.errors import Failed, read_octets, unreadable
from convalias.cli.exits import Exit
from convalias.codec.case_line import InvalidLine, read_line
from convalias.codec.document import Json
from convalias.codec.doors import SCHEMAS, InvalidWorld, World, read_world, schema, write_content, write_plan
from convalias.domain.mail.envelope import InboundMail, UnreadableMail
from convalias.domain.printable import visible
from convalias.domain.routing.decision import route
from convalias.domain.routing.plan import Decision, TryAgain
from convalias.ports.mail import ReadMail

STDIN = "-"


@click.command("explain")
@click.argument("mail", required=False)
@click.option("--world", metavar="WORLD.json", help="The facts: conversations, aliases, accounts, policy, now.")
@click.option(
    "--batch", metavar="FILE.jsonl|-", help='A case a line: {"mail" or "mail_base64", "world"}; a plan a line.'
)
@click.option("--json", "as_json", is_flag=True, help="The plan as JSON.")
@click.option("--content", "with_content", is_flag=True, help="Show what the reader made of the mail, too.")
@click.option("--mermaid", is_flag=True, help="The decision as a Mermaid graph.")
@click.option("--svg", metavar="FILE", help="The decision as a picture, written to that file as well.")
@click.option("--schema", "schema_of", type=click.Choice(SCHEMAS), help="The JSON Schema of a format.")
def command(
    *,
    mail: str | None,
    world: str | None,
    batch: str | None,
    as_json: bool,
    with_content: bool,
    mermaid: bool,
    svg: str | None,
    schema_of: str | None,
) -> int:
    """Show what becomes of MAIL (an .eml file, or - for standard input) in a world, and why.

    Exit status: 0 with a plan (a batch always), 65 for a world that is not valid, 66 for a file that is missing, 75
    when the plan is "try again".
    """
    if schema_of is not None:
        click.echo(schema(SCHEMAS[SCHEMAS.index(schema_of)]), nl=False)
        return Exit.OK
    if batch is not None:
        if mail is not None or world is not None:
            raise click.UsageError("--batch brings its mails and worlds; leave MAIL and --world out")
        return _batch(batch, with_content=with_content)
    if mail is None or world is None:
        raise click.UsageError("expected MAIL and --world WORLD.json, or --batch FILE.jsonl, or --schema world|plan")
    explained = _explained(_octets(mail), _world(world))
    decision = explained.decision
    _print(explained, as_json=as_json, with_content=with_content, mermaid=mermaid)
    if svg is not None:
        _draw(decision, svg)
    return Exit.TRY_AGAIN if isinstance(decision, TryAgain) else Exit.OK


def decide(raw: bytes, world: World) -> Decision:
    """The product's own reader and `route`, nothing else."""
    return _explained(raw, world).decision


@frozen
class _Explained:
    """A mail in a world: as it was read, and what was decided."""

    read: ReadMail
    decision: Decision


def _explained(raw: bytes, world: World) -> _Explained:
    """Read a mail and decide it in its world."""
    domains = world.context.domains
    read = Reader(alias_domains=domains.alias, legacy_domains=domains.legacy).read_now(raw, world.post)
    return _Explained(read, route(read.mail, world.context, world.policy))


def _written(explained: _Explained, *, with_content: bool) -> Mapping[str, object]:
    plan = write_plan(explained.decision)
    return {**plan, "content": write_content(explained.read)} if with_content else plan


def _octets(path: str) -> bytes:
    return sys.stdin.buffer.read() if path == STDIN else read_octets(path)


def _world(path: str) -> World:
    try:
        document: Json = json.loads(_octets(path))
    except (ValueError, RecursionError) as error:
        raise Failed(f"{path}: no JSON ({error}); expected a world, see --schema world", Exit.DATA) from error
    try:
        return read_world(document)
    except InvalidWorld as error:
        raise Failed(f"{path}: {error}", Exit.DATA) from error


def _print(explained: _Explained, *, as_json: bool, with_content: bool, mermaid: bool) -> None:
    decision = explained.decision
    if as_json:
        click.echo(json.dumps(_written(explained, with_content=with_content), indent=2))
    elif mermaid:
        click.echo(visible(decision.explain().mermaid(), lines=True))
    else:
        click.echo(f"mail: {visible(_headline(decision.case.mail))}")
        click.echo(visible(decision.explain().text(), lines=True))
        if with_content:
            click.echo(visible("\n".join(["", *_shown(decision.case.mail)]), lines=True))


def _shown(mail: InboundMail) -> Iterator[str]:
    """The content for people."""
    if isinstance(mail, UnreadableMail):
        return
    content = mail.content
    yield f"subject: {content.subject}"
    yield from (f"attachment: {one.name} ({one.media_type}, {one.size} octets)" for one in content.attachments)
    yield "text: (empty)" if content.empty else "text:"
    yield from (f"  {line}" for line in content.text.split("\n"))


def _headline(mail: InboundMail) -> str:
    if isinstance(mail, UnreadableMail):
        return f"over the limit of {mail.limit} ({mail.found})"
    return f"{mail.mail_class.value}, {mail.message_id}"


def _draw(decision: Decision, path: str) -> None:
    from convalias.cli.picture import picture  # noqa: PLC0415 - drawn on demand

    try:
        Path(path).write_text(picture(decision), encoding="utf-8")
    except OSError as error:
        raise Failed(f"{path}: {error.strerror}; expected a file that can be written", Exit.NO_INPUT) from error


def _batch(path: str, *, with_content: bool) -> int:
    if path == STDIN:
        _answer(sys.stdin.buffer, flush=sys.stdout.flush, with_content=with_content)
        return Exit.OK
    try:
        with Path(path).open("rb") as lines:
            _answer(lines, flush=_nothing, with_content=with_content)
    except OSError as error:
        if error.filename is None:  # our own output: `main` knows what that means
            raise
        raise unreadable(path, error) from error
    return Exit.OK


def _answer(lines: IO[bytes], *, flush: Callable[[], None], with_content: bool) -> None:
    """A line out for each line in, one at a time: the batch may be endless."""
    for line in _numbered(lines):
        sys.stdout.write(json.dumps(_plan(line, with_content=with_content), separators=(",", ":")) + "\n")
        flush()


def _numbered(lines: IO[bytes]) -> Iterator[bytes]:
    """The lines, without blank ones at the end of the file."""
    blank = 0
    for line in lines:
        if line.isspace():
            blank += 1
            continue
        yield from (b"" for _ in range(blank))
        blank = 0
        yield line


def _plan(line: bytes, *, with_content: bool) -> Mapping[str, object]:
    try:
        raw, world = read_line(line)
    except (InvalidLine, InvalidWorld) as error:
        return {"error": str(error)}
    return _written(_explained(raw, world), with_content=with_content)


def _nothing() -> None:
    """A file is answered at the disk's own pace."""
