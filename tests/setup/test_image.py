"""The steps that build the image, run in an empty folder: what comes of them starts, and holds the locked versions."""

from __future__ import annotations

import os
import re
import shutil
import sys
from pathlib import Path
from typing import Final

from deploy.files import DEPLOY, PROJECT, dockerfile
from setup.clean import VERSION, installed, locked, marks, succeeded, surroundings

pytestmark = marks

PLACES: Final = re.compile(r"(?<![\w.])(/build|/dist|/opt/convalias)(?=[/ ]|$)")


def test_what_the_image_is_built_by_makes_a_deployment_that_starts(tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.mkdir()
    for one in dockerfile((DEPLOY / "container" / "Dockerfile").read_text(encoding="utf-8")):
        if one.stage == 0 and one.name == "COPY":
            for name in one.words[:-1]:
                found, place = PROJECT / name, source / Path(name).name
                if found.is_dir():
                    shutil.copytree(found, place, ignore=shutil.ignore_patterns("__pycache__"))
                else:
                    shutil.copy(found, place)
        elif one.stage == 0 and one.name == "RUN":
            # A cache saves the network; the Python is the one at hand.
            line = one.text.replace(" --no-cache-dir", "").replace("python -m venv", f"{sys.executable} -m venv")
            line = PLACES.sub(rf"{tmp_path}\1", line)
            succeeded(["/bin/sh", "-ec", line], source, surroundings(PIP_NO_COMPILE="1"))
    python = tmp_path / "opt" / "convalias" / "bin" / "python"
    found = {name: version for name, version in installed(python).items() if name not in {"pip", "setuptools"}}
    lock = {**locked(PROJECT, python), "convalias": VERSION}
    assert found == {name: lock[name] for name in found}
    # Nothing that only a checkout is developed with.
    assert {"pymongo", "uvicorn", "confluent-kafka"} <= found.keys()
    assert not {"pytest", "moto", "django", "hypothesis"} & found.keys()
    environment = {"PATH": f"{python.parent}:{os.environ['PATH']}", "CONVALIAS_DATA": str(tmp_path / "data")}
    assert succeeded(["convalias", "--version"], tmp_path, environment) == f"convalias, version {VERSION}\n"
    assert "good" in succeeded(["convalias", "doctor"], tmp_path, environment)
