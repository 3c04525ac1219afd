"""People of the demo, and what they write."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import Final

from attrs import field, frozen

BORDER: Final = "mx.reply.example"
"""The mail server whose Authentication-Results are believed."""
MARY: Final = "mary@corp.example"
MARYS_OLD: Final = "mary.major@former.example"
JOHN: Final = "john@home.example"
KIM: Final = "kim@corp.example"

JOHN_BACKEND: Final = "john-smith-1ab131e2@reply.example"
JOHN_DESIGN: Final = "john-smith-77c09d11@reply.example"
SETTINGS: Final = f'platform = "Jobs Inc"\ntrusted_authserv_ids = ["{BORDER}"]\n'


def world() -> Mapping[str, object]:
    """Two conversations that have left the legacy relay behind, and two that have not."""
    people = {"mary": "Mary Major", "john": "John Smith", "kim": "Kim Lee"}
    members = {
        "backend": ("apply", "mary", "john", "kim"),
        "design": ("apply", "mary", "john"),
        "old-1": ("sourcing", "mary", "john"),
        "old-2": ("sourcing", "mary", "john"),
    }
    return {
        "now": datetime.now(UTC).isoformat(),
        "alias_domains": ["reply.example"],
        "legacy_domains": ["relay.example"],
        "conversations": [
            {
                "id": name,
                "use_case": use_case,
                "stage": "parallel" if use_case == "apply" else "legacy",
                "participants": [{"account": one, "name": people[one]} for one in accounts],
            }
            for name, (use_case, *accounts) in members.items()
        ],
        "aliases": [
            {"address": JOHN_BACKEND, "conversation": "backend", "participant": "john"},
            {"address": JOHN_DESIGN, "conversation": "design", "participant": "john"},
            {"address": "mary-major-0f3a52c7@reply.example", "conversation": "backend", "participant": "mary"},
            {"address": "mary-major-5be81d04@reply.example", "conversation": "design", "participant": "mary"},
            {"address": "kim-lee-9d20e6b8@reply.example", "conversation": "backend", "participant": "kim"},
        ],
        "legacy_aliases": [
            {"address": "job-1001@relay.example", "conversation": "backend"},
            {"address": "job-2001@relay.example", "conversation": "old-1"},
            {"address": "job-2002@relay.example", "conversation": "old-2"},
        ],
        "accounts": [
            {"id": "mary", "addresses": [MARY], "company_domains": ["corp.example"]},
            {"id": "john", "addresses": [JOHN]},
            {"id": "kim", "addresses": [KIM]},
        ],
        "address_history": [
            {"address": MARYS_OLD, "account": "mary", "from": "2020-01-01T00:00:00Z"},
        ],
    }


@frozen(kw_only=True)
class Letter:
    """A mail as its sender's server hands it over, once for all its recipients."""

    name: str
    says: str
    """What a reader of the story is told about it."""
    sender: str
    to: Sequence[str]
    text: str
    dmarc: str = "pass"
    day: datetime = field(factory=lambda: datetime.now(UTC))

    @property
    def message_id(self) -> str:
        """Return the id in angle brackets."""
        return f"<{self.name}@corp.example>"

    @property
    def raw(self) -> bytes:
        """The octets."""
        domain = self.sender.partition("@")[2]
        head = [
            f"Authentication-Results: {BORDER}; dmarc={self.dmarc} (p=reject) header.from={domain}",
            f"Received: from mail.{domain} by {BORDER} with ESMTPS; {format_datetime(self.day)}",
            f"From: Mary Major <{self.sender}>",
            f"To: {', '.join(self.to)}",
            "Subject: Re: your application",
            f"Date: {format_datetime(self.day)}",
            f"Message-ID: {self.message_id}",
            "MIME-Version: 1.0",
            "Content-Type: text/plain; charset=utf-8",
        ]
        return "\r\n".join([*head, "", self.text, ""]).encode()


CASES: Final[Sequence[tuple[str, str, Sequence[str], str]]] = (
    ("one alias", "one message in that conversation", [JOHN_BACKEND], MARY),
    ("aliases of two conversations", "one message in each of them", [JOHN_BACKEND, JOHN_DESIGN], MARY),
    ("one legacy address", "the legacy relay takes it, untouched", ["job-2001@relay.example"], MARY),
    (
        "two legacy addresses",
        "each goes to the legacy relay on its own",
        ["job-2001@relay.example", "job-2002@relay.example"],
        MARY,
    ),
    (
        "an alias, and a legacy address of another conversation",
        "both are served",
        [JOHN_BACKEND, "job-2001@relay.example"],
        MARY,
    ),
    (
        "an alias, and the legacy address of the same conversation",
        "the alias carries it, the legacy address is skipped",
        [JOHN_BACKEND, "job-1001@relay.example"],
        MARY,
    ),
    (
        "an address that only the legacy history knows",
        "it is Mary all the same",
        [JOHN_BACKEND],
        MARYS_OLD,
    ),
)
"""The seven routing cases: how the mail is addressed, what must come of it, recipients, sender."""


def letters() -> Sequence[Letter]:
    """Return a letter for each of the seven cases."""
    return [
        Letter(
            name=f"case-{number}",
            says=f"{case}: {result}",
            sender=sender,
            to=recipients,
            text=f"Case {number}, sent to {case}.",
        )
        for number, (case, result, recipients, sender) in enumerate(CASES, start=1)
    ]


def spoof() -> Letter:
    """Return a letter of somebody who pretends to be Mary; her domain's DMARC record says that nobody else may."""
    return Letter(
        name="spoof",
        says="somebody else writes as Mary, and DMARC fails",
        sender=MARY,
        to=[JOHN_BACKEND],
        text="Please send me your bank account.",
        dmarc="fail",
    )


_TOPICS: Final = (
    "Python",
    "testing",
    "databases",
    "queues",
    "mail",
    "typing",
    "reviews",
    "releases",
    "on-call",
    "the team",
    "remote work",
    "travel",
    "holidays",
    "salary",
    "the office",
    "training",
    "conferences",
    "hardware",
    "open source",
    "your start",
)
"""Of the burst: equal texts would be taken for a loop."""


def burst(count: int) -> Sequence[Letter]:
    """Many mails at once, for the crash."""
    return [
        Letter(
            name=f"burst-{number}",
            says="one of many",
            sender=MARY,
            to=[JOHN_DESIGN],
            text=f"Can you tell me more about {topic}? Sent while the machine goes down.",
        )
        for number, topic in enumerate(_TOPICS[:count], start=1)
    ]
