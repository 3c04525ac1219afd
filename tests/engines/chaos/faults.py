"""What goes wrong with servers, connections and processes, one numbered step after the other, drawn from a seed."""

from __future__ import annotations

import random
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Final

from attrs import frozen

from engines.chaos.backend import Backend
from engines.chaos.deployment import Deployment
from engines.chaos.proxy import Way
from engines.servers.process import ServerProcess

ENGINES: Final = ("mongodb", "kafka", "s3", "sqs")


@frozen
class Fault:
    """One kind."""

    verb: str
    of: str

    def __str__(self) -> str:
        return f"{self.verb} {self.of}"


EVERY: Final = (
    *(Fault(verb, engine) for engine in ENGINES for verb in ("kill", "stop", "cut", "stall")),
    Fault("kill", "worker"),
    Fault("kill", "web"),
)


def drawn(seed: int, count: int) -> Sequence[Fault]:
    """So many, each kind as often as any other."""
    draws = random.Random(seed)

    def rounds() -> Iterator[Fault]:
        while True:
            yield from draws.sample(EVERY, len(EVERY))

    endless = rounds()
    return [next(endless) for _ in range(count)]


def by_kind(faults: Sequence[Fault]) -> str:
    """Counted, for people."""
    return ", ".join(f"{kind} {count}" for kind, count in sorted(Counter(map(str, faults)).items()))


class Havoc:
    """Makes them happen. Each is over when its call returns: what was killed is back, and what stood still goes on."""

    def __init__(self, backend: Backend, deployment: Deployment, *, seed: int) -> None:
        """Nothing is wrong yet."""
        self._backend = backend
        self._deployment = deployment
        self._draws = random.Random(seed)
        self._acts: Mapping[str, Callable[[str], None]] = {
            "kill": self._kill,
            "stop": self._stop,
            "cut": self._cut,
            "stall": self._stall,
        }

    def cause(self, fault: Fault) -> None:
        """That one."""
        self._acts[fault.verb](fault.of)

    def _kill(self, target: str) -> None:
        process = self._target(target)
        process.kill()
        self._while(1.5)
        if target == "worker":
            process.launch()
            return
        process.start()
        if target == "mongodb":
            self._backend.mongodb.wait_for_all(patience=300.0)

    def _stop(self, target: str) -> None:
        process = self._target(target)
        process.stop()
        self._while(7.0)
        process.cont()

    def _cut(self, engine: str) -> None:
        way = self._draws.choice(list(Way))
        for proxy in self._backend.proxies[engine]:
            proxy.cut(way=way, after=self._draws.randrange(3_000), connections=3)
        self._while(3.0)
        self._mend(engine)

    def _stall(self, engine: str) -> None:
        for proxy in self._backend.proxies[engine]:
            proxy.stall()
        self._while(7.0)
        self._mend(engine)

    def _mend(self, engine: str) -> None:
        for proxy in self._backend.proxies[engine]:
            proxy.flow()

    def _while(self, longest: float) -> None:
        """It lasts so long; the load goes on beside it."""
        time.sleep(self._draws.uniform(0.1, 1.0) * longest)

    def _target(self, target: str) -> ServerProcess:
        match target:
            case "mongodb":
                return self._backend.mongodb.primary(patience=300.0).process
            case "worker":
                return self._draws.choice(self._deployment.workers)
            case "web":
                return self._deployment.web
            case engine:
                return self._backend.process(engine)
