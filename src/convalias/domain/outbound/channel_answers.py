"""The answers of a channel: to a call that sends, and to the question whether a key was sent."""

from __future__ import annotations

from typing import TypeAlias

from attrs import field, frozen

from convalias.domain.expecting import check_fields


@frozen
class Sent:
    """The channel has it. `final`: no receipt will ever follow."""

    receipt: str = ""
    final: bool = field(default=False, kw_only=True)

    __attrs_post_init__ = check_fields


@frozen
class NotSent:
    """Asked: it surely has not been sent."""


@frozen
class Unknown:
    """Asked: the channel cannot tell."""


@frozen
class Declined:
    """The channel will never send this one."""

    reason: str

    __attrs_post_init__ = check_fields


Answer: TypeAlias = Sent | NotSent | Unknown
"""Says what a channel knows about one attempt: it left, it surely did not, or nobody can tell."""
