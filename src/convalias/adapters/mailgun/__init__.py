"""Mailgun: its webhook in (`Webhook`), verified, bounded and turned into `IncomingMail`."""

from convalias.extras import brought_by

with brought_by("mailgun"):
    from convalias.adapters.mailgun.form import Bounds
    from convalias.adapters.mailgun.signature import SigningKeys
    from convalias.adapters.mailgun.webhook import HttpAnswer, Webhook

__all__ = ["Bounds", "HttpAnswer", "SigningKeys", "Webhook"]
