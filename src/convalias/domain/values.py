"""`passing`: a class whose values are frozen for the checkers and cheap at run time.

A frozen attrs class sets each field through `object.__setattr__`, which takes three times as long as a plain one. That
is nothing for a value that is kept, and a third of a decision for the cases that are made for every table of rules and
forgotten after it. Nobody may change one either: mypy and pyright treat it as frozen.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from attrs import frozen as passing
else:
    from attrs import define

    def passing(cls: type) -> type:
        """Make an attrs class with slots, equality and hash; assignment is refused by the checkers alone."""
        return define(cls, unsafe_hash=True)


__all__ = ["passing"]
