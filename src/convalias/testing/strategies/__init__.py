"""Hypothesis strategies, plural-named, for every public entity. Needs `convalias[testing]`.

Everything is drawn from one small town (`NOW`, `SENDERS`, `ALIASES`, ...), so that mails, worlds and policies that are
drawn apart have to do with one another, and a failing example shrinks to something that a person can read.
`from_type(MessageEnvelope)` works without importing anything from here.
"""

from __future__ import annotations

from importlib import import_module

from convalias.extras import brought_by

with brought_by("testing"):
    import_module("hypothesis")  # where it is missing, the modules below fail without a word about the extra

from convalias.testing.strategies.addresses import (
    KEYS,
    addresses,
    alias_addresses,
    alias_keys,
    aliases,
    arrivals,
    dedup_keys,
    legacy_aliases,
    mail_domains,
    message_ids,
    v1_aliases,
    v2_aliases,
    v3_aliases,
)
from convalias.testing.strategies.contexts import (
    Exchange,
    admissions,
    blocked_senders,
    contexts,
    decisions,
    enrolments,
    exchanges,
    plans,
    policies,
    rollouts,
    sightings,
    waits,
)
from convalias.testing.strategies.histories import events, happenings, histories, messages
from convalias.testing.strategies.mails import (
    attachments,
    contents,
    envelopes,
    evidences,
    froms,
    mails,
    posts,
    return_paths,
    unreadable_mails,
)
from convalias.testing.strategies.people import accounts, applicants, authors, participants, tenures, threads
from convalias.testing.strategies.places import (
    ACCOUNTS,
    ALIASES,
    CONVERSATIONS,
    DOMAINS,
    ELSEWHERE,
    LEGACY,
    NOW,
    SENDERS,
    USE_CASES,
    moments,
)
from convalias.testing.strategies.raw import incoming_mails, raw_mails
from convalias.testing.strategies.verdicts import (
    dismissals,
    handovers,
    holds,
    mail_keys,
    own_answers,
    own_reasons,
    reasons,
    recipients,
    rejections,
    relays,
    rule_books,
    rules,
    rulings,
    skips,
    verdicts,
)
from convalias.testing.strategies.worlds import worlds

__all__ = [
    "ACCOUNTS",
    "ALIASES",
    "CONVERSATIONS",
    "DOMAINS",
    "ELSEWHERE",
    "KEYS",
    "LEGACY",
    "NOW",
    "SENDERS",
    "USE_CASES",
    "Exchange",
    "accounts",
    "addresses",
    "admissions",
    "alias_addresses",
    "alias_keys",
    "aliases",
    "applicants",
    "arrivals",
    "attachments",
    "authors",
    "blocked_senders",
    "contents",
    "contexts",
    "decisions",
    "dedup_keys",
    "dismissals",
    "enrolments",
    "envelopes",
    "events",
    "evidences",
    "exchanges",
    "froms",
    "handovers",
    "happenings",
    "histories",
    "holds",
    "incoming_mails",
    "legacy_aliases",
    "mail_domains",
    "mail_keys",
    "mails",
    "message_ids",
    "messages",
    "moments",
    "own_answers",
    "own_reasons",
    "participants",
    "plans",
    "policies",
    "posts",
    "raw_mails",
    "reasons",
    "recipients",
    "rejections",
    "relays",
    "return_paths",
    "rollouts",
    "rule_books",
    "rules",
    "rulings",
    "sightings",
    "skips",
    "tenures",
    "threads",
    "unreadable_mails",
    "v1_aliases",
    "v2_aliases",
    "v3_aliases",
    "verdicts",
    "waits",
    "worlds",
]
