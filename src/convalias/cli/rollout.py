"""`convalias rollout`: which conversations are in which stage."""

from __future__ import annotations

import getpass
from collections.abc import Iterator, Sequence

import click

from convalias.app.facade import Convalias
from convalias.cli import views
from convalias.cli.deployment import At, located
from convalias.cli.exits import Exit
from convalias.cli.output import answer, listing, progress
from convalias.domain.conversations import storable
from convalias.domain.ids import UseCase
from convalias.domain.migration.rollout import WHOLE, Axis, Moves, Rollout, Stage
from convalias.domain.outbound.answering import MINTING_OFF
from convalias.domain.outbound.delivery import OWNERS, Owner
from convalias.domain.printable import counted
from convalias.services.migration.rollout import Counts, Prepared
from convalias.stores.migration.rollouts import Setting
from convalias.stores.outbound.ledger import GivenBack

_COLUMNS = ("use_case", "axis", "stage", "basis_points", "floor", "salt")
_SHOWN = (*_COLUMNS, "by", "at", "reason")
_NOBODY = "use case {}: no conversation of it was found; is it written so in the conversations?"


@click.group("rollout")
def command() -> None:
    """Which conversations are how far along the way from the legacy relay to the hub."""


@command.command("set")
@click.argument("use_case")
@click.option("--stage", type=click.Choice([one.value for one in Stage]), required=True)
@click.option("--basis-points", type=click.IntRange(0, WHOLE), required=True, help="10000: everybody; 0: nobody.")
@click.option("--salt", help="Who falls into which bucket; without it the one that stands.")
@click.option("--axis", type=click.Choice([one.value for one in Axis]), help="Without it all three.")
@click.option("--why", "--reason", "reason", default="", help="For whoever asks later.")
@click.option("--by", help="Who sets it; without it the user of this machine.")
@click.option("--yes", "back", is_flag=True, help="Set it though it takes some conversations back a stage.")
@located
def set_(  # noqa: PLR0913 - the options of one command
    at: At,
    *,
    use_case: str,
    stage: str,
    basis_points: int,
    salt: str | None,
    axis: str | None,
    reason: str,
    by: str | None,
    back: bool,
) -> int:
    """Put so many of ten thousand conversations of USE_CASE into that stage from now on.

    The setting is written first; then at most 5 s go into counting what it moved and who has no alias.
    """

    async def work(cv: Convalias) -> tuple[Sequence[tuple[Setting, Moves]], Counts, bool]:
        settings = await cv.rollout.set(
            UseCase(use_case),
            stage=Stage(stage),
            basis_points=basis_points,
            salt=salt,
            axes=() if axis is None else (Axis(axis),),
            reason=reason,
            by=_user() if by is None else by,
            back=back,
        )
        counts = await cv.rollout.count(UseCase(use_case), settings)
        return [(one, cv.rollout.moved(one)) for one in settings], counts, cv.rollout.has_legacy

    moved, counts, has_legacy = at.run(work)
    warnings = list(_warnings(use_case, moved, counts, has_legacy=has_legacy))
    rows = [{**views.setting(one), **views.moved(one, shares, counts), "warnings": warnings} for one, shares in moved]
    listing(rows, as_json=at.as_json, columns=_COLUMNS)
    if not at.as_json:
        for one, shares in moved:
            click.echo(_told(one, shares, counts))
    for warning in warnings:
        click.echo(f"warning: {warning}", err=True)
    return Exit.OK


@command.command("prepare")
@click.argument("use_case")
@click.option("--dry-run", is_flag=True, help="Count only; nothing is written.")
@located
def prepare(at: At, *, use_case: str, dry_run: bool) -> int:
    """Issue the aliases that conversations of USE_CASE lack, ahead of a stage that needs them.

    May be stopped at any point and begun again. Aliases are issued where minting is on.
    """
    with progress(f"conversations of {use_case}", hidden=at.as_json) as advance:
        seen = 0

        def done(so_far: Prepared) -> None:
            nonlocal seen
            for _ in range(so_far.conversations - seen):
                advance()
            seen = so_far.conversations

        prepared = at.run(lambda cv: cv.rollout.prepare(UseCase(use_case), dry_run=dry_run, done=done))
    result = {
        "use_case": use_case,
        "dry_run": dry_run,
        "conversations": prepared.conversations,
        "without_alias": prepared.without_alias,
        "issued": prepared.issued,
        "refused": dict(prepared.refusals),
    }
    answer(result, as_json=at.as_json, text=lambda: _prepared(use_case, prepared, dry_run=dry_run))
    if not prepared.conversations:
        click.echo(f"warning: {_NOBODY.format(use_case)}", err=True)
    return Exit.OK


@command.command("show")
@located
def show(at: At) -> int:
    """All that is set: with who set it, when and why."""
    settings = at.run(lambda cv: cv.rollout.show())
    listing([views.setting(one) for one in settings], as_json=at.as_json, columns=_SHOWN)
    return Exit.OK


@command.command("give-back")
@click.argument("use_case")
@located
def give_back(at: At, use_case: str) -> int:
    """Put deliveries of USE_CASE that were not yet tried under the flag as it stands now."""

    async def work(cv: Convalias) -> tuple[GivenBack, bool]:
        name = storable.use_case(use_case)
        given = await cv.outbound.give_back(name)
        return given, given != GivenBack(0, 0) or await cv.rollout.knows(name)

    given, known = at.run(work)
    result = {"re_owned": given.re_owned, "already_tried": given.already_tried}
    answer(
        result,
        as_json=at.as_json,
        text=lambda: f"{given.re_owned} re-owned; {given.already_tried} tried already, which end where they are",
    )
    if not known:
        click.echo(f"warning: {_NOBODY.format(use_case)}", err=True)
    return Exit.OK


def _user() -> str:
    """The user of this machine, where it says who that is."""
    try:
        return getpass.getuser()
    except (OSError, KeyError):
        return ""


def _warnings(
    use_case: str, moved: Sequence[tuple[Setting, Moves]], counts: Counts, *, has_legacy: bool
) -> Iterator[str]:
    if not counts.conversations:
        yield _NOBODY.format(use_case)
    if counts.without_alias and any(one.axis is Axis.OUTBOUND for one, _ in moved):
        yield (
            f"without an alias: at least {counted(counts.without_alias, 'conversation')} of {use_case}; it is issued with the "
            f"next message where minting is on; ahead of it: convalias rollout prepare {use_case}"
        )
    outbound = [one.rollout for one, _ in moved if one.axis is Axis.OUTBOUND]
    if not has_legacy and any(_is_legacys(one) for one in outbound):
        yield "no legacy relay is bound: conversations in stage legacy or shadow are notified by nobody"


def _is_legacys(rollout: Rollout) -> bool:
    inside = rollout.basis_points > 0 and OWNERS[rollout.stage] is Owner.LEGACY
    return inside or (rollout.basis_points < WHOLE and OWNERS[rollout.floor] is Owner.LEGACY)


def _told(setting: Setting, shares: Moves, counts: Counts) -> str:
    least = "" if counts.is_whole else "at least "
    ways = (
        f"{way} {least}{counted(count.get(setting.axis, 0), 'conversation')} ({100 * share / WHOLE:g} %)"
        for way, count, share in (
            ("forward", counts.forward, shares.forward),
            ("back", counts.back, shares.back),
        )
    )
    return f"{setting.axis.value}: {', '.join(ways)}"


def _prepared(use_case: str, prepared: Prepared, *, dry_run: bool) -> str:
    would = "would be issued" if dry_run else "issued"
    lines = [
        (
            f"{counted(prepared.conversations, 'conversation')} of {use_case}, {prepared.without_alias} lacked aliases; "
            f"aliases {would}: {prepared.issued}"
        )
    ]
    lines += [f"refused in {counted(count, 'conversation')}: {why}" for why, count in sorted(prepared.refusals.items())]
    if MINTING_OFF in prepared.refusals:
        lines.append(
            f"to issue them: convalias rollout set {use_case} --stage native --basis-points 10000 --axis minting"
        )
    return "\n".join(lines)
