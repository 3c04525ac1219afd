"""The folder that an embedded backend lives in: made, and refused where its locks would not hold."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Final

from convalias.adapters.embedded.errors import UnusableDirectoryError

_MOUNTS: Final = Path("/proc/self/mountinfo")
_REMOTE: Final = frozenset(
    {"afs", "ceph", "cifs", "fuse.glusterfs", "fuse.s3fs", "fuse.sshfs", "gfs2", "lustre", "ncpfs", "nfs", "nfs4"}
    | {"ocfs2", "smb3", "smbfs"}
)
"""File systems on which SQLite's locks and shared memory do not hold, https://sqlite.org/wal.html §1."""


OWN_FOLDER: Final = 0o700
OWN_FILE: Final = 0o600
"""What lies in a data directory is mail: it is read by its owner alone, whatever the umask."""


PRIVATE: Final = "private-"
"""Begins the name of a file that says: no file of that folder is left as an older release made it."""
_LEGACY: Final = ("legacy.db", "legacy.db-wal", "legacy.db-shm")
_OUTBOXES: Final = ("outbox", "outbox-system", "legacy-outbox")


def make(folder: Path, *, mounts: Path = _MOUNTS) -> None:
    """Create it for this user alone, durably. Raises `UnusableDirectoryError`."""
    try:
        make_own(folder)
    except OSError as error:
        raise UnusableDirectoryError(
            folder, f"cannot be made ({error.strerror})", right="use a folder that this user may write to"
        ) from error
    kind = file_system(folder, mounts=mounts)
    if kind in _REMOTE:
        raise UnusableDirectoryError(
            folder, f"lies on a network file system ({kind})", right="use a folder on a local disk"
        )


def was_used(data: Path) -> bool:
    """Whether a store was made in this data directory before: something of ours lies in `blobs`.

    Nothing is put there before the tables of the store are durable. The folder alone says nothing: an operator may
    have made it, for a disk of its own. Raises `UnusableDirectoryError`.
    """
    blobs = data / "blobs"
    try:
        with suppress(FileNotFoundError, NotADirectoryError), os.scandir(blobs) as found:
            return any(one.name == ".tmp" or not one.name.startswith((".", "lost+found")) for one in found)
    except OSError as error:
        raise UnusableDirectoryError(
            blobs, f"cannot be read ({error.strerror})", right="use a folder that this user may read and write"
        ) from error
    return False


def make_durable(folder: Path, *, mode: int = 0o777) -> None:
    """Create a folder and those above it; each stays, also when power fails."""
    if folder.is_dir():
        return
    make_durable(folder.parent)
    folder.mkdir(mode=mode, exist_ok=True)
    if mode == OWN_FOLDER:  # a umask may have taken away more
        _tighten(folder, mode)
    sync(folder.parent)


def make_file(path: Path) -> None:
    """Create an empty file for its owner alone, or make the one that is there so. Raises `OSError`.

    A database that is there is not opened: closing it again would let go of the locks that this process has on it.
    """
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, OWN_FILE)
    except FileExistsError:
        _tighten(path, OWN_FILE)
        return
    try:
        os.fchmod(descriptor, OWN_FILE)
    finally:
        os.close(descriptor)


def make_database(path: Path) -> None:
    """The same for a file of SQLite, which gives its companions the mode of the file itself."""
    make_file(path)
    for companion in ("-wal", "-shm", "-journal"):
        tighten_file(path.with_name(path.name + companion))


def tighten_file(path: Path) -> None:
    """Take away what others may do with a file, where it is there. Raises `OSError`."""
    with suppress(FileNotFoundError):
        _tighten(path, OWN_FILE)


def make_own(folder: Path) -> None:
    """Create a folder for its owner alone, durably, or make the one that is there so. Raises `OSError`."""
    make_durable(folder, mode=OWN_FOLDER)
    _tighten(folder, OWN_FOLDER)


def tighten_all(folder: Path, *, done: Path) -> None:
    """Take away what others may do with files of an older release. Once: then the file `done` is there. `OSError`."""
    if done.exists():
        return
    for path, mode in _everything(folder):
        with suppress(FileNotFoundError):
            _tighten(path, mode)
    make_file(done)
    sync(done.parent)


def tighten_data(data: Path) -> None:
    """The same for what lies beside the store in a data directory, and is opened later. Raises `OSError`."""
    for name in _LEGACY:
        tighten_file(data / name)
    temporary = data / ".tmp"
    for name in _OUTBOXES:
        if (data / name).is_dir():
            make_own(temporary)
            make_own(data / name)
            tighten_all(data / name, done=temporary / f"{PRIVATE}{name}")


def _everything(folder: Path) -> Iterator[tuple[Path, int]]:
    with suppress(FileNotFoundError), os.scandir(folder) as found:
        for one in found:
            if one.is_dir(follow_symlinks=False):
                yield Path(one.path), OWN_FOLDER
                yield from _everything(Path(one.path))
            elif one.is_file(follow_symlinks=False):
                yield Path(one.path), OWN_FILE


def _tighten(path: Path, mode: int) -> None:
    """Another user's file is left as it is: its owner decides, and `doctor` looks at the keys."""
    if path.stat().st_mode & 0o777 != mode:
        with suppress(PermissionError):
            path.chmod(mode)


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
