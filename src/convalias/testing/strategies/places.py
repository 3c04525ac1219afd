"""The small town that strategies draw from: so few people and addresses that what is drawn apart meets."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Final, TypeVar

from hypothesis import strategies as st

from convalias.domain.addresses.email_address import EmailAddress, MailDomains
from convalias.domain.ids import AccountId, ConversationId, UseCase

NOW: Final = datetime(2026, 3, 1, 12, tzinfo=UTC)
"""Time at which a drawn mail is decided; aware, in UTC."""
DOMAINS: Final = MailDomains({"reply.example", "talk.example"}, {"relay.example"})
"""Alias domains and legacy domains of the town."""
ACCOUNTS: Final = tuple(AccountId(f"a{number}") for number in range(4))
"""Accounts that the directory of the town knows."""
CONVERSATIONS: Final = tuple(ConversationId(f"c{number}") for number in range(3))
"""Conversations that aliases lead to."""
USE_CASES: Final = (UseCase("apply"), UseCase("sourcing"))
"""Use cases of its conversations."""
SENDERS: Final = tuple(
    EmailAddress.parse(text)
    for text in ("ann@home.example", "bob@corp.example", "eve@corp.example", "bot@list.example", "loop@reply.example")
)
"""Who writes. The last one lies at an alias domain, as no account's address may."""
ALIASES: Final = tuple(
    EmailAddress.parse(text)
    for text in (
        *(f"ann-1ab131e{number}@reply.example" for number in range(4)),
        "bob-0123456789abcdefg@reply.example",
        "bob-0123456789abcdefh@talk.example",
        "1ab131e2-9b14-4a49-93bc-56cb01e413a6@talk.example",
    )
)
"""Where conversations are reached: all three formats."""
LEGACY: Final = tuple(EmailAddress.parse(f"x{number}@relay.example") for number in range(4))
"""Addresses at the legacy relay."""
ELSEWHERE: Final = EmailAddress.parse("team@else.example")
"""Address of nobody in the town, at a domain that is not ours."""

T = TypeVar("T")


def some(values: tuple[T, ...], *, least: int = 0, most: int = 3) -> st.SearchStrategy[tuple[T, ...]]:
    """A few of these, each once."""
    return st.lists(st.sampled_from(values), min_size=least, max_size=most, unique=True).map(tuple)


@st.composite
def mostly(draw: st.DrawFn, usual: st.SearchStrategy[T], rare: st.SearchStrategy[T], *, one_in: int = 6) -> T:
    """The usual, and one time in so many the rare. Shrinks to the usual."""
    return draw(rare if draw(_ODDS[one_in]) else usual)


# Naming a branch of `one_of` twice makes it no likelier: it counts once.
_ODDS: Final = {one_in: st.sampled_from((*(False,) * (one_in - 1), True)) for one_in in range(2, 21)}


def moments() -> st.SearchStrategy[datetime]:
    """Around now, and now itself; aware. Shrinks to now."""
    days = st.sampled_from((0, 1, -1, -2, 30, -365, -366, -500))
    return st.builds(_after, days, st.sampled_from((0, 1, -1)))


def _after(days: int, seconds: int) -> datetime:
    return NOW + timedelta(days, seconds)
