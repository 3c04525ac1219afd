"""`passing`: a class whose values are frozen for checkers and cheap at run time. `sparse`: a short `__repr__`.

A frozen attrs class sets each field through `object.__setattr__`, which takes three times as long as a plain one. That
is nothing for a value that is kept, and a third of a decision for the cases that are made for every table of rules and
forgotten after it. Nobody may change one either: mypy and pyright treat it as frozen.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from attrs import NOTHING, Factory, fields

if TYPE_CHECKING:
    from attrs import frozen as passing
else:
    from attrs import define

    def passing(cls: type) -> type:
        """Make an attrs class with slots, equality and hash; assignment is refused by the checkers alone."""
        return define(cls, unsafe_hash=True)


def sparse(self: Any) -> str:  # noqa: ANN401 - any attrs value
    """Return a `__repr__` that names what is not the default: such a value stands as a default in signatures."""
    return f"{type(self).__name__}({', '.join(_changed(self))})"


def _changed(value: object) -> Iterator[str]:
    kind: type[Any] = type(value)
    described: Sequence[Any] = fields(kind)
    for one in described:
        held: object = getattr(value, one.name)
        if one.repr and (one.default is NOTHING or held != _usual(one)):
            yield f"{one.name}={held!r}"


def _usual(field: Any) -> object:  # noqa: ANN401 - an attribute of any class
    default = field.default
    made = default.factory() if isinstance(default, Factory) else default  # type: ignore[arg-type]  # attrs says it is a function
    return made if field.converter is None else field.converter(made)


__all__ = ["passing", "sparse"]
