"""Conversation aliases and legacy aliases: what they are, and by what one is looked up."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from enum import Enum
from typing import Final, TypeAlias

from attrs import field, frozen

from convalias.domain.addresses.email_address import EmailAddress
from convalias.domain.errors import InvalidValue
from convalias.domain.expecting import check_fields, each
from convalias.domain.ids import AccountId, AliasId, ConversationId

KEY_IDS: Final = 32
"""A key id is one character of Crockford base32: 0 to 31."""
SECRET_OCTETS: Final = 16
"""RFC 2104 §3 asks for the length of the hash's output; half of SHA-256's is the least that is taken."""


class AliasFormat(Enum):
    """The spelling of an alias. All three decode for ever; only minting changes."""

    V1 = 1
    """The bare UUID."""
    V2 = 2
    """A name and 8 hex digits; the two together decide."""
    V3 = 3
    """A name and a 17 character token with a MAC; the token alone decides."""


@frozen(kw_only=True)
class ConversationAlias:
    """The address under which one participant stands in one conversation. Times are aware.

    At most one is live (not superseded, revoked or expired) per conversation, participant and topic. Being
    superseded ends nothing: an alias works until it expires or is revoked.
    """

    address: EmailAddress
    conversation: ConversationId
    stands_for: AccountId
    id: AliasId | None = None
    topic: str = ""
    format: AliasFormat = AliasFormat.V3
    created_at: datetime | None = None
    expires_at: datetime | None = None
    revoked_at: datetime | None = None
    superseded_by: AliasId | None = None

    __attrs_post_init__ = check_fields


@frozen
class LegacyAlias:
    """An address of the legacy relay, and the conversation it is known to belong to."""

    address: EmailAddress
    conversation: ConversationId | None

    __attrs_post_init__ = check_fields


class InvalidKey(InvalidValue):
    """An alias key is too short, or its id is taken or out of range."""


@frozen
class AliasKey:
    """A secret for the MACs of aliases. `id` is 0 to 31, the secret at least 16 octets in production; `InvalidKey`."""

    id: int
    secret: bytes = field(repr=False)

    def __attrs_post_init__(self) -> None:
        """Refuse an id that no character stands for, and no secret at all."""
        if not 0 <= self.id < KEY_IDS:
            raise InvalidKey("alias key id", found=self.id, expected=f"0 to {KEY_IDS - 1}")
        if not self.secret:
            raise InvalidKey(f"secret of alias key {self.id}", found="nothing", expected=f"{SECRET_OCTETS} octets")


def _as_tuple(keys: Iterable[AliasKey]) -> tuple[AliasKey, ...]:
    return each("keys", keys, AliasKey, expected="several AliasKey")


@frozen
class AliasKeys:
    """Newest first: the first mints, all verify."""

    keys: tuple[AliasKey, ...] = field(converter=_as_tuple)
    _by_id: Mapping[int, AliasKey] = field(init=False, repr=False, eq=False, hash=False)

    def __attrs_post_init__(self) -> None:
        """Refuse two keys of one id: which of them minted an alias could not be told."""
        by_id = {key.id: key for key in self.keys}
        if len(by_id) != len(self.keys):
            raise InvalidKey("alias keys", found=[key.id for key in self.keys], expected="each id once")
        object.__setattr__(self, "_by_id", by_id)

    @classmethod
    def of(cls, secrets: Mapping[int, bytes]) -> AliasKeys:
        """Make a key set from keys by id, newest first. Raises `InvalidKey`."""
        return cls(tuple(AliasKey(number, secret) for number, secret in secrets.items()))

    @property
    def newest(self) -> AliasKey:
        """The key that mints. Raises `InvalidKey` when there is none."""
        if not self.keys:
            raise InvalidKey("alias keys", found="none", expected="at least one")
        return self.keys[0]

    def get(self, number: int) -> AliasKey | None:
        """The key with that id, or None."""
        return self._by_id.get(number)


def is_live(alias: ConversationAlias, now: datetime) -> bool:
    """Neither revoked nor expired by then. Whether it is superseded, its generation says."""
    return not any(end is not None and end <= now for end in (alias.revoked_at, alias.expires_at))


@frozen(cache_hash=True)
class Token:
    """The deciding part of a v3 alias: 17 characters, case and look-alikes folded. Its MAC covers the domain."""

    value: str
    domain: str


@frozen
class Forged:
    """Shaped like a v3 token, but its MAC or its key id is not ours."""

    value: str


@frozen
class ByName:
    """The whole address decides: v1, v2, and whatever else is listed."""

    address: EmailAddress

    def __hash__(self) -> int:
        """That of the address, which remembers it."""
        return hash(self.address)


AliasHandle: TypeAlias = Token | ByName
"""By what an alias is looked up. A v3 alias is found under both of its handles."""
