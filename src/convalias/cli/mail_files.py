"""Mail as it lies in files: single mails, mbox files, maildirs, folders of `.eml` files; one at a time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import BinaryIO, Final

import click
from attrs import field, frozen

from convalias.cli.errors import Failed, unreadable
from convalias.cli.exits import Exit
from convalias.domain.printable import visible

HEAD: Final = 64 * 1024
"""What is kept of a mail over the limit, besides being told that it is."""
_MBOX: Final = b"From "
_PIECE: Final = 64 * 1024
"""So much of a line is read at once: nobody says how long one may be."""


@frozen(kw_only=True)
class FiledMail:
    """A mail and where it was found."""

    place: str
    raw: bytes = field(repr=False)
    too_large: bool = False


def mails(paths: Sequence[str], *, limit: int) -> Iterator[FiledMail]:
    """All mails of these paths. `Failed` 66, before the first one, when a path does not exist."""
    for path in paths:
        if not (Path(path).is_file() or Path(path).is_dir()):  # a pipe or a device may never end
            found = "no file" if Path(path).exists() else "no such file"
            raise Failed(f"{path}: {found}; expected .eml files, an mbox or a maildir", Exit.NO_INPUT)
    return (mail for path in paths for mail in _mails(Path(path), limit))


def _mails(path: Path, limit: int) -> Iterator[FiledMail]:
    for file in _files(path):
        try:
            yield from _in_file(file, limit)
        except OSError as error:
            raise unreadable(str(file), error) from error


def _files(path: Path) -> Iterator[Path]:
    if not path.is_dir():
        yield path
    elif any((path / name).is_dir() for name in ("cur", "new")):
        for name in ("new", "cur"):  # a mail in tmp is not yet delivered, https://cr.yp.to/proto/maildir.html
            yield from sorted(filter(_is_mail, (path / name).glob("*")))
    else:
        yield from sorted(filter(_is_mail, path.rglob("*.eml")))


def _is_mail(path: Path) -> bool:
    """Whether it is a file of the folder itself: whoever may write there must not show us files of other places."""
    if path.is_symlink():
        click.echo(f"convalias: {visible(str(path))}: left out, a symbolic link", err=True)
        return False
    return path.is_file()


def _in_file(path: Path, limit: int) -> Iterator[FiledMail]:
    with path.open("rb") as file:
        start = file.read(len(_MBOX))
        if start != _MBOX or path.suffix == ".eml":  # one mail may begin with such a line, too
            rest = file.read(limit + 1 - len(start))
            yield _mail(str(path), start + rest, limit)
            return
        yield from _in_mbox(_lines(file), str(path), limit)


def _lines(file: BinaryIO) -> Iterator[tuple[bytes, bool]]:
    """The lines, a long one in pieces; whether a line begins there. It is within one at the start."""
    begins = False
    while piece := file.readline(_PIECE):
        yield piece, begins
        begins = piece.endswith(b"\n")


def _in_mbox(lines: Iterator[tuple[bytes, bool]], place: str, limit: int) -> Iterator[FiledMail]:
    """A mail begins behind a line `From ` that follows an empty one (RFC 4155, default format)."""
    number, kept, size, empty, separates = 1, bytearray(), 0, False, True
    for piece, begins in lines:
        if begins:
            separates = empty and piece.startswith(_MBOX)
            if separates:
                yield _mail(f"{place}#{number}", bytes(kept), limit, size=size)
                number, kept, size, empty = number + 1, bytearray(), 0, False
        if separates:
            continue
        size += len(piece)
        if len(kept) <= limit:
            kept += piece
        empty = begins and not piece.strip(b"\r\n")
    yield _mail(f"{place}#{number}", bytes(kept), limit, size=size)


def _mail(place: str, raw: bytes, limit: int, *, size: int | None = None) -> FiledMail:
    if max(len(raw), size or 0) > limit:
        return FiledMail(place=place, raw=raw[:HEAD], too_large=True)
    return FiledMail(place=place, raw=raw)
