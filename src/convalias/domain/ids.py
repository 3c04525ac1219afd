"""Names of things, as distinct types: a conversation id never passes for an event id."""

from typing import NewType

AccountId = NewType("AccountId", str)
"""Names a person or system in the platform's own directory."""
ConversationId = NewType("ConversationId", str)
"""Names a conversation; of a platform that keeps its own, the id that it has there."""
AliasId = NewType("AliasId", str)
"""Names an alias, whatever its address looks like."""
EventId = NewType("EventId", str)
"""Names an event of a conversation, in every store and log."""
UseCase = NewType("UseCase", str)
"""Kind of conversation, such as `hiring`: policy, rollout and style of aliases are set for each."""
Seq = NewType("Seq", int)
"""Position of an event in its conversation: 1, 2, 3 ... without a gap."""
TraceId = NewType("TraceId", str)
"""Names one piece of work in logs and spans, from a mail's receipt to its last notification."""
