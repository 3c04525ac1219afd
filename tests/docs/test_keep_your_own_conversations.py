"""The page about a host's own conversations: its test of eight lines holds its adapter, and its table has every check."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from convalias.testing import conformance
from docs import chat

NEITHER_BLANK_NOR_COMMENT = re.compile(r"^\s*[^\s#]", re.MULTILINE)

SECTION = chat.PAGE.partition("\n## Hold it to its promises\n")[2].partition("\n## ")[0]


def ran(folder: Path) -> str:
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--rootdir", str(folder), str(folder)]
    done = subprocess.run(command, capture_output=True, check=False, cwd=folder, text=True, timeout=300)
    return done.stdout


def test_the_suite_is_eight_lines_at_most() -> None:
    assert len(NEITHER_BLANK_NOR_COMMENT.findall(chat.TEST)) <= 8


def test_the_table_has_every_check() -> None:
    listed = re.findall(r"^\| ([a-z ]+) \| [a-z]", SECTION, re.MULTILINE)
    assert [one for one in listed if one != "the check"] == [check.name for check in conformance.CONVERSATIONS]


@pytest.mark.slow
def test_the_adapter_of_the_page_passes(tmp_path: Path) -> None:
    assert f"{len(conformance.CONVERSATIONS)} passed" in ran(chat.written(tmp_path))


@pytest.mark.slow
def test_an_adapter_with_a_cursor_in_place_of_its_flag_is_told(tmp_path: Path) -> None:
    adapter = chat.written(tmp_path) / "our_chat.py"
    flag = "set told = 1 where id = ?"
    assert flag in adapter.read_text()
    adapter.write_text(adapter.read_text().replace(flag, "set told = 1 where id <= ?"))
    said = ran(tmp_path)
    assert "FAILED test_our_chat.py::test_our_chat_keeps_its_promises[telling of one tells of no other]" in said
    assert "found " in said
    assert "expected " in said
