"""End to end on real engines: from the webhook's request to the hub's call, servers and workers sharing this machine.

`python bench/bench_engines.py` starts a replica set of three mongods, a Kafka, an S3 and an SQS server (those that
`make engines-build` built), a web process and a worker process, posts 12 mails a second for a minute and prints the
percentiles of each stage, then raises the rate for as long as it is held: `--rates 12,30,60`, `--seconds 60`.
Every process notes the machine's clock: `accepted` is the answer to the post, `relayed` the moment from which the
message stands in its conversation, `notified` the hub's call for each recipient; all counted from the post's start.
"""

from __future__ import annotations

import argparse
import asyncio
import hashlib
import hmac
import json
import os
import resource
import time
import uuid
from collections import Counter
from collections.abc import Sequence
from http.client import HTTPConnection
from pathlib import Path
from typing import Final
from urllib.parse import urlencode

from _deployment import CONVERSATIONS, SIGNING_KEY, Place, deployment, engines, peopled
from _measure import machine
from bench_relay import mail

SETTLE: Final = 60.0
"""Seconds for what is under way when the last mail was posted."""
WARMING: Final = 20
"""Mails before the first that counts."""
KEPT_UP: Final = 2.0
"""A rate is held while the last mails are told within so many seconds."""


# --- posting ---------------------------------------------------------------------------------------------------


def form(number: int, alias: str) -> bytes:
    """As Mailgun posts a mail."""
    timestamp, token = str(int(time.time())), uuid.uuid4().hex
    signature = hmac.new(SIGNING_KEY.encode(), (timestamp + token).encode(), hashlib.sha256).hexdigest()
    fields = {
        "recipient": alias,
        "sender": "bob@corp.example",
        "body-mime": mail(number, alias).decode(),
        "timestamp": timestamp,
        "token": token,
        "signature": signature,
    }
    return urlencode(fields).encode()


def post(port: int, body: bytes) -> int:
    """The status."""
    connection = HTTPConnection("127.0.0.1", port, timeout=60)
    try:
        connection.request("POST", "/inbound/mailgun/mime", body, {"Content-Type": "application/x-www-form-urlencoded"})
        return connection.getresponse().status
    finally:
        connection.close()


async def posted(
    place: Place, aliases: Sequence[str], *, first: int, rate: float, seconds: float
) -> dict[int, tuple[float, float]]:
    """So many mails a second, each at its moment whatever became of those before it; when each began and was answered."""
    moments: dict[int, tuple[float, float]] = {}

    async def one(number: int, body: bytes) -> None:
        began = time.time()
        status = await asyncio.to_thread(post, place.port, body)
        if status != 200:
            raise SystemExit(f"mail {number} was answered {status}")
        moments[number] = (began, time.time())

    started = time.monotonic()
    async with asyncio.TaskGroup() as group:  # noqa: TID251 - ends its body
        for count in range(int(rate * seconds)):
            number = first + count
            body = form(number, aliases[number % CONVERSATIONS])
            await asyncio.sleep(max(0.0, started + count / rate - time.monotonic()))
            group.create_task(one(number, body))
    return moments


def noted(place: Place) -> tuple[dict[int, float], dict[int, list[float]]]:
    """When each mail stood, and when its recipients were told."""
    relayed: dict[int, float] = {}
    notified: dict[int, list[float]] = {}
    for file in place.folder.glob("*.notes"):
        for line in file.read_text(encoding="ascii").splitlines():
            what, number, at = line.split()
            if what == "relayed":
                relayed[int(number)] = float(at)
            else:
                notified.setdefault(int(number), []).append(float(at))
    return relayed, notified


def expected(number: int) -> int:
    """How many are told of that mail: all but its writer."""
    return 1 if number % CONVERSATIONS % 2 else 2


def percentiles(values: Sequence[float]) -> str:
    ranked = sorted(values)
    shares = [ranked[min(len(ranked) - 1, int(len(ranked) * share))] * 1e3 for share in (0.5, 0.95, 0.99)]
    return f"p50 {shares[0]:6.0f} ms  p95 {shares[1]:6.0f} ms  p99 {shares[2]:6.0f} ms  most {ranked[-1] * 1e3:6.0f} ms"


def cpu_of(ids: Sequence[int]) -> float:
    """Seconds of CPU of these processes so far (Linux); 0 where it cannot be read."""
    spent = 0.0
    for one in ids:
        try:
            fields = Path(f"/proc/{one}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
        except OSError:
            continue
        spent += (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
    return spent


def spent(place: Place) -> dict[str, float]:
    """CPU seconds of everything so far, by kind of process."""
    own = {name: cpu_of([process.pid]) for name, process in place.processes.items()}
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return {
        **{engine: cpu_of(ids) for engine, ids in place.servers.items()},
        "web": own.pop("web"),
        "workers": sum(own.values()),
        "poster": usage.ru_utime + usage.ru_stime,
    }


async def held(place: Place, aliases: Sequence[str], *, first: int, rate: float, seconds: float) -> bool:
    """Whether that rate is held; prints the stages, and what of the machine each process took."""
    before, began = spent(place), time.monotonic()
    moments = await posted(place, aliases, first=first, rate=rate, seconds=seconds)
    took = time.monotonic() - began
    used = {name: after - before[name] for name, after in spent(place).items()}
    end = time.monotonic() + SETTLE
    while True:
        relayed, notified = noted(place)
        late = [number for number in moments if len(notified.get(number, ())) < expected(number)]
        if not late or time.monotonic() > end:
            break
        await asyncio.sleep(0.5)
    doubled = [number for number in moments if len(notified.get(number, ())) > expected(number)]
    steady = [number for number in moments if number >= first + rate * min(5.0, seconds / 4)]
    told = {number: max(notified[number]) - moments[number][0] for number in moments if number not in set(late)}
    print(
        f"{rate:g} mails a second for {seconds:g} s: {len(moments)} mails, {len(late)} not told, {len(doubled)} doubled"
    )
    print(f"  accepted  {percentiles([moments[n][1] - moments[n][0] for n in steady])}")
    print(f"  relayed   {percentiles([relayed[n] - moments[n][0] for n in steady if n in relayed])}")
    print(f"  notified  {percentiles([told[n] for n in steady if n in told])}")
    print("  of the machine: " + ", ".join(f"{name} {seconds / took:.2f}" for name, seconds in used.items()) + " cores")
    last = [told[n] for n in sorted(told)[-max(1, int(rate * 5)) :]]
    return not late and not doubled and sorted(last)[len(last) // 2] < KEPT_UP


async def measure(place: Place, rates: Sequence[float], seconds: float, aliases: Sequence[str]) -> int:
    first = 0
    await posted(place, aliases, first=10_000_000, rate=WARMING / 4, seconds=4)  # warm connections, compiled regexes
    for rate in rates:
        is_held = await held(place, aliases, first=first, rate=rate, seconds=seconds)
        first += int(rate * seconds)
        if not is_held:
            print(f"  {rate:g} mails a second are NOT held")
            break
    return first


def took(place: Place) -> dict[str, list[float]]:
    """Of the store's calls of all workers."""
    calls: dict[str, list[float]] = {}
    for file in place.folder.glob("*.took"):
        for name, times in json.loads(file.read_text(encoding="ascii")).items():
            calls.setdefault(name, []).extend(times)
    return calls


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--rates", default="12,24,36,48,60,80")
    arguments.add_argument("--seconds", type=float, default=60.0)
    arguments.add_argument("--workers", type=int, default=1)
    asked = arguments.parse_args()
    with engines() as place:
        (place.folder / "convalias.toml").write_text('alias_domains = ["reply.example"]\n', encoding="utf-8")
        with deployment(place, asked.workers):
            aliases = asyncio.run(peopled(place.environ, place.folder))
            print(f"{machine()}, {os.cpu_count()} cores shared by servers, web, {asked.workers} worker and poster")
            rates = [float(rate) for rate in asked.rates.split(",")]
            mails = asyncio.run(measure(place, rates, asked.seconds, aliases))
        writes: Counter[str] = Counter()
        for file in place.folder.glob("*.writes"):
            writes.update(json.loads(file.read_text(encoding="ascii")))
        mails += WARMING
        print(f"store writes a mail of the workers, idle ones among them: {writes.total() / mails:.1f}")
        for name, count in writes.most_common(12):
            print(f"  {count / mails:5.2f} {name}")
        print("calls of the store, a mail, and milliseconds of the middle one and of the slowest in twenty:")
        for name, times in sorted(took(place).items(), key=lambda one: -len(one[1]))[:24]:
            ranked = sorted(times)
            print(
                f"  {len(times) / mails:5.2f} {name:24} {ranked[len(ranked) // 2]:6.1f} {ranked[int(len(ranked) * 0.95)]:6.1f}"
            )


if __name__ == "__main__":
    main()
