"""The providers whose posts are taken in, and the keys that prove them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Self

from attrs import field, frozen

from convalias import registry
from convalias.domain.inbound.posts import IncomingMail
from convalias.ports.ambient import Clock
from convalias.services.inbound.doors import (
    DoorKind,
    DoorNeeds,
    DoorSecret,
    EventDoorKind,
    MessageDoor,
    door_kind,
    event_door_kind,
)
from convalias.services.inbound.receiver import Receipt
from convalias.settings import MAIL_LIMIT, Settings, WrongSettings, door_variable


def _none() -> dict[str, str]:
    return {}


def _no_options() -> dict[str, Mapping[str, str]]:
    return {}


def registered_door(name: str) -> DoorKind:
    """Return the door of mail of that name. Raises as `registry.load`, and `MissingPackageError`."""
    return door_kind(registry.load(registry.INBOUND, name, "__call__"))


def registered_event_door(name: str) -> EventDoorKind:
    """Return the door of events of that name. Raises as `registry.load`, and `MissingPackageError`."""
    return event_door_kind(registry.load(registry.DELIVERY_EVENTS, name, "__call__"))


@frozen(kw_only=True)
class DoorKey:
    """The secret of one door: where a person sets it, and its value or what is wrong about it."""

    value: str = field(repr=False)
    """Empty: not set."""
    variable: str
    """Where it was found; where it should be, if it is not set."""
    problem: str
    """Empty: the door can do with it."""

    @classmethod
    def of_mail(cls, door: str, settings: Settings) -> Self:
        """Look at the secret of a door of mail. Raises as `registered_door`."""
        secret = registered_door(door).secret
        return cls._found(door, (secret.name,), secret, settings)

    @classmethod
    def of_events(cls, door: str, settings: Settings) -> Self:
        """Look at the secret of a door of events: its own, or else that of the door of mail."""
        secret = registered_event_door(door).secret
        return cls._found(door, (f"EVENTS_{secret.name}", secret.name), secret, settings)

    @classmethod
    def options_of(cls, door: str, settings: Settings) -> Sequence[Self]:
        """Return the other variables of a door of mail that are set, and that it cannot use."""
        there = settings.door_secrets.get(door, {})
        return [
            cls(value=there[option.name], variable=door_variable(door, option.name), problem=problem)
            for option in registered_door(door).options
            if (problem := option.refusal(there.get(option.name, "")))
        ]

    @classmethod
    def _found(cls, door: str, names: Sequence[str], secret: DoorSecret, settings: Settings) -> Self:
        there = settings.door_secrets.get(door, {})
        for name in names:
            if value := _without_blanks(there.get(name, "")):
                return cls(value=value, variable=door_variable(door, name), problem=secret.refusal(value))
        variable, *others = [door_variable(door, name) for name in names]
        absent = "".join(f", nor {other}" for other in others)
        return cls(value="", variable=variable, problem=f"not set{absent}; expected {secret.expected}")


@frozen(kw_only=True)
class Providers:
    """The keys of providers by the name of their door; a key may be several, comma-separated, newest first.

    Raises `WrongSettings` for a door without a key, as everybody could post to it, or with one that it cannot use, and
    `NotRegistered` for a name that is no door; `MissingPackageError` where the package of a door is not installed.
    """

    inbound: Mapping[str, str] = field(factory=_none, repr=False)
    """Of those that post mail, to `/inbound/<name>`."""
    events: Mapping[str, str] = field(factory=_none, repr=False)
    """Of those that post what became of a mail, to `/events/<name>`."""
    options: Mapping[str, Mapping[str, str]] = field(factory=_no_options, repr=False)
    """What doors of mail may have besides, by door and name: `{"ses": {"BUCKETS": "s3://my-mail"}}`."""
    mail_limit: int = MAIL_LIMIT
    """Octets of one mail."""
    trust_spam_flag: bool = False
    """Whether a provider's own spam flag counts as an opinion of ours."""

    def __attrs_post_init__(self) -> None:
        """Refuse doors that are none, or that nothing locks. A missing package is told now, not at the first post."""
        secrets = [
            *(
                (f"options[{name!r}][{option.name!r}]", value, option)
                for name in self.inbound
                for option in registered_door(name).options
                if (value := self.options.get(name, {}).get(option.name, ""))
            ),
            *((f"inbound[{name!r}]", key, registered_door(name).secret) for name, key in self.inbound.items()),
            *((f"events[{name!r}]", key, registered_event_door(name).secret) for name, key in self.events.items()),
        ]
        problems = {where: problem for where, key, secret in secrets if (problem := _problem(key, secret))}
        if problems:
            raise WrongSettings(problems)

    @classmethod
    def of(cls, settings: Settings) -> Self:
        """Return those of the settings, whose keys stand in variables. Raises as the class does."""
        return cls._of(settings, settings.inbound, settings.delivery_events)

    @classmethod
    def of_sources(cls, settings: Settings) -> Self:
        """Return those whose queues are read. Raises as the class does, and for a provider that fills no queue."""
        problems = {
            f"sources.{door}": "found a provider that fills no queue; expected one that does, such as ses"
            for door in settings.sources
            if registered_door(door).reads is None
        }
        if problems:
            raise WrongSettings(problems)
        return cls._of(settings, tuple(settings.sources), ())

    @classmethod
    def _of(cls, settings: Settings, inbound: Sequence[str], delivery_events: Sequence[str]) -> Self:
        mail = {door: DoorKey.of_mail(door, settings) for door in inbound}
        events = {door: DoorKey.of_events(door, settings) for door in delivery_events}
        problems = {key.variable: key.problem for key in mail.values() if key.problem}
        problems |= {key.variable: key.problem for door in inbound for key in DoorKey.options_of(door, settings)}
        problems |= {
            key.variable: f"{key.problem}, or delivery_events without it"
            for door, key in events.items()
            if key.problem and not (door in mail and mail[door].problem)
        }
        if problems:
            raise WrongSettings(problems)
        return cls(
            inbound={door: key.value for door, key in mail.items()},
            events={door: key.value for door, key in events.items()},
            options={door: settings.door_secrets.get(door, {}) for door in inbound},
            mail_limit=settings.mail_limit,
            trust_spam_flag=settings.trust_spam_flag,
        )

    @property
    def addresses(self) -> Mapping[str, Sequence[str]]:
        """The addresses of each door of mail, below `/inbound/<name>`."""
        return {name: registered_door(name).addresses for name in self.inbound}


def message_door(
    name: str, providers: Providers, *, accept: Callable[[IncomingMail], Awaitable[Receipt]], clock: Clock
) -> MessageDoor:
    """Make what takes the messages of the queue that this provider fills. Raises `WrongSettings`."""
    reads = registered_door(name).reads
    if reads is None or name not in providers.inbound:
        raise WrongSettings(
            {f"sources.{name}": "found no door with a key that reads a queue; expected one such as ses"}
        )
    return reads(
        DoorNeeds(
            accept=accept,
            keys=providers.inbound[name],
            clock=clock,
            mail_limit=providers.mail_limit,
            trust_spam_flag=providers.trust_spam_flag,
            options=providers.options.get(name, {}),
        )
    )


def _problem(key: str, secret: DoorSecret) -> str:
    if not _without_blanks(key):
        return f"found no key, expected {secret.expected}"
    return secret.refusal(key)


def _without_blanks(key: str) -> str:
    """Return the key, or nothing where it is blanks and commas only."""
    return key if key.strip(" ,") else ""
