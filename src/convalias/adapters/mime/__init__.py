"""Mail as bytes: read under limits, and written so that no value can inject anything. Needs `convalias[mime]`."""

from __future__ import annotations

from convalias.adapters.mime.reader import Reader

__all__ = ["Reader"]
