"""Code that both checkers must accept: it is checked by `make check`, never run."""

from __future__ import annotations

from typing import assert_type

from convalias.domain.ids import AccountId, ConversationId

assert_type(ConversationId("c1"), ConversationId)
assert_type(AccountId("a1"), AccountId)
