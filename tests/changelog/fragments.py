"""Moves the fragments of `changelog.d` into CHANGELOG.md: `make changelog`."""

from __future__ import annotations

import re
import sys
import textwrap
from collections.abc import Sequence
from pathlib import Path
from typing import Final, NamedTuple

PROJECT = Path(__file__).resolve().parents[2]

# Those of Keep a Changelog, in its order.
KINDS: Final = ("added", "changed", "deprecated", "removed", "fixed", "security")
NAME: Final = re.compile(rf"[a-z0-9]+(?:-[a-z0-9]+)*\.(?P<kind>{'|'.join(KINDS)})\.md")
UNRELEASED: Final = "## [Unreleased]\n"
WIDEST: Final = 140


class Fragment(NamedTuple):
    """One entry of the changelog, in a file of its own."""

    name: str
    text: str


def fragments(folder: Path) -> list[Fragment]:
    """The fragments of a folder by their names; its README is none."""
    paths = sorted(path for path in folder.iterdir() if path.name != "README.md")
    return [Fragment(path.name, path.read_text(encoding="utf-8")) for path in paths]


def faults(fragment: Fragment) -> list[str]:
    """What is wrong with a fragment; nothing if it can become an entry as it is."""
    lines = fragment.text.splitlines()
    wrong = {
        "its name is not WHAT.KIND.md": not NAME.fullmatch(fragment.name),
        "it begins with a bullet, a heading or a blank": not re.match(r"[^\s#*-]", fragment.text),
        "it does not end with a full stop and a new line": not fragment.text.endswith(".\n"),
        "it is more than one paragraph": not all(line.strip() for line in lines),
        f"a line is longer than {WIDEST}": any(len(line) > WIDEST for line in lines),
    }
    return [what for what, so in wrong.items() if so]


def entry(fragment: Fragment) -> str:
    """A fragment as an item of a list."""
    return "- " + textwrap.indent(fragment.text, "  ").lstrip()


def assembled(changelog: str, added: Sequence[Fragment]) -> str:
    """The changelog with these at the end of their sections of `[Unreleased]`.

    A section that is not there is made, below the others. Raises ValueError for a fragment that is not well-formed, and
    for a changelog without `[Unreleased]`.
    """
    wrong = {fragment.name: faults(fragment) for fragment in added if faults(fragment)}
    if wrong:
        raise ValueError(f"not well-formed: {wrong}")
    before, heading, rest = changelog.partition(UNRELEASED)
    if not heading:
        raise ValueError(f"CHANGELOG.md has no line {UNRELEASED.strip()!r}")
    unreleased, release, older = rest.partition("\n## ")
    intro, *parts = re.split(r"^### ", unreleased, flags=re.MULTILINE)
    sections = {title: body.strip("\n") for title, _, body in (part.partition("\n") for part in parts)}
    for kind in KINDS:
        entries = "".join(entry(fragment) for fragment in added if fragment.name.endswith(f".{kind}.md"))
        if entries:
            sections[kind.title()] = f"{sections.get(kind.title(), '')}\n{entries}".strip("\n")
    blocks = [intro.strip("\n"), *(f"### {title}\n\n{body}" for title, body in sections.items())]
    return f"{before}{heading}\n" + "\n\n".join(block for block in blocks if block) + f"\n{release}{older}"


def main(project: Path = PROJECT) -> int:
    """Write the changelog and remove the fragments; say how many there were."""
    changelog, folder = project / "CHANGELOG.md", project / "changelog.d"
    added = fragments(folder)
    changelog.write_text(assembled(changelog.read_text(encoding="utf-8"), added), encoding="utf-8")
    for fragment in added:
        (folder / fragment.name).unlink()
    print(f"{len(added)} entries moved into CHANGELOG.md")
    return 0


if __name__ == "__main__":
    sys.exit(main())
