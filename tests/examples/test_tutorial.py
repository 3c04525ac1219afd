"""The tutorial: its code is that of the example and at most 40 lines, and its commands do what the page says."""

from __future__ import annotations

import ast
import difflib
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import pytest

from docs.howto import missing, steps
from engines.servers.process import free_port
from examples.projects import EXAMPLES
from setup.clean import CHECKOUT, surroundings

PAGE: Final = CHECKOUT / "docs" / "tutorial" / "answer-mail-in-your-own-app.md"
TEXT: Final = PAGE.read_text(encoding="utf-8")
FOLDER: Final = EXAMPLES / "fastapi-postgres"
CHAT: Final = (FOLDER / "chat.py").read_text(encoding="utf-8")
BEFORE, *ADDED, TEST = re.findall(r"^```py\n(.*?)^```$", TEXT, re.MULTILINE | re.DOTALL)
MOST: Final = 40
"""Lines of code that a person with a service adds to it."""
BASH: Final = shutil.which("bash") or "bash"
PATIENCE: Final = 60
"""Seconds for what the workers do by themselves, on a busy machine."""


def code(source: str) -> list[str]:
    """The lines of a module that are neither blank nor comment nor docstring."""
    said: set[int] = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str):
            said |= {*range(node.lineno, (node.end_lineno or node.lineno) + 1)}
    lines = enumerate(source.splitlines(), 1)
    return [line for number, line in lines if number not in said and line.strip() and line.strip()[0] != "#"]


def added(before: str, after: str) -> list[str]:
    """The lines that are new or differ."""
    return [line[2:] for line in difflib.ndiff(code(before), code(after)) if line.startswith("+ ")]


def shown(block: str) -> list[str]:
    """The code of a block, which may be part of a class or of a function."""
    inside = block.startswith("    ")
    return code(f"async def part():\n{block}")[1:] if inside else code(block)


def test_mail_in_and_out_costs_a_service_at_most_forty_lines_of_its_own() -> None:
    new = added(BEFORE, CHAT)
    assert MOST - 5 < len(new) <= MOST
    assert max(map(len, new)) <= 120


def test_the_page_shows_each_line_that_is_added_and_no_other() -> None:
    assert [line.strip() for block in ADDED for line in shown(block)] == [line.strip() for line in added(BEFORE, CHAT)]


def test_nothing_of_the_service_goes_but_the_yield_that_moves() -> None:
    gone = [line[2:] for line in difflib.ndiff(code(BEFORE), code(CHAT)) if line.startswith("- ")]
    assert gone == ["    yield"]
    assert "convalias" not in BEFORE


def test_settings_and_test_of_the_page_are_those_of_the_example() -> None:
    (settings,) = re.findall(r"^```toml\n(.*?)^```$", TEXT, re.MULTILINE | re.DOTALL)
    assert settings == (FOLDER / "convalias.toml").read_text(encoding="utf-8")
    assert (FOLDER / "test_talks.py").read_text(encoding="utf-8") == TEST
    assert len(code(TEST)) <= 8


def test_its_install_lines_bring_what_the_service_imports() -> None:
    lines = " ".join(re.findall(r"^pip install (.*)$", TEXT, re.MULTILINE)).replace("'", "").split()
    names = {re.split(r"[\[>=]", line)[0] for line in lines}
    required = {
        re.split(r"[\[>=]", line)[0] for line in (FOLDER / "requirements.txt").read_text().split("# ")[0].split()
    }
    assert required - names == {"pydantic"}  # which FastAPI brings
    assert "convalias[asgi,cli,mailgun,mime]" in lines


def test_what_counts_as_code_is_counted() -> None:
    source = '"""Says."""\n\nimport os  # here\n# there\n\n\ndef f():\n    """Do.\n\n    It does.\n    """\n    return (\n        1\n    )\n'
    assert code(source) == ["import os  # here", "def f():", "    return (", "        1", "    )"]
    assert added("a = 1\nb = 2\n", "a = 1\nb = 3\nc = 4\n") == ["b = 3", "c = 4"]
    assert shown("    x = 1\n\n    # no\n    y = 2\n") == ["    x = 1", "    y = 2"]


# --- its commands ------------------------------------------------------------------------------------


class Terminal:
    """A person's terminal: what one block sets, the next one has."""

    def __init__(self, folder: Path, environment: dict[str, str]) -> None:
        self.folder, self.environment = folder, environment

    def ran(self, *commands: str) -> str:
        state = "declare -p ANN BOB TALK ALIAS > .state 2> /dev/null; declare -f post >> .state"
        script = "\n".join(["set -eo pipefail; touch .state; . ./.state", *commands, f"{{ {state}; }} || true"])
        done = subprocess.run(
            [BASH, "-c", script],
            capture_output=True,
            check=False,
            cwd=self.folder,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            text=True,
            timeout=PATIENCE,
        )
        return done.stdout if done.returncode == 0 else f"{done.stdout}{done.stderr}"


@contextmanager
def served(commands: tuple[str, ...], folder: Path, environment: dict[str, str]) -> Iterator[None]:
    """What the page starts in a terminal of its own."""
    script = "\n".join([*commands[:-1], f"exec {commands[-1]}"])
    with (folder / "service.log").open("w") as log:
        service = subprocess.Popen([BASH, "-c", script], cwd=folder, env=environment, stdout=log, stderr=log)
    try:
        yield
    finally:
        service.send_signal(signal.SIGTERM)
        ended = service.wait(PATIENCE)
    log_text = (folder / "service.log").read_text()
    assert ended in {0, -signal.SIGTERM}, log_text
    assert "Traceback" not in log_text, log_text


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("curl") is None, reason="the tutorial is read with curl, which is not here")
def test_the_commands_of_the_page_do_what_it_says(site: Path, tmp_path: Path) -> None:
    for name in ("chat.py", "convalias.toml"):
        shutil.copy(FOLDER / name, tmp_path)
    environment = surroundings(
        PATH=os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]), PYTHONPATH=str(site)
    )
    port = str(free_port())
    terminal = Terminal(tmp_path, environment)
    installed, also, service, first, *rest = steps(PAGE)
    assert installed.commands[0].startswith("pip ")
    assert also.commands[0].startswith("pip ")
    assert service.commands[-1] == "uvicorn chat:api"
    with served((*service.commands[:-1], f"{service.commands[-1]} --port {port}"), tmp_path, environment):
        until(lambda: terminal.ran(f"curl -sf localhost:{port}/mail/readyz"), '{"ready":true', tmp_path)
        terminal.ran(*(line.replace("8000", port) for line in first.commands))
        for step in rest:
            commands = [line.replace("8000", port) for line in step.commands]
            said = terminal.ran(*commands)
            end = time.monotonic() + PATIENCE
            while step.printed and (absent := missing(step, said)) is not None:
                assert time.monotonic() < end, f"{absent}\nwas not printed by\n{commands}\n{said}"
                time.sleep(0.05)
                said = terminal.ran(*commands)
        (ingest,) = [step.commands[-1] for step in rest if "convalias ingest" in step.commands[-1]]
        terminal.ran(ingest)
        again = terminal.ran(f"curl -s localhost:{port}/talks/$TALK/messages")
        assert again.count('"text":"Yes!"') == 1


def until(look: Callable[[], str], begins: str, folder: Path) -> None:
    end = time.monotonic() + PATIENCE
    while not look().startswith(begins):
        assert time.monotonic() < end, (folder / "service.log").read_text()
        time.sleep(0.1)
