"""The providers whose posts are taken in, and the keys that prove them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Self

from attrs import field, frozen

from convalias import registry
from convalias.settings import MAIL_LIMIT, Settings, WrongSettings, event_key_of, signing_key_of


def _none() -> dict[str, str]:
    return {}


@frozen(kw_only=True)
class Providers:
    """The keys of providers by the name of their door; a key may be several, comma-separated, newest first.

    Raises `WrongSettings` for a door without a key, as everybody could post to it, and `NotRegistered` for a name that
    is no door; `MissingPackageError` where the package of a door is not installed.
    """

    inbound: Mapping[str, str] = field(factory=_none, repr=False)
    """Of those that post mail, to `/inbound/<name>`."""
    events: Mapping[str, str] = field(factory=_none, repr=False)
    """Of those that post what became of a mail, to `/events/<name>`."""
    mail_limit: int = MAIL_LIMIT
    """Octets of one mail."""
    trust_spam_flag: bool = False
    """Whether a provider's own spam flag counts as an opinion of ours."""

    def __attrs_post_init__(self) -> None:
        """Refuse doors that are none, or that nothing locks."""
        problems = {
            f"{what}[{name!r}]": "found no key, expected what the provider signs its posts with"
            for what, keys in (("inbound", self.inbound), ("events", self.events))
            for name, key in keys.items()
            if _is_empty(key)
        }
        if problems:
            raise WrongSettings(problems)
        for group, names in ((registry.INBOUND, self.inbound), (registry.DELIVERY_EVENTS, self.events)):
            for name in names:
                registry.load(group, name, "__call__")  # a missing package is told now, not at the first post

    @classmethod
    def of(cls, settings: Settings) -> Self:
        """Return those of the settings, whose keys stand in variables. Raises as the class does."""
        problems = {
            signing_key_of(door): "not set; expected the webhook signing key of the provider (several:"
            " comma-separated, newest first)"
            for door in settings.inbound
            if _is_empty(settings.signing_keys.get(door, ""))
        }
        problems |= {
            event_key_of(door): f"not set, nor {signing_key_of(door)}; expected the webhook signing key of the"
            " provider, or delivery_events without it"
            for door in settings.delivery_events
            if signing_key_of(door) not in problems and _is_empty(settings.event_keys.get(door, ""))
        }
        if problems:
            raise WrongSettings(problems)
        return cls(
            inbound={door: settings.signing_keys[door] for door in settings.inbound},
            events={door: settings.event_keys[door] for door in settings.delivery_events},
            mail_limit=settings.mail_limit,
            trust_spam_flag=settings.trust_spam_flag,
        )


def _is_empty(key: str) -> bool:
    return not key.strip(" ,")
