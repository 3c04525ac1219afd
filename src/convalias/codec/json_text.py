"""Write and read JSON: with a library in C where one is installed, and the same octets without it.

The extra `speed` brings orjson. It writes some values differently from the standard library; what might be one of them
is left to the standard library, so nobody can tell from stored octets or digests which of the two was at work.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, Final

from attrs import frozen

from convalias.ports.records import Json

_EXACT: Final = 19
"""An integer of so many digits may not fit into 64 bits: orjson reads it as a float."""
_DIGITS: Final = bytes.maketrans(b"0123456789", b"0" * 10)
_LONG: Final = b"0" * _EXACT
_HIDING: Final = (b"null", b"e-", b"0.0000")
"""How NaN, an infinity or a small float looks when orjson writes it: `null`, `1e-7`, `0.00001`. Texts have these too."""


@frozen
class Fast:
    """Functions of orjson. Both raise `ValueError` or `TypeError` for values that only the standard library takes."""

    dumps: Callable[[Any], bytes]
    loads: Callable[[bytes], Any]


def installed() -> Fast | None:
    """Return orjson's functions; None where it is not installed."""
    try:
        import orjson  # noqa: PLC0415 - need not be there
    except ModuleNotFoundError:
        return None
    # What is no plain JSON value is the standard library's to refuse or to write.
    options = orjson.OPT_PASSTHROUGH_DATACLASS | orjson.OPT_PASSTHROUGH_DATETIME | orjson.OPT_PASSTHROUGH_SUBCLASS
    return Fast(lambda value: orjson.dumps(value, None, options), orjson.loads)


@frozen
class JsonText:
    """JSON without spaces. `fast` None: by the standard library alone."""

    fast: Fast | None = None

    def ascii(self, value: Any) -> bytes:
        """Return octets in ASCII, as `json.dumps` escapes. Raises `TypeError` for what is no JSON value."""
        octets = self._quickly(value)
        if octets is not None and octets.isascii() and b"\x7f" not in octets:
            return octets
        return json.dumps(value, separators=(",", ":")).encode()

    def text(self, value: Any) -> str:
        """Return text that an operator can read: only lone surrogates make all of it ASCII.

        Raises `ValueError` for NaN and infinities, `TypeError` for what is no JSON value.
        """
        octets = self._quickly(value)
        if octets is not None:
            return octets.decode()
        text = json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
        try:
            text.encode()
        except UnicodeEncodeError:
            return json.dumps(value, allow_nan=False, separators=(",", ":"))
        return text

    def loads(self, given: str | bytes) -> Any:
        """Return the value, as `json.loads` reads it. Raises `ValueError`, and `RecursionError` for deep nesting."""
        if self.fast is not None:
            try:
                octets = given if isinstance(given, bytes) else given.encode()
                if _LONG not in octets.translate(_DIGITS):
                    return self.fast.loads(octets)
            except (ValueError, RecursionError):
                pass  # whether it is JSON, the standard library says
        return json.loads(given)

    def _quickly(self, value: Any) -> bytes | None:
        """The octets in UTF-8, or None where they might differ from those of the standard library."""
        body: Json = value
        if self.fast is None or not isinstance(body, dict | list):
            return None
        try:
            octets = self.fast.dumps(body)
        except (TypeError, ValueError, RecursionError):
            return None
        return None if any(sign in octets for sign in _HIDING) and _has_float(body) else octets


def _has_float(value: Json) -> bool:
    """In a loop, not by calling itself: half of all bodies are looked through."""
    waiting: list[Json] = [value]
    for one in waiting:
        if isinstance(one, dict):
            waiting.extend(one.values())
        elif isinstance(one, list | tuple):
            waiting.extend(one)
        elif isinstance(one, float):
            return True
    return False


JSON: Final = JsonText(installed())
"""With what is installed here."""
