"""The errors of commands that did not do what their name says."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from convalias.domain.deployment.data_places import DataPlace, DirectoryClaim
from convalias.domain.mail.reasons import CONSEQUENCES, Consequence, Reason
from convalias.domain.migration.rollout import WHOLE, Axis, Moves
from convalias.domain.printable import counted


class ServiceError(Exception):
    """Base of all that the services raise themselves; never raised itself."""


class Refused(ServiceError):
    """The rules said no. Trying again changes nothing, unless what they looked at changes."""

    def __init__(self, reason: Reason, why: str) -> None:
        """Why, in words that name ids but no person's text."""
        super().__init__(reason, why)
        self.reason = reason
        self.why = why

    @property
    def consequence(self) -> Consequence:
        """Return the consequence of the reason: severity, public text, metric."""
        return CONSEQUENCES[self.reason]

    def __str__(self) -> str:
        """One line."""
        return f"{self.reason.value}: {self.why}"


class NoSuchConversation(ServiceError):
    """Raised if there is no conversation with that id, or it was erased."""

    def __init__(self, conversation: str) -> None:
        """Name it."""
        super().__init__(conversation)
        self.conversation = conversation

    def __str__(self) -> str:
        """One line."""
        return f"conversation {self.conversation!r}: there is none with this id (or it was erased); create it first"


class KeptByHost(ServiceError):
    """The host keeps its own conversations, and only it can do that."""

    def __init__(self, command: str) -> None:
        """Name the command."""
        super().__init__(command)
        self.command = command

    def __str__(self) -> str:
        """One line."""
        return f"{self.command}: the platform keeps its own conversations (conversations=); do it there"


class NoSuchAlias(ServiceError):
    """No alias was ever given out under that address."""

    def __str__(self) -> str:
        """One line; the address stays out of it."""
        return "alias: this address was never given out; `convalias alias inspect` shows how it is read"


class KeysRefused(ServiceError):
    """Raised if aliases in use would be forged ones under these keys. Says in one line what mends it; no secret."""

    def __init__(self, why: str) -> None:
        """Which key, and what mends it."""
        super().__init__(why)
        self.why = why

    def __str__(self) -> str:
        """One line."""
        return f"keys: {self.why}"


class KeyReused(ServiceError):
    """The idempotency key stands for another body already."""

    def __init__(self, key: str, seq: int) -> None:
        """The key, and the seq of the event it stands for."""
        super().__init__(key, seq)
        self.key = key
        self.seq = seq

    def __str__(self) -> str:
        """One line."""
        return (
            f"key {self.key!r}: it stands for another body already (event {self.seq}); use a new key for a new message"
        )


class NotReady(ServiceError):
    """Raised if a part of this process does not work, so it should get no requests."""

    def __init__(self, why: str) -> None:
        """Why, in words that may be shown to anybody: names of parts, classes, files and lines."""
        super().__init__(why)
        self.why = why

    def __str__(self) -> str:
        """One line."""
        return self.why


class PlaceRefused(NotReady):
    """Another data directory keeps what lies beside the shared store. This one would hide from it what it keeps."""

    def __init__(self, place: DataPlace, standing: DirectoryClaim) -> None:
        """The directory that was refused, and the claim that stands."""
        settings = ", ".join(place.settings)
        super().__init__(
            f"{place.path}: another data directory has belonged with this store since {standing.since:%Y-%m-%d %H:%M} UTC,"
            f" and neither sees what the other keeps; set {settings}, so that all machines share them (if that directory"
            " is gone: convalias migrate --take-over)"
        )
        self.place = place
        self.standing = standing


class HostMissing(NotReady):
    """The platform keeps its own conversations, and this process was not given them: it would refuse all mail to them."""

    def __init__(self, since: datetime) -> None:
        """`since`: when such conversations were looked at first."""
        super().__init__(
            f"conversations: since {since:%Y-%m-%d %H:%M} UTC the platform keeps its own, and this process was given none;"
            " run workers from its program, with conversations=, or name that program: convalias --app MODULE:NAME (if it"
            " keeps none any more: convalias migrate --own-conversations)"
        )
        self.since = since


class WouldGoBack(ServiceError):
    """A setting that leads forward would take some conversations back to an earlier stage."""

    def __init__(self, count: int, *, axis: Axis, moves: Moves) -> None:
        """`count`: at least so many conversations, counted; `moves`: the shares, by the buckets."""
        super().__init__(count)
        self.count = count
        self.axis = axis
        self.moves = moves

    def __str__(self) -> str:
        """One line."""
        back, forward = (100 * share / WHOLE for share in (self.moves.back, self.moves.forward))
        return (
            f"axis {self.axis.value}: {back:g} % of the conversations would go back a stage while {forward:g} % go forward "
            f"(back: at least {counted(self.count, 'conversation')}); nothing was set; if that is meant: --yes (back=True)"
        )


class FlagsElsewhere(ServiceError):
    """Stages come from flags outside, so setting one here would change nothing."""

    def __init__(self, flags: Sequence[str]) -> None:
        """By their names there."""
        super().__init__(*flags)
        self.flags = tuple(flags)

    def __str__(self) -> str:
        """One line."""
        return f"stages come from flags outside: set {', '.join(self.flags)} there; nothing was set here"
