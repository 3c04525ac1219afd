"""The errors of a data directory that cannot be used. One line each, with what would be right."""

from __future__ import annotations

from pathlib import Path


class EmbeddedError(Exception):
    """Base of all that is wrong with a data directory or its use; never raised itself."""


class UnusableDirectoryError(EmbeddedError):
    """Raised if a directory cannot hold an embedded backend."""

    def __init__(self, path: Path, wrong: str, *, right: str) -> None:
        """Say what is wrong with it, and what would be right."""
        super().__init__(f"{path} {wrong}; {right}")
        self.path = path


class NewerFormatError(UnusableDirectoryError):
    """A newer convalias wrote this directory."""


class LostStoreError(UnusableDirectoryError):
    """Raised if a directory was used before, and its `store.db` is gone or has nothing in it."""

    def __init__(self, path: Path) -> None:
        """Name the file."""
        super().__init__(
            path,
            f"{'is empty' if path.exists() else 'is gone'}, though this data directory was used, as its blobs show",
            right="mount its disk, or bring the file back from the backup;"
            " for an empty store, which refuses mail to all earlier aliases: convalias migrate --new-store",
        )


class NotOpenError(EmbeddedError):
    """A call came before `open()`, after `close()`, or in the child of a fork."""
