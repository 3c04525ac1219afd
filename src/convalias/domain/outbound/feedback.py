"""Feedback-ID: what a large mailbox provider counts complaints by."""

from __future__ import annotations

import re
from typing import Final

from convalias.domain.ids import UseCase
from convalias.domain.outbound.delivery import NotificationKind

SENDER: Final = "convalias"
_LONGEST: Final = 60
_OTHER: Final = re.compile(r"[^A-Za-z0-9._-]+")


def feedback_id(use_case: UseCase, *, customer: str, kind: NotificationKind) -> str:
    """Return use case, customer, kind and sender with colons between them: counted apart, and nobody is named.

    `customer` is the alias domain: a platform that serves several customers gives each a domain of its own.

    >>> feedback_id(UseCase("job offers"), customer="reply.example", kind=NotificationKind.MESSAGE)
    'job-offers:reply.example:message:convalias'
    """
    return ":".join((_field(use_case), _field(customer), kind.value, SENDER))


def _field(text: str) -> str:
    """What a field may hold; `other` for a text that has nothing of it, as one in Japanese."""
    return _OTHER.sub("-", text).strip("-")[:_LONGEST] or "other"
