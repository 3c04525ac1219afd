"""Which company domains may vouch for a sender: a domain where everybody can get a mailbox is nobody's company."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from convalias.domain.addresses.email_address import InvalidAddress, canonical_domain

PUBLIC_MAILBOX_PROVIDERS: Final = frozenset(
    (
        "163.com 126.com aim.com att.net bellsouth.net bigpond.com bluewin.ch btinternet.com bol.com.br charter.net"
        " comcast.net cox.net docomo.ne.jp duck.com earthlink.net ezweb.ne.jp au.com fastmail.com fastmail.fm foxmail.com"
        " free.fr freenet.de gmail.com googlemail.com hanmail.net daum.net hey.com hushmail.com i.softbank.jp icloud.com"
        " inbox.lv inbox.ru interia.pl kakao.com laposte.net libero.it list.ru mac.com mail.com mail.de mail.ru mailbox.org"
        " me.com msn.com naver.com nate.com neuf.fr nifty.com o2.pl onet.pl online.de optonline.net orange.fr passport.com"
        " posteo.de privaterelay.appleid.com proton.me protonmail.ch protonmail.com pm.me qq.com rakuten.jp rambler.ru"
        " rediffmail.com sbcglobal.net seznam.cz sfr.fr shaw.ca sina.com sky.com skynet.be softbank.ne.jp sohu.com sympatico.ca"
        " t-online.de telenet.be terra.com.br tiscali.it tuta.com tutanota.com ukr.net uol.com.br verizon.net virgilio.it"
        " virginmedia.com wanadoo.fr web.de wp.pl xtra.co.nz yandex.com yandex.ru y-mobile.ne.jp ymobile.ne.jp zoho.com"
        " zohomail.com vodafone.ne.jp disney.ne.jp uqmobile.jp"
    ).split()
)
"""Domains of free or subscribers' mailboxes."""
_BRANDS: Final = frozenset({"aol", "gmx", "hotmail", "live", "outlook", "rocketmail", "yahoo", "ymail"})
"""Providers with a domain in nearly every country: `yahoo.co.jp`, `hotmail.fr`."""
_LONGEST_SUFFIX: Final = 2


def is_public_mailbox_provider(domain: str) -> bool:
    """Whether anybody may get an address there. Canonical domain, exact: no parent and no child counts.

    >>> is_public_mailbox_provider("yahoo.co.jp"), is_public_mailbox_provider("corp.example")
    (True, False)
    """
    brand, _, suffix = domain.partition(".")
    countrywide = brand in _BRANDS and 0 < len(suffix.split(".")) <= _LONGEST_SUFFIX
    return domain in PUBLIC_MAILBOX_PROVIDERS or countrywide


def vouching_domains(domains: Iterable[str]) -> frozenset[str]:
    """Return those of an account's verified domains that may vouch for others: no provider's, and none that is malformed."""
    found: set[str] = set()
    for domain in domains:
        try:
            found.add(canonical_domain(domain))
        except InvalidAddress:
            continue
    return frozenset(domain for domain in found if "." in domain and not is_public_mailbox_provider(domain))
