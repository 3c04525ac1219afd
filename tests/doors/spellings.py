"""Ways to write an address of ours that must all reach it, and addresses that must not."""

from __future__ import annotations

import base64
from random import Random

from doors.naive_address import CROCKFORD, LOWER, mac_of, token_of

SECRETS = {0: b"the zeroth secret of the model..", 1: b"the first secret of the model..."}
KEYS = [{"id": number, "secret": base64.b64encode(secret).decode()} for number, secret in SECRETS.items()]


def token(rng: Random, domain: str, *, key: int = 0, good: bool = True) -> str:
    """A v3 token, with a MAC that is right or wrong; of key 2 nobody has the secret."""
    start = CROCKFORD[key] + "".join(rng.choice(CROCKFORD) for _ in range(10))
    mac = mac_of(SECRETS.get(key, b"a secret that nobody has"), start, domain)
    if good:
        return start + mac
    at = rng.randrange(6)
    return start + mac[:at] + CROCKFORD[(CROCKFORD.index(mac[at]) + 1) % 32] + mac[at + 1 :]


def spelled(rng: Random, address: str, *, header: bool = False) -> str:
    """Another way to write this address of ours; in a header without what would need a parser of its own."""
    for _ in range(rng.choice([0, 0, 1, 1, 1, 2])):
        address = _once(rng, address)
    address = rng.choice([address, address, address, address.upper(), address.title(), address.swapcase()])
    local, _, domain = address.rpartition("@")
    match rng.randrange(20 if header else 14):
        case 0:
            return f'"{local}"@{domain}'
        case 1 if not header:
            return f"<{address}>"
        case 2 if not header:
            return f"{address}."
        case 3 if not header:
            return f'"{address}"'
        case _:
            return address


def _once(rng: Random, address: str) -> str:
    local, _, domain = address.rpartition("@")
    match rng.randrange(8):
        case 0 | 1:
            return f"{local}+{rng.choice(['x1', 'a-b', 'news'])}@{domain}"
        case 2:
            return f"prvs=1234abcdef={local}@{domain}"
        case 3:
            return f"btv1==1234abcdef=={local}@{domain}"
        case 4:
            separator = rng.choice("=-+")
            return f"SRS0{separator}aB1c=Z5={domain}={local}@fwd.example"
        case 5:
            return f"SRS1=hA5h=first.example={rng.choice('=-+')}aB1c=Z5={domain}={local}@fwd.example"
        case _:
            return _v3_respelled(rng, local, domain)


def _v3_respelled(rng: Random, local: str, domain: str) -> str:
    address = f"{local}@{domain}"
    if token_of(address.translate(LOWER)) is None or "=" in local:
        return address
    name, _, last = local.rpartition("-")
    swaps = {"0": "o", "1": rng.choice("il")}
    last = "".join(swaps.get(c, c) if rng.random() < 0.5 else c for c in last)
    return f"{rng.choice([name, 'somebody', 'a-b', 'old-name'])}-{last}@{domain}"


def unlisted(rng: Random, alias_domain: str, legacy_domain: str | None) -> str:
    """An address that no alias is behind, ours or not."""
    v3 = {"good": token(rng, alias_domain), "forged": token(rng, alias_domain, good=False)}
    v3["retired"] = token(rng, alias_domain, key=2)
    ours = [f"gone-1@{alias_domain}", f"john-smith-0badbad0@{alias_domain}", f"gone-{v3['good']}@{alias_domain}"]
    ours += [f"gone-{v3['forged']}@{alias_domain}", f"gone-{v3['retired']}@{alias_domain}"]
    if legacy_domain is not None:
        ours += [f"lost@{legacy_domain}", f"lost@{legacy_domain}"]
    if rng.random() < 0.7:
        # No other name and no look-alikes: how an unlisted token is shown is left open.
        wrap = ["{local}@{domain}", "{local}+t@{domain}", "prvs=1234abcdef={local}@{domain}"]
        local, _, domain = rng.choice(ours).rpartition("@")
        written = rng.choice(wrap).format(local=local, domain=domain)
        return rng.choice([written, written.upper()])
    foreign = ["x@else.example", "X@ELSE.EXAMPLE", "x+tag@else.example", "prvs=1234abcdef=x@else.example"]
    foreign += ["SRS0=aB1c=Z5=home.example=john@fwd.example", f"x@sub.{alias_domain}", f"{alias_domain}=x@else.example"]
    return rng.choice(foreign)
