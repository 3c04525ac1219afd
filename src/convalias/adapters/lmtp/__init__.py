"""Mail in by LMTP (RFC 2033), from a mail server on the same machine."""

from convalias.extras import brought_by

with brought_by("lmtp"):
    from convalias.adapters.lmtp.server import Bounds, LmtpServer, log

__all__ = ["Bounds", "LmtpServer", "log"]
