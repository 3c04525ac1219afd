"""Every table of the store: what it says about people, how that is taken away, how long its rows stay.

A row here is a promise about code elsewhere; a table that is not listed fails the tests.
"""

from __future__ import annotations

from typing import Final

from attrs import frozen


@frozen
class Table:
    """A table of the store. Texts are for people who have to answer for the data."""

    name: str
    personal: str
    """What it says about people; empty: nothing."""
    erased: str
    """What takes that away; empty where there is nothing."""
    kept: str
    """How long a row stays."""


_EVER: Final = "for ever"
_WITH_MAIL: Final = "as long as the mail (mail_kept_days)"
_A_YEAR: Final = "a year"
_COUNTED: Final = "two days after the last try"

CATALOGUE: Final = (
    # --- conversations
    Table("events", "texts, names, addresses of strangers, accounts", "redaction of a message", _EVER),
    Table("threads", "names, addresses of copies, accounts", "made anew from the events", _EVER),
    Table("long_texts", "", "", "two days after a long text was written or redacted"),
    Table("event_places", "", "", _EVER),
    # --- beside the messages of a host that keeps its own conversations
    Table("kept_mails", "Message-ID, subject, file names, addresses of strangers, accounts", "ends by itself", _A_YEAR),
    Table("seen_messages", "accounts by the ids of the host's messages", "ends by itself", _A_YEAR),
    Table("host_notes", "a status of an account, such as a bounce", "ends by itself", _A_YEAR),
    Table("host_copies", "addresses of copies", "none yet", _EVER),
    Table("host_starts", "", "", _EVER),
    Table("aliases", "the name in an address, the account", "revocation ends its use, not the row", _EVER),
    Table("alias_handles", "an account by its conversation", "none: an address is never given to another", _EVER),
    Table("alias_keys", "", "", _EVER),
    # --- people
    Table("accounts", "addresses, name, employers", "another upsert of the account", _EVER),
    Table("addresses", "accounts by a digest of an address", "none yet", _EVER),
    Table("authenticated", "accounts by a digest of an address", "none yet", _EVER),
    Table("suppressed", "address and account whose mail came back", "convalias suppressions lift", _EVER),
    Table("muted", "account and conversation", "convalias suppressions lift; the page behind the link", _EVER),
    Table("announcements", "account and its old address (of the former release)", "none yet", _EVER),
    # --- mail that came in
    Table("outcomes", "digests of sender, recipients and Message-ID; recipients", "ends with its mail", _WITH_MAIL),
    Table("mail_index", "digests of sender, recipients and Message-ID", "ends with its mail", _WITH_MAIL),
    Table("claims", "sender and Message-ID", "ends with its mail", _WITH_MAIL),
    Table("evidence", "", "", _WITH_MAIL),
    Table("unanswered", "", "", _COUNTED),
    Table("tries", "", "", _COUNTED),
    Table("starts", "", "", f"while its mail is worked on; {_COUNTED}"),
    Table("overruns", "", "", _COUNTED),
    Table("faults", "", "", _COUNTED),
    Table("texts", "a digest of conversation, sender and text", "ends by itself", "two days"),
    Table("traffic", "how much was written in a conversation", "ends by itself", "two days"),
    Table("misses", "a digest of the domain that mail claims to come from", "ends by itself", "two days"),
    Table("sweeps", "", "", _WITH_MAIL),
    Table("swept_days", "", "", _WITH_MAIL),
    Table("refusals", "sender and alias (of the former release)", "none yet", _EVER),
    # --- held mail
    Table("holds", "sender, Message-ID, alias", "none yet", _EVER),
    Table("hold_posts", "", "", _EVER),
    Table("waiting", "", "", _EVER),
    Table("asking", "", "", _EVER),
    Table("admitted", "an address that was let in, and by whom", "none yet", _EVER),
    Table("admitted_lists", "a mailing list that was let in, and by whom", "none yet", _EVER),
    # --- mail that goes out
    Table("decisions", "accounts, digests of addresses that were mailed", "none yet", _EVER),
    Table("undecided", "", "", "until the event is decided about"),
    Table("paces", "how much was written in a conversation", "ends by itself", "a week after messages waited"),
    Table(
        "system_outbox",
        "of a refusal sender, alias and Message-ID; of a question the account; of an address notice account and old address",
        "ends by itself; none yet for address notices",
        f"{_WITH_MAIL}; an address notice for ever",
    ),
    Table("delivery_events", "", "", "four days"),
    Table("system_mail", "", "", "30 days after the last try"),
    # --- work, and what the deployment was told
    Table("dead_letters", "", "", "until it is redriven or dropped"),
    Table("signs_of_life", "", "", "a day"),
    Table("gone_events", "", "", "a week"),
    Table("positions", "", "", _EVER),
    Table("host_messages", "", "", "a week after it was told, where a host has a cursor only"),
    Table("host_feed", "", "", _EVER),
    Table("data_places", "", "", _EVER),
    Table("sweep_turns", "", "", _EVER),
    Table("chores_done", "", "", _EVER),
    Table("rollouts", "", "", _EVER),
    Table("use_cases", "", "", _EVER),
    Table("use_case_scans", "", "", _EVER),
    Table("deployment", "blocked addresses", "another load of the world", _EVER),
)

NAMES: Final = frozenset(table.name for table in CATALOGUE)
