"""The folder that an embedded backend lives in: made, and refused where its locks would not hold."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

from convalias.adapters.embedded.errors import UnusableDirectoryError

_MOUNTS: Final = Path("/proc/self/mountinfo")
_REMOTE: Final = frozenset(
    {"afs", "ceph", "cifs", "fuse.glusterfs", "fuse.s3fs", "fuse.sshfs", "gfs2", "lustre", "ncpfs", "nfs", "nfs4"}
    | {"ocfs2", "smb3", "smbfs"}
)
"""File systems on which SQLite's locks and shared memory do not hold, https://sqlite.org/wal.html §1."""


def make(folder: Path, *, mounts: Path = _MOUNTS) -> None:
    """Create it for this user alone, durably. Raises `UnusableDirectoryError`."""
    try:
        make_durable(folder, mode=0o700)
    except OSError as error:
        raise UnusableDirectoryError(
            folder, f"cannot be made ({error.strerror})", right="use a folder that this user may write to"
        ) from error
    kind = file_system(folder, mounts=mounts)
    if kind in _REMOTE:
        raise UnusableDirectoryError(
            folder, f"lies on a network file system ({kind})", right="use a folder on a local disk"
        )


def make_durable(folder: Path, *, mode: int = 0o777) -> None:
    """Create a folder and those above it; each stays, also when power fails."""
    if folder.is_dir():
        return
    make_durable(folder.parent)
    folder.mkdir(mode=mode, exist_ok=True)
    sync(folder.parent)


def sync(folder: Path) -> None:
    """Make what was linked into or removed from a folder durable."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def file_system(folder: Path, *, mounts: Path = _MOUNTS) -> str | None:
    """The type of the file system a folder lies on, as proc_pid_mountinfo(5) names it; None where there is no such."""
    try:
        lines = mounts.read_text(errors="surrogateescape").splitlines()
    except OSError:
        return None
    place = folder.resolve()
    found = [
        (len(point.parts), kind)
        for line in lines
        for point, kind in [_mount(line)]
        if point == place or point in place.parents
    ]
    # The last of several mounts on one point hides the others.
    return max(reversed(found), key=lambda one: one[0], default=(0, None))[1]


def _mount(line: str) -> tuple[Path, str]:
    before, _, behind = line.partition(" - ")
    point = before.split(" ")[4].replace(r"\040", " ").replace(r"\134", "\\")
    return Path(point), behind.split(" ")[0]
