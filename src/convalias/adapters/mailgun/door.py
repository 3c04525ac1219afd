"""Mailgun's webhook as a door, registered for `mailgun`."""

from __future__ import annotations

from convalias.adapters.mailgun.form import Bounds
from convalias.adapters.mailgun.signature import SigningKeys
from convalias.adapters.mailgun.webhook import Webhook
from convalias.services.inbound.doors import DoorNeeds


def door(needs: DoorNeeds) -> Webhook:
    """Make the webhook."""
    return Webhook(
        accept=needs.accept,
        keys=SigningKeys.parse(needs.keys),
        clock=needs.clock,
        bounds=Bounds(mail=needs.mail_limit, request=4 * needs.mail_limit),
        trust_spam_flag=needs.trust_spam_flag,
    )
