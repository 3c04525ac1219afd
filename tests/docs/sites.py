"""The modules that build the site, for tests: they lie beside the pages, and are run by path."""

from __future__ import annotations

import sys
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType
from typing import Final

SITE: Final = Path(__file__).resolve().parents[2] / "docs" / "site"


def module_of_the_site(name: str) -> ModuleType:
    """Load `docs/site/<name>.py`, under a name of its own: `pages` and `api` mean other things elsewhere."""
    spec = spec_from_file_location(f"site_{name}", SITE / f"{name}.py")
    assert spec
    assert spec.loader
    module = module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module
