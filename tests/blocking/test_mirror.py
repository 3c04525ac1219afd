"""The façade without `await` has what the façade has: the same names, arguments and types."""

from __future__ import annotations

import inspect
import subprocess
import sys
from collections.abc import Callable, Mapping

import pytest

import convalias
from blocking import mirror
from convalias import blocking
from convalias.blocking import parts

NOT_HERE: Mapping[str, str] = {
    "anew": "the façade without await does so by itself, after a fork",
    "by_settings": "commands run without a program of a host",
    "opening": "for commands, which open the façade with await",
    "asgi": "an ASGI app runs on an event loop: here it is `wsgi`",
    "faults": "shown by `checks`, under `adapters`",
    "lifespan": "called by ASGI servers; here it is `with cv, cv.running():`",
    "lines": "for `asgi`",
    "loops": "coroutines that run on the loop of a host",
    "ports": "adapters, async by contract",
    "services": "each service of a host's is a property of its own",
}
"""What the façade has and the one without `await` has not, and why."""

ONLY_HERE: Mapping[str, str] = {
    "asynchronous": "what commands open of a host without await",
    "close": "the end of `async with`, for a host without a `with`",
    "wsgi": "the doors for servers without an event loop",
}

OTHER_TYPES: Mapping[str, str] = {
    "checks": "-> Mapping[str, Callable[[], object]]",
    "running": "(*workers: Worker) -> AbstractContextManager[None]",
}
"""What is other than the same without `await`: what returns something to be awaited, or entered."""


def public(of: type) -> dict[str, object]:
    return {name: one for name, one in vars(of).items() if not name.startswith("_")}


def shape(method: object) -> str:
    """Parameters and what is returned, as they are written, without `self` or `cls`."""
    function = method.__func__ if isinstance(method, classmethod) else method
    assert inspect.isfunction(function)
    signature = inspect.signature(inspect.unwrap(function))
    kept = [one for name, one in signature.parameters.items() if name not in {"self", "cls"}]
    return str(signature.replace(parameters=kept)).replace("'", "")


def methods(of: type) -> dict[str, object]:
    return {name: one for name, one in public(of).items() if inspect.isfunction(one) or isinstance(one, classmethod)}


def properties(of: type) -> dict[str, property]:
    return {name: one for name, one in public(of).items() if isinstance(one, property)}


def test_the_facade_without_await_has_every_name_of_the_facade() -> None:
    asynchronous, synchronous = public(convalias.Convalias), public(blocking.Convalias)
    assert {*asynchronous} - {*synchronous} == {*NOT_HERE}
    assert {*synchronous} - {*asynchronous} == {*ONLY_HERE}


@pytest.mark.parametrize("name", sorted({*methods(convalias.Convalias)} - {*NOT_HERE}))
def test_each_method_of_the_facade_takes_and_returns_the_same(name: str) -> None:
    theirs, ours = shape(methods(convalias.Convalias)[name]), shape(methods(blocking.Convalias)[name])
    if name in OTHER_TYPES:
        assert ours.endswith(OTHER_TYPES[name])
        assert ours.partition(" ->")[0] == theirs.partition(" ->")[0]
    else:
        assert ours == theirs


@pytest.mark.parametrize("name", sorted({*properties(convalias.Convalias)} - {*NOT_HERE}))
def test_each_property_of_the_facade_is_the_same_or_the_part_of_that_service(name: str) -> None:
    theirs, ours = (properties(one)[name].fget for one in (convalias.Convalias, blocking.Convalias))
    assert theirs is not None
    assert ours is not None
    said, here = theirs.__annotations__["return"], ours.__annotations__["return"]
    assert here in {said, f"parts.{said}"}
    assert (here == said) == (said not in {part.__name__ for part in mirror.PARTS})


@pytest.mark.parametrize("part", mirror.PARTS, ids=lambda part: part.__name__)
def test_each_part_has_every_method_of_its_service(part: type) -> None:
    theirs, ours = methods(part), methods(getattr(parts, part.__name__))
    assert {*ours} == {*theirs}
    for name in theirs:
        if not inspect.isasyncgenfunction(inspect.unwrap(theirs[name])):  # type: ignore[arg-type]
            assert shape(ours[name]) == shape(theirs[name]), name


def test_each_part_has_the_parts_that_its_service_has() -> None:
    assert {*properties(parts.Messaging)} == {"aliasing"}
    assert {*properties(parts.OutboundLoop)} == {"redriving"}


def test_the_written_module_is_what_its_program_writes_now() -> None:
    again = "python tests/blocking/mirror.py"
    assert mirror.PLACE.read_text(encoding="utf-8") == mirror.written(), f"run {again}"


def test_what_returns_something_to_be_awaited_cannot_be_written() -> None:
    module = mirror.parsed("class Some:\n    def beat(self) -> Awaitable[int]:\n        '''Beat.'''\n")
    with pytest.raises(TypeError, match="no rule says how"):
        mirror.Writer().method(module, "_Some", {})


def test_importing_the_package_does_not_load_the_facade_without_await() -> None:
    script = "import sys, convalias, convalias.app; print('convalias.blocking' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


def test_the_decorator_of_handlers_gives_its_function_back() -> None:
    cv = blocking.Convalias.in_memory(alias_domain="reply.example")
    decorate: Callable[[Callable[[object], None]], Callable[[object], None]] = cv.on(group="g")

    def seen(event: object) -> None: ...

    assert decorate(seen) is seen
