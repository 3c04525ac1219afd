"""Fields about the list that a mail came by: Reply-To, X-Original-From and List-Id."""

from __future__ import annotations

import re
from typing import Final

from convalias.adapters.mime.fields import Block, unfolded
from convalias.adapters.mime.mailboxes import recipients, text_of
from convalias.domain.mail.list_rewriting import ListFields

_LIST_ID: Final = re.compile(r"<([^<>]*+)>\s*+\Z")


def list_fields(block: Block) -> ListFields:
    """Every value of those fields; of List-Id what stands in its last angles (RFC 2919 §3), or all of it."""
    ids = [text_of(unfolded(value)) for value in block.all(b"list-id")]
    return ListFields(
        reply_to=recipients(block.all(b"reply-to")),
        original_from=recipients(block.all(b"x-original-from")),
        list_ids=tuple(found[1] if (found := _LIST_ID.search(one)) else one for one in ids),
    )
