"""The check of `convalias doctor` for DKIM: whether others find the key by which our mail is signed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from convalias.app.embedded import resolver_of
from convalias.app.facade import Convalias
from convalias.app.signing import signer_of
from convalias.cli.examining import Finding, Health
from convalias.extras import MissingPackageError
from convalias.ports.dns import DnsResolver
from convalias.settings import SenderAuthentication, Settings

if TYPE_CHECKING:
    from convalias.adapters.mime.authentication.signer import Signer

_CHECK: Final = "DKIM of {}"


async def examine_signing(cv: Convalias, settings: Settings) -> list[Finding]:
    """Look up the key of each alias domain, if mail is signed at all."""
    signer = signer_of(settings)
    if signer is None:
        return [Finding(check="DKIM", found="mail leaves unsigned: the relay has to sign it")]
    try:
        resolver = resolver_of(settings.authentication or SenderAuthentication())
    except MissingPackageError as error:
        return [Finding(check="DKIM", health=Health.UNKNOWN, found="not looked up", mend=str(error))]
    return [await examine_key(signer, domain, resolver) for domain in sorted(cv.deployment.domains.alias)]


async def examine_key(signer: Signer, domain: str, resolver: DnsResolver) -> Finding:
    """Compare the published key with the signer's."""
    from convalias.adapters.mime.authentication.signer import Publication, publication  # noqa: PLC0415 - if installed

    check, name = _CHECK.format(domain), signer.name_for(domain)
    if name is None:
        return Finding(
            check=check,
            health=Health.WARNING,
            found=f"not signed: dkim.domain is {signer.domain}",
            mend="leave dkim.domain out, and publish the key at each alias domain",
        )
    found = await publication(signer, name, resolver)
    if found is Publication.MATCHES:
        return Finding(check=check, found=f"{name} holds the key")
    health = Health.UNKNOWN if found is Publication.UNANSWERED else Health.WARNING
    mend = "try again" if found is Publication.UNANSWERED else f"publish at {name}, TXT: {signer.record}"
    return Finding(check=check, health=health, found=f"{name}: {found.value}", mend=mend)
