"""Postmark: mail in by its inbound webhook (`Webhook`), and its events about mail that left (`Events`)."""

from convalias.adapters.postmark.credentials import Credentials
from convalias.adapters.postmark.events import Events
from convalias.adapters.postmark.webhook import Webhook

__all__ = ["Credentials", "Events", "Webhook"]
