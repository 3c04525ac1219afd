"""Check that a port of the host answered as its signature promises, and blame wrong answers on the port."""

from __future__ import annotations

import inspect
import re
import types
from collections.abc import Callable, Collection, Mapping, Sequence
from collections.abc import Set as AbstractSet
from functools import cache, partial
from typing import Any, Final, TypeGuard, Union, get_args, get_origin, get_type_hints

from convalias.ports.records import Conflict

_MODULE: Final = re.compile(r"\b(?:\w+\.)+(?=\w)")
_WHOLE: Final = frozenset({("identity", "at"), ("legacy", "tenures")})
"""Calls whose answer has every key that was asked for."""
_NOTHING: Final[Mapping[str, object]] = {}


class WrongAnswer(TypeError):
    """An answer that is not of its port: what was found, and what was expected. Never its value."""


def refuse_answer(
    port: str,
    name: str,
    asked: Callable[..., object],
    answer: object,
    given: Sequence[object],
    *,
    named: Mapping[str, object] = _NOTHING,
) -> None:
    """Raise `WrongAnswer` where a call's answer does not fit its signature, or not what was asked."""
    hint = _answers(asked)
    if hint is type(None):
        if inspect.isawaitable(answer):
            close_unawaited(answer)
            raise WrongAnswer(f"found {_found(answer)}, which nobody has awaited, expected None")
    elif not fits(answer, hint):
        raise WrongAnswer(f"found {_found(answer)}, expected {_expected(hint)}")
    mismatch = MISMATCHES.get((port, name))
    if mismatch is not None:
        found = mismatch(answer, _arguments(asked, given, named))
        if found:
            raise WrongAnswer(found)
    if not given or not _is_sized(given[0]):
        return
    if (port, name) == ("records", "write") and _is_sized(answer) and len(answer) != len(given[0]):
        raise WrongAnswer(f"found {len(answer)} answers to {len(given[0])} writes")
    if (port, name) in _WHOLE and isinstance(answer, Mapping) and not all(key in answer for key in given[0]):
        raise WrongAnswer("found an answer without one of the keys that were asked for")


def fits(value: object, hint: object) -> bool:
    """Whether a value is of that type, with all that a container holds; True where that cannot be told."""
    return _holding(hint)(value)


@cache
def _holding(hint: object) -> Callable[[Any], bool]:
    """Says of a value whether it fits. A hint is looked through once: each call of a guarded port asks."""
    origin, of = get_origin(hint), get_args(hint)
    if hint is None or hint is type(None):
        return lambda value: value is None
    if origin is Union or origin is types.UnionType:
        each = [_holding(one) for one in of]
        return lambda value: any(holds(value) for holds in each)
    if origin is not None:
        return _holding_generic(origin, [_holding(one) for one in of])
    kind = getattr(hint, "__supertype__", hint)  # of a NewType
    if not isinstance(kind, type) or kind is Any:
        return lambda _: True
    if getattr(kind, "_is_protocol", False):
        return lambda value: value is not None
    return lambda value: isinstance(value, kind)


def _holding_generic(origin: object, of: Sequence[Callable[[Any], bool]]) -> Callable[[Any], bool]:
    if not isinstance(origin, type):
        return lambda _: True
    if issubclass(origin, Mapping):
        key, held = of
        return lambda value: _is_mapping(value) and all(map(key, value)) and all(map(held, value.values()))
    for kind, is_one in ((AbstractSet, _is_set), (Sequence, _is_sequence), (Collection, _is_collection)):
        if issubclass(origin, kind):
            return partial(_all, is_one, of[0])
    return lambda value: value is not None


def _all(is_one: Callable[[Any], bool], holds: Callable[[Any], bool], value: Any) -> bool:  # noqa: ANN401
    return is_one(value) and all(map(holds, value))


@cache
def _answers(asked: Callable[..., object]) -> object:
    return get_type_hints(asked).get("return", object)


def _is_sized(value: object) -> TypeGuard[Sequence[object] | AbstractSet[object] | Mapping[object, object]]:
    return isinstance(value, Sequence | AbstractSet | Mapping) and not isinstance(value, str | bytes)


def _is_mapping(value: object) -> TypeGuard[Mapping[Any, Any]]:
    return isinstance(value, Mapping)


def _is_set(value: object) -> TypeGuard[AbstractSet[Any]]:
    return isinstance(value, AbstractSet)


def _is_sequence(value: object) -> TypeGuard[Sequence[Any]]:
    return isinstance(value, Sequence) and not isinstance(value, str | bytes)


def _is_collection(value: object) -> TypeGuard[Collection[Any]]:
    return isinstance(value, Collection) and not isinstance(value, str | bytes | Mapping)


def close_unawaited(answer: object) -> None:
    """Close a coroutine that will not be awaited: else Python says so somewhere else, later."""
    if inspect.iscoroutine(answer):
        answer.close()


@cache
def _signature(asked: Callable[..., object]) -> inspect.Signature:
    return inspect.signature(asked)


def _arguments(
    asked: Callable[..., object], given: Sequence[object], named: Mapping[str, object]
) -> Mapping[str, object]:
    """What a call was given, by the names of its port."""
    return _signature(asked).bind(None, *given, **named).arguments


# --- what fits its signature, and not what was asked -------------------------------------------------
# Never a value: an id may be somebody's address.


def _of_thread(answer: Any, given: Mapping[str, Any]) -> str:  # noqa: ANN401
    if answer is not None and answer.id != given["id"]:
        return "found the Thread of another id, expected that of the id asked for"
    return ""


def _of_find(answer: Any, given: Mapping[str, Any]) -> str:  # noqa: ANN401
    if answer is None:
        return ""
    message, key = given.get("message"), given.get("key")
    if message is not None and answer.id != message:
        return "found a Message of another id, expected that of the id asked for"
    if key is not None and answer.key != key:
        which = "without a key" if answer.key is None else "of another key"
        return f"found a Message {which}, expected that of the key asked for"
    return ""


def _of_untold(answer: Any, given: Mapping[str, Any]) -> str:  # noqa: ANN401
    limit = given["limit"]
    return f"found {len(answer)} messages, expected at most {limit}" if len(answer) > limit else ""


def _of_told(answer: Any, given: Mapping[str, Any]) -> str:  # noqa: ANN401
    del given
    return "" if answer is None else f"found {_found(answer)}, expected None"


def _of_read(answer: Any, given: Mapping[str, Any]) -> str:  # noqa: ANN401
    others = len(frozenset(answer) - frozenset(given["accounts"]))
    return f"found {others} accounts that were not asked about, expected some of those asked about" if others else ""


def _of_history(answer: Any, given: Mapping[str, Any]) -> str:  # noqa: ANN401
    limit, before = given["limit"], given.get("before")
    if len(answer) > limit:
        return f"found {len(answer)} messages, expected at most {limit}"
    if any(one.id == before for one in answer):
        return "found the message that was given as `before`, expected those before it"
    return ""


def _of_accounts(answer: Any, given: Mapping[str, Any]) -> str:  # noqa: ANN401
    if any(account.id != name for name, account in answer.items()):
        return "found an Account of another id, expected that of the id asked for"
    return _of_some(answer, given)


def _of_endpoints(answer: Any, given: Mapping[str, Any]) -> str:  # noqa: ANN401
    if not all(answer.values()):
        return "found an empty place, expected the account to be missing"
    return _of_some(answer, given)


def _of_some(answer: Any, given: Mapping[str, Any]) -> str:  # noqa: ANN401
    others = len(answer.keys() - frozenset(given["accounts"]))
    return f"found {others} accounts that were not asked for, expected some of those asked for" if others else ""


def _of_ordered_write(answer: Any, given: Mapping[str, Any]) -> str:  # noqa: ANN401
    """As many answers as writes, or fewer that end with the conflict; nothing behind a conflict."""
    writes, conflicts = len(given["writes"]), [isinstance(one, Conflict) for one in answer]
    if any(conflicts[:-1]):
        return "found an answer behind a conflict, expected the conflict to be the last"
    if len(answer) != writes and not (len(answer) < writes and any(conflicts)):
        return f"found {len(answer)} answers to {writes} writes, of which the last is no conflict"
    return ""


def _of_due_after(answer: Any, given: Mapping[str, Any]) -> str:  # noqa: ANN401
    """A page that does not begin behind its place would be read for ever."""
    limit = given["limit"]
    if len(answer) > limit:
        return f"found {len(answer)} records, expected at most {limit}"
    if any(one.due is None or (one.due.at, one.key) <= given["after"] for one in answer):
        return "found a record that is not due behind the place that was given as `after`"
    return ""


MISMATCHES: Final[Mapping[tuple[str, str], Callable[[Any, Mapping[str, Any]], str]]] = {
    ("conversations", "thread"): _of_thread,
    ("conversations", "find"): _of_find,
    ("conversations", "untold"): _of_untold,
    ("conversations", "told"): _of_told,
    ("conversations", "read"): _of_read,
    ("conversations", "history"): _of_history,
    ("identity", "get"): _of_accounts,
    ("endpoints", "of"): _of_endpoints,
    ("records", "write_in_order"): _of_ordered_write,
    ("records", "due_after"): _of_due_after,
}
"""By port and call: what is wrong with an answer of the right type, empty if nothing is."""


def _found(value: object) -> str:
    return "None" if value is None else type(value).__name__


def _expected(hint: object) -> str:
    """The same without its modules."""
    return hint.__name__ if isinstance(hint, type) and get_origin(hint) is None else _MODULE.sub("", str(hint))
