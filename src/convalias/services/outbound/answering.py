"""Issue an address to answer to before the hub owns a notification."""

from __future__ import annotations

from collections.abc import Sequence

from attrs import frozen

from convalias.domain.addresses.email_address import EmailAddress
from convalias.domain.aliases.alias import ConversationAlias, is_live
from convalias.domain.conversations.events import MessageAdded
from convalias.domain.conversations.participants import Author
from convalias.domain.ids import AccountId
from convalias.domain.outbound.answering import ALL_THERE, MintingAnswer, reply_alias, unanswerable
from convalias.domain.outbound.delivery import DeliveryDecision, DeliveryState, Owner
from convalias.domain.outbound.scene import Scene
from convalias.ports.errors import Unavailable
from convalias.services.conversations.aliasing import Aliasing
from convalias.services.conversations.errors import KeysRefused, NoSuchConversation


@frozen
class Provided:
    """An answer about the aliases that a notification needs."""

    answer: MintingAnswer
    aliases: Sequence[ConversationAlias] | None = None
    """All of the conversation, where they were read and none was lacking."""


@frozen(kw_only=True)
class Answering:
    """Issues aliases that are lacking. Every call may be repeated; what was issued stays. Raises `Unavailable`."""

    aliasing: Aliasing
    has_legacy: bool
    """Whether a legacy relay is bound, which delivers what the hub may not."""

    async def before(self, decision: DeliveryDecision, scene: Scene) -> Provided:
        """Issue what is lacking before the hub owns this decision. One read where nothing is.

        A decision of legacy, or one that tells nobody by mail, needs no alias.
        """
        message = scene.event.happening
        told = [
            row.recipient
            for row in decision.deliveries
            if row.state is DeliveryState.PLANNED and row.channel.takes_replies
        ]
        silent = decision.owner is not Owner.HUB or not told or scene.is_withdrawn
        if silent or not isinstance(message, MessageAdded):
            return Provided(ALL_THERE)
        try:
            return await self._provide(scene, message.author, told)
        except NoSuchConversation:  # erased since the scene was read: its rows end cancelled
            return Provided(ALL_THERE)
        except KeysRefused as refused:  # this process may not issue; another one, or this one mended, may
            raise Unavailable("alias keys") from refused

    async def anew(self, scene: Scene, author: Author, recipient: AccountId) -> EmailAddress | None:
        """An address to answer to where all were revoked or have expired. None: none may be issued.

        Raises `NoSuchConversation` too: the conversation was erased since the scene was read.
        """
        try:
            provided = await self._provide(scene, author, [recipient])
        except KeysRefused:
            return None
        if provided.answer.refusal:
            return None
        listed = await self.aliasing.aliases.of(scene.thread.id)
        return reply_alias(listed, author=author, recipient=recipient, now=self.aliasing.clock.now())

    async def _provide(self, scene: Scene, author: Author, recipients: Sequence[AccountId]) -> Provided:
        listed = await self.aliasing.aliases.of(scene.thread.id)
        now = self.aliasing.clock.now()
        lacking = unanswerable(listed, author=author, recipients=recipients, thread=scene.thread, now=now)
        if lacking:
            return Provided(await self.aliasing.issue_for(scene.thread, lacking))
        for alias in listed:
            if _is_younger(alias, scene) and is_live(alias, now):
                # Perhaps issued by a try of this very decision that died before its event was written.
                await self.aliasing.note(alias)
        return Provided(ALL_THERE, listed)


def _is_younger(alias: ConversationAlias, scene: Scene) -> bool:
    """Issued after the message was written: rare, so that its event is looked for again."""
    return alias.created_at is not None and alias.created_at > scene.event.appended_at
