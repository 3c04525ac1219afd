"""What is published: a wheel and a source distribution without a fault, whose types a user's checkers see."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Final

import pytest

from setup.clean import CHECKOUT, VERSION, locked, marks, pythons, ran, succeeded, surroundings

pytestmark = [*marks, pytest.mark.xdist_group("distribution")]

UV: Final = Path(sys.executable).with_name("uv")
PROGRAM: Final = """\
from convalias import EmailAddress, MailDomains
from convalias.ports import Blobs

domains: MailDomains = MailDomains({"reply.example"})
address: EmailAddress = EmailAddress.parse("ann@reply.example")


async def kept(blobs: Blobs, key: str) -> bytes | None:
    return await blobs.get(key)
"""
SLIP: Final = '\nwrong: int = EmailAddress.parse("ann@reply.example")\n'
CHECKED: Final = len(PROGRAM.splitlines()) + 2


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with both distributions of this checkout."""
    out = tmp_path_factory.mktemp("dist")
    succeeded([sys.executable, "-m", "hatchling", "build", "--directory", out], CHECKOUT)
    return out


def test_both_distributions_are_without_a_fault(built: Path, tmp_path: Path) -> None:
    files = sorted(built.iterdir())
    assert [file.name for file in files] == [f"convalias-{VERSION}-py3-none-any.whl", f"convalias-{VERSION}.tar.gz"]
    lock = CHECKOUT / "requirements" / "release.txt"
    install = ["-m", "pip", "install", "--quiet", "--no-deps", "--require-hashes", "--no-compile", "--target", tmp_path]
    succeeded([sys.executable, *install, "-r", lock], tmp_path)
    environment = surroundings(PYTHONPATH=str(tmp_path))
    said = succeeded([sys.executable, "-m", "twine", "check", "--strict", *files], tmp_path, environment)
    assert said.count("PASSED") == 2
    said = succeeded([sys.executable, "-m", "check_wheel_contents", files[0]], tmp_path, environment)
    assert said.endswith("OK\n")


@pytest.mark.parametrize(("minor", "python"), [*pythons()])
def test_a_users_checkers_see_the_types_of_the_installed_wheel(
    minor: str, python: str | None, built: Path, tmp_path: Path
) -> None:
    if python is None:
        pytest.skip("a supported Python is not on this machine")
    inside = tmp_path / ".venv" / "bin" / "python"
    succeeded([UV, "venv", "--quiet", "--python", python, tmp_path / ".venv"], tmp_path)
    pins = locked(CHECKOUT, inside)
    core = [f"{name}=={pins[name]}" for name in ("attrs", "cattrs", "email-validator", "typing-extensions")]
    wheel = next(built.glob("*.whl"))
    succeeded([UV, "pip", "install", "--quiet", "--python", inside, "--no-deps", *core, wheel], tmp_path)
    how = {"venvPath": str(tmp_path), "venv": ".venv", "typeCheckingMode": "strict", "include": ["user.py"]}
    (tmp_path / "pyrightconfig.json").write_text(json.dumps(how), encoding="utf-8")
    tools = Path(sys.executable).parent
    checkers = [
        [tools / "mypy", "--strict", "--python-executable", inside, "user.py"],
        [tools / "basedpyright", "--project", tmp_path],
    ]
    for checker in checkers:
        (tmp_path / "user.py").write_text(PROGRAM, encoding="utf-8")
        succeeded(checker, tmp_path)
        (tmp_path / "user.py").write_text(PROGRAM + SLIP, encoding="utf-8")
        told = ran(checker, tmp_path)
        assert told.returncode == 1, told.stdout + told.stderr
        assert f"user.py:{CHECKED}:" in told.stdout
    assert minor in succeeded([inside, "--version"], tmp_path)
