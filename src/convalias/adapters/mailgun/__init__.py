"""Mailgun: mail in by its routes (`Webhook`), and its events about mail that left (`Events`), verified and bounded."""

from convalias.extras import brought_by

with brought_by("mailgun"):
    from convalias.adapters.mailgun.events import Events
    from convalias.adapters.mailgun.form import Bounds
    from convalias.adapters.mailgun.signature import SigningKeys
    from convalias.adapters.mailgun.webhook import Webhook
    from convalias.services.inbound.doors import HttpAnswer

__all__ = ["Bounds", "Events", "HttpAnswer", "SigningKeys", "Webhook"]
