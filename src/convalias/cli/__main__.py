"""`python -m convalias.cli`: the same as `python -m convalias`."""

from __future__ import annotations

from convalias.cli import script

script()
