"""`python -m convalias`: the same as `convalias`, where no script is installed."""

from __future__ import annotations

import sys

from convalias.cli import main

sys.exit(main())
