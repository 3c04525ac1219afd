"""Words for port calls and laws, as a story tells them."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from typing import Final

from convalias.testing.simulator.trace import Entry

OUTSIDE: Final = "outside"
"""Under this name a trace has what people and operators do."""
LAWS: Final[Mapping[str, str]] = {
    "I1": "what was answered 2xx is kept: a raw object, an envelope record, and at rest one outcome",
    "I2": "no effect happens twice",
    "I3": "seq is dense and is the log's order; what is shown follows from what is stored",
    "I4": "exactly one system delivers each notification",
    "I5": "nothing crosses conversations, and no address of one participant reaches another",
    "I6": "when faults stop, everything drains within the stated time",
    "I7": "the same seed gives the same trace",
    "I8": "no change between two posts or two tries of a mail makes it two messages, or none",
    "run": "nothing ends that must not end",
}
"""What each law says."""
READS: Final = frozenset({
    "records.get", "records.range", "records.latest", "records.due", "blobs.get", "blobs.names", "queue.take",
    "queue.keep", "queue.depth", "log.take", "log.close", "flags.read", "directory.at", "directory.get",
    "directory.authenticated", "legacy.aliases", "legacy.of_conversations", "legacy.tenures",
})  # fmt: skip
"""Calls that change nothing that lasts."""
RETRIED: Final = frozenset({"before", "hangs before"})
"""Faults after which nothing was done."""
FAULTS: Final[Mapping[str, str]] = {
    "before": "it fails, nothing was done",
    "after": "done, but the answer is lost",
    "hangs before": "no answer, nothing was done",
    "hangs after": "done, but no answer comes",
    "late": "it is told of a failure, and done a while later",
    "partial": "it fails in its middle, half is done",
    "conflict": "somebody else was faster",
    "delay": "slow",
    "crash before": "the process dies before it is done",
    "crash after": "done, and the process dies",
}
"""What a fault means for who called."""
_PUTS: Final[Mapping[str, str]] = {
    "raw": "keeps the raw mail",
    "envelopes": "keeps the envelope record",
    "texts": "keeps a long text",
}
WHOLE: Final = ("keeps the raw mail", "keeps the envelope record", "queues a job")
"""What a door does with a post, step by step."""
_WRITES: Final[Mapping[str, str]] = {
    "claims": "claims the mail for {id}",
    "outcomes": "writes the outcome of the mail",
    "decisions": "writes who delivers {id} of {partition}",
    "holds": "holds a mail for {partition}",
    "threads": "keeps the thread of {partition}",
    "aliases": "writes an alias of {partition}",
    "tokens": "binds the token",
    "asking": "is to ask {partition} about it",
    "waiting": "notes what waits for {partition}",
    "system_outbox": "enters a mail of the system, or what came of it",
}
_CALLS: Final[Mapping[str, str]] = {
    "queue.put": "queues a job",
    "queue.done": "is done with job {about}",
    "log.commit": "saves its position",
    "hub.send": "has {event} sent to {whom}",
    "hub.ask": "asks whether {event} was sent to {whom}",
    "legacy.process": "hands {event} over",
    "legacy.index": "has {event} indexed",
    "outgoing.send": "sends a mail of the system",
    "blobs.delete": "deletes a mail",
    "blobs.get": "reads a mail",
    "queue.take": "takes jobs",
    "log.take": "takes records",
    "log.close": "leaves its partitions",
}
_RECORDED: Final = frozenset({"records.write", "records.write_in_order"})
_LONG: Final = re.compile(r"\b[0-9a-v]{20,}(?:\.json)?\b")
_PATH: Final = re.compile(r"(?:envelopes|raw)/\d{4}/\d\d/\d\d/")


def done_by(entry: Entry) -> str:
    """The part of the world that was called."""
    return entry.call.partition(".")[0]


def is_effect(entry: Entry) -> bool:
    """Whether somebody outside notices it, or it lasts in a conversation."""
    return entry.call in {"hub.send", "legacy.index", "legacy.process"} or (
        entry.call in _RECORDED and entry.about.startswith("events/")
    )


def call_in_words(entry: Entry, before: Collection[tuple[str, str]]) -> tuple[str, bool]:
    """Return what the caller does, and whether it only goes on with something.

    `before`: who called about what so far, by process and by nobody's name.
    """
    first, _, _ = entry.about.partition(" ")
    table, _, rest = first.partition("/")
    partition, _, name = rest.partition("/")
    match "records.write" if entry.call in _RECORDED else entry.call:
        case "records.write" if table == "events" and name.isdigit():
            if (entry.process, f"{partition} {int(name)}") in before:
                return f"ticks event {int(name)} of {partition} off as published", True
            return f"appends event {int(name)} to {partition}", False
        case "records.write" if table == "decisions" and ("", entry.about) in before:
            return f"notes how far {name} of {partition} is", True
        case "records.write":
            words = _WRITES.get(table, "writes {table} {partition}")
            return words.format(table=table, partition=partition, id=name), table not in _WRITES
        case "blobs.put":
            return _PUTS.get(table, f"keeps {table}"), False
        case "log.publish":
            conversation, _, seq = entry.about.partition(" ")
            return f"publishes event {seq} of {conversation}", (entry.process, entry.about) in before
        case call if call in _CALLS:
            event, _, rest = first.partition(".")
            return _CALLS[call].format(about=entry.about, event=event, whom=rest[:4]), call == "log.commit"
        case call:
            return f"{call.partition('.')[2]} {table} {partition}".rstrip(), True


def shortened(text: str) -> str:
    """Ids by their ends: enough to tell those of one story apart."""
    return _LONG.sub(lambda found: f"…{found[0].removesuffix('.json')[-6:]}", _PATH.sub("", text))
