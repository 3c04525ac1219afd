"""The signed link in an approval mail: it names one hold and one participant, expires, and acts only when posted."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import re
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from enum import Enum
from typing import Final, TypeAlias, assert_never

from attrs import field, frozen

from convalias.domain.approvals.holds import (
    DEFAULT_HOLD_POLICY,
    Approve,
    Decided,
    Dismiss,
    HoldPolicy,
    Stands,
    decide,
    may_answer,
)
from convalias.domain.conversations.threads import ConversationThread
from convalias.domain.errors import InvalidValue
from convalias.domain.ids import AccountId, ConversationId
from convalias.domain.inbound.held import Admits, HeldMail, HoldId

_PART: Final = r"([A-Za-z0-9_-]{0,1400})"
_TOKEN: Final = re.compile(rf"([0-9]{{1,2}})\.([0-9]{{1,12}})\.{_PART}\.{_PART}\.{_PART}\.([0-9a-f]{{32}})")
_MAC: Final = 32
"""Hex digits: 128 bits."""
_LONGEST: Final = 4_300


@frozen(kw_only=True)
class ApprovalLink:
    """The content of a valid approval token.

    Whoever has the token may answer for that participant, about that one hold.
    """

    hold: HoldId
    conversation: ConversationId
    account: AccountId
    expires_at: datetime
    """Aware; whole seconds."""


class Unusable(Enum):
    """The reason why a token is no valid link. Pages say the same about all of them."""

    FORGED = "not ours, or changed"
    EXPIRED = "too old"


def _by_id(keys: Iterable[tuple[int, bytes]]) -> Mapping[int, bytes]:
    return dict(keys)


@frozen
class LinkKeys:
    """The keys of approval links by id, newest first: the first signs, all verify, removing one ends its links."""

    keys: Mapping[int, bytes] = field(converter=_by_id, repr=False, hash=False)

    def __attrs_post_init__(self) -> None:
        """Refuse to sign with nothing."""
        if not self.keys:
            raise InvalidValue("link keys", found="none", expected="at least one key")

    def token(self, link: ApprovalLink) -> str:
        """The token of that link: URL-safe, made with the newest key."""
        number, secret = next(iter(self.keys.items()))
        expires = int(link.expires_at.timestamp())
        said = f"{number}.{expires}.{_b64(link.hold)}.{_b64(link.conversation)}.{_b64(link.account)}"
        return f"{said}.{_mac(secret, said)}"

    def read(self, token: str, *, now: datetime) -> ApprovalLink | Unusable:
        """Read a token that we made and that has not expired. Total over any text."""
        found = _TOKEN.fullmatch(token) if len(token) <= _LONGEST else None
        secret = None if found is None else self.keys.get(int(found[1]))
        if found is None or secret is None:
            return Unusable.FORGED
        # The MAC stands over the text as it came: no second spelling of a token is valid.
        if not hmac.compare_digest(_mac(secret, token[: found.start(6) - 1]), found[6]):
            return Unusable.FORGED
        link = _read(found)
        if link is None:
            return Unusable.FORGED
        return link if now < link.expires_at else Unusable.EXPIRED


def _read(found: re.Match[str]) -> ApprovalLink | None:
    """The parts; None where the key signed something else than `token` writes."""
    try:
        hold, conversation, account = (_unb64(found[part]) for part in (3, 4, 5))
        expires = datetime.fromtimestamp(int(found[2]), UTC)
    except (binascii.Error, UnicodeDecodeError, ValueError, OverflowError, OSError):
        return None
    return ApprovalLink(
        hold=HoldId(hold),
        conversation=ConversationId(conversation),
        account=AccountId(account),
        expires_at=expires,
    )


@frozen
class Look:
    """GET: mail scanners follow every link, so it changes nothing."""


@frozen
class Allow:
    """POST: let it in."""

    admits: Admits = Admits.THIS_MAIL


@frozen
class Deny:
    """POST: turn it down."""


Request: TypeAlias = Look | Allow | Deny


class NotHis(Enum):
    """The link is ours, but answers nothing."""

    GONE = "no such hold in that conversation"
    NOT_A_PARTICIPANT = "who was asked takes part no longer"


def answered(
    request: Request,
    link: ApprovalLink,
    hold: HeldMail | None,
    *,
    thread: ConversationThread,
    now: datetime,
    policy: HoldPolicy = DEFAULT_HOLD_POLICY,
) -> Decided | NotHis:
    """Return what a request with that link does.

    `Changed` is to be written by compare-and-set; a second POST shows the state.

    `hold` is what the store has under the link's conversation and id, `thread` that conversation.
    """
    if hold is None or (hold.id, hold.conversation) != (link.hold, link.conversation) or thread.id != link.conversation:
        return NotHis.GONE
    if all(one.account != link.account for one in may_answer(thread)):
        return NotHis.NOT_A_PARTICIPANT
    match request:
        case Look():
            return Stands(hold)
        case Allow(admits=admits):
            return decide(hold, Approve(link.account, admits), now=now, policy=policy)
        case Deny():
            return decide(hold, Dismiss(link.account), now=now, policy=policy)
        case _:
            assert_never(request)


def _mac(secret: bytes, said: str) -> str:
    return hmac.new(secret, b"approval|" + said.encode(), hashlib.sha256).hexdigest()[:_MAC]


def _b64(text: str) -> str:
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def _unb64(text: str) -> str:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)).decode()
