"""Mailgun's webhook as a door, registered for `mailgun`."""

from __future__ import annotations

from typing import Final

from convalias.adapters.mailgun.form import Bounds
from convalias.adapters.mailgun.signature import SigningKeys
from convalias.adapters.mailgun.webhook import RAW, Webhook
from convalias.services.inbound.doors import SIGNING_KEY, DoorKind, DoorNeeds


def _made(needs: DoorNeeds) -> Webhook:
    return Webhook(
        accept=needs.accept,
        keys=SigningKeys.parse(needs.keys),
        clock=needs.clock,
        bounds=Bounds(mail=needs.mail_limit, request=4 * needs.mail_limit),
        trust_spam_flag=needs.trust_spam_flag,
    )


door: Final = DoorKind(make=_made, addresses=("", RAW), secret=SIGNING_KEY)
"""Parsed mail at the address itself, raw mail at the one for it."""
