"""Every sender of one conversation: who he is, what proves it, what the policy makes of it, what the mail is.

One good alias of an open conversation, and its legacy alias beside it (so that what is copied is seen too). A rule
of the sender sees no other recipient, and the verdict is reached in phases of which each sees the one before by its
verdict alone. So these are whole products: PEOPLE of everybody the directory and the history can name with proof,
trust, admission and what vouches (of which VOUCHED FOR is the part that a slice would thin out); STANDING of the verdicts so reached with what may become of them (class, spam,
emptiness, oddity, both halves of the rule of replays); PROOF of every cell of the evidence with trust and admission.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import lru_cache
from itertools import product

from convalias.domain.mail.automation import MailClass
from exhaustive.scene import (
    CLIENT,
    DAY,
    DOUBTFUL,
    JOHN,
    MARY,
    NOW,
    PROVED,
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

ALIAS, LEGACY = "ann-1@reply.example", "old-1@relay.example"
_LISTED = (Listing(ALIAS, "c1"), Listing(LEGACY, "c1", legacy=True))
_INSIDE = ("a1", "a2", "a9")
_BEFORE = NOW - 30 * DAY
ANN = Person("a9", ("ann@home.example",))

# By name: the people of the world and the history. Accounts a1, a2 and a9 take part, b1 and b2 do not.
PEOPLE: dict[str, tuple[tuple[Person, ...], tuple[Tenure, ...]]] = {
    "registered": ((Person("a1", (JOHN,)),), ()),
    "registered twice": ((Person("a1", (JOHN,)), Person("a2", (JOHN,))), ()),
    "registered here and elsewhere": ((Person("a1", (JOHN,)), Person("b1", (JOHN,))), ()),
    "registered elsewhere": ((Person("b1", (JOHN,)),), ()),
    "twice elsewhere": ((Person("b1", (JOHN,)), Person("b2", (JOHN,))), ()),
    "nobody": ((), ()),
    "historical": ((Person("a1", (MARY,)),), (Tenure(JOHN, "a1", _BEFORE),)),
    "historical elsewhere": ((Person("b1", (MARY,)),), (Tenure(JOHN, "b1", _BEFORE),)),
    "historical, of security": ((Person("a1", (MARY,)),), (Tenure(JOHN, "a1", _BEFORE, None, "security"),)),
    "historical twice": ((), (Tenure(JOHN, "a1", _BEFORE), Tenure(JOHN, "a2", _BEFORE))),
    "historical here and elsewhere": ((), (Tenure(JOHN, "a1", _BEFORE), Tenure(JOHN, "b1", _BEFORE))),
    "current elsewhere, historical here": ((Person("b1", (JOHN,)),), (Tenure(JOHN, "a1", _BEFORE),)),
    "delegated": ((Person("b1", (JOHN,), speaks_for=("a1",)),), ()),
    "delegated by one of two": ((Person("b1", (JOHN,), speaks_for=("a1",)), Person("b2", (JOHN,))), ()),
    "delegated for two": ((Person("b1", (JOHN,), speaks_for=("a1", "a2")),), ()),
    "delegated by two for one": (
        (Person("b1", (JOHN,), speaks_for=("a1",)), Person("b2", (JOHN,), speaks_for=("a1",))),
        (),
    ),
    "delegated for here and elsewhere": ((Person("b1", (JOHN,), speaks_for=("a1", "b2")),), ()),
    "delegated for nobody here": ((Person("b1", (JOHN,), speaks_for=("b2",)),), ()),
    "registered, and speaks for another": ((Person("a1", (JOHN,), speaks_for=("a2",)),), ()),
    "historical, who speaks for a participant": (
        (Person("b1", (MARY,), speaks_for=("a1",)),),
        (Tenure(JOHN, "b1", _BEFORE),),
    ),
    "delegated through two": (
        (Person("b1", (JOHN,), speaks_for=("b2",)), Person("b2", (MARY,), speaks_for=("a1",))),
        (),
    ),
}
PASSED = ("never", "for himself", "for somebody else", "another address")
VOUCHED = ("nothing", "cc", "cc of another", "company", "company of an outsider", "parent company")
PROOFS = (PROVED, UNPROVED, Proof("none", dkim=True), DOUBTFUL, SPOOFED, Proof("temperror"))
TRUSTS = ("accept_known", "require_aligned", "accept_any")
ADMISSIONS = ("light", "free", "strict")
POLICIES = tuple(Policy(admission, trust) for admission, trust in product(ADMISSIONS, TRUSTS))


@lru_cache(maxsize=512)
def world(who: str, passed: str = "never", vouched: str = "nothing", seen: tuple[Seen, ...] = ()) -> Standing:
    """The world in which John is that, and that vouches for him."""
    people, tenures = PEOPLE[who]
    by_id = {one.id: one for one in (ANN, *people)}
    for missing in ("a1", "a2", "b1", "b2"):
        by_id.setdefault(missing, Person(missing))
    own = people[0].id if people else "b2"
    holder = {"for himself": own, "for somebody else": "a9", "another address": own}.get(passed)
    if holder is not None:
        proved = CLIENT if passed == "another address" else JOHN
        by_id[holder] = replace(by_id[holder], authenticates=(proved,))
    company = {"company": "a9", "company of an outsider": "b2", "parent company": "a9"}.get(vouched)
    if company is not None:
        name = "example" if vouched == "parent company" else "home.example"
        by_id[company] = replace(by_id[company], companies=(name,))
    carried = {"cc": (STRANGER, JOHN), "cc of another": (STRANGER,)}.get(vouched, ())
    return Standing(
        talks=(Talk("c1", _INSIDE, cc_seen=carried), Talk("c2", ("a1",), cc_seen=(JOHN,))),
        listings=_LISTED,
        people=tuple(by_id.values()),
        tenures=tenures,
        seen=seen,
    )


LETTER = Letter(recipients=(LEGACY, ALIAS), to=(ALIAS, TEAM))


def _person(outer: tuple[str, str, str], inner: tuple[Proof, Policy]) -> Case:
    proof, policy = inner
    return Case(world(*outer), replace(LETTER, proof=proof), policy)


_MARKS = (
    replace(LETTER),
    replace(LETTER, sender=None, readings=(JOHN, MARY)),
    replace(LETTER, empty=True),
    replace(LETTER, odd=True),
    replace(LETTER, empty=True, odd=True),
    replace(LETTER, odd_body=True),
    replace(LETTER, to=(TEAM,), date=NOW - 2 * DAY),
    replace(LETTER, to=(TEAM,), date=NOW - 2 * DAY, odd=True),
    replace(LETTER, to=(TEAM,), date=NOW - 2 * DAY, empty=True),
    replace(LETTER, message_id=None),
)
_WHO = ("registered", "registered twice", "nobody", "historical", "delegated", "registered elsewhere")
_EVERY_PROOF = tuple(
    Proof(dmarc, policy, spf, dkim)
    for dmarc, policy, spf, dkim in product(
        ("pass", "fail", "none", "permerror", "temperror"),
        (None, "none", "quarantine", "reject"),
        (False, True),
        (False, True),
    )
)


def _standing(outer: tuple[str, Policy, Proof], inner: tuple[Letter, MailClass, bool]) -> Case:
    who, policy, proof = outer
    letter, kind, spam = inner
    return Case(world(who), replace(letter, kind=kind, spam=spam, proof=proof), policy)


def _proof(outer: tuple[str, str, str, bool], inner: tuple[Proof, Policy]) -> Case:
    who, passed, vouched, vague = outer
    proof, policy = inner
    letter = replace(LETTER, sender=None, readings=(JOHN,)) if vague else LETTER
    return Case(world(who, passed, vouched), replace(letter, proof=proof), policy)


_SIGNED = (
    None,
    (),
    ("from", "message-id"),
    ("to",),
    ("cc", "from"),
    ("from", "subject", "date"),
    ("from", "subject", "date", "to", "cc"),
)
_SIGNATURES = tuple(
    Proof(dmarc, "none", spf, dkim, signed)
    for dmarc, spf, dkim, signed in product(("pass", "none", "fail"), (False, True), (False, True), _SIGNED)
)
_ADDRESSED = (
    LETTER,
    replace(LETTER, to=(TEAM,), cc=(ALIAS,)),
    replace(LETTER, to=(TEAM,)),
    replace(LETTER, to=(TEAM,), date=NOW - 2 * DAY),
    replace(LETTER, kind=MailClass.BULK),
    replace(LETTER, spam=True),
)


def _signature(outer: tuple[str, str, bool], inner: tuple[Proof, Letter, Policy]) -> Case:
    who, passed, repaired = outer
    proof, letter, policy = inner
    return Case(world(who, passed, "company"), replace(letter, proof=proof, repaired=repaired), policy)


def scopes() -> Iterator[Scope]:
    """PEOPLE, STANDING, SIGNATURE, PROOF."""
    who = list(product(PEOPLE, PASSED, VOUCHED))
    yield Scope("people", who, list(product(PROOFS, POLICIES)), _person)
    few = [("never", one) for one in VOUCHED]
    strangers = [(name, *one) for name, one in product(PEOPLE, few)]
    yield Scope("vouched for", strangers, list(product(PROOFS[:4], (Policy(), Policy(trust="accept_any")))), _person)
    standing = list(product(_WHO, POLICIES, (PROVED, UNPROVED, DOUBTFUL, SPOOFED)))
    yield Scope("standing", standing, list(product(_MARKS, MailClass, (False, True))), _standing)
    cells = list(
        product(("registered", "nobody"), ("never", "for somebody else"), ("nothing", "company"), (False, True))
    )
    signers = list(product(("registered", "nobody", "historical"), ("never", "for somebody else"), (False, True)))
    yield Scope("signature", signers, list(product(_SIGNATURES, _ADDRESSED, POLICIES)), _signature)
    yield Scope("proof", cells, list(product(_EVERY_PROOF, POLICIES)), _proof)
