"""A whole deployment in this process: memory adapters, virtual time."""

from __future__ import annotations

from typing import Final

from convalias.adapters import memory
from convalias.app.ports import Ports
from convalias.app.services import Wiring, audience
from convalias.domain.deployment.domains_and_policy import Deployment
from convalias.domain.deployment.keyring import Keyring, RootKey
from convalias.domain.routing.policy import RoutingPolicy
from convalias.domain.routing.rulebook import RuleBook
from convalias.domain.routing.rules import RULES
from convalias.ports.ambient import Clock
from convalias.ports.conversations import Conversations

_SEED: Final = b"convalias in memory, no secret.."


def memory_ports(*, legacy: bool, clock: Clock | None = None, host: Conversations | None = None) -> Ports:
    """Fresh ones at each call: nothing is shared with another world. All go by one clock, which may be given."""
    clock, records, blobs = clock or memory.Clock(), memory.Records(), memory.Blobs()
    relay = memory.LegacyRelay(
        outgoing=memory.Outbox(), audience=audience(records, blobs, clock, host=host), clock=clock
    )
    return Ports(
        records=records,
        blobs=blobs,
        queue=memory.JobQueue(clock=clock),
        events=memory.EventLog(clock=clock),
        clock=clock,
        telemetry=memory.Telemetry(),
        incarnation=memory.Incarnation(),
        mail=memory.Outbox(),
        system_mail=memory.Outbox(),
        legacy=relay if legacy else None,
    )


def memory_wiring(
    alias_domain: str, legacy_domain: str | None, policy: RoutingPolicy | None, rules: RuleBook | None = None
) -> Wiring:
    """Return a wiring with one domain of each kind, and keys that guard nothing."""
    return Wiring(
        keyring=Keyring((RootKey(0, _SEED),)),
        deployment=Deployment(
            alias_domains=(alias_domain,), legacy_domains=() if legacy_domain is None else (legacy_domain,)
        ),
        policy=policy,
        rules=rules or RULES,
        base_url=f"https://{alias_domain}",
    )
