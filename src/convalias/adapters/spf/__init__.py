"""SPF computed by pyspf, within bounds. Needs `convalias[spf]`."""

from __future__ import annotations

from convalias.extras import brought_by

with brought_by("spf"):
    from convalias.adapters.spf.check import SpfCheck

__all__ = ["SpfCheck"]
