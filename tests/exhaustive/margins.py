"""Where the rules have edges: instants, the history of addresses, replays, blocked senders, outages, what may be told.

Each is a whole product of what its own rule looks at, with few values of everything else: the other two modules
run those.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import product

from convalias.domain.mail.automation import MailClass
from exhaustive.overlaps import FEW_NOWHERE, FEW_SOMEWHERE, Pattern, patterns, placed, standing
from exhaustive.scene import (
    DAY,
    DOUBTFUL,
    JOHN,
    MARY,
    NO_MAC_OF_OURS,
    NOW,
    PROVED,
    SECOND,
    SPOOFED,
    STRANGER,
    TEAM,
    UNPROVED,
    Case,
    Letter,
    Listing,
    Person,
    Policy,
    Proof,
    Seen,
    Standing,
    Talk,
    Tenure,
)
from exhaustive.scopes import Scope

_EDGES = (None, NOW - DAY, NOW - SECOND, NOW, NOW + SECOND, NOW + DAY)
_PEOPLE = (Person("a1", (JOHN,)), Person("a2", (MARY,)), Person("b1"), Person("a9"))
ALIAS, LEGACY, OTHER = "ann-1@reply.example", "old-1@relay.example", "ann-2@reply.example"


# --- instants of an alias ----------------------------------------------------------------------------


def _ending(outer: tuple[datetime | None, datetime | None], inner: tuple[str, bool, bool]) -> Case:
    (expires, revoked), (state, header, second) = outer, inner
    listings = [Listing(ALIAS, "c1", expires=expires, revoked=revoked), Listing(LEGACY, "c1", legacy=True)]
    if second:
        listings.append(Listing(OTHER, "c1"))
    world = Standing(talks=(Talk("c1", state=state),), listings=tuple(listings), people=_PEOPLE)
    arrived = (LEGACY,) if header else (LEGACY, ALIAS)
    return Case(world, Letter(recipients=(*arrived, OTHER), to=(ALIAS,)))


# --- the history of addresses ------------------------------------------------------------------------

_SINCE = (NOW - 700 * DAY, NOW - 500 * DAY, NOW, NOW + SECOND)
_REASONS = (None, "security", "employer")
_WHO = ("a1", "a2", "b1")


def _entries(days: int) -> list[Tenure]:
    edge = NOW - days * DAY
    until = (None, edge - SECOND, edge, NOW + DAY)
    return [Tenure(JOHN, *one) for one in product(_WHO, _SINCE, until, _REASONS)]


def _formerly(outer: tuple[Tenure, Policy], inner: Tenure | None) -> Case:
    first, policy = outer
    tenures = (first,) if inner is None else (first, inner)
    world = Standing(
        talks=(Talk("c1", ("a1", "a2", "a9")),),
        listings=(Listing(ALIAS, "c1"),),
        people=(Person("a1"), Person("a2", (MARY,)), Person("b1", speaks_for=("a1",))),
        tenures=tenures,
    )
    return Case(world, Letter(recipients=(ALIAS,), to=(ALIAS,)), policy)


# --- replays -----------------------------------------------------------------------------------------

_DATES = (None, *(NOW - timedelta(hours=24) + one for one in (-SECOND, 0 * SECOND, SECOND)), NOW + DAY)
_SEEN: tuple[tuple[Seen, ...], ...] = (
    (),
    (Seen(JOHN, "c1"),),
    (Seen(JOHN, "c2"),),
    (Seen(JOHN, "c1"), Seen(JOHN, "c2")),
    (Seen(JOHN, "elsewhere"),),
    (Seen(MARY, "c2"),),
    (Seen(JOHN, "c2", "2@home.example"),),
)
_NAMED = {
    "itself": ALIAS,
    "another of the conversation": "bob-1@reply.example",
    "an expired one of it": "gone-1@reply.example",
    "a revoked one of it": "lost-1@reply.example",
    "a legacy one of it": LEGACY,
    "one of another conversation": OTHER,
    "an unknown one": "nobody-1@reply.example",
    "somebody else": TEAM,
    "a tagged one": "ann-1+tag@reply.example",
}


def _replayed(outer: tuple[datetime | None, tuple[Seen, ...]], inner: tuple[str, str, str, Letter, Policy]) -> Case:
    (date, seen), (named, where, stage, letter, policy) = outer, inner
    world = Standing(
        talks=(Talk("c1", stage=stage), Talk("c2", ("a2",))),
        listings=(
            Listing(ALIAS, "c1"),
            Listing("bob-1@reply.example", "c1"),
            Listing("gone-1@reply.example", "c1", expires=NOW - DAY),
            Listing("lost-1@reply.example", "c1", revoked=NOW - DAY),
            Listing(LEGACY, "c1", legacy=True),
            Listing(OTHER, "c2"),
        ),
        people=_PEOPLE,
        seen=seen,
    )
    fields = {"to": (TEAM,), "cc": (), "delivered": ()} | {where: (_NAMED[named],)}
    to, cc, delivered = fields["to"], fields["cc"], fields["delivered"]
    return Case(world, replace(letter, recipients=(ALIAS,), to=to, cc=cc, delivered=delivered, date=date), policy)


_REPLAYERS = (
    (Letter(), Policy()),
    (Letter(proof=UNPROVED), Policy()),
    (Letter(sender=STRANGER), Policy("free")),
    (Letter(sender=STRANGER), Policy()),
    (Letter(kind=MailClass.BULK), Policy()),
    (Letter(message_id=None), Policy()),
    (Letter(odd=True), Policy()),
)

# --- blocked senders ---------------------------------------------------------------------------------

_BLOCKED: tuple[tuple[str, ...], ...] = (
    (),
    (JOHN,),
    (MARY,),
    ("@home.example",),
    ("@corp.example",),
    ("@example",),
    ("@sub.home.example",),
    (STRANGER, "@corp.example"),
)
_SPOKEN = (
    Letter(),
    Letter(sender=STRANGER),
    Letter(sender=None),
    Letter(sender=None, readings=(STRANGER, JOHN)),
    Letter(sender=None, readings=(MARY,)),
    Letter(malformed=True),
    Letter(sender=None, readings=(MARY, JOHN), malformed=True),
)


def _blocked(outer: tuple[tuple[str, ...], Letter], inner: tuple[str | None, tuple[str, ...], bool]) -> Case:
    (blocked, letter), (path, arrived, spam) = outer, inner
    world = Standing(
        talks=(Talk("c1"),), listings=(Listing(ALIAS, "c1"), Listing(LEGACY, None, legacy=True)), people=_PEOPLE
    )
    return Case(
        world, replace(letter, recipients=arrived, to=(ALIAS,), return_path=path, spam=spam), Policy(blocked=blocked)
    )


# --- outages -----------------------------------------------------------------------------------------

_AWAY = (("legacy",), ("identity",), ("legacy", "identity"))
_ASKING = (
    Letter(),
    Letter(sender=STRANGER),
    Letter(proof=SPOOFED),
    Letter(sender=None),
    Letter(kind=MailClass.BOUNCE),
    Letter(kind=MailClass.BULK, sender=STRANGER),
)


def _alone(pattern: Pattern, inner: tuple[tuple[str, ...], Letter, str]) -> Case:
    away, letter, where = inner
    slots, _ = pattern
    return Case(standing(pattern, away=away), placed(slots, [where] * len(slots), letter))


# --- what may be told --------------------------------------------------------------------------------

_REFUSED = {
    "unknown": "nobody@reply.example",
    "forged": f"a-{NO_MAC_OF_OURS}@reply.example",
    "expired": "gone-1@reply.example",
    "revoked": "lost-1@reply.example",
    "closed": "ann-3@reply.example",
    "archived": "ann-5@reply.example",
    "erased": "ann-4@reply.example",
    "erased legacy": "old-4@relay.example",
    "good": ALIAS,
    "good, for two": "ann-6@reply.example",
    "foreign": TEAM,
}
_TOLD = Standing(
    talks=(
        Talk("c1", ("a1",)),
        Talk("c3", ("a1",), "closed"),
        Talk("c4", ("a1",), "erased"),
        Talk("c5", ("a1",), "archived"),
        Talk("c6", ("a2", "b1")),
    ),
    listings=(
        Listing(ALIAS, "c1"),
        Listing("gone-1@reply.example", "c1", expires=NOW - DAY),
        Listing("lost-1@reply.example", "c1", revoked=NOW - DAY),
        Listing("ann-3@reply.example", "c3"),
        Listing("ann-4@reply.example", "c4"),
        Listing("ann-5@reply.example", "c5"),
        Listing("ann-6@reply.example", "c6"),
        Listing(LEGACY, "c1", legacy=True),
        Listing("old-4@relay.example", "c4", legacy=True),
    ),
    people=(Person("a1", (JOHN,)), Person("a2", (MARY,)), Person("b1", (MARY,)), Person("b2", ("out@home.example",))),
)
_TELLING = tuple(
    replace(one, empty=empty, spam=spam)
    for one, empty, spam in product(
        (Letter(), Letter(sender=STRANGER), Letter(sender=MARY), Letter(sender=None, readings=(JOHN,))),
        (False, True),
        (False, True),
    )
)
_PROOFS = (PROVED, UNPROVED, Proof("none", spf=True), DOUBTFUL, SPOOFED)


def _told(outer: tuple[str, Letter], inner: tuple[MailClass, Proof, str | None, str, str]) -> Case:
    """A null return path is a class of its own to the reader, so here it comes with refusals of the alias only."""
    (kind_of_alias, letter), (kind, proof, path, admission, also) = outer, inner
    refused = _REFUSED[kind_of_alias]
    source = {"envelope": (refused,), "with good": (refused, ALIAS), "header": ()}[also]
    path = JOHN if path == "" and kind_of_alias.startswith("good") else path
    path = JOHN if path == "" and also == "with good" else path
    policy = Policy(admission)
    return Case(
        _TOLD, replace(letter, recipients=source, to=(refused,), kind=kind, proof=proof, return_path=path), policy
    )


def _told_by_header(outer: tuple[str, Letter], proof: Proof) -> Case:
    """A header alias takes part in the decision, but its own refusal is told to nobody."""
    named, letter = outer
    return Case(
        _TOLD, replace(letter, recipients=(LEGACY,), to=(_REFUSED[named], ALIAS), proof=proof), Policy("strict")
    )


def scopes() -> Iterator[Scope]:
    """One for each kind of edge."""
    states = list(product(("open", "closed", "archived", "erased"), (False, True), (False, True)))
    yield Scope("instants of an alias", list(product(_EDGES, _EDGES)), states, _ending)
    for days in (365, 0):
        entries = _entries(days)
        policies = (Policy(days=days), Policy("strict", days=days))
        yield Scope(f"history of {days} days", list(product(entries, policies)), [None, *entries], _formerly)
    replays = product(_NAMED, ("to", "cc", "delivered"), ("parallel", "native"), _REPLAYERS)
    inner = [(named, where, stage, *who) for named, where, stage, who in replays]
    yield Scope("replays", list(product(_DATES, _SEEN)), inner, _replayed)
    paths = (None, MARY, JOHN, "bounces@sub.home.example")
    arrivals = ((ALIAS,), (LEGACY, ALIAS, TEAM), ())
    yield Scope("blocked", list(product(_BLOCKED, _SPOKEN)), list(product(paths, arrivals, (False, True))), _blocked)
    for count in (1, 2):
        away = list(product(_AWAY, _ASKING, ("both", "envelope", "header")))
        yield Scope(f"away, {count}", list(patterns(count, FEW_NOWHERE, FEW_SOMEWHERE)), away, _alone)
    telling = list(product(MailClass, _PROOFS, (JOHN, None), ("light", "strict"), ("envelope", "with good", "header")))
    yield Scope("told", list(product(_REFUSED, _TELLING)), telling, _told)
    nowhere = [(named, letter) for named, letter in product(_REFUSED, _TELLING[::4]) if not named.startswith("good")]
    null = list(product(MailClass, _PROOFS, ("",), ("light",), ("envelope",)))
    yield Scope("told to a null return path", nowhere, null, _told)
    yield Scope("told by a header alias", list(product(_REFUSED, _TELLING)), _PROOFS, _told_by_header)
