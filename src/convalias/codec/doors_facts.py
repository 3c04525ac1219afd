"""The facts of a world: who there is, what conversations, which addresses lead where."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Final, TypeVar

from convalias.codec.document import Node
from convalias.domain.addresses.email_address import EmailAddress, MailDomains, Territory
from convalias.domain.aliases.alias import AliasFormat, ConversationAlias, LegacyAlias
from convalias.domain.aliases.tokens import is_v1, is_v2
from convalias.domain.conversations.participants import Account, AddressTenure, GivenUp, Participant
from convalias.domain.conversations.threads import ConversationThread, ThreadState
from convalias.domain.ids import AccountId, ConversationId, UseCase
from convalias.domain.mail.message_id import canonical
from convalias.domain.migration.rollout import Stage
from convalias.domain.routing.context import Enrolment, Fact, Sighting

Accounts = Mapping[AccountId, Account]
Threads = Mapping[ConversationId, ConversationThread]
T = TypeVar("T")

_STATES: Final = {one.value: one for one in ThreadState}
_STAGES: Final = {one.value: one for one in Stage}
_REASONS: Final = {one.value: one for one in GivenUp}
_USE_CASE: Final = "apply"


def read_facts(root: Node, domains: MailDomains) -> Iterator[Fact]:
    """All facts that a world lists, in the order of the document. Faults go to the problems of `root`."""
    accounts = {one.id: one for one in _accounts(root, domains)}
    threads: dict[ConversationId, ConversationThread] = {}
    for thread, stage in _conversations(root, accounts):
        threads[thread.id] = thread
        yield thread
        yield Enrolment(thread.id, stage)
    listed: set[EmailAddress] = set()
    yield from _aliases(root, domains, accounts, threads, listed)
    yield from _legacy_aliases(root, domains, threads, listed)
    yield from accounts.values()
    yield from _tenures(root, accounts)
    yield from _sightings(root)


def _accounts(root: Node, domains: MailDomains) -> Iterator[Account]:
    nodes = list(root.objects("accounts"))
    ids = _ids(nodes, "an account's id")
    for node in nodes:
        addresses = [_own_address(one, domains) for one in node.each("addresses")]
        yield Account(
            id=AccountId(_text(node.get("id"))),
            addresses=_given(addresses),
            authenticates=frozenset(_given(one.address() for one in node.each("authenticates"))),
            company_domains=frozenset(_given(one.domain() for one in node.each("company_domains"))),
            speaks_for=frozenset(
                map(AccountId, _given(_known(one, ids, "accounts") for one in node.each("speaks_for")))
            ),
        )


def _own_address(node: Node, domains: MailDomains) -> EmailAddress | None:
    """Mail to such an address must reach a person: it never lies where aliases do."""
    address = node.address()
    if address is not None and domains.territory(address) is not Territory.FOREIGN:
        node.wrong("an address outside alias_domains and legacy_domains")
    return address


def _conversations(root: Node, accounts: Accounts) -> Iterator[tuple[ConversationThread, Stage]]:
    nodes = list(root.objects("conversations"))
    _ids(nodes, "a conversation's id")
    for node in nodes:
        use_case = node.get("use_case")
        thread = ConversationThread(
            id=ConversationId(_text(node.get("id"))),
            use_case=UseCase(_USE_CASE if use_case.absent else use_case.text("a use case") or _USE_CASE),
            participants=tuple(_participant(one, accounts) for one in node.objects("participants")),
            state=node.get("state").one_of(_STATES, ThreadState.OPEN),
            cc_seen=frozenset(_given(one.address() for one in node.each("cc_seen"))),
        )
        yield thread, node.get("stage").one_of(_STAGES, Stage.PARALLEL)


def _participant(node: Node, accounts: Accounts) -> Participant:
    return Participant(
        account=AccountId(_known(node.get("account"), accounts, "accounts") or ""),
        role=node.get("role").optional_text(),
        name=node.get("name").optional_text(),
    )


def _aliases(
    root: Node,
    domains: MailDomains,
    accounts: Accounts,
    threads: Threads,
    listed: set[EmailAddress],
) -> Iterator[ConversationAlias]:
    for node in root.objects("aliases"):
        address = _listed(node.get("address"), domains.alias, "alias_domains", listed)
        conversation = _known(node.get("conversation"), threads, "conversations")
        participant = _known(node.get("participant"), accounts, "accounts")
        expires_at, revoked_at = node.get("expires_at").optional_time(), node.get("revoked_at").optional_time()
        if address is not None and conversation is not None and participant is not None:
            yield ConversationAlias(
                address=address,
                conversation=ConversationId(conversation),
                stands_for=AccountId(participant),
                format=_shape(address),
                expires_at=expires_at,
                revoked_at=revoked_at,
            )


def _legacy_aliases(
    root: Node, domains: MailDomains, threads: Threads, listed: set[EmailAddress]
) -> Iterator[LegacyAlias]:
    for node in root.objects("legacy_aliases"):
        address = _listed(node.get("address"), domains.legacy, "legacy_domains", listed)
        named = node.get("conversation")
        conversation = None if named.missing else _known(named, threads, "conversations")
        if address is not None:
            yield LegacyAlias(address, None if conversation is None else ConversationId(conversation))


def _listed(node: Node, domains: Collection[str], where: str, listed: set[EmailAddress]) -> EmailAddress | None:
    """An address at one of our domains, listed once."""
    address = node.address()
    if address is None:
        return None
    if address.domain not in domains:
        node.wrong(f"an address at one of {where} ({', '.join(sorted(domains)) or 'none'})")
    elif address in listed:
        node.wrong("an address that is listed once among aliases and legacy_aliases")
    listed.add(address)
    return address


def _shape(address: EmailAddress) -> AliasFormat:
    if is_v1(address.local):
        return AliasFormat.V1
    return AliasFormat.V2 if is_v2(address.local) else AliasFormat.V3


def _tenures(root: Node, accounts: Accounts) -> Iterator[AddressTenure]:
    for node in root.objects("address_history"):
        address = node.get("address").address()
        account = _known(node.get("account"), accounts, "accounts")
        since, until = node.get("from").time(), node.get("until").optional_time()
        reason = node.get("reason")
        given_up = None if reason.missing else reason.one_of(_REASONS, None)
        if address is not None and account is not None and since is not None:
            yield AddressTenure(address, AccountId(account), since, until, given_up)


def _sightings(root: Node) -> Iterator[Sighting]:
    for node in root.objects("seen"):
        sender = node.get("sender").address()
        written = node.get("message_id").text("a Message-ID, such as <x@y>")
        conversation = node.get("conversation").optional_text()  # any: it may lie outside this world
        if sender is None or written is None:
            continue
        message_id = canonical(written.encode("utf-8", "surrogatepass"))
        if message_id is not None:  # else no mail can have been seen under it
            yield Sighting(message_id, sender, ConversationId(conversation))


def _ids(nodes: Collection[Node], expected: str) -> frozenset[str]:
    """The ids of these objects; tells of one that is no text, or that another has."""
    ids: set[str] = set()
    for node in nodes:
        text = node.get("id").text(expected)
        if text in ids:
            node.get("id").wrong(f"{expected} that no other has")
        elif text is not None:
            ids.add(text)
    return frozenset(ids)


def _known(node: Node, ids: Collection[str], where: str) -> str | None:
    """An id that exists; None (told) when it does not."""
    text = node.text(f"the id of one of {where}")
    if text is not None and text not in ids:
        node.wrong(f"the id of one of {where}")
        return None
    return text


def _text(node: Node) -> str:
    return node.value if isinstance(node.value, str) else ""


def _given(values: Iterable[T | None]) -> tuple[T, ...]:
    return tuple(value for value in values if value is not None)
