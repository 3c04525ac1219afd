"""Conversations and accounts of a host: what its own adapters may be built from."""

from convalias.adapters.hosts.cursor import CursorFeed, FeedEntry, RereadFeed
from convalias.adapters.hosts.directory import Directory, FindAccounts

__all__ = ["CursorFeed", "Directory", "FeedEntry", "FindAccounts", "RereadFeed"]
