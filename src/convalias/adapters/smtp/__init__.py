"""Mail by SMTP to a relay, by URL: `smtp://user@host:587`, `smtps://user@host`."""

from convalias.extras import brought_by

with brought_by("smtp"):
    from convalias.adapters.smtp.errors import AnswerLost, SmtpError, UnusableServerError
    from convalias.adapters.smtp.place import Limits, Place, Tls, read_url
    from convalias.adapters.smtp.sender import OutgoingMail

__all__ = [
    "AnswerLost",
    "Limits",
    "OutgoingMail",
    "Place",
    "SmtpError",
    "Tls",
    "UnusableServerError",
    "read_url",
]
