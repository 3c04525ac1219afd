"""Fields about the list that a mail came by: Reply-To, X-Original-From and List-Id."""

from __future__ import annotations

import re
from typing import Final

from convalias.adapters.mime.fields import Block, unfolded
from convalias.adapters.mime.mailboxes import recipients, text_of
from convalias.domain.mail.list_rewriting import ListFields

_LIST_ID: Final = re.compile(r"<([^<>]*+)>\s*+\Z")


_NAME: Final = re.compile(r"[a-z0-9_-]{1,63}(?:\.[a-z0-9_-]{1,63}){1,8}")


def list_id(block: Block) -> str | None:
    """Return the List-Id of the mailing list that the mail says it came by, in lower case.

    None: there is none, there are two, or it is no name in a domain (RFC 2919 §2), as some shops write.
    """
    ids = list_fields(block).list_ids
    name = ids[0].strip().lower() if len(ids) == 1 else ""
    return name if _NAME.fullmatch(name) else None


def list_fields(block: Block) -> ListFields:
    """Every value of those fields; of List-Id what stands in its last angles (RFC 2919 §3), or all of it."""
    ids = [text_of(unfolded(value)) for value in block.all(b"list-id")]
    return ListFields(
        reply_to=recipients(block.all(b"reply-to")),
        original_from=recipients(block.all(b"x-original-from")),
        list_ids=tuple(found[1] if (found := _LIST_ID.search(one)) else one for one in ids),
    )
