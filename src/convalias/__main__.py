"""`python -m convalias`: the same as `convalias`, where no script is installed."""

from __future__ import annotations

from convalias.cli import script

if __name__ == "__main__":  # whoever imports all modules of the package runs no command
    script()
