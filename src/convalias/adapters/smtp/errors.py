"""Errors of the SMTP sender: no address, no password and no text of a server in any of them."""

from __future__ import annotations

from convalias.ports.errors import PortError, Rejected


class SmtpError(PortError):
    """Base of what only this adapter raises; never raised itself."""


class UnusableServerError(SmtpError, Rejected):
    """Raised if the URL names no mail server that can be used. Somebody must mend the setting."""


class AnswerLost(SmtpError):
    """Raised if the whole mail was handed over and no answer came: the server may have taken it."""


class Dropped(SmtpError):
    """Raised inside this adapter if a connection ended before the mail was handed over."""
