"""Conversations of a host: what its own adapter may be built from."""

from convalias.adapters.hosts.cursor import CursorFeed, FeedEntry, RereadFeed

__all__ = ["CursorFeed", "FeedEntry", "RereadFeed"]
