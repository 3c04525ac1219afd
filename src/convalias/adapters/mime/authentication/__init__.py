"""DKIM, DMARC and ARC from the bytes of a mail, in linear time."""

from __future__ import annotations

from convalias.adapters.mime.authentication.authenticator import Authenticator, WithoutSpf

__all__ = ["Authenticator", "WithoutSpf"]
