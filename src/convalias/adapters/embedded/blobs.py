"""Blobs as files: a key is a path, encoded so that any key fits on any file system."""

from __future__ import annotations

import asyncio
import os
import re
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from datetime import datetime
from itertools import chain, islice
from pathlib import Path
from typing import Final, TypeVar
from urllib.parse import unquote

from attrs import frozen

from convalias.adapters.embedded import folder
from convalias.adapters.embedded.errors import NotOpenError
from convalias.adapters.embedded.files import DurableFiles
from convalias.ports.ambient import Incarnation
from convalias.ports.blobs import Put
from convalias.ports.errors import Unavailable

T = TypeVar("T")

_PATIENCE_SECONDS: Final = 30.0
ROOM: Final = 32_000_000
"""Octets: below it the largest mail that is usual (25 MB) and what it brings with it may not be kept."""
_ESCAPED: Final = re.compile(r"[^a-z0-9_.-]")
"""Capitals too, for file systems that do not tell them from small letters."""
_PIECES: Final = re.compile(r"(?:%..|.){1,80}")
"""Names of files end at 255 octets; an escape is never cut in two. `<64 digits>.json` is one piece."""
_FILE: Final = "="
"""Ends the name of a file, so that `a` and `a/b` can both be keys."""
_GOES_ON: Final = "%"
"""Ends the name of a folder that is only the beginning of a long name; alone it is an empty name."""


class Blobs:
    """`ports.Blobs` under one folder. Inert until `open()`; any number of processes may use it at once."""

    def __init__(self, root: Path, *, incarnation: Incarnation) -> None:
        """Name the folder; nothing is touched."""
        self._root = root
        self._files = DurableFiles(root, incarnation)
        self._is_open = False

    async def open(self) -> None:
        """Make the folder if need be. Raises `UnusableDirectoryError`."""
        await asyncio.to_thread(folder.make, self._root)
        await self._do(self._files.prepare)
        self._is_open = True

    async def put(self, key: str, body: bytes) -> Put:
        """Create if absent."""
        if not self._is_open:
            raise NotOpenError("the embedded blobs are not open; open() them first")
        is_new = await self._do(lambda: self._files.create(self._path(key), body))
        return Put.NEW if is_new else Put.THERE

    async def get(self, key: str) -> bytes | None:
        """The whole, or None."""
        return await self._do(lambda: _read(self._path(key)))

    async def delete(self, keys: Sequence[str]) -> None:
        """Gone afterwards."""

        def remove() -> None:
            for key in keys:
                self._files.remove(self._path(key))

        await self._do(remove)

    async def names(self, prefix: str, *, after: str, limit: int) -> Sequence[str]:
        """Ascending, behind `after`. Looks only into folders that can hold such keys."""
        wanted = _Wanted(prefix, after)
        return await self._do(lambda: list(islice(_keys(self._root, "", wanted), limit)))

    async def probe(self) -> None:
        """Write a small file and remove it; refuse to call a disk good that has no room for a mail."""
        free = await self._do(lambda: shutil.disk_usage(self._root).free)
        if free < ROOM:
            raise Unavailable(f"the embedded blobs (the disk is full: {free // 10**6} MB are left)")
        await self._do(self._files.try_write)

    async def end(self, *, before: datetime, limit: int) -> int:
        """Remove mail of days before, and attachments that no mail brought since; how many. Envelope records first."""
        day = f"{before:%Y/%m/%d}"
        for folder_name in ("envelopes/", "raw/"):
            names = await self.names(folder_name, after="", limit=limit)
            old = [name for name in names if name.removeprefix(folder_name) < day]
            if old:
                await self.delete(old)
                return len(old)
        return await self._do(lambda: self._end_attachments(before, limit))

    def _end_attachments(self, before: datetime, limit: int) -> int:
        found = (path for path in (self._root / "attachments").rglob(f"*{_FILE}") if _is_older(path, before))
        old = list(islice(found, limit))
        for path in old:
            self._files.remove(path)
        return len(old)

    def _path(self, key: str) -> Path:
        *folders, name = key.split("/")
        parts = [part for one in folders for part in _folder_names(one)]
        *begun, last = _pieces(name)
        return self._root.joinpath(*parts, *(piece + _GOES_ON for piece in begun), last + _FILE)

    async def _do(self, work: Callable[[], T]) -> T:
        try:
            async with asyncio.timeout(_PATIENCE_SECONDS):
                return await asyncio.to_thread(work)
        except TimeoutError as error:
            raise Unavailable("the embedded blobs") from error
        except OSError as error:  # its reason, never the path: a key says who wrote
            raise Unavailable(f"the embedded blobs ({error.strerror or type(error).__name__})") from error


@frozen
class _Wanted:
    prefix: str
    after: str

    def key(self, key: str) -> bool:
        return key > self.after and key.startswith(self.prefix)

    def below(self, start: str) -> bool:
        """Whether a key that begins with `start` can be wanted."""
        passed = start < self.after and not self.after.startswith(start)
        return not passed and (start.startswith(self.prefix) or self.prefix.startswith(start))


@frozen(order=True)
class _Entry:
    text: str
    """A key, or the beginning of all keys in that folder."""
    path: Path
    is_file: bool
    goes_on: bool = False


def _keys(inside: Path, start: str, wanted: _Wanted) -> Iterator[str]:
    entries = sorted(_entries(inside, start))
    found = chain.from_iterable(_found(entry, wanted) for entry in entries)
    # Keys of a cut name may stand between those of its neighbours.
    return iter(sorted(found)) if any(entry.goes_on for entry in entries) else found


def _found(entry: _Entry, wanted: _Wanted) -> Iterator[str]:
    if entry.is_file:
        return iter((entry.text,) if wanted.key(entry.text) else ())
    return _keys(entry.path, entry.text, wanted) if wanted.below(entry.text) else iter(())


def _entries(inside: Path, start: str) -> Iterator[_Entry]:
    with os.scandir(inside) as found:
        for one in found:
            name = one.name
            if name.startswith("."):  # not ours: no key makes such a name
                continue
            if name.endswith(_FILE):
                yield _Entry(start + unquote(name[:-1]), inside / name, is_file=True)
            elif name.endswith(_GOES_ON) and name != _GOES_ON:
                yield _Entry(start + unquote(name[:-1]), inside / name, is_file=False, goes_on=True)
            else:
                yield _Entry(start + unquote(name.removesuffix(_GOES_ON)) + "/", inside / name, is_file=False)


def _folder_names(text: str) -> Iterator[str]:
    *begun, last = _pieces(text)
    yield from (piece + _GOES_ON for piece in begun)
    yield last or _GOES_ON


def _pieces(text: str) -> list[str]:
    escaped = _ESCAPED.sub(lambda found: f"%{ord(found[0]):02X}", text)
    pieces: list[str] = _PIECES.findall(escaped)
    # A name that begins with a dot is not ours, and a long name may be cut before one.
    return [f"%2E{piece[1:]}" if piece.startswith(".") else piece for piece in pieces] or [""]


def _is_older(path: Path, before: datetime) -> bool:
    with suppress(FileNotFoundError):
        return path.stat().st_mtime < before.timestamp()
    return False


def _read(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return None
