"""The meaning of a server's reply at each step: taken, later, never, or nothing can be sent there now."""

from __future__ import annotations

import re
from enum import Enum
from typing import Final

from attrs import frozen

_ENHANCED: Final = re.compile(r"[245]\.[0-9]{1,3}\.[0-9]{1,3}(?![0-9.])")
_CLOSING: Final = 421
_LOGIN: Final = frozenset({530, 534, 535, 538})
"""RFC 4954 §6: about who we are, whatever mail it is."""
_SYSTEM: Final = "4.3."
"""RFC 3463 §3.4: the server's own disk or load."""


class Step(Enum):
    """A step of one send."""

    WAITING = "waiting for a free connection"
    CONNECTING = "connecting"
    SENDER = "MAIL FROM"
    RECIPIENT = "RCPT TO"
    DATA = "DATA"
    BODY = "sending the mail"
    END = "the end of the mail"
    """From here on the server may take the mail, whatever becomes of its answer."""


class Meaning(Enum):
    """The meaning of a reply."""

    TAKEN = "taken"
    LATER = "later"
    """This mail was surely not sent, and may be tried again."""
    NEVER = "never"
    """This mail was surely not sent, and never will be."""
    AWAY = "away"
    """No mail can be sent there now."""
    UNCLEAR = "unclear"
    """No reply that the standard knows at this step."""


@frozen
class Reply:
    """A reply, as far as it may be shown: the text of a server can quote an address."""

    code: int
    enhanced: str = ""

    @classmethod
    def of(cls, code: int, text: str) -> Reply:
        """Read the enhanced code (RFC 2034), which stands first."""
        found = _ENHANCED.match(text)
        return cls(code, found[0] if found and found[0][0] == str(code)[:1] else "")

    def __str__(self) -> str:
        """Such as `550 5.1.1`."""
        return f"{self.code} {self.enhanced}".rstrip()


def meaning(reply: Reply, step: Step) -> Meaning:
    """Return what a reply means at this step.

    >>> meaning(Reply(550, "5.1.1"), Step.RECIPIENT).value
    'never'
    """
    good = 300 if step is Step.DATA else 200  # RFC 5321 §4.3.2: DATA is answered 354
    match reply.code // 100 * 100:
        case 200 if step is Step.BODY:
            return Meaning.UNCLEAR  # the line that ends the mail is not written yet: nothing can be taken
        case found if found == good:
            return Meaning.TAKEN
        case 400 if reply.code == _CLOSING or step is Step.SENDER or reply.enhanced.startswith(_SYSTEM):
            return Meaning.AWAY
        case 400:
            return Meaning.LATER
        case 500 if reply.code in _LOGIN:
            return Meaning.AWAY
        case 500:
            return Meaning.NEVER
        case _:
            return Meaning.UNCLEAR
