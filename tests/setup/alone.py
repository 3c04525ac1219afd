"""What a requirement brings, and nothing else: a folder of links to the files of those distributions."""

from __future__ import annotations

from importlib.metadata import Distribution, distribution, distributions
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name


def linked(folder: Path, requirement: str, *, site: Path) -> None:
    """Make it: a distribution is taken from `site` where that has it, else from the environment of this Python."""
    here = {canonicalize_name(one.name): one for one in distributions(path=[str(site)])}
    wanted, seen = [Requirement(requirement)], set[tuple[str, frozenset[str]]]()
    while wanted:
        one = wanted.pop()
        name, extras = canonicalize_name(one.name), frozenset(one.extras)
        if (name, extras) in seen:
            continue
        if name not in {known for known, _ in seen}:
            _link(found := here.get(name) or distribution(name), folder)
        else:
            found = here.get(name) or distribution(name)
        seen.add((name, extras))
        for line in found.requires or ():
            asked = Requirement(line)
            marker = asked.marker
            if marker is None or any(marker.evaluate({"extra": extra}) for extra in ("", *extras)):
                wanted.append(asked)


def _link(found: Distribution, folder: Path) -> None:
    """Link each of its files that lies beside its metadata; programs do not."""
    for file in found.files or ():
        if ".." not in file.parts:
            link = folder / file
            link.parent.mkdir(parents=True, exist_ok=True)
            if not link.exists():
                link.symlink_to(Path(str(found.locate_file(file))))
