"""Addresses of all kinds: people's, aliases of each format, legacy ones, and what mail servers make of them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Final
from uuid import UUID

from attrs import frozen
from hypothesis import strategies as st

from convalias.domain.addresses.email_address import EmailAddress, MailDomains
from convalias.domain.aliases.alias import AliasFormat, AliasKey, AliasKeys, ConversationAlias, LegacyAlias
from convalias.domain.aliases.tokens import ALPHABET, ID_LENGTH, seal
from convalias.domain.ids import ConversationId
from convalias.domain.mail.dedup import ChatKey, DedupKey, MailKey, SystemKey
from convalias.domain.mail.message_id import MessageId
from convalias.testing.strategies.places import (
    ACCOUNTS,
    ALIASES,
    CONVERSATIONS,
    DOMAINS,
    ELSEWHERE,
    LEGACY,
    SENDERS,
    moments,
    mostly,
)

KEYS: Final = AliasKeys.of({0: b"no secret, for tests"})
"""What `v3_aliases` are signed with."""

_NAMES: Final = st.sampled_from(("ann", "bob-lee", "jose", "x"))
_ALIAS_DOMAINS: Final = st.sampled_from(("reply.example", "talk.example"))
# Readable first: an example shrinks to `ann@home.example`. Then what breaks careless code: letters that lower() and
# casefold() merge with others, dots where RFC 5322 §3.2.3 has none, quotes, tags, another script.
_ODD_LOCALS: Final = (
    "Ann",
    "ann+tag",
    "a..b",
    "ann.",
    '"a b"',
    '"a@b"',
    "ſmith",
    "\u212a",
    "straße",
    "josé",
    "山田",
    "=?utf-8?q?ann?=",
)
_PEOPLES_DOMAINS: Final = ("home.example", "corp.example", "mail.corp.example", "xn--bcher-kva.example")


def addresses() -> st.SearchStrategy[EmailAddress]:
    """Addresses that may stand in a mail: well-known people first, then made-up and odd ones."""
    plain = st.text("abcdefghijklmnopqrstuvwxyz0123456789", min_size=1, max_size=12)
    local = st.one_of(plain, st.sampled_from(_ODD_LOCALS))
    made = st.builds(_at, local, st.sampled_from(_PEOPLES_DOMAINS))
    return st.one_of(st.sampled_from(SENDERS), made, st.sampled_from((*ALIASES, *LEGACY)))


def v1_aliases() -> st.SearchStrategy[EmailAddress]:
    """Alias addresses of the first format: a bare UUID."""
    return st.builds(_at, st.uuids(version=4).map(UUID.__str__), _ALIAS_DOMAINS)


def v2_aliases() -> st.SearchStrategy[EmailAddress]:
    """Alias addresses of the second format: a name and 8 hex digits."""
    digits = st.integers(0, 0xFFFFFFFF).map("{:08x}".format)
    return st.builds(_named, _NAMES, digits, _ALIAS_DOMAINS)


def v3_aliases(keys: AliasKeys = KEYS) -> st.SearchStrategy[EmailAddress]:
    """Alias addresses of the third format, signed with the newest of `keys`: with other keys they are forged."""
    ids = st.text(ALPHABET, min_size=ID_LENGTH, max_size=ID_LENGTH)
    return st.builds(_sealed, st.just(keys.newest), _NAMES, ids, _ALIAS_DOMAINS)


def alias_addresses(format: AliasFormat | None = None) -> st.SearchStrategy[EmailAddress]:  # noqa: A002 - the field's term
    """Alias addresses of that format; None: of any."""
    made = {AliasFormat.V2: v2_aliases(), AliasFormat.V3: v3_aliases(), AliasFormat.V1: v1_aliases()}
    return st.one_of(*made.values()) if format is None else made[format]


_SELDOM: Final[st.SearchStrategy[datetime | None]] = mostly(st.none(), moments())


@st.composite
def aliases(draw: st.DrawFn, conversation: ConversationId | None = None) -> ConversationAlias:
    """Conversation aliases of every format and state: mostly alive, some expired or revoked, now or long ago."""
    kind = draw(st.sampled_from((AliasFormat.V2, AliasFormat.V3, AliasFormat.V1)))
    return ConversationAlias(
        address=draw(alias_addresses(kind)),
        conversation=conversation or draw(st.sampled_from(CONVERSATIONS)),
        stands_for=draw(st.sampled_from(ACCOUNTS)),
        format=kind,
        expires_at=draw(_SELDOM),
        revoked_at=draw(_SELDOM),
    )


def legacy_aliases() -> st.SearchStrategy[LegacyAlias]:
    """Addresses of the legacy relay, of a known conversation or of none."""
    return st.builds(LegacyAlias, st.sampled_from(LEGACY), st.sampled_from((*CONVERSATIONS, None)))


@frozen
class Spot:
    """A place where a mail goes, before the addresses are known: the same strategy serves every world."""

    number: int
    form: str
    """How the address is written: bare, tagged, or wrapped as mail servers do it."""
    elsewhere: EmailAddress | None = None

    def among(self, listed: Sequence[EmailAddress]) -> EmailAddress:
        """The address there."""
        if self.elsewhere is not None:
            return self.elsewhere
        address = listed[self.number % len(listed)]
        return EmailAddress.parse(self.form.format(address.local, address.domain)) if self.form else address


def _nowhere(address: EmailAddress) -> Spot:
    return Spot(0, "", address)


_NOWHERE: Final = (
    EmailAddress.parse("nobody@talk.example"),
    EmailAddress.parse("other-0123456789abcdefg@reply.example"),
    ELSEWHERE,
)
_NUMBERS: Final = st.integers(0, 15)
_ANY_LISTED: Final = (*ALIASES, *LEGACY)
SPOTS: Final = mostly(
    st.builds(Spot, _NUMBERS, st.just("")),
    st.one_of(
        st.builds(Spot, _NUMBERS, st.sampled_from(("{}+tag@{}", "prvs=0123abcdef={}@{}", "btv1==00==ab=={}+x+y@{}"))),
        st.sampled_from(_NOWHERE).map(_nowhere),
    ),
    one_in=4,
)
"""Mostly a listed address as it is listed; else wrapped, unknown, or somebody else's."""


def arrivals(listed: Sequence[EmailAddress] = _ANY_LISTED) -> st.SearchStrategy[EmailAddress]:
    """Addresses to send to: those listed, renamed or wrapped as servers do it, unknown ones, and somebody else's."""
    return SPOTS.map(lambda spot: spot.among(listed))


def mail_domains() -> st.SearchStrategy[MailDomains]:
    """Domains that are ours, with or without a legacy relay."""
    return st.sampled_from((DOMAINS, MailDomains({"reply.example"}), MailDomains({"reply.example"}, {"relay.example"})))


def alias_keys() -> st.SearchStrategy[AliasKeys]:
    """Draw one to three keys, newest first; their secrets are no secret."""
    return st.lists(st.integers(0, 31), min_size=1, max_size=3, unique=True).map(
        lambda ids: AliasKeys(AliasKey(number, b"no secret, for tests") for number in ids)
    )


def message_ids() -> st.SearchStrategy[MessageId]:
    """Two ordinary ones, so that they meet; then what mailers have been seen to write."""
    odd = (b"a", b"[ABC]@corp.example", b"\xff@corp.example", b"no-at-sign", b"<nested@corp.example")
    return st.sampled_from((b"1@corp.example", b"2@corp.example", *odd)).map(MessageId)


def dedup_keys() -> st.SearchStrategy[DedupKey]:
    """Keys of mails, chat messages and events of the platform."""
    places, words = st.sampled_from(CONVERSATIONS), st.sampled_from(("k1", "k2"))
    return st.one_of(
        st.builds(MailKey, places, st.sampled_from(SENDERS), message_ids(), st.sampled_from(("", "0a1b2c"))),
        st.builds(ChatKey, places, words),
        st.builds(SystemKey, places, words),
    )


def _at(local: str, domain: str) -> EmailAddress:
    return EmailAddress.parse(f"{local}@{domain}")


def _named(name: str, tail: str, domain: str) -> EmailAddress:
    return _at(f"{name}-{tail}", domain)


def _sealed(key: AliasKey, name: str, random_id: str, domain: str) -> EmailAddress:
    return _at(f"{name}-{seal(key, random_id, domain)}", domain)
