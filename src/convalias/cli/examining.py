"""The checks of `convalias doctor`, each a finding with what mends it."""

from __future__ import annotations

import os
import shutil
import sqlite3
from collections.abc import Awaitable, Callable, Iterable, Iterator
from datetime import UTC, datetime, timedelta
from enum import Enum
from pathlib import Path
from typing import Final

from attrs import frozen

from convalias import registry
from convalias.adapters.embedded import EmbeddedError
from convalias.adapters.embedded.folder import file_system
from convalias.adapters.embedded.schema import lacking, lost
from convalias.app.embedded import KEY_FILE, STORE_FILE, keys_at
from convalias.app.facade import Convalias
from convalias.app.guards import SHOWN_FOR
from convalias.app.providers import DoorKey, registered_door, registered_event_door
from convalias.app.signing import signer_of
from convalias.cli.errors import is_unusable
from convalias.cli.stored import everything
from convalias.codec.errors import CodecError, UnknownFormat
from convalias.domain.addresses.email_address import MailDomains
from convalias.domain.addresses.vouching import is_public_mailbox_provider
from convalias.domain.conversations.participants import Account
from convalias.domain.deployment.keyring import Keyring
from convalias.domain.deployment.policy_overlay import in_force
from convalias.domain.operations.numbers import Figure
from convalias.extras import MissingPackageError
from convalias.ports.errors import PortError
from convalias.services.conversations.alias_keys import KeySurvey
from convalias.services.conversations.errors import KeysRefused
from convalias.services.inbound.relay import LANE as INBOUND
from convalias.services.operations.numbers import Reading
from convalias.settings import DOORS, KEYS, Settings, WrongSettings, door_variable, misspelt
from convalias.stores.outbound.letters import LANE as DELIVERIES

SPARE: Final = 1_000_000_000
LEAST: Final = 100_000_000
"""Octets: below the first it is time to make room, below the second mail will soon be refused."""
STALE: Final = timedelta(minutes=5)
_EPOCH: Final = datetime(2025, 1, 1, tzinfo=UTC)
"""Before this release was written: a clock that says so is not set."""
_WITHIN: Final = frozenset({"workers", "adapters"})
"""Checks of a process that works: this one does not, and looks at what others say of theirs."""
_OWNER_ONLY: Final = 0o077


class Health(Enum):
    """The grades of a finding, from good to bad."""

    GOOD = "good"
    WARNING = "warning"
    UNKNOWN = "unknown"
    MISCONFIGURED = "misconfigured"
    AWAY = "away"


@frozen(kw_only=True)
class Finding:
    """A thing that was looked at, how it is, and what mends it (empty where nothing has to be mended)."""

    check: str
    health: Health = Health.GOOD
    found: str
    mend: str = ""


def examine_settings(read: Callable[[], Settings], *, by_default: str = "") -> tuple[Settings | None, list[Finding]]:
    """The settings, where they can be read at all; `by_default` says why nothing but defaults was found."""
    try:
        settings = read()
        signer_of(settings)
    except WrongSettings as wrong:
        return None, [
            Finding(check=f"setting {key}", health=Health.MISCONFIGURED, found=problem, mend="correct it")
            for key, problem in wrong.problems.items()
        ]
    return settings, [
        _read(by_default),
        *_variables(),
        *(_door(door, settings, events=False) for door in settings.inbound),
        *(_door(door, settings, events=False) for door in settings.sources if door not in settings.inbound),
        *(one for door in {**dict.fromkeys(settings.inbound), **settings.sources} for one in _options(door, settings)),
        *(_door(door, settings, events=True) for door in settings.delivery_events if door not in settings.inbound),
        _senders(settings),
        *_spf(settings),
        _asking(settings),
        _unsubscribing(settings),
    ]


def _read(by_default: str) -> Finding:
    if not by_default:
        return Finding(check="settings", found="read")
    mend = "ask where the settings are, with the environment of the deployment, or name them by --config"
    return Finding(check="settings", health=Health.WARNING, found=by_default, mend=mend)


def _variables() -> Iterator[Finding]:
    for name, meant in misspelt(os.environ).items():
        yield Finding(
            check=f"variable {name}",
            health=Health.WARNING,
            found="nobody reads it",
            mend=f"set {meant}, if that is meant",
        )


def _door(door: str, settings: Settings, *, events: bool) -> Finding:
    """Whether what is posted to a door can be verified: of events, where its mail has no door here."""
    try:
        secret = (registered_event_door(door) if events else registered_door(door)).secret
        key = (DoorKey.of_events if events else DoorKey.of_mail)(door, settings)
    except (MissingPackageError, registry.WrongRegistration) as unusable:
        return Finding(
            check=f"door {door}",
            health=Health.MISCONFIGURED,
            found=str(unusable),
            mend="mend what is registered, or take its name out of the settings",
        )
    check = secret.name.lower().replace("_", " ")
    if door not in DOORS or events:
        check += f" of {door}"
    if events:
        check += " events"
    if not key.problem:
        return Finding(check=check, found=f"{len(key.value.split(','))} set")
    return Finding(
        check=check,
        health=Health.WARNING,
        found=key.problem if key.value else "none",
        mend=f"set {key.variable}: serve and run refuse to start",
    )


def _options(door: str, settings: Settings) -> Iterator[Finding]:
    """What a door could use besides its key, and cannot as it is set, or misses."""
    try:
        wrong, options = DoorKey.options_of(door, settings), registered_door(door).options
    except (MissingPackageError, registry.WrongRegistration):  # told of beside its key
        return
    for key in wrong:
        yield Finding(
            check=f"setting {key.variable}", health=Health.MISCONFIGURED, found=key.problem, mend="correct it"
        )
    there = settings.door_secrets.get(door, {})
    for option in options:
        if option.without and not there.get(option.name, "").strip(" ,"):
            yield Finding(
                check=f"{option.name.lower().replace('_', ' ')} of {door}",
                health=Health.WARNING,
                found=f"none: {option.without}",
                mend=f"set {door_variable(door, option.name)}: {option.expected}",
            )


def _senders(settings: Settings) -> Finding:
    """Whether anything proves who writes: without it a participant's address is taken at its word."""
    asked = ["name servers"] if settings.authentication is not None else []
    proving = [*sorted(settings.trusted_authserv_ids), *asked]
    if proving:
        return Finding(check="who proves senders", found=", ".join(proving))
    return Finding(
        check="who proves senders",
        health=Health.WARNING,
        found="nobody",
        mend="set trusted_authserv_ids to what your border writes, or authenticate_senders = true",
    )


def _spf(settings: Settings) -> Iterator[Finding]:
    """Whether anything may tell of aligned SPF: without it a pass rests on a signature, which anybody can send on."""
    if settings.authentication is None:
        return
    check, borders = "SPF of senders", settings.authentication.spf_borders
    if borders:
        yield Finding(check=check, found=f"computed for the client in the Received of {', '.join(sorted(borders))}")
    elif settings.trusted_authserv_ids:
        yield Finding(check=check, found="what trusted servers report; their field must name spf")
    else:
        yield Finding(
            check=check,
            health=Health.WARNING,
            found="nobody tells: mail rests on DKIM alone, and what was sent on is held",
            mend="set trusted_authserv_ids if your border reports SPF, else authentication.spf_borders to its hosts",
        )


def _asking(settings: Settings) -> Finding:
    """Whether participants can be asked about held mail: the links of approval mails need pages."""
    check = "asking about held mail"
    if settings.base_url is not None:
        return Finding(check=check, found=f"links to {settings.base_url}")
    return Finding(
        check=check,
        health=Health.WARNING,
        found="nobody is asked: what is held expires unanswered",
        mend="set base_url to where serve is reached from outside (https)",
    )


def _unsubscribing(settings: Settings) -> Finding:
    """Whether notifications can be unsubscribed from: the link of List-Unsubscribe needs a page."""
    check = "unsubscribe links"
    if settings.base_url is not None:
        return Finding(check=check, found=f"lead to {settings.base_url}")
    return Finding(
        check=check,
        health=Health.WARNING,
        found="none: no notification has List-Unsubscribe, and large mailbox providers may take it for spam",
        mend="set base_url to where serve is reached from outside (https)",
    )


def examine_place(settings: Settings) -> list[Finding]:
    """The data directory, its disk, its keys, and the clock: nothing is opened."""
    folder = settings.data
    if not folder.is_dir():
        return [Finding(check="data directory", health=Health.WARNING, found=f"{folder} is made at the first use")]
    if (lost_store := lost(folder / STORE_FILE)) is not None:
        return [
            Finding(check="data directory", health=Health.MISCONFIGURED, found=str(lost_store), mend="see what it says")
        ]
    return [
        Finding(check="data directory", found=f"{folder} on {file_system(folder) or 'a disk'}"),
        _space(folder),
        _keys(settings),
        _clock(folder),
        *_indexes(folder),
    ]


def _indexes(folder: Path) -> Iterator[Finding]:
    """Whether somebody dropped one: this look makes none, so that it is said before the next start mends it."""
    path = folder / STORE_FILE
    if not path.exists():
        return
    try:
        missing = lacking(path)
    except sqlite3.Error:  # opening it says more
        return
    if missing:
        yield Finding(
            check="indexes",
            health=Health.MISCONFIGURED,
            found=f"{path} lacks {', '.join(missing)}, without which records come twice: its workers write nothing",
            mend="start any process anew: it makes it again, or names what came twice meanwhile",
        )
    else:
        yield Finding(check="indexes", found="all are there")


def _space(folder: Path) -> Finding:
    free = shutil.disk_usage(folder).free
    found = f"{free / 1e9:.1f} GB free"
    if free < LEAST:
        return Finding(check="disk", health=Health.AWAY, found=found, mend="make room now: no mail can be kept")
    if free < SPARE:
        return Finding(check="disk", health=Health.WARNING, found=found, mend="make room")
    return Finding(check="disk", found=found)


def _keys(settings: Settings) -> Finding:
    path = settings.data / KEY_FILE
    try:
        found = keys_at(settings)
    except WrongSettings as wrong:
        mend = "mend what it says" if settings.keyring is not None else "restore it from a backup"
        return Finding(check="keys", health=Health.MISCONFIGURED, found=str(wrong), mend=mend)
    if found.lost:  # what was made with them tells how bad that is
        return Finding(check="keys", health=Health.WARNING, found=found.lost, mend="bring the keys back")
    if settings.keyring is not None:
        return Finding(check="keys", found=f"{_counted(settings.keyring)}, from {KEYS}")
    if path.stat().st_mode & _OWNER_ONLY:
        return Finding(
            check="keys", health=Health.WARNING, found=f"{path} can be read by others", mend=f"chmod 600 {path}"
        )
    return Finding(check="keys", found=f"{_counted(found.ring)}, in {path}")


def _counted(ring: Keyring) -> str:
    return f"1 in use, {len(ring.keys) - 1} retired"


def _clock(folder: Path) -> Finding:
    now = datetime.now(UTC)
    database = folder / STORE_FILE
    written = datetime.fromtimestamp(database.stat().st_mtime, UTC) if database.exists() else now
    if now < _EPOCH or written > now + STALE:
        return Finding(
            check="clock", health=Health.MISCONFIGURED, found=f"{now:%Y-%m-%d %H:%M} UTC", mend="set the clock (NTP)"
        )
    return Finding(check="clock", found=f"{now:%Y-%m-%d %H:%M} UTC")


async def examine_store(cv: Convalias, settings: Settings) -> list[Finding]:
    """Examine what is kept: domains, accounts, aliases of retired keys, what waits and what was given up."""
    try:
        async with cv:
            return [
                *_domains(cv.deployment.domains),
                _policy(cv, settings),
                await _strays(cv),
                await _aliases(cv, settings),
                *[await _answers(name, check) for name, check in (await cv.checks()).items() if name not in _WITHIN],
                await _adapters(cv),
                await _waiting(cv),
                await _dead(cv),
                *[await _number(figure, reading) for figure, reading in cv.services.numbers.readings()],
            ]
    except EmbeddedError as error:
        return [Finding(check="store", health=Health.MISCONFIGURED, found=str(error), mend="see what it says")]
    except CodecError as error:
        return [Finding(check="store", health=Health.MISCONFIGURED, found=str(error), mend=_made_readable(error))]
    except PortError as error:
        if is_unusable(error):
            return [Finding(check="store", health=Health.MISCONFIGURED, found=str(error), mend="see what it says")]
        return [Finding(check="store", health=Health.AWAY, found=str(error), mend="try again; look at the disk")]


def _domains(domains: MailDomains) -> Iterator[Finding]:
    if not domains.alias:
        yield Finding(
            check="alias domains",
            health=Health.WARNING,
            found="none",
            mend="load a world that has one, or set alias_domains in convalias.toml",
        )
    for domain in sorted(domains.alias | domains.legacy):
        if is_public_mailbox_provider(domain):  # an alias there would be a person's address
            yield Finding(
                check=f"domain {domain}",
                health=Health.MISCONFIGURED,
                found="everybody has a mailbox there",
                mend="use a domain, or a subdomain, of your own",
            )
        else:
            yield Finding(check=f"domain {domain}", found="alias" if domain in domains.alias else "legacy")


def _policy(cv: Convalias, settings: Settings) -> Finding:
    """The policy in force, and who said each value."""
    values = in_force(settings.overlay, cv.deployment)
    return Finding(
        check="policy in force", found="; ".join(f"{one.key} = {one.value} ({one.origin.value})" for one in values)
    )


async def _strays(cv: Convalias) -> Finding:
    """Mail to an account that lies at a domain of ours would come back to us."""
    ours = cv.deployment.domains
    strays = [
        account.id
        async for account in everything(cv.ports.records, "accounts", Account)
        if any(ours.ours(address) for address in account.addresses)
    ]
    if not strays:
        return Finding(check="addresses of accounts", found="none is at a domain of ours")
    return Finding(
        check="addresses of accounts",
        health=Health.MISCONFIGURED,
        found=f"{len(strays)} accounts have one at a domain of ours: {', '.join(strays[:5])}",
        mend="give them an address elsewhere",
    )


async def _aliases(cv: Convalias, settings: Settings) -> Finding:
    """Whether the keys that made the aliases in use are here, and which of them may go."""
    check = "aliases by key"
    survey = await cv.services.keys.survey()
    try:
        await cv.check_keys()
    except KeysRefused as refused:
        return Finding(
            check=check, health=Health.MISCONFIGURED, found=_lost(survey) or refused.why, mend=_mend(refused)
        )
    at_least = "" if survey.whole else "at least "
    counts = ", ".join(f"key {key.id}: {at_least}{survey.made.get(key.id, 0)}" for key in cv.keyring.keys)
    if given_up := sorted(settings.missing_key_ids & {*survey.strange}):
        found = f"{counts}; given up with aliases in use: {_numbered(survey, given_up)}"
        return Finding(check=check, health=Health.WARNING, found=found, mend="mail to these is refused as forged")
    return Finding(check=check, found=counts)


def _lost(survey: KeySurvey) -> str:
    if not survey.strange:
        return ""
    return f"key removed too early: {_numbered(survey, sorted(survey.strange))} made by a key that is not here"


def _numbered(survey: KeySurvey, numbers: Iterable[int]) -> str:
    return ", ".join(f"{survey.strange[number]} aliases in use of key {number}" for number in numbers)


def _mend(refused: KeysRefused) -> str:
    return f"put that key into {KEYS}: workers refuse to start ({refused.why.partition(':')[0]})"


async def _answers(name: str, check: Callable[[], Awaitable[object]]) -> Finding:
    try:
        await check()
    except PortError as error:
        return Finding(check=name, health=Health.AWAY, found=str(error), mend="see that it runs, then try again")
    return Finding(check=name, found="answers")


async def _adapters(cv: Convalias) -> Finding:
    """What adapters of the host raised of late, as the processes say whose workers run."""
    check = "adapters of the host"
    faults = await cv.services.numbers.signs.faults(since=cv.ports.clock.now() - SHOWN_FOR)
    if not faults:
        return Finding(check=check, found="no worker says that one failed of late")
    return Finding(
        check=check,
        health=Health.WARNING,
        found="; ".join(f"{told} ({process})" for process, told in faults.items()),
        mend="mend that line of the host's: what waits for it is tried for a day",
    )


async def _waiting(cv: Convalias) -> Finding:
    depth = await cv.ports.queue.depth()
    found = f"{depth.ready} ready, {depth.in_flight} in flight"
    if depth.oldest is not None and depth.oldest > STALE:
        minutes = int(depth.oldest.total_seconds() // 60)
        return Finding(
            check="waiting mail",
            health=Health.WARNING,
            found=f"{found}, the oldest for {minutes} minutes",
            mend="see that an inbound worker runs (convalias worker inbound), and what it logs",
        )
    return Finding(check="waiting mail", found=found)


async def _number(figure: Figure, reading: Reading) -> Finding:
    """A number beside its bound. An engine that is away, or that cannot tell, hides no other number."""
    try:
        number = await reading()
    except CodecError as error:
        return Finding(check=figure.value, health=Health.UNKNOWN, found=str(error), mend=_made_readable(error))
    except PortError as error:
        return Finding(
            check=figure.value, health=Health.AWAY, found=str(error), mend="see that it runs, then try again"
        )
    if number is None:
        return Finding(
            check=figure.value, health=Health.UNKNOWN, found="this engine does not tell", mend="ask its own tools"
        )
    if number.is_past:
        return Finding(check=figure.value, health=Health.WARNING, found=str(number), mend=number.bound.mend)
    return Finding(check=figure.value, found=str(number))


def _made_readable(error: CodecError) -> str:
    return "use a newer convalias" if isinstance(error, UnknownFormat) else "it is damaged: bring it back from a backup"


async def _dead(cv: Convalias) -> Finding:
    letters = cv.services.stores.dead_letters
    counts = {lane: len([one async for one in letters.list(lane)]) for lane in (INBOUND, DELIVERIES)}
    found = ", ".join(f"{count} {lane}" for lane, count in counts.items())
    if any(counts.values()):
        return Finding(
            check="dead letters",
            health=Health.WARNING,
            found=found,
            mend="convalias dead list; mend the cause; then convalias replay --dead",
        )
    return Finding(check="dead letters", found="none")
