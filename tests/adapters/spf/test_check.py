"""SPF by pyspf over a stand-in resolver: results, bounds, and no exception whatever a record says."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping, Sequence
from datetime import timedelta

import pytest
from attrs import frozen
from hypothesis import given
from hypothesis import strategies as st

from convalias.adapters.spf import SpfCheck
from convalias.ports.dns import HostAnswer, HostKind, HostRecords, NoSuchName, TemporaryFailure, TxtAnswer, TxtRecords
from convalias.ports.spf import SpfResult

CLIENT = "11.22.33.44"
PASS, NO_PASS, TEMPERROR = SpfResult.PASS, SpfResult.NO_PASS, SpfResult.TEMPERROR


@frozen
class Names:
    """A resolver over recorded answers: TXT by name, hosts by kind and name. Waits where that is asked for."""

    texts: Mapping[str, str | Sequence[bytes] | TemporaryFailure]
    known: Mapping[tuple[str, str], Sequence[str] | TemporaryFailure]
    asked: list[str]
    seconds: float = 0.0

    async def txt(self, name: str) -> TxtAnswer:
        self.asked.append(f"TXT {name}")
        await asyncio.sleep(self.seconds)
        match self.texts.get(name):
            case None:
                return NoSuchName()
            case TemporaryFailure() as failure:
                return failure
            case str() as text:
                return TxtRecords((text.encode(),))
            case texts:
                return TxtRecords(tuple(texts))

    async def hosts(self, name: str, kind: HostKind) -> HostAnswer:
        self.asked.append(f"{kind} {name}")
        match self.known.get((kind, name)):
            case None:
                return NoSuchName()
            case TemporaryFailure() as failure:
                return failure
            case values:
                return HostRecords(tuple(values))


def checked(
    texts: Mapping[str, str | Sequence[bytes] | TemporaryFailure],
    known: Mapping[tuple[str, str], Sequence[str] | TemporaryFailure] | None = None,
    *,
    client: str = CLIENT,
    sender: str = "bob@corp.example",
    helo: str = "mail.corp.example",
) -> tuple[SpfResult, list[str]]:
    names = Names(texts, known or {}, [])
    return asyncio.run(SpfCheck(names).check(client, sender, helo)), names.asked


@pytest.mark.parametrize(
    ("record", "expected"),
    [
        ("v=spf1 ip4:11.22.33.0/24 -all", PASS),
        ("v=spf1 ip4:11.22.34.0/24 -all", NO_PASS),
        ("v=spf1 ip4:11.22.34.0/24 ~all", NO_PASS),
        ("v=spf1 ip4:11.22.34.0/24 ?all", NO_PASS),
        ("v=spf1", NO_PASS),
        ("v=spf1 +all", PASS),
        ("v=spf1 nonsense -all", NO_PASS),
        ("v=spf10 +all", NO_PASS),
        ([b"v=spf1 +all", b"v=spf1 +all"], NO_PASS),
        ([b"google-site-verification=x", b"v=spf1 +all"], PASS),
        (["v=spf1 \u00e9 +all".encode()], NO_PASS),
        ("v=spf1 a -all", PASS),
        ("v=spf1 a:other.example -all", NO_PASS),
        ("v=spf1 mx -all", PASS),
        ("v=spf1 ptr -all", PASS),
        ("v=spf1 exists:%{i}.list.example -all", PASS),
        ("v=spf1 include:good.example -all", PASS),
        ("v=spf1 redirect=good.example", PASS),
        ("v=spf1 include:away.example -all", TEMPERROR),
        ("v=spf1 include:missing.example +all", NO_PASS),
        ("v=spf1 include:corp.example +all", NO_PASS),
        (TemporaryFailure("SERVFAIL"), TEMPERROR),
    ],
)
def test_results(record: str | Sequence[bytes] | TemporaryFailure, expected: SpfResult) -> None:
    texts: dict[str, str | Sequence[bytes] | TemporaryFailure] = {
        "corp.example": record,
        "good.example": "v=spf1 ip4:11.22.33.44 -all",
        "away.example": TemporaryFailure("SERVFAIL"),
    }
    known: dict[tuple[str, str], Sequence[str] | TemporaryFailure] = {
        ("A", "corp.example"): [CLIENT],
        ("MX", "corp.example"): ["mx1.corp.example", "mx2.corp.example"],
        ("A", "mx1.corp.example"): ["11.22.33.1"],
        ("A", "mx2.corp.example"): [CLIENT],
        ("PTR", "44.33.22.11.in-addr.arpa"): ["host.corp.example"],
        ("A", "host.corp.example"): [CLIENT],
        ("A", "11.22.33.44.list.example"): ["127.0.0.2"],
        ("A", "other.example"): ["11.0.0.1"],
    }
    assert checked(texts, known)[0] is expected


def test_a_client_of_ipv6_is_looked_for_among_such() -> None:
    record = {"corp.example": "v=spf1 a ip6:2a00:1:2::/48 -all"}
    assert checked(record, {("AAAA", "corp.example"): ["2a01::1"]}, client="2a01::1")[0] is PASS
    assert checked(record, client="2a00:1:2::3")[0] is PASS
    assert checked(record, client="2a02::3")[0] is NO_PASS


def test_a_sender_without_a_record_and_one_without_a_name_pass_nothing() -> None:
    assert checked({}) == (NO_PASS, ["TXT corp.example"])
    assert checked({}, sender="bob@" + "x" * 64 + ".example")[0] is NO_PASS
    assert checked({}, sender="bob@corp..example")[0] is NO_PASS
    assert checked({"corp.example": "v=spf1 +all"}, client="none")[0] is NO_PASS
    assert checked({"corp.example": "v=spf1 +all"}, sender="x" * 400 + "@corp.example") == (NO_PASS, [])
    assert checked({"corp.example": "v=spf1 +all"}, helo="x" * 400) == (NO_PASS, [])


def test_a_record_that_is_too_long_is_none() -> None:
    assert checked({"corp.example": "v=spf1 " + "ip4:11.22.34.1 " * 400 + "+all"})[0] is NO_PASS


HOSTILE = {
    "many includes": {f"{number}.example": f"v=spf1 include:{number + 1}.example -all" for number in range(100)},
    "a circle": {"0.example": "v=spf1 include:1.example -all", "1.example": "v=spf1 redirect=0.example"},
    "a tree": {
        "0.example": "v=spf1 " + " ".join(f"include:a{n}.example" for n in range(100)) + " -all",
        **{f"a{n}.example": "v=spf1 " + " ".join(f"include:b{n}.{m}.example" for m in range(100)) for n in range(100)},
    },
    "names that do not exist": {"0.example": "v=spf1 " + " ".join(f"a:x{n}.example" for n in range(100)) + " -all"},
    "macros": {"0.example": "v=spf1 exists:" + "%{l}%{s}%{d}" * 300 + " -all"},
    "macros of the reversed": {"0.example": "v=spf1 exists:%{ir}.%{v}._spf.%{d2} -all exp=%{p}.0.example"},
    "brackets": {"0.example": "v=spf1 exists:" + "%{" * 2000 + " -all"},
    "slashes": {"0.example": "v=spf1 a:0.example" + "/" * 3000},
    "an address with a wrong mask": {"0.example": "v=spf1 ip4:11.22.33.44/99 ip6:::/999 ip4:/ ip6:"},
}


@pytest.mark.parametrize("texts", HOSTILE.values(), ids=list(HOSTILE))
def test_whatever_a_record_says_it_ends_soon_and_after_few_look_ups(texts: Mapping[str, str]) -> None:
    began = time.process_time()
    found, asked = checked(dict(texts), sender="a.b-" + "c" * 60 + "@0.example")
    assert found is NO_PASS
    assert len(asked) <= 60
    assert time.process_time() - began < 1


def test_ten_hosts_of_ten_names_each_are_the_most_that_are_looked_up() -> None:
    names = [f"n{number}" for number in range(12)]
    record = "v=spf1 " + " ".join(f"mx:{name}.example" for name in names) + " -all"
    known = {("MX", f"{name}.example"): [f"mx{n}.{name}.example" for n in range(10)] for name in names}
    addresses = {("A", f"mx{n}.{name}.example"): [f"11.0.0.{n}"] for name in names for n in range(10)}
    found, asked = checked({"corp.example": record}, {**known, **addresses})
    assert (found, len(asked)) == (NO_PASS, 60)


@given(st.text(st.sampled_from("abi4:/%{}spf.-+~? =,x0"), max_size=120))
def test_any_record_is_a_result(text: str) -> None:
    assert checked({"corp.example": f"v=spf1 {text}"})[0] in {*SpfResult}


def test_a_silent_name_server_is_a_temporary_error_and_frees_its_thread() -> None:
    async def story() -> None:
        silent = Names({"corp.example": "v=spf1 +all"}, {}, [], seconds=30)
        check = SpfCheck(silent, within=timedelta(milliseconds=50), threads=1)
        assert await check.check(CLIENT, "bob@corp.example", "x") is TEMPERROR
        check._resolver = Names({"corp.example": "v=spf1 +all"}, {}, [])
        check._within = 30.0
        assert await check.check(CLIENT, "bob@corp.example", "x") is PASS

    asyncio.run(story())
