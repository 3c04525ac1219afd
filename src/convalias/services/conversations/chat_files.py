"""Files of a chat message as its event describes them."""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import sha256
from typing import Final

from convalias.domain.conversations import storable
from convalias.domain.mail.envelope import Attachment
from convalias.domain.mail.file_names import neutralised
from convalias.ports.drafts import AttachedFile

MOST_FILES: Final = 100
"""Files of one message."""
MOST_OCTETS: Final = 25 * 1024 * 1024
"""Octets of all files of one message: as many as a mail may bring."""


def described(files: Sequence[AttachedFile]) -> tuple[Attachment, ...]:
    """Return the description of each file. Raises `Unstorable` for too many, for too large ones, and for names with NUL."""
    if len(files) > MOST_FILES:
        raise storable.Unstorable("files of a message", found=str(len(files)), expected=f"at most {MOST_FILES}")
    octets = sum(len(one.content) for one in files)
    if octets > MOST_OCTETS:
        raise storable.Unstorable(
            "files of a message", found=f"{octets} octets", expected=f"at most {MOST_OCTETS} together"
        )
    return tuple(map(_described, files))


def _described(file: AttachedFile) -> Attachment:
    storable.typed("name of a file", file.name)
    kind = storable.typed("media type of a file", file.media_type).lower()
    return Attachment(neutralised(file.name, kind), kind, len(file.content), sha256(file.content).hexdigest())
