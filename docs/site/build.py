"""Build the documentation as a site that needs no network: `make docs`, into build/site.

The pages are those of `docs/`, with the changelog and the pages beside the README; the reference of the API is made from
the docstrings of the public modules. Whatever is wrong ends the build: a link that leads nowhere, a page that the map in
`docs/README.md` does not name, a public name without a docstring, a diagram without its picture.
"""

from __future__ import annotations

import shutil
import sys
from pathlib import Path
from typing import Final

import api
import pages
from sphinx.cmd.build import main as sphinx

SITE: Final = Path(__file__).resolve().parent
PROJECT: Final = SITE.parents[1]


def build(out: Path) -> int:
    """Build the site anew, in that folder; what lies there is removed. 0 if nothing was wrong."""
    staged = out.with_name(f"{out.name}-pages")
    for old in (out, staged):
        shutil.rmtree(old, ignore_errors=True)
    try:
        pages.stage(PROJECT, staged)
        api.write(pages.public_modules(PROJECT), staged / "reference" / "api")
    except (pages.BrokenPageError, api.UndocumentedError) as broken:
        sys.stderr.writelines(f"{fault}\n" for fault in broken.args)
        return 1
    # -W: a warning is an error; --keep-going: all of them are told in one run; -a -E: nothing of an earlier build.
    return sphinx(["-q", "-W", "--keep-going", "-a", "-E", "-c", str(SITE), str(staged), str(out)])


if __name__ == "__main__":
    sys.exit(build(Path(sys.argv[1]).resolve() if sys.argv[1:] else PROJECT / "build" / "site"))
