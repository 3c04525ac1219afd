"""Worlds of `convalias explain`, as JSON documents: every fact that a decision needs besides the mail."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final, TypeAlias

from hypothesis import strategies as st

from convalias.testing.strategies.addresses import arrivals
from convalias.testing.strategies.places import (
    ACCOUNTS,
    ALIASES,
    CONVERSATIONS,
    ELSEWHERE,
    LEGACY,
    SENDERS,
    T,
    moments,
    some,
)

Json: TypeAlias = "Mapping[str, Json] | Sequence[Json] | str | int | bool | None"
Section: TypeAlias = dict[str, Json]

_PEOPLE: Final = tuple(map(str, SENDERS[:4]))
_NOW: Final = "2026-03-01T12:00:00Z"


@st.composite
def worlds(draw: st.DrawFn) -> Section:
    """A document that `codec.doors.read_world` takes, format 1; keys that may be missing sometimes are."""
    accounts = draw(some(ACCOUNTS, least=1, most=len(ACCOUNTS)))
    conversations = draw(some(CONVERSATIONS, most=len(CONVERSATIONS)))
    aliases = draw(some(ALIASES, most=4)) if conversations else ()
    sections: Section = {
        "policy": draw(_policies()),
        "conversations": [draw(_conversations(one, accounts)) for one in conversations],
        "aliases": [draw(_aliases(str(one), conversations, accounts)) for one in aliases],
        "legacy_aliases": [draw(_legacy_aliases(str(one), conversations)) for one in draw(some(LEGACY, most=2))],
        "accounts": [draw(_accounts(one, accounts)) for one in accounts],
        "address_history": draw(st.lists(_tenures(accounts), max_size=2)),
        "seen": draw(st.lists(_sightings(), max_size=1)),
        "envelope": draw(_envelopes()),
        "authentication": draw(_authentications()),
        "spam": draw(st.sampled_from((False, False, True))),
        "unavailable": draw(st.sampled_from(([], [], ["legacy"], ["identity"]))),
        "keys": draw(st.sampled_from(([], [], [{"id": 0, "secret": base64.b64encode(b"no secret").decode()}]))),
    }
    # What others name by its id must stay; of the rest a few keys are left out, as people leave them out.
    left_out = draw(some(("policy", "seen", "envelope", "authentication", "spam", "unavailable", "keys"), most=3))
    for name in left_out:
        del sections[name]
    standing: Section = {
        "format": 1,
        "now": _NOW,
        "alias_domains": ["reply.example", "talk.example"],
        "legacy_domains": ["relay.example"],
    }
    return {**standing, **sections}


def _one_of(*values: T) -> st.SearchStrategy[T]:
    return st.sampled_from(values)


def _section(
    required: Mapping[str, st.SearchStrategy[Json]], optional: Mapping[str, st.SearchStrategy[Json]]
) -> st.SearchStrategy[Section]:
    return st.fixed_dictionaries({**required}, optional={**optional})


def _texts(values: Sequence[str], most: int = 2) -> st.SearchStrategy[Json]:
    return some(tuple(values), most=most).map(list)


def _times() -> st.SearchStrategy[Json]:
    return st.none() | moments().map(datetime.isoformat)


def _policies() -> st.SearchStrategy[Section]:
    return _section(
        {},
        {
            "admission": _one_of("light", "free", "strict"),
            "sender_trust": _one_of("accept_known", "require_aligned", "accept_any"),
            "blocked_senders": _texts((*_PEOPLE, "@list.example"), most=1),
            "historical_days": _one_of(365, 0, 30),
        },
    )


def _conversations(conversation: str, accounts: Sequence[str]) -> st.SearchStrategy[Section]:
    participant = _section(
        {"account": st.sampled_from(tuple(accounts))},
        {"role": _one_of("candidate", "employer"), "name": _one_of("Ann Ray", "山田 花子")},
    )
    people = st.lists(participant, max_size=3, unique_by=_account)
    return _section(
        {"id": st.just(conversation), "participants": people},
        {
            "use_case": _one_of("apply", "sourcing"),
            "state": _one_of("open", "open", "open", "closed", "archived", "erased"),
            "stage": _one_of("parallel", "native", "shadow", "legacy"),
            "cc_seen": _texts(_PEOPLE, most=1),
        },
    )


def _account(participant: Section) -> str:
    return str(participant["account"])


def _aliases(address: str, conversations: Sequence[str], accounts: Sequence[str]) -> st.SearchStrategy[Section]:
    return _section(
        {
            "address": st.just(address),
            "conversation": st.sampled_from(tuple(conversations)),
            "participant": st.sampled_from(tuple(accounts)),
        },
        {"expires_at": _times(), "revoked_at": _times()},
    )


def _legacy_aliases(address: str, conversations: Sequence[str]) -> st.SearchStrategy[Section]:
    return _section({"address": st.just(address), "conversation": st.sampled_from((*conversations, None))}, {})


def _accounts(account: str, accounts: Sequence[str]) -> st.SearchStrategy[Section]:
    return _section(
        {"id": st.just(account), "addresses": _texts(_PEOPLE)},
        {
            "authenticates": _texts(_PEOPLE, most=1),
            "company_domains": _texts(("corp.example", "home.example"), most=1),
            "speaks_for": _texts(tuple(accounts), most=1),
        },
    )


def _tenures(accounts: Sequence[str]) -> st.SearchStrategy[Section]:
    return _section(
        {
            "address": st.sampled_from(_PEOPLE),
            "account": st.sampled_from(tuple(accounts)),
            "from": moments().map(datetime.isoformat),
        },
        {"until": _times(), "reason": _one_of(None, "security", "employer")},
    )


def _sightings() -> st.SearchStrategy[Section]:
    # A conversation that is seen may be one that this world does not know.
    return _section(
        {
            "message_id": _one_of("<1@corp.example>", "<2@corp.example>"),
            "sender": st.sampled_from(_PEOPLE),
            "conversation": st.sampled_from((*CONVERSATIONS, "elsewhere")),
        },
        {},
    )


def _envelopes() -> st.SearchStrategy[Section]:
    recipients: st.SearchStrategy[Json] = st.lists(arrivals().map(str), max_size=3)
    return _section({"recipients": recipients}, {"sender": st.sampled_from((*_PEOPLE, str(ELSEWHERE), None, "", "<>"))})


def _authentications() -> st.SearchStrategy[Section]:
    return _section(
        {},
        {
            "dmarc": _one_of("pass", "none", "fail", "permerror", "temperror"),
            "policy": _one_of("none", "quarantine", "reject"),
            "spf_aligned": st.booleans(),
            "dkim_aligned": st.booleans(),
            "dkim_signed": st.none() | _texts(("from", "to", "cc", "subject", "date"), most=5),
        },
    )
