"""Choose the alias under which a notification can be answered, and find who lacks one."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Final

from attrs import frozen

from convalias.domain.addresses.email_address import EmailAddress
from convalias.domain.aliases.alias import ConversationAlias, is_live
from convalias.domain.conversations.participants import AccountAuthor, Author
from convalias.domain.conversations.threads import ConversationThread, ThreadState
from convalias.domain.ids import AccountId
from convalias.domain.migration.rollout import Cohort, Stage

NO_TOPIC: Final = ""
MINTING_OFF: Final = "minting is off for this conversation"
NO_DOMAIN: Final = "no alias domain"
NO_FREE_ADDRESS: Final = "no free alias address"


@frozen(kw_only=True)
class MintingAnswer:
    """Whether aliases may be issued in a conversation: the flag as it was read, and why not."""

    cohort: Cohort | None = None
    """The minting flag's answer; None: the flag was not asked, or nothing is set."""
    refusal: str = ""
    """Why no alias may be issued; empty: all that were needed are there."""


ALL_THERE: Final = MintingAnswer()
"""No alias was lacking, so nobody read the flag."""


def minting_answer(assigned: Stage | Cohort) -> MintingAnswer:
    """Return what the minting flag allows: in stage `legacy` no alias is issued."""
    cohort, stage = (assigned, assigned.stage) if isinstance(assigned, Cohort) else (None, assigned)
    return MintingAnswer(cohort=cohort, refusal=MINTING_OFF if stage is Stage.LEGACY else "")


def reply_alias(
    listed: Sequence[ConversationAlias], *, author: Author, recipient: AccountId, now: datetime
) -> EmailAddress | None:
    """Return the alias that From shows a recipient: the author's, or the recipient's own if the author has none.

    Either way an answer comes back into this conversation. None: no alias of either works any more.
    """
    own = working(listed, recipient, now)
    if isinstance(author, AccountAuthor):
        return working(listed, author.account, now) or own
    return own


def working(listed: Sequence[ConversationAlias], account: AccountId, now: datetime) -> EmailAddress | None:
    """The alias of that account to write under: a live one, that without a topic first; else one superseded."""
    theirs = [one for one in listed if one.stands_for == account and is_live(one, now)]
    if not theirs:
        return None
    return min(reversed(theirs), key=lambda one: (one.superseded_by is not None, one.topic != NO_TOPIC)).address


def unanswerable(
    listed: Sequence[ConversationAlias],
    *,
    author: Author,
    recipients: Iterable[AccountId],
    thread: ConversationThread,
    now: datetime,
) -> tuple[AccountId, ...]:
    """Return the accounts that lack an alias, without which a recipient could not answer.

    That of the author; for an author who is peripheral or gone, those of the recipients. Accounts that take no part
    any more lack nothing: they are told nothing.
    """
    if isinstance(author, AccountAuthor):
        if working(listed, author.account, now) is not None:
            return ()
        if thread.takes_part(author.account):
            return (author.account,)
    lacking = [one for one in recipients if thread.takes_part(one) and working(listed, one, now) is None]
    return tuple(dict.fromkeys(lacking))


def without_alias(
    thread: ConversationThread, listed: Sequence[ConversationAlias], *, now: datetime
) -> tuple[AccountId, ...]:
    """Participants without a working alias. Nobody in a conversation that is archived or erased needs one."""
    if thread.state in {ThreadState.ARCHIVED, ThreadState.ERASED}:
        return ()
    accounts = (participant.account for participant in thread.participants)
    return tuple(account for account in accounts if working(listed, account, now) is None)
