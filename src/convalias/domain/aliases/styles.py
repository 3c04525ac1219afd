"""Style of a new alias by use case and region: how much of a name, which format, for how long."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Final

from attrs import field, frozen

from convalias.domain.aliases.alias import AliasFormat
from convalias.domain.aliases.naming import NamePolicy
from convalias.domain.ids import UseCase
from convalias.domain.values import sparse

_SHOWS_LESS: Final = (NamePolicy.FULL, NamePolicy.FIRST_AND_INITIAL, NamePolicy.NONE)
FOR_EVER: Final = timedelta(0)
"""The lifetime of an alias that works until it is revoked."""


@frozen(kw_only=True)
class AliasStyle:
    """The style of an alias."""

    names: NamePolicy = NamePolicy.FULL
    format: AliasFormat = AliasFormat.V3
    lives: timedelta | None = None
    """None: until it is revoked."""


@frozen(kw_only=True)
class StyleWish:
    """The wishes of a use case or a region. None: none about that."""

    names: NamePolicy | None = None
    format: AliasFormat | None = None
    lives: timedelta | None = None
    """`FOR_EVER`: until it is revoked."""


def _no_use_cases() -> Mapping[UseCase, StyleWish]:
    return {}


def _no_regions() -> Mapping[str, StyleWish]:
    return {}


@frozen(kw_only=True)
class AliasStyles:
    """The styles of a deployment. Regions are compared without letter case."""

    default: AliasStyle = AliasStyle()
    by_use_case: Mapping[UseCase, StyleWish] = field(factory=_no_use_cases, hash=False)
    by_region: Mapping[str, StyleWish] = field(factory=_no_regions, hash=False)

    __repr__ = sparse

    def of(self, use_case: UseCase, region: str | None) -> AliasStyle:
        """Return the style for people of a region in a use case.

        Where both wish for something, the stricter holds: the name that shows less, the newer format, the shorter
        life. So no region widens what a use case hides, and the reverse. Where neither does, the default holds.
        """
        place = (region or "").casefold()
        wishes = [
            *([self.by_use_case[use_case]] if use_case in self.by_use_case else []),
            *(wish for name, wish in self.by_region.items() if name.casefold() == place),
        ]
        names = [wish.names for wish in wishes if wish.names is not None]
        formats = [wish.format for wish in wishes if wish.format is not None]
        lives = [wish.lives for wish in wishes if wish.lives is not None]
        return AliasStyle(
            names=max(names, key=_SHOWS_LESS.index, default=self.default.names),
            format=max(formats, key=lambda one: one.value, default=self.default.format),
            lives=_shortest(lives) if lives else self.default.lives,
        )


def _shortest(lives: list[timedelta]) -> timedelta | None:
    return min((one for one in lives if one != FOR_EVER), default=None)
