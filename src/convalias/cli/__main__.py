"""`python -m convalias.cli`: the same as `python -m convalias`."""

from __future__ import annotations

import sys

from convalias.cli import main

sys.exit(main())
