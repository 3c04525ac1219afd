"""Every mail with up to three addresses over three conversations: who carries what, who copies whose verdict.

An address is one *slot*. Slots are in canonical order (the first sorts first), so the order among aliases is part of
the product; the order in the envelope is not, see the test of symmetry. A slot's address is of no conversation
(foreign, unknown, forged, legacy and listed for none, legacy and unlisted) or of one (good, revoked, expired, listed
but forged, legacy), and it stands in the envelope, in To or Cc, in both, or (of two) in Delivered-To alone.

Symmetry: conversations are named in the order in which the slots meet them (a restricted growth string), and what
cannot matter is dropped: who takes part in a conversation that is not open, and stage native where no legacy alias
of the conversation is in the mail.

Why three products are enough. Of the sender the overlaps see one verdict for each conversation, so PLACES runs over
every pattern and placement with a sender who is a participant of some conversations and not of others (relay, hold
and reject beside one another), and VOICES over every pattern with every way a verdict can come about, each address
both in the envelope and the header. STATES adds the states and stages that count as equal (archived, legacy, shadow)
for up to two addresses. How the verdict of one conversation comes about is the business of `senders`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import lru_cache, partial
from itertools import product

from convalias.domain.mail.automation import MailClass
from exhaustive.scene import (
    ALIAS_DOMAIN,
    DAY,
    DOUBTFUL,
    JOHN,
    LEGACY_DOMAIN,
    NO_MAC_OF_OURS,
    NOW,
    SPOOFED,
    TEAM,
    UNPROVED,
    Case,
    Letter,
    Listing,
    Person,
    Policy,
    Seen,
    Standing,
    Talk,
)
from exhaustive.scopes import Scope

Slot = tuple[str, int | None]
"""What an address is, and the number of its conversation."""
Situation = tuple[str, str, bool]
"""State, stage, whether the sender takes part."""
Pattern = tuple[tuple[Slot, ...], tuple[Situation, ...]]

NOWHERE = ("foreign", "unknown", "forged", "lost", "listed for none")
SOMEWHERE = ("good", "revoked", "expired", "listed but forged", "legacy")
FEW_NOWHERE = ("foreign", "unknown", "lost")
FEW_SOMEWHERE = ("good", "revoked", "expired", "legacy")
SITUATIONS = (("open", True), ("open", False), ("closed", True), ("erased", True))
ALL_SITUATIONS = (*SITUATIONS, ("archived", True))
STAGES = ("parallel", "native")
ALL_STAGES = ("legacy", "shadow", "parallel", "native")
BOTH, ENVELOPE, HEADER, DELIVERED = "both", "envelope", "header", "delivered"

_PLACES = (BOTH, ENVELOPE, HEADER)
_STAMPED = tuple(one for one in product((*_PLACES, DELIVERED), repeat=2) if DELIVERED in one)
_PEOPLE = (Person("a1", (JOHN,)), Person("a9", ("ann@home.example",)))


def patterns(
    count: int,
    nowhere: Sequence[str] = FEW_NOWHERE,
    somewhere: Sequence[str] = FEW_SOMEWHERE,
    situations: Sequence[tuple[str, bool]] = SITUATIONS,
    stages: Sequence[str] = STAGES,
) -> Iterator[Pattern]:
    """All patterns of that many slots, each class of renamings once."""
    for slots in _slots(count, nowhere, somewhere):
        used = 1 + max((number for _, number in slots if number is not None), default=-1)
        per_conversation = [
            [(state, stage, inside) for state, inside in situations for stage in _stages(slots, number, stages)]
            for number in range(used)
        ]
        for chosen in product(*per_conversation):
            yield slots, chosen


def _slots(count: int, nowhere: Sequence[str], somewhere: Sequence[str], met: int = 0) -> Iterator[tuple[Slot, ...]]:
    if count == 0:
        yield ()
        return
    for kind in nowhere:
        for rest in _slots(count - 1, nowhere, somewhere, met):
            yield ((kind, None), *rest)
    for number in range(min(met + 1, 3)):
        for kind in somewhere:
            for rest in _slots(count - 1, nowhere, somewhere, max(met, number + 1)):
                yield ((kind, number), *rest)


def _stages(slots: tuple[Slot, ...], number: int, stages: Sequence[str]) -> Sequence[str]:
    return stages if ("legacy", number) in slots else stages[:1]


def raw(
    count: int,
    nowhere: Sequence[str] = FEW_NOWHERE,
    somewhere: Sequence[str] = FEW_SOMEWHERE,
    situations: Sequence[tuple[str, bool]] = SITUATIONS,
    stages: Sequence[str] = STAGES,
) -> int:
    """How many patterns there are before symmetry: every address of any conversation, every conversation of any kind."""
    outside = len(situations) - 1  # only an open conversation was listed with and without the sender
    kinds, kinds_of_conversation = len(nowhere) + 3 * len(somewhere), 2 * outside * len(stages)
    return int(kinds**count * kinds_of_conversation**3)


def address(place: int, slot: Slot) -> str:
    """The address of a slot; those of earlier slots sort first."""
    kind, _ = slot
    letter = "abc"[place]
    local = {"forged": f"{letter}-{NO_MAC_OF_OURS}", "listed but forged": f"{letter}-{NO_MAC_OF_OURS[:-1]}{place}"}
    domain = {
        "foreign": "third.example",
        "lost": LEGACY_DOMAIN,
        "listed for none": LEGACY_DOMAIN,
        "legacy": LEGACY_DOMAIN,
    }
    return f"{local.get(kind, f'{letter}-{place}')}@{domain.get(kind, ALIAS_DOMAIN)}"


def listing(place: int, slot: Slot) -> Listing | None:
    """What is listed of a slot."""
    kind, number = slot
    conversation = None if number is None else f"c{number + 1}"
    written = address(place, slot)
    match kind:
        case "good" | "listed but forged":
            return Listing(written, conversation)
        case "revoked":
            return Listing(written, conversation, revoked=NOW - DAY)
        case "expired":
            return Listing(written, conversation, expires=NOW - DAY)
        case "legacy" | "listed for none":
            return Listing(written, conversation, legacy=True)
        case _:
            return None


@lru_cache(maxsize=64)  # the cases of one pattern follow one another, and share what is built of it
def standing(pattern: Pattern, seen: tuple[Seen, ...] = (), away: tuple[str, ...] = ()) -> Standing:
    """The world of a pattern."""
    slots, situations = pattern
    listed = (listing(place, slot) for place, slot in enumerate(slots))
    return Standing(
        talks=tuple(
            Talk(f"c{number + 1}", ("a1", "a9") if inside else ("a9",), state, stage)
            for number, (state, stage, inside) in enumerate(situations)
        ),
        listings=tuple(one for one in listed if one is not None),
        people=_PEOPLE,
        seen=seen,
        away=away,
    )


def placed(slots: tuple[Slot, ...], placement: Sequence[str], letter: Letter) -> Letter:
    """The letter to these addresses. The envelope is in falling order, To and Cc take turns: neither may matter."""
    written = [address(place, slot) for place, slot in enumerate(slots)]
    arrived = [one for one, where in zip(written, placement, strict=True) if where in (BOTH, ENVELOPE)]
    named = [one for one, where in zip(written, placement, strict=True) if where in (BOTH, HEADER)]
    stamped = tuple(one for one, where in zip(written, placement, strict=True) if where == DELIVERED)
    return replace(
        letter,
        recipients=tuple(reversed(arrived)),
        to=(TEAM, *named[1::2]),
        cc=tuple(named[::2]),
        delivered=stamped,
    )


def _by_place(pattern: Pattern, inner: tuple[Policy, tuple[str, ...]]) -> Case:
    policy, placement = inner
    return Case(standing(pattern), placed(pattern[0], placement, Letter()), policy)


Voice = tuple[Letter, Policy, str, tuple[Seen, ...], tuple[str, ...]]
_USUAL, _STRICT, _FREE = Policy(), Policy(admission="strict"), Policy(admission="free")
_ALIGNED, _ANY = Policy(trust="require_aligned"), Policy(trust="accept_any")


def _voice(
    letter: Letter,
    policy: Policy = _USUAL,
    *,
    where: str = BOTH,
    seen: tuple[Seen, ...] = (),
    away: tuple[str, ...] = (),
) -> Voice:
    return letter, policy, where, seen, away


def _letters() -> Iterator[Voice]:
    vague = Letter(sender=None, readings=(JOHN,))
    yield _voice(Letter())
    yield _voice(Letter(), _STRICT)
    yield _voice(Letter(), _FREE)
    yield _voice(Letter(proof=UNPROVED))
    yield _voice(Letter(proof=UNPROVED), _ALIGNED)
    yield _voice(Letter(proof=UNPROVED), _STRICT)
    yield _voice(Letter(proof=DOUBTFUL))
    yield _voice(Letter(proof=DOUBTFUL), _ANY)
    yield _voice(Letter(proof=SPOOFED))
    yield _voice(Letter(proof=SPOOFED), _ANY)
    yield _voice(vague)
    yield _voice(replace(vague, proof=UNPROVED))
    yield _voice(Letter(kind=MailClass.OWN))
    yield _voice(Letter(kind=MailClass.BOUNCE, return_path=""))
    yield _voice(Letter(kind=MailClass.OUT_OF_OFFICE))
    yield _voice(Letter(kind=MailClass.BULK))
    yield _voice(Letter(kind=MailClass.BULK, proof=UNPROVED))
    yield _voice(Letter(kind=MailClass.AUTO_GENERATED), _FREE)
    yield _voice(Letter(spam=True))
    yield _voice(Letter(spam=True, proof=UNPROVED))
    yield _voice(Letter(spam=True), _FREE)
    yield _voice(replace(vague, spam=True))
    yield _voice(Letter(empty=True))
    yield _voice(Letter(odd=True))
    yield _voice(Letter(empty=True, odd=True))
    yield _voice(Letter(date=NOW - 3 * DAY), where=ENVELOPE)
    yield _voice(Letter(), where=ENVELOPE, seen=(Seen(JOHN, "c1"),))
    yield _voice(Letter(), where=ENVELOPE, seen=(Seen(JOHN, "c1"), Seen(JOHN, "c9")))
    yield _voice(Letter(), Policy(blocked=("@home.example",)))
    yield _voice(Letter(malformed=True))
    yield _voice(Letter(), away=("legacy",))
    yield _voice(Letter(), away=("identity",))
    yield _voice(Letter(sender="new@else.example"), away=("legacy",))
    yield _voice(Letter(), where=HEADER)
    yield _voice(Letter(), where=HEADER, away=("legacy",))


VOICES: tuple[Voice, ...] = tuple(_letters())


def _by_voice(pattern: Pattern, voice: Voice) -> Case:
    letter, policy, where, seen, away = voice
    return Case(standing(pattern, seen, away), placed(pattern[0], [where] * len(pattern[0]), letter), policy)


def _with_delivered(pattern: Pattern, inner: tuple[str, ...]) -> Case:
    """No envelope: each address in one of the fields that stand in for it."""
    named: dict[str, list[str]] = {"to": [], "cc": [], "delivered": []}
    for place, (slot, where) in enumerate(zip(pattern[0], inner, strict=True)):
        named[where].append(address(place, slot))
    fields = {name: tuple(written) for name, written in named.items()}
    return Case(standing(pattern), Letter(to=fields["to"], cc=fields["cc"], delivered=fields["delivered"]))


def scopes() -> Iterator[Scope]:
    """PLACES, VOICES, STATES, and mails without an envelope."""
    for count in (1, 2, 3):
        placements = list(product((_USUAL, _STRICT), product(_PLACES, repeat=count)))
        before = raw(count) * len(placements)
        yield Scope(f"places of {count}", list(patterns(count)), placements, _by_place, before)
    stamped = list(product((_USUAL,), _STAMPED))
    yield Scope("stamped of 2", list(patterns(2)), stamped, _by_place, raw(2) * len(stamped), sliced=False)
    for count in (1, 2, 3):
        every = partial(patterns, count, NOWHERE, SOMEWHERE)
        before = raw(count, NOWHERE, SOMEWHERE) * len(VOICES)
        yield Scope(f"voices to {count}", list(every()), VOICES, _by_voice, before)
    for count in (1, 2):
        placements = list(product((_USUAL, _STRICT), product(_PLACES, repeat=count)))
        states = list(patterns(count, FEW_NOWHERE, FEW_SOMEWHERE, ALL_SITUATIONS, ALL_STAGES))
        before = raw(count, situations=ALL_SITUATIONS, stages=ALL_STAGES) * len(placements)
        yield Scope(f"states of {count}", states, placements, _by_place, before)
    for count in (1, 2):
        fields = list(product(("to", "cc", "delivered"), repeat=count))
        yield Scope(f"no envelope, {count}", list(patterns(count)), fields, _with_delivered, raw(count) * len(fields))
