"""The checks of `convalias doctor` on DNS: whether others find our mail servers and believe our mail."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Final

from convalias.app.embedded import resolver_of
from convalias.app.facade import Convalias
from convalias.cli.examining import Finding, Health
from convalias.domain.mail.authentication import DmarcPolicy
from convalias.extras import MissingPackageError
from convalias.ports.dns import HostRecords, HostResolver, TemporaryFailure, TxtRecords
from convalias.settings import SenderAuthentication, Settings

_BOUNCE: Final = "bounce.{}"
"""Where return paths are."""
_SPF: Final = b"v=spf1"
_PASSES_ALL: Final = frozenset({"all", "+all", "?all"})


async def examine_domains(cv: Convalias, settings: Settings) -> Sequence[Finding]:
    """Look up MX, SPF and DMARC of each alias domain. Not looked up as long as mail leaves into a folder of its own."""
    if settings.mail is None:
        return [Finding(check="DNS", found="not looked up: mail leaves into a folder")]
    try:
        resolver = resolver_of(settings.authentication or SenderAuthentication())
    except MissingPackageError as error:
        return [Finding(check="DNS", health=Health.UNKNOWN, found="not looked up", mend=str(error))]
    return await examine_names(sorted(cv.deployment.domains.alias), resolver)


async def examine_names(domains: Sequence[str], resolver: HostResolver) -> Sequence[Finding]:
    """All of them at once: a silent name server is waited for once."""
    looks = [
        look
        for domain in domains
        for look in (
            _mx(domain, resolver, "an answer to an alias comes back"),
            _mx(_BOUNCE.format(domain), resolver, "a bounce comes back"),
            _spf(domain, resolver),
            _spf(_BOUNCE.format(domain), resolver),
            _dmarc(domain, resolver),
        )
    ]
    return await asyncio.gather(*looks)


async def _mx(domain: str, resolver: HostResolver, why: str) -> Finding:
    check, answer = f"MX of {domain}", await resolver.hosts(domain, "MX")
    if isinstance(answer, TemporaryFailure):
        return _unanswered(check, answer)
    hosts = [host for host in answer.values if host.strip(".")] if isinstance(answer, HostRecords) else []
    if hosts:
        return Finding(check=check, found=", ".join(hosts))
    return _lacking(check, "none", f"publish the mail server of whoever takes your mail in, so that {why}")


async def _spf(domain: str, resolver: HostResolver) -> Finding:
    check, answer = f"SPF of {domain}", await resolver.txt(domain)
    if isinstance(answer, TemporaryFailure):
        return _unanswered(check, answer)
    texts = answer.texts if isinstance(answer, TxtRecords) else ()
    records = [text for text in texts if text.lower().split(b" ")[0] == _SPF]  # RFC 7208 §4.5
    if not records:
        return _lacking(check, "none", f'publish at {domain}, TXT: "v=spf1 include:<your relay> -all"')
    if len(records) > 1:
        return _lacking(check, f"{len(records)} records, which is none (RFC 7208 §4.5)", "leave one")
    terms = records[0].decode("ascii", "replace").lower().split()
    if _PASSES_ALL & {*terms}:
        return _lacking(check, "anybody may send", "end the record in -all")
    return Finding(check=check, found="one record")


async def _dmarc(domain: str, resolver: HostResolver) -> Finding:
    from convalias.adapters.mime.authentication.dmarc import read_record  # noqa: PLC0415 - if its packages are there

    name = f"_dmarc.{domain}"
    check, answer = f"DMARC of {domain}", await resolver.txt(name)
    if isinstance(answer, TemporaryFailure):
        return _unanswered(check, answer)
    record = read_record(answer.texts) if isinstance(answer, TxtRecords) else None
    if record is not None and record.policy is DmarcPolicy.REJECT:
        return Finding(check=check, found="p=reject")
    found = "none" if record is None else f"p={record.policy.value}"
    return _lacking(check, found, f'publish at {name}, TXT: "v=DMARC1; p=reject", or anybody writes as an alias')


def _lacking(check: str, found: str, mend: str) -> Finding:
    return Finding(check=check, health=Health.WARNING, found=found, mend=mend)


def _unanswered(check: str, failure: TemporaryFailure) -> Finding:
    found = f"no answer ({failure.because})" if failure.because else "no answer"
    return Finding(check=check, health=Health.UNKNOWN, found=found, mend="try again")
