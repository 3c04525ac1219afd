"""Names the extra that brings a missing package: a module that needs one says so where it is imported."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager


class MissingPackageError(ModuleNotFoundError):
    """A package of an extra is not installed. The message names both, and the command that installs it."""

    def __init__(self, package: str, *, extra: str) -> None:
        """`package`: as it is imported. `extra`: the narrowest of ours that brings it."""
        super().__init__(f"{package} is not installed; pip install 'convalias[{extra}]' brings it", name=package)
        self.extra = extra


@contextmanager
def brought_by(extra: str) -> Generator[None]:
    """Surround imports of an extra's packages. Raises `MissingPackageError` in place of a missing package's own error."""
    try:
        yield
    except MissingPackageError:  # a module within needs an extra of its own, which is the narrower one
        raise
    except ModuleNotFoundError as error:
        package = (error.name or "").partition(".")[0]
        if package in {"", "convalias"}:
            raise
        raise MissingPackageError(package, extra=extra) from error
