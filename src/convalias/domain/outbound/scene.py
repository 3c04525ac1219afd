"""The facts of a delivery: an event, and what became of its conversation since. Read anew for every try."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from attrs import field, frozen

from convalias.domain.aliases.alias import ConversationAlias
from convalias.domain.conversations.events import ConversationEvent
from convalias.domain.conversations.threads import ConversationThread, ThreadState
from convalias.domain.ids import AccountId
from convalias.domain.outbound.first_tries import FirstTryRules, Objection
from convalias.domain.outbound.mailboxes import Mailboxes
from convalias.domain.outbound.masks import Masks


def _nobody() -> Mapping[AccountId, str]:
    return {}


@frozen(kw_only=True)
class Scene:
    """An event, and what became of its conversation since."""

    event: ConversationEvent
    thread: ConversationThread
    """As it is now."""
    people_changed: bool = False
    """Whether somebody came or left since."""
    aliases: Sequence[ConversationAlias] = ()
    """Of its conversation now; only read for sends."""
    before: Sequence[ConversationEvent] = ()
    """What happened before the event, in order: its beginning and the last of it. Only read for sends."""
    masks: Masks = Masks()
    """The addresses of its people. Only read for sends, of a message with an address in it."""
    mailboxes: Mailboxes = Mailboxes()
    """Where its recipients are reached. Only read for sends."""
    names: Mapping[AccountId, str] = field(factory=_nobody, hash=False)
    """What those are called whom a mail may name. Only read for sends."""
    readers: frozenset[AccountId] = frozenset()
    """Recipients who have read it, as a host says. Only read for sends."""
    audience: frozenset[AccountId] | None = None
    """Accounts to whom a host says it was written; None: those who took part."""
    withdrawn: bool = False
    """Whether its text is gone: it was redacted, or its host does not have it any more."""

    @property
    def is_redacted(self) -> bool:
        """Whether the text of the event is gone."""
        return self.withdrawn

    @property
    def is_withdrawn(self) -> bool:
        """Redacted or erased: nobody is told of it any more."""
        return self.is_redacted or self.thread.state is ThreadState.ERASED

    def objection(self, recipient: AccountId, rules: FirstTryRules, *, now: datetime) -> Objection | None:
        """Return what stands against a first try for that recipient, or None."""
        return rules.objection(
            self.event, self.thread, recipient, redacted=self.is_redacted, readers=self.readers, now=now
        )
