"""The case of a plan as a document, kept as long as the raw mail, to be decided again.

It holds addresses, and digests in place of all text that a person wrote. Alias keys are named by id, never written.
An admission policy or rule book is written by its name, so a custom one has to be registered to be replayed.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final, TypeVar, get_args, get_origin

from attrs import field, frozen
from cattrs import Converter
from cattrs.gen import make_dict_unstructure_fn, override

from convalias.codec.converter import build, member
from convalias.codec.errors import BrokenRecord, CodecError, UnknownFormat
from convalias.domain.aliases.alias import AliasKey, AliasKeys, ByName, Token
from convalias.domain.mail.envelope import (
    AmbiguousFrom,
    Attachment,
    ClearFrom,
    InboundMail,
    MailContent,
    MessageEnvelope,
    UnreadableMail,
)
from convalias.domain.routing.admission import FREE, LIGHT, STRICT, Admission
from convalias.domain.routing.context import RoutingContext
from convalias.domain.routing.decision import route
from convalias.domain.routing.plan import Case, Decision
from convalias.domain.routing.policy import RoutingPolicy
from convalias.domain.routing.rulebook import RuleBook
from convalias.domain.routing.rules import RULES
from convalias.ports.records import Body

N = TypeVar("N", Admission, RuleBook)

FORMAT: Final = "case/1"
_MARK: Final = "$"
_DIGEST: Final = "sha256:"
_TAGS: Final[Mapping[type[object], str]] = {
    MessageEnvelope: "envelope",
    UnreadableMail: "unreadable",
    ClearFrom: "clear",
    AmbiguousFrom: "ambiguous",
    Token: "token",
    ByName: "name",
}
_TEXTS: Final[Mapping[type[object], tuple[str, ...]]] = {
    ClearFrom: ("display",),
    MailContent: ("subject", "text", "full_text", "html"),
    Attachment: ("name",),
}
"""What the sender wrote."""


class NotRegistered(CodecError):
    """A case that was decided by something that this process does not know by that name."""

    def __init__(self, kind: str, found: str, registered: Iterable[str]) -> None:
        """What kind of thing, its name, and the names there are."""
        super().__init__(kind, found, tuple(registered))
        self.kind = kind
        self.found = found
        self.registered = tuple(registered)

    def __str__(self) -> str:
        """One line."""
        known = ", ".join(self.registered) or "none"
        return f"{self.kind} {self.found!r} is not registered here, expected one of: {known}"


@frozen
class Replay:
    """A case decided again."""

    decision: Decision
    decided_under: str
    """The rule book of the decision that was written down."""
    replayed_under: str
    """The one that decided now."""

    @property
    def note(self) -> str:
        """Empty, or that this is not what happened then."""
        if self.decided_under == self.replayed_under:
            return ""
        return f"decided under rule book {self.decided_under!r}, replayed under {self.replayed_under!r}"


@frozen(kw_only=True)
class Cases:
    """Writes and reads cases, given what they name: admission policies, rule books, alias keys.

    A policy or book of one's own has to be among them, or `load` raises `NotRegistered`.
    """

    admissions: tuple[Admission, ...] = (FREE, LIGHT, STRICT)
    books: tuple[RuleBook, ...] = (RULES,)
    keys: AliasKeys | None = field(default=None, repr=False)
    _converter: Converter = field(init=False, repr=False, eq=False)

    def __attrs_post_init__(self) -> None:
        """Prepare the tables once."""
        object.__setattr__(self, "_converter", _converter(self._admission, self._ring))

    def dump(self, case: Case) -> Body:
        """A JSON document without a text of the mail and without a secret."""
        plain = self._converter.unstructure
        return {
            _MARK: FORMAT,
            "mail": plain(case.mail),
            "context": plain(case.context),
            "policy": plain(case.policy),
            "rules": case.rules.name,
        }

    def load(self, body: Body) -> Case:
        """The case in a document. Raises `UnknownFormat`, `NotRegistered`, `BrokenRecord`."""
        return self._load(body, under=None)

    def replay(self, body: Body, *, under: RuleBook | None = None) -> Replay:
        """Decide a case again, by the rule book that it names or under another one, which the result then says."""
        case = self._load(body, under=under)
        decision = route(case.mail, case.context, case.policy, case.rules)
        return Replay(decision, str(body["rules"]), case.rules.name)

    def _load(self, body: Body, *, under: RuleBook | None) -> Case:
        if body.get(_MARK) != FORMAT:
            raise UnknownFormat("case", body.get(_MARK), [FORMAT])
        read = self._converter.structure
        fields: Mapping[str, Any] = body
        try:
            kind = member((MessageEnvelope, UnreadableMail), fields["mail"], _TAGS)
            mail: InboundMail = read(fields["mail"], kind)
            context = read(fields["context"], RoutingContext)
            policy = read(fields["policy"], RoutingPolicy)
            name = read(fields["rules"], str)
        except CodecError:
            raise
        except Exception as fault:  # noqa: BLE001 - whatever a damaged document makes a constructor raise
            raise BrokenRecord("case", type(fault).__name__) from None  # its text may quote personal data
        return Case(mail, context, policy, under or _named("rule book", name, self.books))

    def _admission(self, name: str) -> Admission:
        return _named("admission policy", name, self.admissions)

    def _ring(self, ids: Iterable[int]) -> AliasKeys:
        """The keys of those ids: under others the same address could be forged, or not."""
        here = AliasKeys(()) if self.keys is None else self.keys
        ring: list[AliasKey] = []
        for number in ids:
            key = here.get(number)
            if key is None:
                raise NotRegistered("alias key", str(number), [str(one.id) for one in here.keys])
            ring.append(key)
        return AliasKeys(ring)


def _named(kind: str, name: str, among: Iterable[N]) -> N:
    by_name = {one.name: one for one in among}
    if name not in by_name:
        raise NotRegistered(kind, name, by_name)
    return by_name[name]


def _converter(admission: Callable[[str], Admission], ring: Callable[[Iterable[int]], AliasKeys]) -> Converter:
    """The stored formats' own rules, and these: names for policies, ids for keys, digests for text."""
    converter = build(_TAGS)
    converter.register_unstructure_hook(Admission, lambda policy: policy.name)
    converter.register_structure_hook(Admission, lambda name, _: admission(name))
    converter.register_unstructure_hook(AliasKeys, lambda keys: [one.id for one in keys.keys])
    converter.register_structure_hook(AliasKeys, lambda ids, _: ring(ids))

    def pairs(kind: Any) -> Callable[[Mapping[Any, Any]], list[Any]]:
        return _pairs(kind, converter)

    converter.register_unstructure_hook_factory(_is_mapping, pairs)
    for kind, names in _TEXTS.items():
        converter.register_unstructure_hook(kind, _without_text(kind, names, converter))
    return converter


def _is_mapping(kind: Any) -> bool:
    origin: Any = get_origin(kind)
    return origin is Mapping or origin is dict


def _pairs(kind: Any, converter: Converter) -> Callable[[Mapping[Any, Any]], list[Any]]:
    """Pairs in the order of their keys' JSON: a key may be an object."""
    of_key, of_value = get_args(kind)

    def plain(pairs: Mapping[Any, Any]) -> list[Any]:
        written = [
            [converter.unstructure(key, unstructure_as=of_key), converter.unstructure(value, unstructure_as=of_value)]
            for key, value in pairs.items()
        ]
        return sorted(written, key=lambda pair: json.dumps(pair[0], sort_keys=True))

    return plain


def _without_text(kind: type[object], names: tuple[str, ...], converter: Converter) -> Callable[[Any], dict[str, Any]]:
    digested = {name: override(unstruct_hook=_digest) for name in names}
    plain = make_dict_unstructure_fn(kind, converter, **digested)  # type: ignore[arg-type]  # cattrs takes overrides by name
    tag = _TAGS.get(kind)
    return plain if tag is None else lambda value: {"is": tag, **plain(value)}


def _digest(text: str | None) -> str | None:
    """What tells two texts apart and says nothing of them; of a digest, itself: a case may be written again."""
    if not text or text.startswith(_DIGEST):
        return text
    return _DIGEST + hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


CASES: Final = Cases()
"""The policies and rules that come with the library, and no key."""
