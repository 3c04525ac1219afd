"""Which data directory keeps a deployment's mail, jobs or events where no engine that all machines share does."""

from __future__ import annotations

from datetime import datetime

from attrs import frozen


@frozen(kw_only=True)
class DirectoryClaim:
    """The data directory that a shared store belongs with. One for each store."""

    directory: str
    """Its random id, which lies in it as a file: another directory at the same path has another one."""
    since: datetime


@frozen(kw_only=True)
class DataPlace:
    """A data directory in use beside a shared store, and the settings that would take its place."""

    directory: str
    path: str
    settings: tuple[str, ...]
    """Such as CONVALIAS_RAW: not set, so that what they keep lies in the directory."""
