"""Stop e-mail about one conversation by the link in a mail, and begin it again: no login, no session."""

from __future__ import annotations

from attrs import frozen

from convalias.domain.outbound.seals import Seals
from convalias.domain.outbound.suppressions import Muted, Subscription
from convalias.ports.ambient import Clock
from convalias.stores.outbound.suppressions import Suppressions


@frozen(kw_only=True)
class Unsubscribing:
    """Acts on the tokens of `Seals.unsubscribe_token`. Every call may be repeated. Raises `Unavailable`."""

    seals: Seals
    suppressions: Suppressions
    clock: Clock

    async def show(self, token: str) -> Subscription:
        """Return what holds now. Changes nothing."""
        about = self.seals.unsubscribed(token)
        if about is None:
            return Subscription.NO_LINK
        conversation, account = about
        return Subscription.MUTED if await self.suppressions.is_muted(account, conversation) else Subscription.MAILED

    async def stop(self, token: str) -> Subscription:
        """Mute the conversation for the account: no mail leaves from now on."""
        about = self.seals.unsubscribed(token)
        if about is None:
            return Subscription.NO_LINK
        conversation, account = about
        await self.suppressions.mute(Muted(account=account, conversation=conversation, at=self.clock.now()))
        return Subscription.MUTED

    async def resume(self, token: str) -> Subscription:
        """Lift the mute, whatever made it."""
        about = self.seals.unsubscribed(token)
        if about is None:
            return Subscription.NO_LINK
        conversation, account = about
        await self.suppressions.lift_mute(account, conversation)
        return Subscription.MAILED
