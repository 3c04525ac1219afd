"""Aliases of conversations: issued, rotated and revoked, each with the event that says so."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from attrs import evolve, field, frozen

from convalias.domain.addresses.email_address import EmailAddress
from convalias.domain.aliases.alias import AliasKeys, ConversationAlias
from convalias.domain.aliases.minting import DRAW, mint
from convalias.domain.aliases.styles import AliasStyle, AliasStyles
from convalias.domain.conversations import storable
from convalias.domain.conversations.events import AliasIssued, AliasRevoked, Happening, NewEvent, Origin
from convalias.domain.conversations.participants import Participant
from convalias.domain.conversations.threads import ConversationThread
from convalias.domain.errors import InvalidValue
from convalias.domain.ids import AccountId, AliasId, EventId
from convalias.domain.mail.dedup import SystemKey
from convalias.domain.migration.rollout import Axis
from convalias.domain.outbound.answering import NO_DOMAIN, NO_FREE_ADDRESS, MintingAnswer, minting_answer, without_alias
from convalias.ports.ambient import Clock
from convalias.services.conversations.alias_keys import KeyGuard
from convalias.services.conversations.errors import NoSuchAlias
from convalias.services.conversations.guards import existing, takes_part
from convalias.services.conversations.stages import Stages
from convalias.stores.aliases.aliases import Aliases, Draw, NewAlias
from convalias.stores.conversations.access import ConversationAccess
from convalias.stores.errors import NoFreeAddress


@frozen(kw_only=True)
class AliasMint:
    """The settings by which new aliases are made. What was made before decodes for ever, whatever this says."""

    domain: str
    """Canonical: an A-label."""
    keys: AliasKeys = field(repr=False)
    styles: AliasStyles = AliasStyles()
    brand: str = ""
    """The platform's name: no alias holds it. Empty: there is none."""


@frozen(kw_only=True)
class Aliasing:
    """Alias row first, then its event under a dedup key made of the alias id: each step may be repeated."""

    aliases: Aliases
    conversations: ConversationAccess
    clock: Clock
    stages: Stages
    mint: AliasMint | None
    """None: there is no alias domain yet, so none can be issued."""
    guard: KeyGuard

    async def issue(self, conversation: str, *, account: str, topic: str = "") -> ConversationAlias:
        """The live alias of that participant; a new one where there is none. Whether minting is on is not asked.

        Raises `NoSuchConversation`, `Refused` (no participant), `InvalidValue` (no alias domain), `KeysRefused`,
        `Unavailable`.
        """
        identity = storable.conversation_id(conversation)
        storable.typed("topic", topic)
        thread = existing(await self.conversations.thread(identity), identity)
        return await self._issue(thread, storable.account_id(account), topic)

    async def issue_all(self, thread: ConversationThread) -> Sequence[ConversationAlias]:
        """The live alias of each participant; none where minting is off for this conversation (stage `legacy`)."""
        if (await self.minting(thread)).refusal:
            return ()
        return [await self._issue(thread, participant.account, "") for participant in thread.participants]

    async def minting(self, thread: ConversationThread) -> MintingAnswer:
        """Whether aliases may be issued in this conversation. One read of the flag. Raises `Unavailable`."""
        if self.mint is None:
            return MintingAnswer(refusal=NO_DOMAIN)
        return minting_answer((await self.stages.of([thread], Axis.MINTING))[thread.id])

    async def lacking(self, thread: ConversationThread) -> Sequence[AccountId]:
        """Participants without a working alias. One read. Raises `Unavailable`."""
        return without_alias(thread, await self.aliases.of(thread.id), now=self.clock.now())

    async def issue_for(self, thread: ConversationThread, accounts: Iterable[AccountId]) -> MintingAnswer:
        """Issue an alias to each of these participants, unless that is refused. May be repeated.

        Raises `NoSuchConversation` (erased since), `Contended`, `Unavailable`; what was issued by then stays.
        """
        answer = await self.minting(thread)
        if answer.refusal:
            return answer
        try:
            for account in accounts:
                await self._issue(thread, account, "")
        except NoFreeAddress:
            return evolve(answer, refusal=NO_FREE_ADDRESS)
        return answer

    async def rotate(self, address: str) -> ConversationAlias:
        """A new alias in the place of a live one, which goes on working. Rotated before: the one that is live now.

        Raises `NoSuchAlias`, `Refused` (its participant has left), and as `issue`.
        """
        old = await self.resolve(EmailAddress.parse(address))
        if old is None:
            raise NoSuchAlias(address)
        thread = existing(await self.conversations.thread(old.conversation), old.conversation)
        return await self._issue(thread, old.stands_for, old.topic, replacing=old.id)

    async def revoke(self, address: str) -> ConversationAlias:
        """Revoke an alias: it takes no mail from now on, and is never given to anybody else. Raises `NoSuchAlias`."""
        now = self.clock.now()
        alias = await self.aliases.revoke(EmailAddress.parse(address), at=now)
        if alias is None:
            raise NoSuchAlias(address)
        await self.note(alias)
        return alias

    async def resolve(self, address: EmailAddress) -> ConversationAlias | None:
        """The alias that mail to this (unwrapped) address is meant for, whatever its state."""
        return await self.aliases.at(address)

    async def note(self, alias: ConversationAlias) -> None:
        """The events that say what the row says: issued, and revoked where it is."""
        identity = alias.id or AliasId("")
        await self._note(alias, f"alias {identity}", AliasIssued(identity, alias.stands_for))
        if alias.revoked_at is not None:
            await self._note(alias, f"alias revoked {identity}", AliasRevoked(identity))

    async def _issue(
        self, thread: ConversationThread, account: AccountId, topic: str, *, replacing: AliasId | None = None
    ) -> ConversationAlias:
        takes_part(thread, account)
        if self.mint is None:
            raise InvalidValue("alias domain", found="none", expected="one, before an alias can be issued")
        await self.guard.before_minting()
        now = self.clock.now()
        who = thread.participant(account) or Participant(account)
        style = self.mint.styles.of(thread.use_case, who.region)
        wanted = NewAlias(
            id=AliasId(self.clock.new_id()),
            conversation=thread.id,
            stands_for=account,
            topic=topic,
            created_at=now,
            expires_at=None if style.lives is None else now + style.lives,
        )
        draw = self._draw(self.mint, who.name, style)
        alias = await self.aliases.issue(wanted, draw, replacing=replacing)
        await self.note(alias)
        return alias

    def preview(self, use_case: str, *, name: str, region: str | None = None) -> tuple[EmailAddress, AliasStyle]:
        """Return an address as somebody of that name would get one, and its style. Nothing is written; it leads nowhere.

        Raises `InvalidValue` (no alias domain).
        """
        if self.mint is None:
            raise InvalidValue("alias domain", found="none", expected="one, before an alias can be shown")
        style = self.mint.styles.of(storable.use_case(use_case), region)
        draw = self._draw(self.mint, name, style)
        while (address := draw()) is None:  # its token looks bad
            pass
        return address, style

    def _draw(self, how: AliasMint, name: str, style: AliasStyle) -> Draw:
        def draw() -> EmailAddress | None:
            return mint(
                name,
                domain=how.domain,
                random=self.clock.entropy(DRAW),
                keys=how.keys,
                naming=style.names,
                brand=how.brand,
                format=style.format,
            )

        return draw

    async def _note(self, alias: ConversationAlias, subject: str, happening: Happening) -> None:
        key = SystemKey(alias.conversation, subject)
        now = self.clock.now()
        new = NewEvent(
            id=EventId(self.clock.new_id()),
            conversation=alias.conversation,
            happening=happening,
            dedup_key=str(key),
            origin=Origin.CHAT,
            occurred_at=now,
        )

        def draft(thread: ConversationThread | None) -> NewEvent:
            existing(thread, alias.conversation)
            return new

        await self.conversations.append(alias.conversation, draft, key=new.dedup_key)
