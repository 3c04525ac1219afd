"""SPF computed by pyspf, within bounds. Needs `convalias[spf]`."""

from __future__ import annotations

from importlib import import_module

from convalias.extras import brought_by

with brought_by("dns"):
    import_module("dns")  # where it is missing, pyspf looks for a package that no extra of ours brings

with brought_by("spf"):
    from convalias.adapters.spf.check import SpfCheck

__all__ = ["SpfCheck"]
