"""Certificates that SNS signs with: each is fetched once, within bounds, and kept."""

from __future__ import annotations

import asyncio
import http.client
import ssl
from collections import Counter, OrderedDict
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import Final
from urllib.parse import urlsplit

from attrs import frozen
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

from convalias.ports.ambient import Clock
from convalias.ports.errors import Unavailable
from convalias.stores.remembering import remember

LARGEST: Final = 65_536
"""Octets of an answer."""
WITHIN: Final = 5.0
"""Seconds for a connection, and for each answer."""
MOST: Final = 64
"""Certificates that are kept, and URLs that are known to lead to none. SNS has one in each region, for years."""
WAITING: Final = 8
"""URLs whose certificates are waited for at once. Who posts chooses the URL: for more, SNS is told to post again."""
WRONG_FOR: Final = timedelta(minutes=5)
"""So long a URL that led to no certificate is not fetched again."""
WHAT: Final = "Amazon SNS"
REFUSED: Final = 400
FAILED: Final = 500


class UnusableCertificate(ValueError):
    """Raised if what lies at a URL is no certificate that holds now."""


class NothingThere(Unavailable):
    """Raised if the host says that nothing lies at a URL. Another look a moment later is no use."""


@frozen
class _Kept:
    key: RSAPublicKey
    begins: datetime
    ends: datetime


async def fetched(url: str) -> bytes:
    """Fetch an https URL: TLS is verified, nothing is followed, the answer is bounded.

    Raises `NothingThere` for an answer 4xx, else `Unavailable`.
    """
    return await asyncio.to_thread(_read, url)


def _read(url: str) -> bytes:
    parts = urlsplit(url)
    target = f"{parts.path or '/'}{'?' + parts.query if parts.query else ''}"
    connection = http.client.HTTPSConnection(parts.netloc, timeout=WITHIN, context=ssl.create_default_context())
    try:
        connection.request("GET", target)
        answer = connection.getresponse()
        body = answer.read(LARGEST + 1)
    except (OSError, http.client.HTTPException) as error:
        raise Unavailable(WHAT) from error
    finally:
        connection.close()
    if REFUSED <= answer.status < FAILED:
        raise NothingThere(f"{WHAT} (answered {answer.status})")
    if answer.status != http.client.OK or len(body) > LARGEST:
        raise Unavailable(f"{WHAT} (answered {answer.status}, {len(body)} octets)")
    return body


class Certificates:
    """The public keys of certificates, by URL. Who asks has looked at the URL: it is fetched as it is."""

    def __init__(self, clock: Clock, fetch: Callable[[str], Awaitable[bytes]] = fetched) -> None:
        """Fetch nothing yet. `fetch` raises `NothingThere` and `Unavailable`."""
        self._clock = clock
        self._fetch = fetch
        self._kept: OrderedDict[str, _Kept] = OrderedDict()
        self._wrong: OrderedDict[str, datetime] = OrderedDict()
        self._waited_for: Counter[str] = Counter()
        self._turn = asyncio.Lock()
        """One is fetched at a time, whatever strangers post."""

    async def key(self, url: str) -> RSAPublicKey:
        """Return the key of the certificate there. Raises `UnusableCertificate`, `Unavailable`."""
        kept = self._kept.get(url)
        if kept is None:
            kept = await self._in_turn(url)
        if not kept.begins <= self._clock.now() <= kept.ends:
            self._kept.pop(url, None)
            raise UnusableCertificate("found a certificate that does not hold now")
        return kept.key

    async def _in_turn(self, url: str) -> _Kept:
        """Whoever waits for the certificate of one URL waits together: a burst after the start is no flood."""
        self._refuse_wrong(url)
        if url not in self._waited_for and len(self._waited_for) >= WAITING:
            raise Unavailable(f"{WHAT} (too many certificates are waited for)")
        self._waited_for[url] += 1
        try:
            async with self._turn:
                return self._kept.get(url) or await self._new(url)
        finally:
            self._waited_for[url] -= 1
            if not self._waited_for[url]:
                del self._waited_for[url]

    def _refuse_wrong(self, url: str) -> None:
        since = self._wrong.get(url)
        if since is not None and self._clock.now() - since < WRONG_FOR:
            raise UnusableCertificate("found no certificate there a moment ago")

    async def _new(self, url: str) -> _Kept:
        self._refuse_wrong(url)  # whoever waited before may have found that
        now = self._clock.now()
        try:
            kept = _certificate(await self._fetch(url))
        except UnusableCertificate:
            remember(self._wrong, url, now, most=MOST)
            raise
        except NothingThere as error:
            remember(self._wrong, url, now, most=MOST)
            raise UnusableCertificate("found nothing there") from error
        remember(self._kept, url, kept, most=MOST)
        return kept


def _certificate(pem: bytes) -> _Kept:
    try:
        found = x509.load_pem_x509_certificate(pem)
        key = found.public_key()
    except Exception as error:  # the parser of the library raises what it likes for octets that are none
        raise UnusableCertificate("found no certificate") from error
    if not isinstance(key, RSAPublicKey):
        raise UnusableCertificate("found a certificate with another key than RSA")
    return _Kept(key, found.not_valid_before_utc, found.not_valid_after_utc)
