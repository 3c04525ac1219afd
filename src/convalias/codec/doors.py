"""The formats of `convalias explain`: a world in, a plan out, and their JSON Schemas.

A stable interface: keys may be added, never renamed or removed without a new `format` number.
"""

from __future__ import annotations

from importlib.resources import files
from typing import Final, Literal

from convalias.codec.document import Problem
from convalias.codec.doors_plan import write_content, write_plan
from convalias.codec.doors_world import InvalidWorld, World, read_world

__all__ = [
    "SCHEMAS",
    "InvalidWorld",
    "Problem",
    "SchemaName",
    "World",
    "read_world",
    "schema",
    "write_content",
    "write_plan",
]

SchemaName = Literal["world", "plan"]
SCHEMAS: Final[tuple[SchemaName, ...]] = ("world", "plan")


def schema(name: SchemaName) -> str:
    """The JSON Schema (draft 2020-12) of a format, as text."""
    return files("convalias.codec").joinpath("schemas", f"{name}.schema.json").read_text(encoding="utf-8")
