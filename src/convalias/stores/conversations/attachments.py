"""Attached files: kept once for all messages that carry them, under a digest of their content."""

from __future__ import annotations

from attrs import frozen

from convalias.ports.blobs import Blobs


def attachment_key(digest: str) -> str:
    """Return the key of an attachment, made from its content alone."""
    return f"attachments/{digest[:2]}/{digest}"


@frozen(kw_only=True)
class Attachments:
    """Reads and writes attached files by the digest of their content. Raises `Unavailable`; calls may be repeated."""

    blobs: Blobs

    async def put(self, digest: str, content: bytes) -> None:
        """Keep a file; names from a mail never become keys."""
        await self.blobs.put(attachment_key(digest), content)

    async def get(self, digest: str) -> bytes | None:
        """Return a file's content, or None where it is no longer kept."""
        return await self.blobs.get(attachment_key(digest))
