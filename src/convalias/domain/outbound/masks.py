"""Addresses of people, taken out of what others read: a conversation shows its participants by alias alone."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from attrs import evolve, field, frozen

from convalias.domain.addresses.email_address import EmailAddress, InvalidAddress, canonical_domain
from convalias.domain.conversations.events import (
    ConversationCreated,
    ConversationEvent,
    MessageAdded,
    ParticipantAdded,
)
from convalias.domain.conversations.participants import Participant, PeripheralAuthor

MASK: Final = "[\u2026@\u2026]"
"""Stands in place of an address, in all languages."""
_AT: Final = re.compile("@|%40|\uff20|\ufe6b")
_LONGEST_LOCAL: Final = 254
"""Characters before the sign that are looked at; RFC 5321 §4.5.3.1.1 allows 64, and a tag may be longer."""
_LONGEST_DOMAIN: Final = 253
_ENDS_LOCAL: Final = frozenset(' \t\r\n\v\f\u00a0\u200b<>()[],;:"\\@\uff20\ufe6b\u201c\u201d\u201e\u00ab\u00bb')
_DOMAIN: Final = re.compile(r"[\w.\-]{1,253}")
_DECORATION: Final = "._-+*'~=/!#$%&?^`{|}\u2018\u2019"
_PART_OF_ADDRESS: Final = re.compile(r"[\w.+\-]")
_FIELD: Final = re.compile(r"[>\s]*+\*{0,2}[^\W\d_][^:\uff1a@\n]{0,40}+[:\uff1a]")
_RULE: Final = re.compile(r"[>\s]*+[-_=\u2010-\u2015\u2500-\u257f]{3,}.{0,120}")
_YEAR: Final = re.compile(r"(?<!\d)(?:19|20)\d\d(?!\d)")
_LEAST_FIELDS: Final = 3
_COLONS: Final = (":", "\uff1a")


def _no_addresses() -> Mapping[str, frozenset[str]]:
    return {}


@frozen
class Masks:
    """The addresses of a conversation's people, ready to be looked for."""

    by_domain: Mapping[str, frozenset[str]] = field(factory=_no_addresses, hash=False)
    """Local parts in small letters, by domain."""
    shown_domains: frozenset[str] = frozenset()
    """Domains of aliases: what stands there is nobody's mailbox."""

    @classmethod
    def of(cls, addresses: Iterable[EmailAddress], *, shown_domains: Iterable[str] = ()) -> Masks:
        """Make masks over these addresses."""
        found: dict[str, set[str]] = {}
        for one in addresses:
            for domain in {one.domain, _in_letters(one.domain)}:
                found.setdefault(domain, set()).add(one.local.lower())
        return cls({domain: frozenset(locals_) for domain, locals_ in found.items()}, frozenset(shown_domains))

    def text(self, text: str) -> str:
        """A text without these addresses; in quoted history and forwarded header blocks, without any.

        >>> Masks.of([EmailAddress.parse("ann@home.example")]).text("Write to Ann <ANN@home.example>.")
        'Write to Ann <[…@…]>.'
        """
        if not _AT.search(text):
            return text
        lines = text.split("\n")
        old = _history(lines)
        return "\n".join(self._line(line, every=number in old) for number, line in enumerate(lines))

    def file_name(self, name: str) -> str:
        """A file name without them; what follows the address may be an ending, as in `ann@home.example.vcf`."""
        return self._line(name, every=False, is_name=True)

    def without(self, addresses: Iterable[EmailAddress]) -> Masks:
        """Return these masks but for some addresses: those of who reads it."""
        own = Masks.of(addresses).by_domain
        kept = {domain: found - own.get(domain, frozenset()) for domain, found in self.by_domain.items()}
        return evolve(self, by_domain=kept)

    def is_named_in(self, text: str) -> bool:
        """Whether one of these addresses stands in a text of one word, whatever follows it: `ann@home.example-1`."""
        for sign in _AT.finditer(text):
            local = text[_local_start(text, sign.start(), 0) : sign.start()].lower()
            domain = text[sign.end() : sign.end() + _LONGEST_DOMAIN].lower()
            for one, locals_ in self.by_domain.items():
                if domain.startswith(one) and any(_where(local, known) is not None for known in locals_):
                    return True
        return False

    def history_line(self, line: str) -> str:
        """A line of quoted history: no address stands in it but those of `shown_domains`."""
        return self._line(line, every=True)

    def message(self, message: MessageAdded) -> MessageAdded:
        """A message as others may read it. Attached octets are left as they are."""
        return evolve(
            message,
            text=self.text(message.text),
            full_text=self.text(message.full_text),
            subject=self.text(message.subject),
            attachments=tuple(evolve(one, name=self.file_name(one.name)) for one in message.attachments),
        )

    def _line(self, line: str, *, every: bool, is_name: bool = False) -> str:
        parts, at = list[str](), 0
        for sign in _AT.finditer(line):
            start, domain = _local_start(line, sign.start(), at), _DOMAIN.match(line, sign.end())
            if domain is None or start == sign.start():
                continue
            found = self._found(line[start : sign.start()], domain[0], is_name=is_name)
            if found is None and every and "." in domain[0]:
                written = domain[0].rstrip("._-")
                begin = _behind_address_of_web(line[start : sign.start()])
                found = None if _canonical(written) in self.shown_domains else (begin, len(written))
            if found is not None:
                parts += [line[at : start + found[0]], MASK]
                at = sign.end() + found[1]
        return "".join([*parts, line[at:]]) if parts else line

    def _found(self, local: str, domain: str, *, is_name: bool) -> tuple[int, int] | None:
        """Where a known address begins in the local part, and how much of the domain belongs to it."""
        for written in _domains(domain, is_name=is_name):
            for one in self.by_domain.get(_canonical(written), ()):
                start = _where(local.lower(), one)
                if start is not None:
                    return start, len(written)
        return None


def without_addresses(text: str) -> str:
    """Return a text without any address, whoever's it is."""
    nobody = Masks()
    return "\n".join(nobody.history_line(line) for line in text.split("\n")) if _AT.search(text) else text


def may_hold_address(message: MessageAdded) -> bool:
    """Whether a sign of an address stands anywhere in what others read of a message."""
    names = (one.name for one in message.attachments)
    return any(_AT.search(text) for text in (message.text, message.full_text, message.subject, *names))


def addresses_in(events: Iterable[ConversationEvent]) -> Iterator[EmailAddress]:
    """Addresses of all who took part or wrote, those who have left included."""
    for event in events:
        match event.happening:
            case ConversationCreated(participants=several):
                yield from _addresses(several)
            case ParticipantAdded(participant=one):
                yield from _addresses((one,))
            case MessageAdded(author=PeripheralAuthor(address=address)):
                yield address
            case _:
                pass


def _addresses(participants: Iterable[Participant]) -> Iterator[EmailAddress]:
    for one in participants:
        yield from one.addresses


def _local_start(line: str, end: int, least: int) -> int:
    start = end
    while start > max(least, end - _LONGEST_LOCAL) and line[start - 1] not in _ENDS_LOCAL:
        start -= 1
    return start


def _behind_address_of_web(local: str) -> int:
    """Where a mail address may begin in a run that is a web address: `//host/path?u=ann` is more than a local part."""
    return max(map(local.rfind, "/?=&")) + 1 if local.startswith("//") else 0


def _domains(domain: str, *, is_name: bool) -> Iterator[str]:
    """The domain as it may be meant: without the punctuation behind it; of a file name, without its endings."""
    whole = domain.partition("..")[0].rstrip("._-")
    yield whole
    while is_name and "." in whole:
        whole = whole.rpartition(".")[0]
        yield whole


def _canonical(domain: str) -> str:
    try:
        return canonical_domain(domain)
    except (InvalidAddress, ValueError):
        return domain.lower()


def _in_letters(domain: str) -> str:
    """A domain of A-labels as people write it (RFC 3492)."""
    labels = domain.split(".")
    try:
        return ".".join(one[4:].encode().decode("punycode") if one.startswith("xn--") else one for one in labels)
    except UnicodeError:
        return domain


def _where(run: str, local: str) -> int | None:
    """Where that local part begins at the end of a run of characters, a tag behind it or not."""
    for part in (run, run.partition("+")[0]):
        before = part.removesuffix(local)
        if before == part:
            continue
        if not before.strip(_DECORATION) or not _PART_OF_ADDRESS.match(before[-1]):
            return len(before)
    return None


def _history(lines: list[str]) -> frozenset[int]:
    """Lines that quote: marked with `>`, what introduces these, and header blocks as programs put them."""
    found = set[int]()
    first = 0
    for number, line in enumerate(lines):
        if line.startswith(">"):
            found.add(number)
            found.update(_introduction(lines, number))
        if not _FIELD.match(line):
            first = number + 1
        elif _is_block(lines, first, number):
            found.update(range(first, number + 1))
    return frozenset(found)


def _introduction(lines: list[str], quoted: int) -> Iterator[int]:
    """The one or two lines above a quoted one that end in a colon."""
    last = quoted - 1
    if last >= 0 and not lines[last].strip():
        last -= 1
    if last >= 0 and lines[last].rstrip().endswith(_COLONS):
        yield from (last, max(last - 1, 0))


def _is_block(lines: list[str], first: int, last: int) -> bool:
    """Whether fields from `first` to `last` are a mail's header: below a rule, or three with a year among them."""
    above = next((line for line in reversed(lines[max(first - 2, 0) : first]) if line.strip()), "")
    if _RULE.fullmatch(above):
        return True
    return last - first + 1 >= _LEAST_FIELDS and any(_YEAR.search(line) for line in lines[first : last + 1])
