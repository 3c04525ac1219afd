"""The result of a check: nothing, spam, something harmful; or that nobody could look."""

from __future__ import annotations

from collections.abc import Iterable
from enum import Enum
from typing import Final

from attrs import field, frozen

from convalias.domain.expecting import check_fields, expect
from convalias.domain.printable import visible

MOST_SAID: Final = 200
"""Characters of what a detector says about its finding."""


class Finding(Enum):
    """The result of a check."""

    NOTHING = "nothing"
    """No objection."""
    SPAM = "spam"
    HARMFUL = "harmful"
    """A virus or its like, in an attachment or anywhere else."""
    PASSED_UNSEEN = "passed unseen"
    """The detector was away, and mail is not to wait for it."""
    HELD_UNSEEN = "held unseen"
    """The detector was away, and a person is to decide."""


class WhenAway(Enum):
    """The policy for mail that comes while the detector is away."""

    GO_ON = "go on"
    """It is decided without a check."""
    WAIT = "wait"
    """It is looked at again later, however long that takes. Nothing is lost."""
    HOLD = "hold"
    """What would be relayed waits for the approval of a participant."""


def _said(text: str) -> str:
    """One line that a terminal may show, cut."""
    expect("Checked.said", text, str, expected="text")
    return visible(" ".join(text.split()))[:MOST_SAID]


@frozen
class Checked:
    """A finding, with what the detector says about it: the name of a virus, a score. No text of the mail."""

    finding: Finding
    said: str = field(default="", converter=_said)

    __attrs_post_init__ = check_fields

    @property
    def is_spam(self) -> bool:
        """Whether a mail of this finding counts as spam. What is harmful does."""
        return self.finding in {Finding.SPAM, Finding.HARMFUL}

    @property
    def is_unseen(self) -> bool:
        """Whether the detector could not look."""
        return self.finding in {Finding.PASSED_UNSEEN, Finding.HELD_UNSEEN}

    @property
    def needs_a_person(self) -> bool:
        """Whether a mail of this finding waits for approval where it would be relayed."""
        return self.finding in {Finding.HARMFUL, Finding.HELD_UNSEEN}


def worst(found: Iterable[Checked]) -> Checked:
    """Return the finding of several detectors about one mail: the worst, with what those say who found it.

    >>> worst([Checked(Finding.SPAM, "7 of 5"), Checked(Finding.HARMFUL, "Eicar"), Checked(Finding.NOTHING)])
    Checked(finding=<Finding.HARMFUL: 'harmful'>, said='Eicar')
    """
    known = list(found)
    finding = next((one for one in _WORST_FIRST if any(each.finding is one for each in known)), Finding.NOTHING)
    return Checked(finding, "; ".join(one.said for one in known if one.finding is finding and one.said))


_WORST_FIRST: Final = (Finding.HARMFUL, Finding.HELD_UNSEEN, Finding.SPAM, Finding.PASSED_UNSEEN)
AWAY: Final = {WhenAway.GO_ON: Finding.PASSED_UNSEEN, WhenAway.HOLD: Finding.HELD_UNSEEN}
"""What is found of a mail that nobody could look at, unless it waits."""
