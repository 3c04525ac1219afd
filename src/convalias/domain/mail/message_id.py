"""Message-IDs: opaque octets, and the one rule by which two spellings are the same id."""

from __future__ import annotations

import re
from typing import Final

from attrs import field, frozen

from convalias.domain.expecting import check_fields

LONGEST: Final = 998
"""Octets. RFC 5322 §2.1.1: no line is longer, so no id that was sent by the rules is."""
_SYNTHETIC: Final = 40
_OURS: Final = b"@synthetic.invalid"
_NOTHING: Final = re.compile(
    # A word for nothing, alone or before the `@`, and nothing at all before it.
    rb"|null|\(null\)|nil|none|undefined|nan|n/a|unknown|empty|false|\[objectobject\]"
    # A placeholder that was never filled: ${id}, #{id}, {{id}}, {id}, <%=id%>, %id%, %s. Digits make it somebody's id.
    rb"|[$#]?\{[a-z_.-]{1,40}\}|\{\{[a-z_.-]{1,40}\}\}|<%=?[a-z_.-]{1,40}%>|%[a-z_.-]{1,40}%|%[sd]"
    # The UUID that stands for none (RFC 9562 §5.9).
    rb"|0{8}-0{4}-0{4}-0{4}-0{12}",
    re.IGNORECASE,
)
"""What programs write in the place of an id that they do not have: many mails share it, so it names none of them."""


@frozen
class MessageId:
    """Canonical bytes of a Message-ID, opaque; `synthetic` when the mail had none that serves."""

    value: bytes
    synthetic: bool = field(default=False, kw_only=True, eq=False)

    __attrs_post_init__ = check_fields

    def __str__(self) -> str:
        """In angle brackets, bytes that are no UTF-8 backslash-escaped."""
        return f"<{self.value.decode('utf-8', 'backslashreplace')}>"


def canonical(written: bytes) -> MessageId | None:
    """Read a Message-ID as written in a field, a file or by a person. None: no mail can be known by such an id.

    The id is what lies between the first `<` and the last `>`, or all octets if there are no such brackets, without
    white space. An id without `@`, or with brackets inside, exists in the wild and stays itself.
    """
    first, last = written.find(b"<"), written.rfind(b">")
    inner = written[first + 1 : last] if 0 <= first < last else written
    octets = b"".join(inner.split())
    if len(octets) > LONGEST or _NOTHING.fullmatch(octets.partition(b"@")[0]):
        return None
    return MessageId(octets)


def named(message_id: MessageId | None) -> str:
    """Return an id as an answer names it, in angle brackets; empty for none, and for one that we made.

    >>> named(canonical(b"<a@b.example>")), named(synthetic("ab"))
    ('<a@b.example>', '')
    """
    if message_id is None or message_id.value.endswith(_OURS):
        return ""
    return str(message_id)


def synthetic(digest: str) -> MessageId:
    """Make the id of a mail that has none that serves, of its canonical digest: a retry has the same."""
    return MessageId(digest[:_SYNTHETIC].encode("ascii") + _OURS, synthetic=True)
