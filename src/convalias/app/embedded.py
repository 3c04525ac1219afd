"""A whole deployment under one data directory: the embedded adapters, opened and closed together."""

from __future__ import annotations

import os
import secrets
from collections.abc import AsyncGenerator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Final

from attrs import frozen

from convalias.adapters import embedded as adapters
from convalias.adapters import system
from convalias.adapters.alarms import Telemetry
from convalias.adapters.embedded import folder as folders
from convalias.app import late_ports
from convalias.app.engines import channel_hubs, detector, engines, named, sender, shared_keyring, sources
from convalias.app.opening import EngineName, Late, Patience, lasting
from convalias.app.ports import Instead, Opener, Ports
from convalias.app.services import Wiring, audience
from convalias.app.signing import signed
from convalias.app.standin import shared_relay
from convalias.domain.deployment.data_places import DataPlace
from convalias.domain.deployment.domains_and_policy import Deployment
from convalias.domain.deployment.keyring import SECRET_OCTETS, Keyring, RootKey
from convalias.domain.errors import InvalidValue
from convalias.extras import MissingPackageError
from convalias.ports.dns import HostResolver
from convalias.ports.legacy import LegacyRelay
from convalias.ports.mail import SenderAuthenticator
from convalias.ports.spf import SpfCheck
from convalias.settings import DATA, EVENTS, KEYS, QUEUE, RAW, SenderAuthentication, Settings, WrongSettings

KEY_FILE: Final = "keys"
STORE_FILE: Final = "store.db"


def embedded(
    settings: Settings,
    instead: Instead,
    *,
    patience: Callable[[], Patience] = lasting,
) -> tuple[Opener, Wiring]:
    """Return how to open the ports under `settings.data`, and the wiring.

    The key file is made at once, all else at its use. `patience` is asked each time the ports are opened.
    """
    found = keys_at(settings)
    authenticator = None if settings.authentication is None else _authenticator(settings.authentication)

    @asynccontextmanager
    async def opener() -> AsyncGenerator[Ports]:
        clock, incarnation = system.Clock(), system.Incarnation()
        folders.tighten_file(settings.data / KEY_FILE)
        waits = patience()
        alarms = Telemetry(clock)
        async with AsyncExitStack() as stack:
            stack.callback(alarms.flush)
            remote = await stack.enter_async_context(engines(settings, instead, patience=waits))
            folder = _folder(settings, clock, incarnation, patience=waits)
            stack.push_async_callback(folder.close)
            bound: Instead = {
                "records": late_ports.Records(folder),
                "blobs": late_ports.FileBlobs(folder),
                "queue": late_ports.ProbedJobQueue(folder),
                "events": late_ports.TrimmedEventLog(folder),
                **remote,
            }
            outbox = adapters.Outbox(settings.data / "outbox", incarnation=incarnation)
            system_outbox = adapters.Outbox(settings.data / "outbox-system", incarnation=incarnation)
            legacy_outbox = adapters.Outbox(settings.data / "legacy-outbox", incarnation=incarnation)
            own = instead.get("channels", {})
            hubs = {**await stack.enter_async_context(channel_hubs(settings, own)), **own}
            outgoing = await stack.enter_async_context(sender(settings)) if "mail" not in instead else None
            check = await stack.enter_async_context(detector(settings)) if "check" not in instead else None
            shared = instead.get("records") or remote.get("records")
            hearers = audience(
                shared or bound["records"],
                instead.get("blobs") or bound["blobs"],
                clock,
                instead.get("identity"),
                instead.get("conversations"),
            )
            legacy_file = settings.data / "legacy.db"
            legacy: LegacyRelay
            if shared is not None:
                legacy = shared_relay(
                    legacy_file, records=shared, outgoing=legacy_outbox, audience=hearers, clock=clock
                )
            else:
                alone = adapters.LegacyRelay(legacy_file, outgoing=legacy_outbox, audience=hearers, clock=clock)
                stack.push_async_callback(alone.close)
                legacy = alone
            yield (
                Ports(
                    records=bound["records"],
                    blobs=bound["blobs"],
                    queue=bound["queue"],
                    events=bound["events"],
                    clock=clock,
                    telemetry=alarms,
                    incarnation=incarnation,
                    mail=outgoing or outbox,
                    system_mail=outgoing or system_outbox,
                    legacy=legacy,
                    authenticator=authenticator,
                    sources=await stack.enter_async_context(sources(settings, patience=waits)),
                    check=check,
                )
                .but(**remote)
                .but(**instead)
                .but(channels=hubs)
            )

    wiring = Wiring.of(
        settings,
        place=place_of(settings, instead),
        keyring=found.ring,
        lost_keys=found.lost,
        deployment=Deployment(alias_domains=settings.alias_domains, legacy_domains=settings.legacy_domains),
        compose=signed(settings),
    )
    return opener, wiring


PLACE_FILE: Final = "directory-id"
_KEPT_HERE: Final = (("raw", "blobs", RAW), ("queue", "queue", QUEUE), ("events", "events", EVENTS))


def place_of(settings: Settings, instead: Instead) -> Callable[[], DataPlace] | None:
    """Return the guard that keeps one data directory beside a shared store; None if none is needed."""
    urls = named(settings)
    kept = tuple(variable for setting, port, variable in _KEPT_HERE if setting not in urls and port not in instead)
    if not kept or ("store" not in urls and "records" not in instead):
        return None

    def found() -> DataPlace:
        return DataPlace(directory=_directory_id(settings.data), path=str(settings.data), settings=kept)

    return found


def _directory_id(data: Path) -> str:
    """Made at its first use. Two processes that come first at once agree."""
    path = data / PLACE_FILE
    if not path.exists():
        _make(path, secrets.token_hex(16))
    folders.tighten_file(path)
    return path.read_text(encoding="ascii").strip()


def _folder(
    settings: Settings,
    clock: system.Clock,
    incarnation: system.Incarnation,
    *,
    patience: Patience,
) -> Late:
    """The data directory as an engine of its own: opened when what no URL names is first used."""

    @asynccontextmanager
    async def opened(within: timedelta) -> AsyncGenerator[Instead]:
        folder = adapters.DataDirectory(
            settings.data,
            clock=clock,
            incarnation=incarnation,
            events_kept=settings.events_kept,
            open_within=0.8 * within.total_seconds(),
        )
        async with folder:
            yield {
                "records": folder.records,
                "blobs": folder.blobs,
                "queue": folder.jobs,
                "events": folder.events,
            }

    name = EngineName(setting="data", kind="files", place=str(settings.data), variable=DATA)
    return Late(name, opened, patience=patience)


def resolver_of(asked: SenderAuthentication) -> HostResolver:
    """Return what asks the name servers. Raises `MissingPackageError`."""
    from convalias.adapters.dns import DnsResolver  # noqa: PLC0415 - when used only

    return DnsResolver.asking(asked.name_servers) if asked.name_servers else DnsResolver()


def _spf(asked: SenderAuthentication, resolver: HostResolver) -> SpfCheck | None:
    """Raises `WrongSettings` where the library is not installed."""
    if not asked.spf_borders:
        return None
    try:
        from convalias.adapters.spf import SpfCheck as Pyspf  # noqa: PLC0415 - when used only
    except MissingPackageError as error:
        raise WrongSettings(
            {"authentication.spf_borders": "found hosts, expected pyspf: pip install 'convalias[spf]' brings it"}
        ) from error
    return Pyspf(resolver)


def _authenticator(asked: SenderAuthentication) -> SenderAuthenticator:
    """Raises `WrongSettings` where the library is not installed."""
    from convalias.adapters.mime.authentication import Authenticator, WithoutSpf  # noqa: PLC0415 - when used only

    try:
        resolver = resolver_of(asked)
    except MissingPackageError as error:
        raise WrongSettings(
            {"authenticate_senders": "found true, expected dnspython: pip install 'convalias[dns]' brings it"}
        ) from error
    return Authenticator(
        resolver=resolver,
        sealers=asked.sealers,
        without_spf=WithoutSpf[asked.without_spf.upper()],
        spf=_spf(asked, resolver),
        borders=asked.spf_borders,
    )


@frozen(kw_only=True)
class FoundKeys:
    """The keys of a deployment. `lost`: why they are a stand-in for those that made its aliases; else empty."""

    ring: Keyring
    lost: str = ""


def keys_at(settings: Settings) -> FoundKeys:
    """The keys that were set, else the data directory's own, which are made at its first use.

    A directory that was used before without a key file had its keys elsewhere. It gets no new ones: what touches no
    alias works without. Raises `WrongSettings` where the file has another secret than what was set, under one id.
    """
    # Before the key file is looked for: who makes it and a store makes the key file first.
    was_used = (settings.data / STORE_FILE).exists() or folders.was_used(settings.data)
    given, kept = shared_keyring(settings), stored_keyring(settings.data)
    if given is not None:
        if kept is not None and (clashes := given.clashes(kept)):
            raise WrongSettings({KEYS: _clash(clashes[0], settings.data / KEY_FILE)})
        return FoundKeys(ring=given)
    if kept is not None:
        return FoundKeys(ring=kept)
    fresh = Keyring((RootKey(0, secrets.token_bytes(SECRET_OCTETS)),))
    if was_used:
        path = settings.data / KEY_FILE
        lost = f"{KEYS} is not set and {path} is not there, though the directory was used; set it, or restore the file"
        return FoundKeys(ring=fresh, lost=lost)
    return FoundKeys(ring=_made(settings.data, fresh))


def _clash(number: int, path: Path) -> str:
    return (
        f"key {number} has another secret than key {number} of {path}, which made aliases; take what `convalias keys"
        " new` prints now, which holds the keys of both, or remove the file if nothing was made with it"
    )


async def make_store(settings: Settings) -> bool:
    """Make an empty store in the data directory, also where the former one is gone; False if one is there.

    Raises `UnusableDirectoryError`, and `Unavailable` while the disk is full or the file locked.
    """
    try:
        async with adapters.Database(settings.data):
            return False
    except adapters.LostStoreError:
        async with adapters.Database(settings.data, anew=True):
            return True


def _made(data: Path, fresh: Keyring) -> Keyring:
    """Two processes that come first at once agree: the file is linked into place whole, and only if there is none."""
    _make(data / KEY_FILE, fresh.render())
    return stored_keyring(data) or fresh


def stored_keyring(data: Path) -> Keyring | None:
    """Return the keyring in the key file of a data directory; None if there is none. Raises `WrongSettings`."""
    path = data / KEY_FILE
    if not path.exists():
        return None
    try:
        return Keyring.parse(path.read_text(encoding="ascii"))
    except (InvalidValue, OSError, UnicodeDecodeError) as error:
        raise WrongSettings({str(path): f"{type(error).__name__}; expected what {KEYS} would hold"}) from error


def _make(path: Path, text: str) -> None:
    folders.make_own(path.parent)
    fresh = path.with_name(f".{path.name}.{os.getpid()}.{secrets.token_hex(4)}")
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "w", encoding="ascii") as file:
            os.fchmod(file.fileno(), folders.OWN_FILE)
            file.write(text + "\n")
            file.flush()
            os.fsync(file.fileno())
        try:
            os.link(fresh, path)
        except FileExistsError:
            return
        folders.sync(path.parent)
    finally:
        fresh.unlink(missing_ok=True)
