"""Builds the servers that the engine tests need and pip does not bring: `make engines-build`."""

from __future__ import annotations

import sys
import time
from pathlib import Path

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from engines.servers import cache, kafka, s3, sqs


def main() -> int:
    """Build what lacks; say for each what came of it. Status 1 when something cannot be built."""
    failed = 0
    for engine in (kafka, sqs, s3):
        began = time.monotonic()
        try:
            fresh = engine.build()
        except cache.BuildFailed as error:
            failed = 1
            print(f"{engine.NAME}: NOT BUILT: {error}", file=sys.stderr)
        else:
            print(f"{engine.NAME}: " + (f"built in {time.monotonic() - began:.0f} s" if fresh else "is there"))
    return failed


if __name__ == "__main__":
    sys.exit(main())
