"""Mail as bytes: read under limits, and written so that no value can inject anything. Needs `convalias[mime]`."""

from __future__ import annotations

from convalias.extras import brought_by

with brought_by("mime"):
    from convalias.adapters.mime.compose import compose, needs_smtputf8
    from convalias.adapters.mime.reader import Reader
    from convalias.adapters.mime.reports import ReportReader

__all__ = ["Reader", "ReportReader", "compose", "needs_smtputf8"]
