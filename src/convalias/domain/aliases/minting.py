"""New alias addresses from given random bytes: v3 by default, v1 and v2 while a rollout asks for them."""

from __future__ import annotations

import re
from typing import Final, assert_never
from uuid import UUID

from convalias.domain.addresses.email_address import EmailAddress
from convalias.domain.aliases.alias import AliasFormat, AliasKeys
from convalias.domain.aliases.naming import NamePolicy, alias_name
from convalias.domain.aliases.tokens import BITS, ID_LENGTH, base32, seal
from convalias.domain.errors import InvalidValue

DRAW: Final = 16
"""Random octets that a draw takes, whatever the format."""
_ID_OCTETS: Final = 7
_ID_DROP: Final = _ID_OCTETS * 8 - BITS * ID_LENGTH

_RUN: Final = re.compile(r"[bcdfghjkmnpqrstvwxyz]{7}|[0-9]{6}")
"""What makes spam filters, and people, doubt a local part."""
_LOOKS_LIKE: Final = str.maketrans("013457", "oieast")
_WORDS: Final = re.compile(
    "anal|anus|arse|ass|bomb|bitch|b1tch|cock|crap|cunt|damn|dead|death|die|dick|fag|fake|fatwa|fck|fuck|gay|hate|hell"
    "|homo|jap|jew|kill|kkk|nazi|negr|nigg|penis|phish|porn|pussy|rape|scam|sex|shit|slave|slut|spam|tit|viagra|vagina"
    "|virus|wank|whore|xxx"
)
"""Words nobody wants in an address; digits are read as the letters they look like. A token has no i, l, o, u."""


def mint(
    name: str,
    *,
    domain: str,
    random: bytes,
    keys: AliasKeys,
    naming: NamePolicy = NamePolicy.FULL,
    brand: str = "",
    format: AliasFormat = AliasFormat.V3,  # noqa: A002 - the term of the field
) -> EmailAddress | None:
    """The address that these random octets make, or None when others have to be drawn: its token looks bad.

    `random` are at least 16 octets from a cryptographic source, `domain` is canonical (an A-label). The newest key
    mints. `brand` is the platform's name, which nobody else's alias holds. Whether the address is taken already is for the store to find out; it then draws again. About a fifth
    of the v3 draws end in None. `InvalidValue` when there are too few octets.
    """
    if len(random) < DRAW:
        raise InvalidValue("random octets for an alias", found=len(random), expected=f"{DRAW} or more")
    match format:
        case AliasFormat.V1:
            local = str(UUID(bytes=random[:DRAW], version=4))
        case AliasFormat.V2:
            local = f"{alias_name(name, naming, brand=brand)}-{random[:4].hex()}"
        case AliasFormat.V3:
            token = _token(random, domain, keys)
            if token is None:
                return None
            local = f"{alias_name(name, naming, brand=brand)}-{token}"
        case _:  # pragma: no cover
            assert_never(format)
    address = f"{local}@{domain}"
    return EmailAddress(address, address)


def _token(random: bytes, domain: str, keys: AliasKeys) -> str | None:
    random_id = base32(int.from_bytes(random[:_ID_OCTETS]) >> _ID_DROP, ID_LENGTH)
    token = seal(keys.newest, random_id, domain)
    return None if is_unsightly(token) else token


def is_unsightly(token: str) -> bool:
    """Seven consonants or six digits in a row, or a listed word: to be drawn again."""
    return _RUN.search(token) is not None or _WORDS.search(token.translate(_LOOKS_LIKE)) is not None
