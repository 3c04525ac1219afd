"""For slips that few mails show: a seed that sees each, so that no run of the tests has to look for one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from convalias.testing.simulator.hunting import killed
from testing.simulator.mutants import MUTANTS

SEEN_BY: Final[Mapping[str, tuple[int, int]]] = {
    "acknowledge-before-store": (0, 8),
    "address-in-the-job": (0, 8),
    "called-behind-the-lease": (10, 24),
    "cursor-for-untold": (0, 8),
    "decline-under-another-reason": (0, 8),
    "declined-is-tried-again": (0, 8),
    "delete-before-process": (1, 8),
    "event-id-drawn-anew": (0, 8),
    "gone-events-buried": (17, 8),
    "guard-off": (0, 8),
    "history-of-one-page": (1, 24),
    "now-on-a-lost-position": (0, 8),
    "one-unreadable-stops-all": (5, 8),
    "post-key-forgotten": (0, 8),
    "recent-mail-left-to-workers": (17, 8),
    "reception-in-the-key": (10, 14),
    "restored-events-notify": (17, 8),
    "restored-holds-ask": (17, 8),
    "restored-posts-notify": (90, 8),
    "row-behind-the-post": (0, 8),
    "shown-by-arrival": (0, 8),
    "shown-to-anybody": (0, 8),
    "token-saved-first": (2, 8),
    "uncertain-is-sent-again": (9, 8),
    "unreadable-left-out": (10, 8),
}
"""By slip: the seed, and how many mails. A soak looks at all slips, and hunts for each."""


def expect_seen(name: str) -> None:
    """The law of the slip breaks at its seed, and holds there without it.

    A change of the product may show it to that seed no more: the failure says how another is found.
    """
    seed, mails = SEEN_BY[name]
    hunt = f"convalias simulate --mutant {name} --mails {mails} --seeds 100 --no-shrink"
    assert killed(MUTANTS[name], [seed], mails=mails) is not None, (
        f"seed {seed} does not see {name} any more with {mails} mails. This finds a seed that breaks a law: {hunt}. "
        f"Write one here that breaks {MUTANTS[name].breaks} and holds without the slip; more mails show more"
    )
