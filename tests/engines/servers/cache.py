"""Where built servers are kept between runs, and how one is built: whole, or not at all."""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Final

from engines.servers.given import EngineMissing

BUILD: Final = "`make engines-build` builds it"
_POM: Final = """<project><modelVersion>4.0.0</modelVersion>
<groupId>convalias.tests</groupId><artifactId>engine</artifactId><version>1</version>
<dependencies>{}</dependencies></project>
"""
_DEPENDENCY: Final = "<dependency><groupId>{}</groupId><artifactId>{}</artifactId><version>{}</version></dependency>"
_MAVEN_PLUGIN: Final = "org.apache.maven.plugins:maven-dependency-plugin:3.8.1"


class BuildFailed(Exception):
    """A server cannot be built here; the message says what would mend it."""


def folder() -> Path:
    """CONVALIAS_ENGINES_CACHE, or `~/.cache/convalias/engines`."""
    named = os.environ.get("CONVALIAS_ENGINES_CACHE")
    return Path(named) if named else Path.home() / ".cache" / "convalias" / "engines"


def built(name: str) -> Path:
    """The folder of a built server. Raises `EngineMissing`."""
    place = folder() / name
    if not place.is_dir():
        raise EngineMissing(name, f"not in {folder()}", mend=BUILD)
    return place


def java(engine: str) -> str:
    """Path of the Java that runs this server. Raises `EngineMissing`."""
    found = shutil.which("java")
    if found is None:
        mend = "install a Java 17 or newer (Debian: openjdk-17-jre-headless)"
        raise EngineMissing(engine, "no java on the PATH", mend=mend)
    return found


def maven(place: Path, *coordinates: str) -> None:
    """Copy artefacts, as `group:artefact:version`, and all they stand on into a folder."""
    tool = _tool("mvn", "install Maven and a Java 17 or newer (Debian: maven openjdk-17-jre-headless)")
    pom = place / "pom.xml"
    pom.write_text(_POM.format("".join(_DEPENDENCY.format(*one.split(":")) for one in coordinates)), encoding="utf-8")
    goal = f"{_MAVEN_PLUGIN}:copy-dependencies"
    run([tool, "--batch-mode", "--quiet", "--file", str(pom), goal, f"-DoutputDirectory={place}"])


def go(place: Path, package: str) -> None:
    """Install a program, as `path@version`, into a folder."""
    tool = _tool("go", "install Go 1.25 or newer from its distribution")
    run([tool, "install", package], {"GOBIN": str(place), "CGO_ENABLED": "0"})


def _tool(name: str, mend: str) -> str:
    found = shutil.which(name)
    if found is None:
        raise BuildFailed(f"no {name} on the PATH; {mend}")
    return found


def run(command: Sequence[str], environment: Mapping[str, str] | None = None) -> None:
    """Run a builder; what it says is shown only when it fails. Raises `BuildFailed`."""
    done = subprocess.run(
        command,
        env={**os.environ, **(environment or {})},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        check=False,
    )
    if done.returncode:
        said = done.stdout.decode("utf-8", "replace").strip()[-3_000:]
        raise BuildFailed(f"{' '.join(command[:2])} ended with status {done.returncode}:\n{said}")


def build(name: str, recipe: Callable[[Path], None]) -> bool:
    """Build into a fresh folder, which is renamed when whole. False when it was there. Raises `BuildFailed`."""
    folder().mkdir(parents=True, exist_ok=True)
    with (folder() / f".{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # two runs that begin at once build it once
        place = folder() / name
        if place.is_dir():
            return False
        with tempfile.TemporaryDirectory(dir=folder(), prefix=f".{name}.", ignore_cleanup_errors=True) as fresh:
            inside = Path(fresh) / name
            inside.mkdir()
            recipe(inside)
            inside.rename(place)
    return True
