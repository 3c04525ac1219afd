"""Calls that a violation is about, out of all that happened in a run."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence
from typing import Final

from attrs import evolve, frozen

from convalias.testing.simulator.findings import Violation, envelope_key, raw_keys
from convalias.testing.simulator.journal import Mail
from convalias.testing.simulator.run import Report
from convalias.testing.simulator.trace import Entry
from convalias.testing.simulator.wording import (
    OUTSIDE,
    READS,
    RETRIED,
    WHOLE,
    call_in_words,
    done_by,
    is_effect,
    shortened,
)

MOST: Final = 14
"""Lines of a story."""
_BETWEEN_WORDS: Final = re.compile(r"[\s/>]+")


@frozen(kw_only=True)
class Line:
    """A line of a story: at virtual second `at`, `who` did `what` to `whom`."""

    at: float
    who: str
    whom: str
    what: str
    came_to: str = ""
    """A fault's name, or nothing."""
    times: int = 1
    weight: int = 0
    """The heavier, the nearer to what is wrong."""


def concerned(report: Report, violation: Violation, *, most: int = MOST) -> Sequence[Line]:
    """Return at most so many lines, in their order.

    Reads and polls that came to nothing are left out, retries folded.
    """
    names = _Names(report, violation)
    lines = sorted([*_entries(report, names), *_posts(report, names)], key=lambda one: one.at)
    folded = _folded(_kept_whole(lines))
    ranked = sorted(range(len(folded)), key=lambda n: (-folded[n].weight, n))
    return [folded[n] for n in sorted(ranked[:most])]


class _Names:
    """By what the calls concerned can be told: the violation's own words, and what the journal knows of them."""

    def __init__(self, report: Report, violation: Violation) -> None:
        journal, about = report.journal, set(violation.about)
        self.own = {_word(one) for one in about}
        posts = [one for one in journal.posts if _mentions(one.mail, about) or envelope_key(one) in about]
        self.places = {str(one) for one in journal.conversations} & about
        self.places |= _places_of(report.entries, self.own)
        self.places |= {str(place) for post in posts for place in post.mail.conversations}
        self.places |= {str(chat.conversation) for chat in journal.chats if chat.key in about}
        if not self.places:
            self.places = {str(one) for one in journal.conversations}
        if not posts:
            posts = [one for one in journal.posts if self.places & {str(place) for place in one.mail.conversations}]
        self.mails = {post.mail.name for post in posts}
        self.posts = posts
        self.own |= {_word(envelope_key(post)) for post in posts}
        self.own |= {_word(key) for post in posts for key in raw_keys(post, until=0.0)[:1]}

    def weight(self, entry: Entry) -> int:
        """3: the very thing; 1: the same conversation; 0: anything else."""
        words = {part.partition(".")[0] for part in _BETWEEN_WORDS.split(entry.about)}
        return 3 if words & self.own else 1 if words & self.places else 0


def _word(name: str) -> str:
    """The part of a name that stands wherever it is spoken of."""
    return name.rpartition("/")[2].partition(".")[0]


def _mentions(mail: Mail, about: Collection[str]) -> bool:
    return mail.name in about or mail.message_id in about


def _places_of(entries: Sequence[Entry], events: Collection[str]) -> set[str]:
    """In which conversations these events are."""
    places: set[str] = set()
    for entry in entries:
        table, _, rest = entry.about.partition("/")
        place, _, event = rest.partition("/")
        if table == "decisions" and event.partition(" ")[0] in events:
            places.add(place)
    return places


def _entries(report: Report, names: _Names) -> Iterator[Line]:
    told = [one for one in report.entries if one.process == OUTSIDE or _tells(one)]
    begin = next((one.at for one in told if one.process == OUTSIDE), 0.0)
    weights = [names.weight(one) for one in told]
    ends = max((one.at for one, weight in zip(told, weights, strict=True) if weight > 1), default=float("inf"))
    hosts = {one.process for one, weight in zip(told, weights, strict=True) if weight}
    before: set[tuple[str, str]] = set()
    for one, weight in zip(told, weights, strict=True):
        if not begin <= one.at <= ends:
            continue
        if one.process == OUTSIDE:
            yield Line(at=one.at, who="people", whom=_at_whom(one), what=_act(report, one), weight=5)
        elif one.call == "crash" and one.process in hosts:
            yield Line(at=one.at, who=one.process, whom=one.process, what="dies, as by kill -9", weight=3)
        elif weight or (one.came_to and one.process in hosts):
            what, again = call_in_words(one, before)
            heavy = (0 if again or one.call in READS else weight) + bool(one.came_to) + is_effect(one)
            yield Line(at=one.at, who=one.process, whom=done_by(one), what=what, came_to=one.came_to, weight=heavy)
        before |= {(one.process, one.about), ("", one.about)}


def _tells(entry: Entry) -> bool:
    """What changed something, or failed in a way that somebody noticed."""
    return entry.call not in READS or entry.came_to not in {"", "delay", "conflict", "partial"}


def _at_whom(entry: Entry) -> str:
    return "provider" if entry.call in {"mail", "reply", "stranger", "auto_reply", "spoof", "again"} else "deployment"


def _act(report: Report, entry: Entry) -> str:
    name = f"m{entry.about}"
    mail = report.journal.mails.get(name)
    if mail is not None:
        writer = mail.account or mail.sender.local
        return f"{writer} writes {name} ({mail.kind.value}) to {' and '.join(sorted(set(mail.conversations)))}"
    chat = next((one for one in report.journal.chats if one.key == name), None)
    if chat is not None:
        return f"{chat.author} says {name} in {chat.conversation}"
    changes = [one for one in report.journal.changes if abs(one.at - entry.at) < 1e-6]  # noqa: PLR2004 - the same moment
    if changes:
        return "; ".join(f"{one.what} ({one.conversation or 'everywhere'})" for one in changes)
    return f"{entry.call.replace('_', ' ')} {name}"


def _posts(report: Report, names: _Names) -> Iterator[Line]:
    del report
    for post in names.posts:
        yield Line(at=post.begun, who="provider", whom="web", what=f"posts {post.mail.name}", weight=1)
        if post.accepted is not None:
            tries = "" if post.tries == 1 else f" at try {post.tries}"
            yield Line(at=post.accepted, who="web", whom="provider", what=f"200 for {post.mail.name}{tries}", weight=2)


def _kept_whole(lines: Sequence[Line]) -> Sequence[Line]:
    """What a door does with every post is one line, where it went well."""
    kept, taken = list[Line](), set[int]()
    for number, line in enumerate(lines):
        if number in taken:
            continue
        following = [n for n in range(number + 1, len(lines)) if lines[n].who == line.who and n not in taken][:2]
        steps = [line, *(lines[n] for n in following)]
        if tuple(one.what for one in steps) == WHOLE and not any(one.came_to for one in steps):
            kept.append(evolve(line, whom="stores", what="keeps raw mail and envelope record, queues a job"))
            taken |= set(following)
        else:
            kept.append(line)
    return kept


def _folded(lines: Sequence[Line]) -> Sequence[Line]:
    """The same again, and nothing came of it, or nothing new: one line that says how often."""
    kept: list[Line] = []
    places: dict[tuple[str, str, str, str], int] = {}
    for line in lines:
        same = (line.who, line.whom, line.what, line.came_to)
        if line.what in RETRIED or line.came_to in RETRIED or line.weight == 0:
            if same in places:
                first = kept[places[same]]
                kept[places[same]] = evolve(first, times=first.times + 1)
                continue
            places[same] = len(kept)
        kept.append(evolve(line, what=shortened(line.what)))
    return kept
