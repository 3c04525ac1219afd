"""`python -m convalias`: the same as `convalias`, where no script is installed."""

from __future__ import annotations

from convalias.cli import script

script()
