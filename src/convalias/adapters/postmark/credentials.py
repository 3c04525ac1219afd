"""HTTP Basic credentials (RFC 7617): the only proof that Postmark gives, as it signs nothing.

https://postmarkapp.com/developer/webhooks/webhooks-overview
"""

from __future__ import annotations

import base64
import binascii
import hmac
from typing import Final

from attrs import field, frozen

from convalias.services.inbound.doors import DoorSecret

LEAST: Final = 16
"""Characters of a password: whoever guesses it may post mail of anybody."""
_LONGEST: Final = 2_048


@frozen
class Credentials:
    """The users and passwords that are accepted, newest first; two while they rotate. Never shown."""

    pairs: tuple[bytes, ...] = field(repr=False)
    """Each `user:password`, in UTF-8."""

    @classmethod
    def parse(cls, text: str) -> Credentials:
        """Parse a comma-separated list of `user:password`, as the environment holds it."""
        return cls(tuple(part.strip().encode("utf-8", "surrogatepass") for part in text.split(",") if part.strip()))

    def prove(self, authorization: str) -> bool:
        """Return whether that header field holds one of them. Constant time; any text is just wrong."""
        scheme, _, encoded = authorization.partition(" ")
        given = _decoded(encoded.strip()) if scheme.lower() == "basic" and len(encoded) <= _LONGEST else None
        good = False
        for pair in self.pairs:  # all of them: the time tells not even which pair it was
            good |= hmac.compare_digest(pair, b"" if given is None else given)
        return good and given is not None


def _decoded(encoded: str) -> bytes | None:
    try:
        return base64.b64decode(encoded.encode("ascii"), validate=True)
    except (UnicodeEncodeError, binascii.Error):
        return None


def what_is_wrong(text: str) -> str:
    """Explain what is wrong with such a list, without showing it; empty if nothing is."""
    for pair in Credentials.parse(text).pairs:
        user, colon, password = pair.decode("utf-8", "replace").partition(":")
        if not user or not colon:
            return "found no user and password with a colon between them"
        if len(password) < LEAST:
            return f"found a password of less than {LEAST} characters"
    return ""


CREDENTIALS: Final = DoorSecret(
    name="CREDENTIALS",
    expected=f"user:password of the webhook's HTTP Basic authentication, the password of {LEAST} characters or more"
    " without a comma (several: comma-separated, newest first)",
    problem=what_is_wrong,
)
