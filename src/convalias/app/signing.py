"""DKIM signatures of a deployment's own mail, as its settings ask for them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from convalias.adapters import mime
from convalias.domain.errors import InvalidValue
from convalias.extras import MissingPackageError
from convalias.ports.drafts import Compose
from convalias.settings import DKIM_KEY, Settings, WrongSettings

if TYPE_CHECKING:
    from convalias.adapters.mime.authentication.signer import Signer


def signer_of(settings: Settings) -> Signer | None:
    """Return what signs mail of ours; None: nothing does. Raises `WrongSettings`, which never shows the key."""
    if settings.dkim is None:
        return None
    if not settings.dkim.key:
        raise WrongSettings({DKIM_KEY: f"not set, expected the private key for [dkim] in PEM; or {DKIM_KEY}_FILE"})
    try:
        from convalias.adapters.mime.authentication.signer import Signer  # noqa: PLC0415 - when used only

        return Signer(settings.dkim.key.encode(), selector=settings.dkim.selector, domain=settings.dkim.domain)
    except MissingPackageError as error:
        raise WrongSettings({"dkim": f"found a table, but {error}"}) from error
    except InvalidValue as error:
        raise WrongSettings({DKIM_KEY: str(error)}) from error


def signed(settings: Settings) -> Compose | None:
    """Return what writes signed mail; None: mail leaves unsigned."""
    signer = signer_of(settings)
    if signer is None:
        return None
    from convalias.adapters.mime.authentication.signer import Signing  # noqa: PLC0415

    return Signing(mime.compose, signer)
