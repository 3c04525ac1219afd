"""Compare the keys of this process with those that made the aliases in use."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Final

from attrs import frozen

from convalias.domain.aliases.alias import ConversationAlias, Token
from convalias.domain.aliases.tokens import ALPHABET, read_v3
from convalias.domain.deployment.keyring import Keyring, KeyUse
from convalias.ports.ambient import Clock
from convalias.services.conversations.errors import KeysRefused
from convalias.stores.aliases.alias_keys import KeyUses
from convalias.stores.aliases.aliases import Aliases
from convalias.stores.deployment.deployments import Deployments

SURVEYED: Final = 100_000
"""So many aliases are looked at, at most: a store that no release of before wrote is never looked through."""


@frozen(kw_only=True)
class KeySurvey:
    """Live v3 aliases by the id of the key that made them."""

    made: Mapping[int, int]
    """By keys of this keyring."""
    strange: Mapping[int, int]
    """By none of them: the id is not here, or has another secret."""
    whole: bool
    """Every alias was looked at."""


class KeyGuard:
    """Compares a keyring with what the store says made its aliases. Asks the store once; what was found holds.

    Raises `KeysRefused`, and `Unavailable`.
    """

    def __init__(
        self,
        *,
        uses: KeyUses,
        aliases: Aliases,
        keyring: Keyring,
        deployments: Deployments,
        clock: Clock,
        missing: Collection[int] = (),
        lost: str = "",
        most: int = SURVEYED,
    ) -> None:
        """Name the parts. `missing`: ids that may lack; `lost`: why these keys are none."""
        self._uses = uses
        self._aliases = aliases
        self._keyring = keyring
        self._keys = keyring.alias_keys()
        self._clock = clock
        self._missing = frozenset(missing)
        self._lost = lost
        self._deployments = deployments
        self._most = most
        self._is_sound = False
        self._noted: set[int] = set()

    async def check(self) -> None:
        """Refuse keys that would make aliases in use forged ones. One read of a few records, once."""
        if self._is_sound:
            return
        if self._lost:
            raise KeysRefused(self._lost)
        noted = await self._uses.noted()
        lacking = [use for use in self._keyring.lacks(noted.uses) if use.id not in self._missing]
        if lacking or not noted.surveyed:
            await self._settle(lacking, await self.survey(), is_first=not noted.surveyed)
        self._is_sound = True

    async def lacking(self) -> str:
        """Say in one line that keys of this deployment are not here, those given up as well; empty: none. Reads only."""
        if self._lost:
            return self._lost
        lacking = self._keyring.lacks((await self._uses.noted()).uses)
        if not lacking:
            return ""
        number = min(use.id for use in lacking)
        return f"key {number} made aliases of this deployment and is not here, or has another secret (CONVALIAS_KEYS)"

    async def before_minting(self) -> None:
        """Note the newest key before the first alias is made with it."""
        await self._note([self._keys.newest.id])

    async def before_adopting(self, aliases: Iterable[ConversationAlias]) -> None:
        """Note the keys of this keyring that made aliases from elsewhere."""
        made = (self._maker(alias) for alias in aliases)
        await self._note(sorted({number for number, is_ours in filter(None, made) if is_ours}))

    async def survey(self) -> KeySurvey:
        """Look at the aliases that are neither revoked nor expired, up to a bound."""
        made: Counter[int] = Counter()
        strange: Counter[int] = Counter()
        seen = 0
        async for alias in self._aliases.every_live(now=self._clock.now()):
            if (maker := self._maker(alias)) is not None:
                number, is_ours = maker
                (made if is_ours else strange)[number] += 1
            seen += 1
            if seen >= self._most:
                return KeySurvey(made=made, strange=strange, whole=False)
        return KeySurvey(made=made, strange=strange, whole=self._aliases.can_be_listed)

    async def _settle(self, lacking: Sequence[KeyUse], found: KeySurvey, *, is_first: bool) -> None:
        """What the records say may be old: the aliases themselves decide, as far as they were looked at."""
        self._refuse([use.id for use in lacking if _may_be_in_use(use.id, found)])
        strange = () if await self._has_foreign() else tuple(found.strange)
        if is_first:
            self._refuse([number for number in strange if number not in self._missing])
        for use in lacking:
            await self._uses.settle(use, self._use(use.id) if use.id in found.made else None)
        if is_first:
            for number in (*found.made, *strange):
                await self._uses.note(self._use(number) if number in found.made else self._use_of_nobody(number))
            await self._uses.surveyed(at=self._clock.now())

    async def _has_foreign(self) -> bool:
        """Whether the deployment was given aliases that keys of others made: they work, for they are listed."""
        return (await self._deployments.get()).foreign_tokens

    async def _note(self, numbers: Sequence[int]) -> None:
        if self._noted.issuperset(numbers):
            return
        await self.check()
        for number in numbers:
            mine = self._use(number)
            standing = await self._uses.note(mine)
            if standing.fingerprint != mine.fingerprint and number not in self._missing:
                self._refuse([number])
            self._noted.add(number)

    def _refuse(self, numbers: Sequence[int]) -> None:
        if not numbers:
            return
        number = min(numbers)
        here = "has another secret" if self._keyring.get(number) is not None else "is not in the keyring"
        raise KeysRefused(
            f"key {number} made aliases that are in use, and {here}: mail to them would be refused as forged; put that"
            f" key back (CONVALIAS_KEYS, newest first), or give it up with missing_key_ids = [{number}]"
        )

    def _maker(self, alias: ConversationAlias) -> tuple[int, bool] | None:
        """The key id of its token, and whether that key is ours; None for what has no token."""
        token = read_v3(alias.address.local, alias.address.domain, self._keys)
        return None if token is None else (ALPHABET.index(token.value[0]), isinstance(token, Token))

    def _use(self, number: int) -> KeyUse:
        key = self._keyring.get(number)
        return self._use_of_nobody(number) if key is None else KeyUse(number, key.fingerprint, self._clock.now())

    def _use_of_nobody(self, number: int) -> KeyUse:
        return KeyUse(number, "", self._clock.now())


def _may_be_in_use(number: int, found: KeySurvey) -> bool:
    return number in found.strange or (not found.whole and number not in found.made)
