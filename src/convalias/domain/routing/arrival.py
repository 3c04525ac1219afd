"""Step 3: where a mail arrived. Recipients found, unwrapped, looked up, each once, in canonical order."""

from __future__ import annotations

from collections.abc import Container, Sequence
from typing import TYPE_CHECKING, assert_never

from convalias.domain.addresses.email_address import Territory
from convalias.domain.aliases.alias import ByName, ConversationAlias, Forged, LegacyAlias, Token
from convalias.domain.aliases.unwrapping import decode, unwrapped
from convalias.domain.mail.envelope import InboundMail, MessageEnvelope, UnreadableMail
from convalias.domain.migration.rollout import Stage
from convalias.domain.routing.verdicts import (
    AliasRecipient,
    ForeignRecipient,
    LegacyRecipient,
    Recipient,
    Source,
    UnknownRecipient,
)

if TYPE_CHECKING:
    from convalias.domain.addresses.email_address import EmailAddress
    from convalias.domain.ids import ConversationId
    from convalias.domain.routing.context import RoutingContext


def recipients(mail: InboundMail, context: RoutingContext) -> tuple[Recipient, ...]:
    """Return the places where the mail arrived: each distinct recipient once, in canonical order of addresses.

    O(recipients).

    The envelope decides. Header fields stand in only where the source has no envelope recipients.
    """
    source = Source.ENVELOPE if mail.recipients else Source.HEADER
    return arrived(mail.recipients or header_addresses(mail), source, context)


def header_addresses(mail: InboundMail) -> tuple[EmailAddress, ...]:
    """Return To, Cc, Delivered-To, X-Original-To, Envelope-To: a substitute for missing envelope recipients."""
    match mail:
        case MessageEnvelope():
            return (*mail.to, *mail.cc, *mail.delivered_to)
        case UnreadableMail():
            return mail.header_recipients
        case _:
            assert_never(mail)


def arrived(addresses: Sequence[EmailAddress], source: Source, context: RoutingContext) -> tuple[Recipient, ...]:
    """Return addresses as recipients: each distinct one once, in canonical order."""
    if len(addresses) == 1:
        return (resolved(addresses[0], source, context),)
    found = {one.address.key: one for one in (resolved(address, source, context) for address in addresses)}
    return tuple([found[key] for key in sorted(found)])


def resolved(written: EmailAddress, source: Source, context: RoutingContext) -> Recipient:
    """Resolve an address as written to the conversation it leads to."""
    domain, domains = written.domain, context.domains
    # Nearly all mail is written to an address as it is listed.
    if domain in domains.alias:
        if (alias := context.aliases.get(ByName(written))) is not None:
            return _alias(written, alias, source, context)
    elif domain in domains.legacy and (legacy := context.legacy.get(written)) is not None:
        return _legacy(written, legacy, source, context)
    address, listed = _listed(written, context)
    territory = domains.territory(address)
    match territory:
        case Territory.FOREIGN:
            return ForeignRecipient(address, source)
        case Territory.LEGACY:
            return _legacy(address, context.legacy.get(address), source, context)
        case Territory.ALIAS:
            return _alias(address, listed, source, context)
        case _:
            assert_never(territory)


def _listed(written: EmailAddress, context: RoutingContext) -> tuple[EmailAddress, ConversationAlias | None]:
    """The first step of unwrapping that is listed exactly, with its alias; else the last step."""
    address, domains = written, context.domains
    for address in unwrapped(written, domains):
        territory = domains.territory(address)
        if territory is Territory.ALIAS:
            alias = context.aliases.get(ByName(address))
            if alias is not None:
                return address, alias
        elif territory is Territory.LEGACY and context.legacy.get(address) is not None:
            break
    return address, None


def _alias(
    address: EmailAddress, listed: ConversationAlias | None, source: Source, context: RoutingContext
) -> AliasRecipient | UnknownRecipient:
    """At an alias domain. A v3 token decides before the name does: its alias shows its stored address."""
    alias, forged = listed, False
    if listed is None or context.keys is not None:
        token = decode(address, context.keys)
        forged = isinstance(token, Forged)
        if listed is None and not isinstance(token, ByName):
            alias = context.aliases.get(_unsigned(token, address))
    if alias is None:
        return UnknownRecipient(address, source, forged)
    thread = None if forged else context.threads.get(alias.conversation)
    if thread is None:
        return UnknownRecipient(alias.address, source, forged)
    return AliasRecipient(alias.address, source, alias, thread)


def _unsigned(token: Token | Forged, address: EmailAddress) -> Token:
    """The handle of a token whatever its MAC says: one that is listed is shown as listed, even when it is refused."""
    return token if isinstance(token, Token) else Token(token.value, address.domain)


def _legacy(
    address: EmailAddress, alias: LegacyAlias | None, source: Source, context: RoutingContext
) -> AliasRecipient | LegacyRecipient:
    """At a legacy domain. In stage native one whose conversation is known here counts as a conversation alias."""
    conversation = None if alias is None else alias.conversation
    if conversation is None:
        return LegacyRecipient(address, source, None)
    thread, stage = context.threads.get(conversation), context.stages.get(conversation)
    if thread is not None and stage is Stage.NATIVE:
        return AliasRecipient(address, source, None, thread)
    return LegacyRecipient(address, source, thread)


def at_legacy_domain(recipient: Recipient) -> bool:
    """Whether only the legacy relay can tell what the address is: also where, in stage native, it counts as ours."""
    match recipient:
        case LegacyRecipient() | AliasRecipient(alias=None):
            return True
        case _:
            return False


class NamedConversations(Container["ConversationId"]):
    """The conversations of which one of these addresses is an alias or legacy alias, whatever its state.

    Read when it is first asked, once a mail: few mails need it, and a plan for N recipients stays O(N).
    """

    __slots__ = ("_addresses", "_context", "_found")

    def __init__(self, addresses: Sequence[EmailAddress], context: RoutingContext) -> None:
        """Nothing is read yet."""
        self._addresses = addresses
        self._context = context
        self._found: frozenset[ConversationId | None] | None = None

    def __contains__(self, conversation: object) -> bool:
        """Whether an address names it."""
        if self._found is None:
            addresses = dict.fromkeys(self._addresses)
            self._found = frozenset(conversation_at(address, self._context) for address in addresses)
        return conversation is not None and conversation in self._found


def signed_recipients(mail: MessageEnvelope) -> tuple[EmailAddress, ...]:
    """The addresses of To and Cc, of each field only if a passing aligned signature covers it."""
    signed = mail.evidence.dkim_signed or frozenset()
    return (*(mail.to if "to" in signed else ()), *(mail.cc if "cc" in signed else ()))


def conversation_at(written: EmailAddress, context: RoutingContext) -> ConversationId | None:
    """The conversation that an address of a header field is listed for."""
    address, alias = _listed(written, context)
    if alias is not None:
        return alias.conversation
    territory = context.domains.territory(address)
    match territory:
        case Territory.LEGACY:
            legacy = context.legacy.get(address)
            return None if legacy is None else legacy.conversation
        case Territory.ALIAS:
            token = decode(address)
            alias = None if isinstance(token, ByName) else context.aliases.get(_unsigned(token, address))
            return None if alias is None else alias.conversation
        case Territory.FOREIGN:
            return None
        case _:
            assert_never(territory)
