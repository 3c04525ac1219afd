"""From the address a mail was sent to, to the alias it was meant for: wrappings off, handles out."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Final

from convalias.domain import tokens
from convalias.domain.addresses import EmailAddress, InvalidAddress, MailDomains, Territory
from convalias.domain.aliases import AliasKeys, ByName, Forged, Token


def decode(address: EmailAddress, keys: AliasKeys | None = None) -> Token | Forged | ByName:
    """By what an alias is looked up. Without keys no MAC is checked.

    Only the deciding handle: a v3 alias is listed under `ByName` of its stored address as well.
    """
    return tokens.read_v3(address.local, address.domain, keys) or ByName(address)
