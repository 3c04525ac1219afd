"""Files that are whole or absent, stay when power fails, and are never written over."""

from __future__ import annotations

import os
import secrets
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Final

from convalias.adapters.embedded import folder
from convalias.ports.ambient import Incarnation

_FORGOTTEN_SECONDS: Final = 86_400.0
_PROBE: Final = bytes(4_096)
_REMEMBERED_FOLDERS: Final = 4_096


class DurableFiles:
    """Creates files under one root. Blocking; safe for any number of processes and threads."""

    def __init__(self, root: Path, incarnation: Incarnation, *, temporary: Path | None = None) -> None:
        """Nothing is touched yet. `temporary`: where files are written before they are whole, on the same disk."""
        self.root = root
        self._temporary = temporary or root / ".tmp"
        self._incarnation = incarnation
        self._durable: set[Path] = set()

    def prepare(self) -> None:
        """Make the root, and remove what dead writers left half done. Raises `OSError`."""
        folder.make_own(self.root)
        folder.make_own(self._temporary)
        folder.tighten_all(self.root, done=self._temporary / f"{folder.PRIVATE}{self.root.name}")
        for left in self._temporary.iterdir():
            if not left.name.startswith(folder.PRIVATE) and self._is_left_over(left):
                left.unlink(missing_ok=True)

    def create(self, path: Path, body: bytes) -> bool:
        """Whether it is new; when it was there, it is durable now, and as it was. Raises `OSError`."""
        self._make_folder(path.parent)
        written = self._temporary / f"{self._incarnation.name}.{secrets.token_hex(8)}"
        try:
            with open(written, "xb", opener=_for_owner) as file:
                os.fchmod(file.fileno(), folder.OWN_FILE)  # a umask may have taken away more
                file.write(body)
                file.flush()
                os.fsync(file.fileno())
            try:
                is_new = _link(written, path)
            except FileNotFoundError:  # somebody removed the folder: the next try makes it again
                self._durable.discard(path.parent)
                raise
            if not is_new:
                os.utime(path)  # it was brought again: how long it is kept counts from now
        finally:
            written.unlink(missing_ok=True)
        # Also when it was there: whoever linked it may not have come to this line, and we are about to say "kept".
        folder.sync(path.parent)
        return is_new

    def try_write(self) -> None:
        """Write and sync a small file, and remove it. Raises `OSError` as `create` would."""
        written = self._temporary / f"{self._incarnation.name}.{secrets.token_hex(8)}"
        try:
            with open(written, "xb", opener=_for_owner) as file:
                file.write(_PROBE)
                file.flush()
                os.fsync(file.fileno())
        finally:
            written.unlink(missing_ok=True)

    def remove(self, path: Path) -> None:
        """Gone afterwards, durably. Raises `OSError`."""
        with suppress(FileNotFoundError):
            path.unlink()
            folder.sync(path.parent)

    def _make_folder(self, path: Path) -> None:
        """Each folder is synced once by each process: who made it may have died before."""
        if path in self._durable:
            return
        for one in (*reversed(list(self._above(path))), path):
            folder.make_durable(one, mode=folder.OWN_FOLDER)
            folder.sync(one.parent)
        if len(self._durable) >= _REMEMBERED_FOLDERS:
            self._durable.clear()
        self._durable.add(path)

    def _above(self, path: Path) -> Iterator[Path]:
        return (one for one in path.parents if self.root in one.parents)

    def _is_left_over(self, path: Path) -> bool:
        if self._incarnation.is_gone(path.name.rpartition(".")[0]):
            return True
        with suppress(FileNotFoundError):
            return time.time() - path.stat().st_mtime > _FORGOTTEN_SECONDS
        return False


def _for_owner(path: str, flags: int) -> int:
    return os.open(path, flags, folder.OWN_FILE)


def _link(written: Path, path: Path) -> bool:
    try:
        path.hardlink_to(written)
    except FileExistsError:
        return False
    return True
