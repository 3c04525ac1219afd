"""Which facts a decision still lacks. The shell asks, the core says what."""

from __future__ import annotations

from attrs import frozen

from convalias.domain.addresses import EmailAddress
from convalias.domain.aliases import AliasHandle
from convalias.domain.context import RoutingContext, SightingKey, TextKey
from convalias.domain.envelope import InboundMail
from convalias.domain.ids import AccountId, ConversationId
from convalias.domain.policy import DEFAULT_POLICY, RoutingPolicy


@frozen(kw_only=True)
class Questions:
    """Open look-ups; each group is one batch call of one port. Falsy when nothing is open.

    Group for group what `context.Answers` answers: every key that is asked must be a key of the answer, or it stays
    open. A port that is away goes into `Answers.away` instead and is not asked again.
    """

    aliases: frozenset[AliasHandle] = frozenset()
    legacy: frozenset[EmailAddress] = frozenset()
    threads: frozenset[ConversationId] = frozenset()
    stages: frozenset[ConversationId] = frozenset()
    holders: frozenset[EmailAddress] = frozenset()
    accounts: frozenset[AccountId] = frozenset()
    tenures: frozenset[EmailAddress] = frozenset()
    sightings: frozenset[SightingKey] = frozenset()
    repeats: frozenset[TextKey] = frozenset()
    traffic: frozenset[ConversationId] = frozenset()

    def __bool__(self) -> bool:
        """Whether anything is open."""
        return bool(
            self.aliases
            or self.legacy
            or self.threads
            or self.stages
            or self.holders
            or self.accounts
            or self.tenures
            or self.sightings
            or self.repeats
            or self.traffic
        )


def questions(mail: InboundMail, known: RoutingContext, policy: RoutingPolicy = DEFAULT_POLICY) -> Questions:
    """What to look up next. Empty after at most three rounds."""
    raise NotImplementedError
