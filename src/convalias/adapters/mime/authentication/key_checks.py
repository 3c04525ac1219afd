"""Signatures checked with a public key: off the event loop where that takes long, on few threads, in bounded time."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Final

from convalias.adapters.mime.authentication.keys import PublicKey
from convalias.adapters.mime.authentication.mathematics import Mathematics, best_mathematics
from convalias.adapters.mime.authentication.rsa import RsaKey

_THREADS: Final = 2
"""Python computes on one at a time; the second keeps a slow key from holding up the others."""
_WITHIN: Final = timedelta(seconds=3)
"""Waiting for a thread included: so many checks before it are a flood, and the mail is asked about another time."""


class KeyChecks:
    """The checks of one process. Serves any event loop."""

    def __init__(
        self, mathematics: Mathematics | None = None, *, threads: int = _THREADS, within: timedelta = _WITHIN
    ) -> None:
        """None: the best mathematics that is installed. No thread starts before it is needed."""
        self.mathematics: Final = mathematics or best_mathematics()
        self._within = within
        self._threads = ThreadPoolExecutor(threads, "convalias-keys") if self.mathematics.takes_long else None

    async def verifies(self, key: PublicKey, signature: bytes, digest: bytes) -> bool:
        """Whether that key made the signature over a SHA-256 digest. Raises `TimeoutError`.

        A check that began runs to its end, which is near; one that waits for a thread is given up with its caller.
        """
        if self._threads is None:
            return self._verifies(key, signature, digest)
        async with asyncio.timeout(self._within.total_seconds()):
            return await asyncio.get_running_loop().run_in_executor(
                self._threads, self._verifies, key, signature, digest
            )

    def _verifies(self, key: PublicKey, signature: bytes, digest: bytes) -> bool:
        """RFC 8463 §3: Ed25519 signs the SHA-256 digest, not the text."""
        if isinstance(key.key, RsaKey):
            return self.mathematics.rsa_verifies(key.key, signature, digest)
        return self.mathematics.ed25519_verifies(key.key, signature, digest)
