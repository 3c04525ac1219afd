"""Which conversations a use case has: a row each, so that nobody has to look through all of them."""

from __future__ import annotations

from attrs import frozen

from convalias.domain.ids import ConversationId, UseCase


@frozen
class ListedConversation:
    """One conversation of a use case."""

    use_case: UseCase
    conversation: ConversationId


@frozen
class ListingCursor:
    """How far the search for conversations of older releases has come: they were never listed."""

    partition: str = ""
    """The last one that was looked at."""
    done: bool = False
