"""Which conversations a use case has: a row each, so that nobody has to look through all of them."""

from __future__ import annotations

from attrs import frozen

from convalias.domain.ids import ConversationId, UseCase


@frozen
class ListedConversation:
    """A conversation in the list of its use case."""

    use_case: UseCase
    conversation: ConversationId


@frozen
class ListingCursor:
    """The position of the search for conversations of older releases, which were never listed."""

    partition: str = ""
    """The last one that was looked at."""
    done: bool = False
