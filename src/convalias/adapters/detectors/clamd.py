"""ClamAV's clamd, by its commands INSTREAM and VERSION (clamd(8))."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Final

from convalias.adapters.detectors.connection import TURN, Daemon
from convalias.adapters.detectors.errors import failed
from convalias.adapters.detectors.place import Place, read_url
from convalias.domain.inbound.posts import Post
from convalias.domain.mail.checks import Checked, Finding
from convalias.domain.printable import visible
from convalias.ports.errors import EngineAway
from convalias.ports.examining import Observation

SCHEME: Final = "clamd"
PORT: Final = 3310
CHUNK: Final = 65_536
_END: Final = b"\0"
_FOUND: Final = re.compile(r"stream: (.{1,1000}) FOUND")


class Clamd(Daemon):
    """`ports.Check` and `ports.Examined`. It finds what is harmful, and says its name."""

    def __init__(self, place: Place | str, setting: str = "", *, turn: float = TURN) -> None:
        """`place`: or its URL. Raises `UnusableDetectorError`."""
        super().__init__(read_url(place, SCHEME, PORT) if isinstance(place, str) else place, setting, turn=turn)

    async def check(self, raw: bytes, post: Post) -> Checked:
        """Return whether clamd takes a mail, or anything in it, for harmful."""
        shown = raw[: self.place.limits.largest or None]
        answer = await self._answered(_streamed(shown))
        if answer == "stream: OK":
            return Checked(Finding.NOTHING)
        if (found := _FOUND.fullmatch(answer)) is not None:
            return Checked(Finding.HARMFUL, found[1])
        if "size limit exceeded" in answer:
            raise failed(self.name, f"takes no {len(shown)} octets: raise its StreamMaxLength to your mail_limit")
        raise failed(self.name, "could not look at the mail")

    async def examine(self) -> Sequence[Observation]:
        """Return its version and that of its signatures. Raises `Unavailable`."""
        answer = await self._answered([b"zVERSION\0"])
        if not answer.startswith("ClamAV "):
            raise EngineAway(self.name, because="it is no clamd")
        return [Observation(about="version", found=visible(answer)[:100])]

    async def _answered(self, pieces: Iterator[bytes] | Sequence[bytes]) -> str:
        answer = await self.ask(pieces, end=_END)
        return answer.partition(_END)[0].decode("utf-8", "replace").strip()


def _streamed(raw: bytes) -> Iterator[bytes]:
    """The command, chunks with their lengths before them, and one of no octets (clamd(8), INSTREAM)."""
    yield b"zINSTREAM\0"
    for start in range(0, len(raw), CHUNK):
        chunk = raw[start : start + CHUNK]
        yield len(chunk).to_bytes(4, "big") + chunk
    yield bytes(4)
