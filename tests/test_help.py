"""`help()` of each public name fits a screen: what it is stands at the top, and no default hides it."""

from __future__ import annotations

import inspect
import pydoc
from collections.abc import Iterator, Mapping
from enum import Enum
from importlib import import_module
from types import ModuleType
from typing import Final

import pytest

from convalias import RULES, RoutingPolicy, SenderTrust, UseCase
from convalias.domain.addresses.email_address import EmailAddress
from convalias.domain.routing import rules
from convalias.domain.routing.admission import FREE
from convalias.domain.routing.policy import BlockedSenders
from test_public_modules import PUBLIC

SCREEN: Final = 60
"""Lines."""
LONGEST_DEFAULT: Final = 130
"""Letters of one default in a signature."""
PARTS: Final = (" |  Methods", " |  Class methods", " |  Static methods", " |  Readonly", " |  Data", " |  ------")


def names() -> Iterator[tuple[str, object]]:
    """Each class and function of the public modules, once."""
    seen: set[int] = set()
    for module in PUBLIC:
        loaded = import_module(module)
        for name in loaded.__all__:
            found = getattr(loaded, name)
            if (isinstance(found, type) or inspect.isroutine(found)) and id(found) not in seen:
                seen.add(id(found))
                yield f"{module}.{name}", found


NAMES: Final = dict(names())


def shown(what: object) -> list[str]:
    return pydoc.plain(pydoc.render_doc(what)).splitlines()


def defaults(what: object) -> Iterator[str]:
    try:
        signature = inspect.signature(what)  # type: ignore[arg-type]
    except (TypeError, ValueError):  # a protocol, a union: none
        return
    yield from (repr(one.default) for one in signature.parameters.values() if one.default is not one.empty)


def test_many_names_are_looked_at() -> None:
    assert len(NAMES) > 400


@pytest.mark.parametrize("module", PUBLIC)
def test_the_help_of_a_function_fits_a_screen_and_that_of_a_class_begins_with_what_it_is(module: str) -> None:
    long: dict[str, int] = {}
    for name, what in NAMES.items():
        if name.rpartition(".")[0] != module or isinstance(what, ModuleType):
            continue
        lines = shown(what)
        if isinstance(what, type):  # how it is made and what it is; what follows are its methods, one by one
            lines = lines[: next((place for place, one in enumerate(lines) if one.startswith(PARTS)), len(lines))]
        if len(lines) > SCREEN:
            long[name] = len(lines)
    assert long == {}


def test_no_default_in_a_signature_is_longer_than_a_line() -> None:
    looked_at = {name: what for name, what in NAMES.items() if not name.startswith("convalias.testing.strategies.")}
    # Strategies default to the people of their small town, by address.
    long = {name: one for name, what in looked_at.items() for one in defaults(what) if len(one) > LONGEST_DEFAULT}
    assert long == {}


def methods() -> Iterator[tuple[str, object]]:
    for name, what in NAMES.items():
        if isinstance(what, type) and not issubclass(what, Enum):
            found: Mapping[str, object] = what.__dict__
            yield from ((f"{name}.{one}", found[one]) for one in found if not one.startswith("_"))


def test_each_method_of_a_public_class_has_short_defaults_too() -> None:
    called = [(name, method) for name, method in methods() if inspect.isfunction(method)]
    assert len(called) > 300
    assert {name: one for name, method in called for one in defaults(method) if len(one) > LONGEST_DEFAULT} == {}


def test_a_book_of_rules_is_shown_in_one_line() -> None:
    assert repr(RULES) == "<RuleBook 'convalias/1', 36 rules>"
    assert repr(RULES.without(rules.empty)) == "<RuleBook 'convalias/1, edited', 35 rules>"


def test_a_policy_shows_what_is_not_the_default_and_whom_it_blocks_is_not_shown() -> None:
    assert repr(RoutingPolicy()) == "RoutingPolicy()"
    blocked = BlockedSenders([EmailAddress.parse("eve@x.example")], ["else.example"])
    policy = RoutingPolicy(
        admission_by_use_case={UseCase("apply"): FREE}, sender_trust=SenderTrust.REQUIRE_ALIGNED, blocked=blocked
    )
    assert repr(policy) == (
        "RoutingPolicy(admission_by_use_case={'apply': Admission(name='free')}, "
        "sender_trust=<SenderTrust.REQUIRE_ALIGNED: 'require_aligned'>, "
        "blocked=<BlockedSenders: 1 addresses, 1 domains>)"
    )
