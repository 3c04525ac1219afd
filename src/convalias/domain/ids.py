"""Names of things, as distinct types: a conversation id never passes for an event id."""

from typing import NewType

AccountId = NewType("AccountId", str)
ConversationId = NewType("ConversationId", str)
AliasId = NewType("AliasId", str)
EventId = NewType("EventId", str)
UseCase = NewType("UseCase", str)
Seq = NewType("Seq", int)
"""Position of an event in its conversation: 1, 2, 3 ... without a gap."""
TraceId = NewType("TraceId", str)
