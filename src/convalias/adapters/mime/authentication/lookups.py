"""Look-ups and computations while one mail is authenticated: each thing once, and not too many."""

from __future__ import annotations

import asyncio
from typing import Final

from attrs import define, field

from convalias.adapters.mime.authentication.canonical import SignedMail
from convalias.adapters.mime.authentication.key_checks import KeyChecks
from convalias.ports.dns import DnsResolver, NoSuchName, TxtAnswer

_MOST: Final = 60
"""Names asked for one mail: 8 signatures with their trees, a policy and 10 seals stay far below it."""
_LONGEST_NAME: Final = 253  # RFC 1035 §2.3.4
_IN_THREAD: Final = 256 * 1024
"""Octets of body from which hashing leaves the event loop."""


@define
class Lookups:
    """The look-ups of one mail, for one try."""

    resolver: DnsResolver
    keys: KeyChecks = field(factory=KeyChecks)
    answers: dict[str, TxtAnswer] = field(factory=dict[str, TxtAnswer])
    hashes: dict[bool, bytes] = field(factory=dict[bool, bytes])

    async def txt(self, name: str) -> TxtAnswer:
        """The TXT records of a name; of one that cannot exist, or one too many, there are none."""
        if name not in self.answers:
            if len(name) > _LONGEST_NAME or len(self.answers) >= _MOST:
                return NoSuchName()
            self.answers[name] = await self.resolver.txt(name)
        return self.answers[name]

    async def body_hash(self, mail: SignedMail, *, relaxed: bool) -> bytes:
        """Two hashes at most, however many signatures there are."""
        if relaxed not in self.hashes:
            if len(mail.body) < _IN_THREAD:
                self.hashes[relaxed] = mail.body_hash(relaxed=relaxed)
            else:
                self.hashes[relaxed] = await asyncio.to_thread(mail.body_hash, relaxed=relaxed)
        return self.hashes[relaxed]
