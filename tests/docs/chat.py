"""The project of the page about a host's own conversations: its adapter, and the test of eight lines that holds it."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import Final

from docs.test_docs import PROJECT, blocks

PAGE: Final = (PROJECT / "docs" / "how-to" / "keep-your-own-conversations.md").read_text(encoding="utf-8")
TEST: Final[str] = re.findall(r"^```py\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)[0]
INSTALL: Final = shlex.split(re.findall(r"^pip install .*$", PAGE, re.MULTILINE)[0])


def written(folder: Path) -> Path:
    """The adapter of the page as `our_chat.py`, and its test; a stranger's whole project."""
    (folder / "our_chat.py").write_text("".join(block.code for block in blocks(PAGE)), encoding="utf-8")
    (folder / "test_our_chat.py").write_text(TEST, encoding="utf-8")
    return folder
