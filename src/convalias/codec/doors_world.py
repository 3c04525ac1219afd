"""A world (format 1 of `convalias explain`) read into facts, policy and post; every fault of it is told.

The meaning of each key: docs/reference/doors.md.
"""

from __future__ import annotations

import binascii
from base64 import b64decode
from collections.abc import Collection
from datetime import UTC, datetime
from typing import Final

from attrs import frozen

from convalias.codec.document import Json, Node, Problem
from convalias.codec.doors_facts import read_facts
from convalias.codec.errors import CodecError
from convalias.domain.addresses.email_address import EmailAddress, MailDomains
from convalias.domain.aliases.alias import KEY_IDS, AliasKey, AliasKeys
from convalias.domain.inbound.posts import Post
from convalias.domain.mail.authentication import Dmarc, DmarcPolicy, SenderEvidence
from convalias.domain.mail.envelope import NULL_RETURN_PATH, ReturnPath
from convalias.domain.routing.admission import FREE, LIGHT, STRICT
from convalias.domain.routing.context import Fact, RoutingContext, Witness
from convalias.domain.routing.policy import BlockedSenders, RoutingPolicy, SenderTrust

FORMAT: Final = 1
_TOLD: Final = 20
"""Problems that a message names; the rest are counted."""
_ADMISSIONS: Final = {one.name: one for one in (LIGHT, FREE, STRICT)}
_TRUSTS: Final = {one.value: one for one in SenderTrust}
_DMARC: Final = {one.value: one for one in Dmarc}
_DMARC_POLICIES: Final = {one.value: one for one in DmarcPolicy}
_WITNESSES: Final = {one.value: one for one in Witness}
_YEAR_1: Final = datetime.min.replace(tzinfo=UTC)
_NULL_PATHS: Final = frozenset({"", "<>"})
"""How the null return path is written (RFC 5321 §4.5.5), besides null."""


class InvalidWorld(CodecError, ValueError):
    """A world that cannot be: names each key, what is there, and what would be right."""

    def __init__(self, problems: Collection[Problem]) -> None:
        """Remember the problems; the message is made of them."""
        super().__init__(tuple(problems))
        self.problems = tuple(problems)

    def __str__(self) -> str:
        """One line, bounded."""
        told = "; ".join(map(str, self.problems[:_TOLD]))
        more = len(self.problems) - _TOLD
        return f"{told}; and {more} more" if more > 0 else told


@frozen(kw_only=True)
class World:
    """All that a decision needs besides the mail."""

    facts: tuple[Fact, ...]
    """In the order of the document; of an account's aliases in a conversation the last is the newest."""
    context: RoutingContext
    policy: RoutingPolicy
    post: Post


def read_world(document: Json) -> World:
    """A world from parsed JSON. Raises `InvalidWorld`, which names every fault. Unknown keys are ignored."""
    problems: list[Problem] = []
    root = Node(document, problems)
    if not root.is_object():
        raise InvalidWorld(problems)
    _format(root.get("format"))
    now = root.get("now").time()
    domains = _domains(root)
    facts = tuple(read_facts(root, domains))
    policy = _policy(root.section("policy"), now)
    keys = _keys(root)
    post = _post(root, now or _YEAR_1)
    away = frozenset(one for node in root.each("unavailable") if (one := node.one_of(_WITNESSES, None)))
    if problems or now is None:
        raise InvalidWorld(problems)
    context = RoutingContext.of(*facts, now=now, domains=domains, keys=keys, away=away)
    return World(facts=facts, context=context, policy=policy, post=post)


def _format(node: Node) -> None:
    if not node.absent and (isinstance(node.value, bool) or node.value != FORMAT):
        node.wrong(f"{FORMAT}, the one format there is")


def _domains(root: Node) -> MailDomains:
    """The domains that are ours. On a fault, those that are none: the rest is then read for its own faults."""
    if root.get("alias_domains").missing:
        root.get("alias_domains").wrong("a list of domains")
    alias = {domain for node in root.each("alias_domains") if (domain := node.domain())}
    legacy: set[str] = set()
    for node in root.each("legacy_domains"):
        domain = node.domain()
        if domain in alias:
            node.wrong("a domain that is not in alias_domains as well")
        elif domain is not None:
            legacy.add(domain)
    return MailDomains(alias=alias, legacy=legacy)


def _policy(node: Node, now: datetime | None) -> RoutingPolicy:
    days = node.get("historical_days").number(default=365, least=0)
    return RoutingPolicy(
        admission=node.get("admission").one_of(_ADMISSIONS, LIGHT),
        sender_trust=node.get("sender_trust").one_of(_TRUSTS, SenderTrust.ACCEPT_KNOWN),
        blocked=_blocked(node),
        # no calendar goes back further than to year 1: more days than that are all days
        historical_days=min(days, (now - _YEAR_1).days) if now else days,
    )


def _blocked(policy: Node) -> BlockedSenders:
    addresses: set[EmailAddress] = set()
    domains: set[str] = set()
    for node in policy.each("blocked_senders"):
        if isinstance(node.value, str) and node.value.startswith("@"):
            if domain := node.but(node.value[1:]).domain():
                domains.add(domain)
        elif address := node.address():
            addresses.add(address)
    return BlockedSenders(frozenset(addresses), frozenset(domains))


def _keys(root: Node) -> AliasKeys | None:
    """None where the world has none: no MAC is then checked."""
    keys: dict[int, AliasKey] = {}
    for node in root.objects("keys"):
        number, secret = node.get("id").number(default=-1, least=0, most=KEY_IDS - 1), _secret(node.get("secret"))
        if number in keys:
            node.get("id").wrong("the id of no other key")
        elif node.get("id").absent:
            node.get("id").wrong(f"a whole number from 0 to {KEY_IDS - 1}")
        elif secret and number >= 0:
            keys[number] = AliasKey(number, secret)
    return AliasKeys(keys.values()) if keys else None


def _secret(node: Node) -> bytes:
    """Never quoted when it is wrong."""
    try:
        secret = b64decode(node.value, validate=True) if isinstance(node.value, str) else b""
    except (binascii.Error, ValueError):
        secret = b""
    if not secret:
        node.wrong("a secret in base64", found="no base64 text")
    return secret


def _post(root: Node, now: datetime) -> Post:
    envelope, authentication = root.section("envelope"), root.section("authentication")
    recipients = [node.address() for node in envelope.each("recipients")]
    return Post(
        received_at=now,
        recipients=tuple(one for one in recipients if one is not None),
        return_path=_return_path(envelope.get("sender")),
        # never None: what the world does not say is not proved, whatever fields the mail brings
        evidence=SenderEvidence(
            authentication.get("dmarc").or_absent().one_of(_DMARC, Dmarc.NONE),
            authentication.get("policy").or_absent().one_of(_DMARC_POLICIES, None),
            spf_aligned=authentication.get("spf_aligned").flag(),
            dkim_aligned=authentication.get("dkim_aligned").flag(),
            dkim_signed=_names(authentication.get("dkim_signed")),
        ),
        spam=root.get("spam").flag(),
    )


def _names(node: Node) -> frozenset[str] | None:
    """Names of fields, as they are written; None when nothing is said."""
    if node.missing:
        return None
    if isinstance(node.value, list) and all(isinstance(name, str) for name in node.value):
        return frozenset(name for name in node.value if isinstance(name, str))
    node.wrong("null or a list of the names of fields")
    return None


def _return_path(node: Node) -> ReturnPath:
    if node.absent:
        return None
    if node.value is None or (isinstance(node.value, str) and node.value.strip() in _NULL_PATHS):
        return NULL_RETURN_PATH
    return node.address()
