"""`convalias rollout`: which conversations are in which stage."""

from __future__ import annotations

import click

from convalias.cli import views
from convalias.cli.deployment import At, located
from convalias.cli.exits import Exit
from convalias.cli.output import answer, listing
from convalias.domain.ids import UseCase
from convalias.domain.rollout import WHOLE, Axis, Stage

_COLUMNS = ("use_case", "axis", "stage", "basis_points", "floor", "salt")


@click.group("rollout")
def command() -> None:
    """Which conversations are how far along the way from the legacy relay to the hub."""


@command.command("set")
@click.argument("use_case")
@click.option("--stage", type=click.Choice([one.value for one in Stage]), required=True)
@click.option("--basis-points", type=click.IntRange(0, WHOLE), required=True, help="10000: everybody; 0: nobody.")
@click.option("--salt", help="Who falls into which bucket; without it the one that stands.")
@click.option("--axis", type=click.Choice([one.value for one in Axis]), help="Without it all three.")
@click.option("--reason", default="", help="Why, for whoever asks later.")
@located
def set_(
    at: At, *, use_case: str, stage: str, basis_points: int, salt: str | None, axis: str | None, reason: str
) -> int:
    """From now on so many of ten thousand conversations of USE_CASE are in that stage."""
    settings = at.run(
        lambda cv: cv.rollout.set(
            UseCase(use_case),
            stage=Stage(stage),
            basis_points=basis_points,
            salt=salt,
            axes=() if axis is None else (Axis(axis),),
            reason=reason,
        )
    )
    listing([views.setting(one) for one in settings], as_json=at.as_json, columns=_COLUMNS)
    return Exit.OK


@command.command("show")
@located
def show(at: At) -> int:
    """All that is set."""
    settings = at.run(lambda cv: cv.rollout.show())
    listing([views.setting(one) for one in settings], as_json=at.as_json, columns=_COLUMNS)
    return Exit.OK


@command.command("give-back")
@click.argument("use_case")
@located
def give_back(at: At, use_case: str) -> int:
    """Put deliveries of USE_CASE that were not yet tried under the flag as it stands now."""
    given = at.run(lambda cv: cv.outbound.give_back(UseCase(use_case)))
    result = {"re_owned": given.re_owned, "already_tried": given.already_tried}
    answer(
        result,
        as_json=at.as_json,
        text=lambda: f"{given.re_owned} re-owned; {given.already_tried} were tried already and end where they are",
    )
    return Exit.OK
