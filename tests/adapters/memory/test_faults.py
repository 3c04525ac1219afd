import inspect
from collections.abc import Callable

import pytest

from convalias.adapters import memory
from convalias.adapters.memory import Faults, after, before, faulty
from convalias.ports import blobs, event_log, event_store, flags, hub, legacy, mail, people, queue, records
from convalias.ports.blobs import Put
from convalias.ports.errors import Unavailable
from convalias.ports.records import Conflict, Insert, Key, Written


async def test_a_fault_before_leaves_the_effect_undone() -> None:
    faults = Faults()
    store = faulty.Blobs(memory.Blobs(), faults)
    faults.fail("blobs.put", before("raw store"), times=1)

    with pytest.raises(Unavailable, match="raw store is unavailable"):
        await store.put("k", b"")
    assert await store.put("k", b"") is Put.NEW


async def test_a_fault_after_leaves_the_effect_done() -> None:
    faults = Faults()
    store = faulty.Blobs(memory.Blobs(), faults)
    faults.fail("blobs.put", after(TimeoutError), times=1)

    with pytest.raises(TimeoutError):
        await store.put("k", b"")
    assert await store.put("k", b"") is Put.THERE


async def test_a_fault_can_wait_for_a_later_call_and_stay_until_mended() -> None:
    faults = Faults()
    jobs = faulty.JobQueue(memory.JobQueue(memory.Clock()), faults)
    faults.fail("queue.*", before(ConnectionError("cut")), skip=1)

    await jobs.put(["x"])
    for _ in range(2):
        with pytest.raises(ConnectionError, match="cut"):
            await jobs.depth()
    faults.mend()
    assert (await jobs.depth()).ready == 1
    assert faults.calls == {"queue.put": 1, "queue.depth": 3}


async def test_mending_one_call_leaves_the_others_failing() -> None:
    faults = Faults()
    store = faulty.Blobs(memory.Blobs(), faults)
    faults.fail("blobs.get", before("a"))
    faults.fail("blobs.put", before("b"))
    faults.mend("blobs.put")

    await store.put("k", b"")
    with pytest.raises(Unavailable):
        await store.get("k")


async def test_a_fault_of_one_write_leaves_those_before_it_in_order() -> None:
    faults, store = Faults(), memory.Records()
    records = faulty.Records(store, faults)
    keys = [Key("t", "p", str(number)) for number in range(3)]
    writes = [Insert(key, {}) for key in keys]
    faults.fail("records.write", before("records"), skip=1, times=1)
    with pytest.raises(Unavailable):
        await records.write_in_order(writes)
    assert set(await store.get(keys)) == {*keys[:1]}
    assert [type(one) for one in await records.write_in_order(writes[1:])] == [Written, Written]
    assert [type(one) for one in await records.write_in_order(writes)] == [Conflict]
    assert faults.calls == {"records.write_in_order": 3}
    faults.fail("records.write_in_order", before("records"))
    with pytest.raises(Unavailable):
        await records.write_in_order(writes)


@pytest.mark.parametrize(
    ("wrapper", "port"),
    [
        (faulty.Records, records.Records),
        (faulty.Blobs, blobs.Blobs),
        (faulty.JobQueue, queue.JobQueue),
        (faulty.EventLog, event_log.EventLog),
        (faulty.Subscription, event_log.Subscription),
        (faulty.EventStore, event_store.EventStore),
        (faulty.IdentityDirectory, people.IdentityDirectory),
        (faulty.LegacyRelay, legacy.LegacyRelay),
        (faulty.NotificationHub, hub.NotificationHub),
        (faulty.OutgoingMail, mail.OutgoingMail),
        (faulty.Flags, flags.Flags),
    ],
)
def test_a_wrapper_takes_and_passes_on_what_its_port_takes(wrapper: type, port: type) -> None:
    for name, method in inspect.getmembers(port, inspect.isfunction):
        if name.startswith("_"):
            continue
        assert list(inspect.signature(getattr(wrapper, name)).parameters) == list(inspect.signature(method).parameters)
        assert _passes_on(getattr(wrapper, name), name)


def _passes_on(method: Callable[..., object], name: str) -> bool:
    return f"self.port.{name}" in inspect.getsource(method)
