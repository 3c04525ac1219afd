"""Records to documents and back. The one place that knows tags, versions and cattrs.

The formats of stored records are loaded when first used: who only reads worlds and writes plans, as the command
`explain` does, need not wait for cattrs.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from convalias.codec.errors import BrokenRecord, CodecError, UnknownFormat

if TYPE_CHECKING:
    from convalias.codec.formats import FORMATS, OUTCOME, Format, kind_of
    from convalias.codec.stored import CODEC, Codec, dump, dumps, load, loads

__all__ = [
    "CODEC",
    "FORMATS",
    "OUTCOME",
    "BrokenRecord",
    "Codec",
    "CodecError",
    "Format",
    "UnknownFormat",
    "dump",
    "dumps",
    "kind_of",
    "load",
    "loads",
]

if not TYPE_CHECKING:  # pragma: no branch - checkers see the imports above, and so every misspelt name
    _OF_FORMATS = frozenset({"FORMATS", "OUTCOME", "Format", "kind_of"})

    def __getattr__(name: str) -> object:
        """PEP 562: load a public name from where it lives."""
        if name not in __all__:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        home = import_module(f"convalias.codec.{'formats' if name in _OF_FORMATS else 'stored'}")
        value = getattr(home, name)
        globals()[name] = value
        return value
