"""Guards of commands on conversations: one line each, refused with a reason."""

from __future__ import annotations

from convalias.domain.conversations.threads import ConversationThread, ThreadState
from convalias.domain.ids import AccountId, ConversationId
from convalias.domain.mail.reasons import Reason
from convalias.services.conversations.errors import NoSuchConversation, Refused


def known(thread: ConversationThread | None, conversation: str) -> ConversationThread:
    """Refuse a conversation that never existed. Raises `NoSuchConversation`."""
    if thread is None:
        raise NoSuchConversation(conversation)
    return thread


def existing(thread: ConversationThread | None, conversation: ConversationId) -> ConversationThread:
    """Refuse a conversation that does not exist, or was erased.

    Raises `NoSuchConversation`: an erased one is gone, and nobody is told that it was there.
    """
    there = known(thread, conversation)
    if there.state is ThreadState.ERASED:
        raise NoSuchConversation(conversation)
    return there


def is_open(thread: ConversationThread) -> None:
    """Refuse a conversation that takes no messages. Raises `Refused`."""
    if thread.state is not ThreadState.OPEN:
        why = f"conversation {thread.id} is {thread.state.value}; only an open one takes messages"
        raise Refused(Reason.CONVERSATION_CLOSED, why)


def takes_part(thread: ConversationThread, account: AccountId) -> None:
    """Refuse an account that is no participant. Raises `Refused`."""
    if not thread.takes_part(account):
        raise Refused(Reason.NOT_PARTICIPANT, f"account {account} takes no part in conversation {thread.id}")
