"""SpamAssassin's spamd, by its SPAMC protocol 1.5 (`spamd/PROTOCOL` in its source)."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from convalias.adapters.detectors.connection import TURN, Daemon
from convalias.adapters.detectors.errors import failed
from convalias.adapters.detectors.place import Place, read_url
from convalias.domain.inbound.posts import Post
from convalias.domain.mail.checks import Checked, Finding
from convalias.ports.errors import AdapterFailed, EngineAway
from convalias.ports.examining import Observation

SCHEME: Final = "spamd"
PORT: Final = 783
LARGEST: Final = 500_000
"""Octets: as much as spamc shows to spamd. Its rules are slow, and what is sold stands at the beginning."""
_STATUS: Final = re.compile(rb"SPAMD/[0-9.]{1,8} ([0-9]{1,3})\b[^\r\n]*\r?\n")
_VERDICT: Final = re.compile(
    rb"^Spam: *(True|False|Yes|No) *; *(-?[0-9.]{1,12}) */ *(-?[0-9.]{1,12})[ \t]*\r?$", re.MULTILINE
)
_SYMBOL: Final = re.compile(rb"[A-Za-z0-9_]{1,60}")
_AWAY: Final = frozenset({69, 71, 72, 73, 74, 75, 77, 78})
"""Codes of sysexits.h that are about spamd and not about the mail: no service, its files, its settings."""


class Spamd(Daemon):
    """`ports.Check` and `ports.Examined`. It finds spam, and says score, threshold and the rules that matched."""

    def __init__(self, place: Place | str, setting: str = "", *, turn: float = TURN) -> None:
        """`place`: or its URL. Raises `UnusableDetectorError`."""
        super().__init__(
            read_url(place, SCHEME, PORT, largest=LARGEST) if isinstance(place, str) else place, setting, turn=turn
        )

    async def check(self, raw: bytes, post: Post) -> Checked:
        """Return whether spamd takes a mail for spam; of a large one it is shown the beginning."""
        shown = _beginning(raw, self.place.limits.largest)
        user = f"User: {self.place.user}\r\n" if self.place.user else ""
        head = f"SYMBOLS SPAMC/1.5\r\nContent-length: {len(shown)}\r\n{user}\r\n"
        answer = await self._answered(head.encode("ascii"), shown)
        verdict = _VERDICT.search(answer)
        if verdict is None:
            raise failed(self.name, "gave an answer that cannot be read")
        rules = ", ".join(one.decode("ascii") for one in _SYMBOL.findall(answer[verdict.end() :]))
        score = f"{verdict[2].decode('ascii')} of {verdict[3].decode('ascii')}"
        is_spam = verdict[1] in {b"True", b"Yes"}
        return Checked(Finding.SPAM if is_spam else Finding.NOTHING, f"{score}: {rules}" if rules else score)

    async def examine(self) -> Sequence[Observation]:
        """Return that it answers. Raises `Unavailable`."""
        answer = await self._answered(b"PING SPAMC/1.5\r\n\r\n")
        if b"PONG" not in answer.partition(b"\n")[0]:
            raise EngineAway(self.name, because="it is no spamd")
        return [Observation(about="answer", found="it is there")]

    async def _answered(self, *pieces: bytes) -> bytes:
        # It reads whole lines whatever Content-length says: behind one without an end it waits until we have closed.
        answer = await self.ask(pieces)
        status = _STATUS.match(answer)
        if status is None:
            raise failed(self.name, "gave an answer that cannot be read")
        if code := int(status[1]):
            raise self._refused(code)
        return answer

    def _refused(self, code: int) -> EngineAway | AdapterFailed:
        if code in _AWAY:
            return EngineAway(self.name, because=f"it answers {code}")
        return failed(self.name, f"could not look at the mail: it answers {code}")


def _beginning(raw: bytes, largest: int) -> bytes:
    """Whole lines, where there are any."""
    if not largest or len(raw) <= largest:
        return raw
    return raw[: raw.rfind(b"\n", 0, largest) + 1 or largest]
