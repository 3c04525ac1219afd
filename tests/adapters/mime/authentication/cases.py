"""Cases of sender authentication that lie beside the checkout: `../shared/cases/authentication`."""

from __future__ import annotations

from pathlib import Path

import pytest

CASES = Path(__file__).parents[5] / "shared" / "cases" / "authentication"
beside = pytest.mark.skipif(not CASES.is_dir(), reason="../shared/cases is not beside this checkout")
"""Skips a test where they are absent."""
