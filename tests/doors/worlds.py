"""Seeded worlds, small but nasty: cases for `convalias explain` with the facts that the model decides on."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone
from random import Random
from typing import Any

from doors.mails import draw_from, draw_mail
from doors.naive_mail import MailFacts
from doors.oversized import just_fitting, over_a_limit
from doors.spellings import KEYS, spelled, token, unlisted

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
SECOND, DAY = timedelta(seconds=1), timedelta(days=1)
JOHN, MARY, TEMP, ATS = "john@home.example", "mary@corp.example", "temp@agency.example", "ats@ats.example"
OLD, WHO, NOBODY, BOOKS = "old@home.example", "who@else.example", "nobody@nowhere.invalid", "jörg@bücher.example"
SENDERS = (JOHN, "Mary@corp.example", TEMP, ATS, OLD, WHO, NOBODY, BOOKS)
STRANGERS = (
    "john+tag@home.example",
    "who+tag@else.example",
    "ſmith@home.example",
    "\u212a@home.example",
    "jo.hn@home.example",
)


@dataclass(frozen=True, slots=True)
class Case:
    """A mail in a world, and what the mail says in plain facts."""

    name: str
    mail: bytes
    world: dict[str, Any]
    facts: MailFacts


def cases(seed: int, count: int, first: int = 0) -> Iterator[Case]:
    """Cases by number; each depends on the seed and its own number alone."""
    for number in range(first, first + count):
        yield case(seed, number)


def case(seed: int, number: int) -> Case:
    """One case of a seed."""
    rng = Random(f"{seed}:{number}")
    world = _standing(rng)
    sender = draw_from(rng, _speaker(rng, world), _own_addresses(world), rng.choice([0, 0, 0, 0.25]))
    world["policy"]["blocked_senders"] = [] if sender.vague else _blocked(rng)
    no_envelope = rng.random() < 0.07
    recipients, to_cc = _both_recipients(rng, world)
    delivered = _recipients(rng, world, [0, 1, 2], header=True) if no_envelope else []
    mail, facts = draw_mail(
        rng,
        sender=sender,
        to_cc=to_cc,
        delivered=delivered,
        alias_domain=world["alias_domains"][0],
        number=rng.choice([number, 7]),
        now=NOW,
        oddity=rng.choice([0, 0, 0.05, 0.35]),
    )
    size = rng.random()
    if size < 0.008 and not no_envelope:
        mail, facts = over_a_limit(rng, mail, facts)
    elif size < 0.012:
        mail, facts = just_fitting(rng, mail, facts)
    _passing(rng, world, facts, [] if no_envelope else recipients)
    return Case(f"seed-{seed}-{number}", mail, _trimmed(rng, world), facts)


def _standing(rng: Random) -> dict[str, Any]:
    """What stands before the mail comes: domains, policy, conversations, aliases, accounts, history."""
    world: dict[str, Any] = {"format": 1, "now": rng.choice(["2026-03-01T12:00:00Z", "2026-03-01T13:00:00+01:00"])}
    world["alias_domains"] = rng.choice([["reply.example"], ["reply.example"], ["reply.example", "talk.example"]])
    world["legacy_domains"] = rng.choice([["relay.example"], ["relay.example"], ["relay.example", "old.example"], []])
    world["policy"] = {
        "admission": rng.choice(["light", "light", "free", "strict"]),
        "sender_trust": rng.choice(["accept_known", "accept_known", "accept_known", "require_aligned", "accept_any"]),
        "historical_days": rng.choice([365, 365, 365, 30, 0]),
    }
    if rng.random() < 0.4:
        world["keys"] = rng.choice([KEYS, KEYS[:1], KEYS[1:], []])
    world["accounts"] = _accounts(rng)
    world["conversations"] = [_conversation(rng, f"c{number}") for number in range(rng.randint(1, 3))]
    world["aliases"] = [alias for c in world["conversations"] for alias in _aliases(rng, world, c)]
    world["legacy_aliases"] = _legacy_aliases(rng, world)
    world["address_history"] = [
        _former(rng, world["policy"]["historical_days"]) for _ in range(rng.choice([0, 0, 1, 2, 4]))
    ]
    return world


def _accounts(rng: Random) -> list[dict[str, Any]]:
    addresses = {
        "a1": [JOHN],
        "a2": rng.choice([["Mary@Corp.example"], [MARY, "mary@private.example"]]),
        "a3": rng.choice([[TEMP], [TEMP], [JOHN], [JOHN, TEMP], []]),
        "a4": rng.choice([[ATS], [ATS], [ATS, JOHN], [ATS, OLD]]),
        "a5": rng.choice([[BOOKS], [BOOKS, "smith@home.example", "k@home.example"]]),
    }
    known = [MARY, JOHN, TEMP, ATS, OLD, WHO, BOOKS]
    return [
        {
            "id": account,
            "addresses": listed,
            "authenticates": rng.sample(known, rng.choice([0, 0, 0, 1, 2])),
            "company_domains": rng.sample(
                ["agency.example", "else.example", "home.example", "Corp.example"], rng.choice([0, 0, 1])
            ),
            "speaks_for": rng.sample(
                ["a1", "a2", "a3", "a5"], rng.choice([0, 1, 2] if account == "a4" else [0, 0, 0, 1])
            ),
        }
        for account, listed in addresses.items()
    ]


def _conversation(rng: Random, identifier: str) -> dict[str, Any]:
    taking_part = rng.sample(["a1", "a2", "a3", "a5", "a4"], rng.choice([1, 2, 2, 3, 4]))
    return {
        "id": identifier,
        "use_case": rng.choice(["apply", "sourcing"]),
        "state": rng.choice(["open"] * 9 + ["closed", "archived", "erased"]),
        "stage": rng.choice(["parallel", "parallel", "legacy", "shadow", "native"]),
        "participants": [{"account": account, "role": "candidate", "name": f"N {account}"} for account in taking_part],
        "cc_seen": rng.choice([[], [], [WHO], ["WHO@else.example", OLD]]),
    }


def _aliases(rng: Random, world: dict[str, Any], conversation: dict[str, Any]) -> list[dict[str, Any]]:
    listed: list[dict[str, Any]] = []
    for participant in conversation["participants"][: rng.randint(0, 3)]:
        domain = rng.choice(world["alias_domains"])
        account, unique = participant["account"], f"{rng.randrange(16**7):07x}"
        forms = [
            f"{unique}f-9b14-4a49-93bc-56cb01e413a6",
            f"n-{account}-{unique}f",
            f"N-{account}-{unique}F",
            f"odd+{account}{unique}",
            f"n-{account}-{token(rng, domain, key=rng.choice([0, 0, 1]))}",
            f"n-{account}-{token(rng, domain, key=rng.choice([0, 1, 2]), good=rng.random() < 0.5)}",
        ]
        times: dict[str, str | None] = {"expires_at": None, "revoked_at": None}
        if rng.random() < 0.35:
            times[rng.choice(list(times))] = _around(rng, NOW)
        listed.append(
            {
                "address": f"{rng.choice(forms)}@{domain}",
                "conversation": conversation["id"],
                "participant": account,
                **times,
            }
        )
    return listed


def _around(rng: Random, instant: datetime) -> str:
    moved = instant + rng.choice([timedelta(0), -SECOND, SECOND, -9 * DAY, 9 * DAY, timedelta(0)])
    if rng.random() < 0.2:
        return moved.astimezone(timezone(timedelta(hours=-5))).isoformat()
    return moved.isoformat().replace("+00:00", "Z")


def _legacy_aliases(rng: Random, world: dict[str, Any]) -> list[dict[str, Any]]:
    if not world["legacy_domains"]:
        return []
    listed: list[dict[str, Any]] = []
    for conversation in [*world["conversations"], {"id": None}]:
        for number in range(rng.choice([0, 1, 1, 2])):
            address = f"leg{conversation['id'] or 'x'}{number}@{rng.choice(world['legacy_domains'])}"
            listed.append({"address": address, "conversation": conversation["id"]})
    return listed


def _former(rng: Random, days: int) -> dict[str, Any]:
    begin = rng.choice([NOW - 700 * DAY, NOW - 700 * DAY, NOW - 200 * DAY, NOW, NOW + SECOND, NOW + 300 * DAY])
    edge = NOW - days * DAY
    until = rng.choice([None, None, edge, edge - SECOND, edge + SECOND, NOW - 500 * DAY, NOW + DAY])
    return {
        "address": rng.choice([OLD, OLD, OLD, "Old@HOME.example", WHO, JOHN]),
        "account": rng.choice(["a1", "a1", "a2", "a4", "a5"]),
        "from": begin.isoformat(),
        "until": until.isoformat() if until else None,
        "reason": rng.choice([None, None, None, None, "security", "employer"]),
    }


def _speaker(rng: Random, world: dict[str, Any]) -> str:
    if rng.random() < 0.04:
        return rng.choice(_own_addresses(world))
    if rng.random() < 0.1:
        return rng.choice(STRANGERS)
    if world["address_history"] and rng.random() < 0.3:
        former: str = rng.choice(world["address_history"])["address"]
        return former
    if rng.random() < 0.45:
        taking_part = {p["account"] for c in world["conversations"] for p in c["participants"]}
        own: list[str] = [a for each in world["accounts"] if each["id"] in taking_part for a in each["addresses"]]
        return rng.choice(own or SENDERS)
    return rng.choice(SENDERS)


def _own_addresses(world: dict[str, Any]) -> list[str]:
    return [alias["address"] for alias in world["aliases"][:1]] or [f"gone-1@{world['alias_domains'][0]}"]


def _blocked(rng: Random) -> list[str]:
    entries = [
        JOHN,
        "MARY@corp.example",
        "@agency.example",
        "@ELSE.example",
        "x@evil.example",
        "ceo@corp.example",
        "@example",
        "home.example@home.example",
    ]
    return rng.sample(entries, rng.choice([0] * 12 + [1, 1, 2]))


def _recipients(rng: Random, world: dict[str, Any], counts: list[int], *, header: bool) -> list[str]:
    listed = [alias["address"] for alias in (*world["aliases"], *world["legacy_aliases"])]
    chosen: list[str] = []
    for _ in range(rng.choice(counts)):
        if listed and rng.random() < 0.85:
            again = rng.choice([*listed, *(a["address"] for a in world["aliases"])])
            chosen.append(spelled(rng, again, header=header))
        else:
            chosen.append(unlisted(rng, rng.choice(world["alias_domains"]), (world["legacy_domains"] or [None])[-1]))
    return chosen


def _both_recipients(rng: Random, world: dict[str, Any]) -> tuple[list[str], list[str]]:
    legacy = [alias["address"] for alias in world["legacy_aliases"]]
    if not legacy or rng.random() < 0.75:
        recipients = _recipients(rng, world, [1, 1, 1, 2, 3, 4, 5], header=False)
        return recipients, _header_recipients(rng, world, recipients)
    # One post of several for the same mail: the envelope is legacy, the header names aliases too.
    recipients = [spelled(rng, address) for address in rng.sample(legacy, min(len(legacy), rng.choice([1, 1, 2])))]
    aliases = [alias["address"] for alias in world["aliases"]]
    named = rng.sample(aliases, min(len(aliases), rng.choice([1, 2, 4])))
    return recipients, [spelled(rng, address, header=True) for address in named] or ["team@else.example"]


def _header_recipients(rng: Random, world: dict[str, Any], recipients: list[str]) -> list[str]:
    usual = [address.rstrip(".").strip("<>") for address in recipients if not address.endswith('"')]
    chosen = usual if rng.random() < 0.5 else _recipients(rng, world, [0, 1, 1, 2, 3], header=True)
    return [*chosen, *(["team@else.example"] if rng.random() < 0.6 or not chosen else [])]


def _passing(rng: Random, world: dict[str, Any], facts: MailFacts, recipients: list[str]) -> None:
    """What belongs to this one mail: envelope, authentication, spam, earlier sightings, outages."""
    sender = rng.choice([NOBODY, JOHN, TEMP, "bounces@Else.example", MARY, ATS])
    world["envelope"] = {"recipients": recipients, "sender": sender}
    if rng.random() < 0.06:
        world["envelope"]["sender"] = rng.choice([None, "", "<>"])
    elif rng.random() < 0.06:
        del world["envelope"]["sender"]
    dmarc = rng.choice(["pass"] * 10 + ["none"] * 6 + ["fail", "fail", "fail", "permerror", "temperror"])
    world["authentication"] = {
        "dmarc": dmarc,
        "policy": rng.choice(["none", "quarantine", "reject"]),
        "spf_aligned": rng.random() < 0.3,
        "dkim_aligned": rng.random() < 0.3,
    }
    if rng.random() < 0.45:
        names = ["from", "to", "cc", "subject", "date", "message-id", "To"]
        few = rng.sample(names, rng.randint(0, 4))
        world["authentication"]["dkim_signed"] = rng.choice([None, few, few, few, names, names[:5]])
        if rng.random() < 0.7:
            world["authentication"] |= {"spf_aligned": False, "dkim_aligned": True}
    if rng.random() < 0.3:
        del world["authentication"]["policy"]
    world["spam"] = rng.random() < 0.11
    world["seen"] = []
    if facts.message_id is not None and facts.sender is not None and rng.random() < 0.3:
        other = rng.choice([facts.sender, facts.sender, WHO])
        same = rng.choice([facts.message_id, facts.message_id, "<else@corp.example>"])
        conversation = rng.choice([*(c["id"] for c in world["conversations"]), "c-elsewhere"])
        world["seen"] = [{"message_id": same, "sender": other, "conversation": conversation}]
    world["unavailable"] = rng.choice([[]] * 16 + [["legacy"], ["identity"], ["legacy", "identity"]])


OPTIONAL = {
    "format": 1, "legacy_domains": [], "conversations": [], "aliases": [], "legacy_aliases": [], "accounts": [],
    "address_history": [], "seen": [], "spam": False, "unavailable": [], "keys": [],
}  # fmt: skip
DEFAULTS = {
    "blocked_senders": [], "admission": "light", "sender_trust": "accept_known", "historical_days": 365, "use_case": "apply",
    "state": "open", "stage": "parallel", "expires_at": None, "revoked_at": None, "until": None, "reason": None, "dmarc": "none",
    "spf_aligned": False, "dkim_aligned": False, "dkim_signed": None, "participants": [], "cc_seen": [], "addresses": [], "authenticates": [],
    "company_domains": [], "speaks_for": [], "recipients": [],
}  # fmt: skip


def _trimmed(rng: Random, world: dict[str, Any]) -> dict[str, Any]:
    """The same world, now and then without keys whose value is the default, or with keys that nobody knows."""
    if rng.random() < 0.7:
        return world
    trimmed = {key: _without_defaults(rng, value) for key, value in world.items() if OPTIONAL.get(key, world) != value}
    if rng.random() < 0.3:
        trimmed["comment"] = {"unknown": True}
    return trimmed


def _without_defaults(rng: Random, value: Any) -> Any:
    if isinstance(value, list):
        return [_without_defaults(rng, item) for item in value]
    if isinstance(value, dict):
        return {
            k: _without_defaults(rng, v)
            for k, v in value.items()
            if DEFAULTS.get(k, DEFAULTS) != v or rng.random() < 0.3
        }
    return value
