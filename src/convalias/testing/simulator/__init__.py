"""The real services under virtual time, with faults at every port call, and laws that must hold all the same.

A plan is a seed and a number of mails. From them follow who writes to whom, which processes run, which faults there
are and when; the same plan gives the same trace in every process. Give it a policy, or adapters, of one's own:

>>> from convalias import LIGHT, RoutingPolicy, UseCase
>>> report = simulate(Plan(seed=7, mails=3, policy=RoutingPolicy(admission_by_use_case={UseCase("hiring"): LIGHT})))
>>> [violation.law for violation in report.violations]
[]

`ports` is called for every process that starts, with the simulated ports, for those that it shall have:

>>> from convalias.ports import NotificationHub
>>> class Counting:
...     def __init__(self, hub: NotificationHub) -> None:
...         self.hub, self.channels = hub, hub.channels
...
...     async def send(self, notification):
...         told.append(notification.recipient)
...         return await self.hub.send(notification)
>>> told = []
>>> report = simulate(Plan(seed=7, mails=3, ports=lambda ports: ports.but(hub=Counting(ports.hub))))
>>> (len(told) > 0, len(report.violations))
(True, 0)

A broken law is shown best by its shortest story: `shrink(report, law)`, then `story` of what that returns. Needs no
optional package but `convalias[mime]`. No adapter of one's own may use a thread, a socket or the clock of the machine.
"""

from __future__ import annotations

from convalias.testing.simulator.findings import Violation
from convalias.testing.simulator.mutant import Mutant
from convalias.testing.simulator.run import Plan, Report, simulate
from convalias.testing.simulator.shrinking import Shrunk, shrink
from convalias.testing.simulator.story import diagram, story
from convalias.testing.simulator.weather import CALM, Fault, Weather

__all__ = [
    "CALM",
    "Fault",
    "Mutant",
    "Plan",
    "Report",
    "Shrunk",
    "Violation",
    "Weather",
    "diagram",
    "shrink",
    "simulate",
    "story",
]
