"""Settings: `convalias.toml` and the environment, read once, checked whole, secrets kept out of the file."""

from __future__ import annotations

import difflib
import os
import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Final, Literal, TypeVar

from attrs import field, frozen

from convalias import registry
from convalias.codec.addresses import read_address, what_is_wrong
from convalias.codec.settings_table import TableReader, Toml, is_deeper, is_domain, read_domain
from convalias.domain.addresses.email_address import EmailAddress, InvalidAddress
from convalias.domain.aliases.alias import KEY_IDS, AliasFormat
from convalias.domain.aliases.naming import NamePolicy
from convalias.domain.aliases.styles import AliasStyle, AliasStyles, StyleWish
from convalias.domain.approvals.holds import DEFAULT_HOLD_POLICY
from convalias.domain.deployment.domains_and_policy import ADMISSIONS
from convalias.domain.deployment.keyring import Keyring
from convalias.domain.deployment.policy_overlay import PolicyOverlay
from convalias.domain.errors import InvalidValue
from convalias.domain.ids import UseCase
from convalias.domain.mail.checks import WhenAway
from convalias.domain.mail.reasons import LANGUAGES
from convalias.domain.outbound.delivery import Channel
from convalias.domain.outbound.pacing import UNVERIFIED_AN_HOUR, VERIFIED_AN_HOUR
from convalias.domain.outbound.tries import Ambiguity
from convalias.domain.routing.admission import Admission
from convalias.domain.routing.policy import BlockedSenders, SenderTrust
from convalias.domain.system_mail.refusal_texts import DEFAULT_LANGUAGES
from convalias.domain.values import sparse
from convalias.services.inbound.identity_cache import BELIEVED_FOR
from convalias.stores.retention import MAIL_KEPT

__all__ = ["SenderAuthentication", "Settings", "WrongSettings"]

T = TypeVar("T")
FILE: Final = "convalias.toml"
"""Read where a process is, unless it is told of another."""
DATA: Final = "CONVALIAS_DATA"
KEYS: Final = "CONVALIAS_KEYS"
RAW: Final = "CONVALIAS_RAW"
QUEUE: Final = "CONVALIAS_QUEUE"
STORE: Final = "CONVALIAS_STORE"
EVENTS: Final = "CONVALIAS_EVENTS"
MAIL: Final = "CONVALIAS_MAIL"
DKIM_KEY: Final = "CONVALIAS_DKIM_KEY"
MAIL_PASSWORD: Final = "CONVALIAS_MAIL_PASSWORD"  # noqa: S105 - the name of a variable
_OF_COMMANDS: Final = ("CONVALIAS_APP", "CONVALIAS_LOG_FORMAT", "CONVALIAS_LOG_LEVEL", "CONVALIAS_TRACEBACK")
"""Variables that commands read themselves."""
_PREFIX: Final = "CONVALIAS_"
_ALIKE: Final = 0.8
"""So much a name is like another one (difflib) that it is taken for a slip of the pen."""
DOORS: Final = ("mailgun",)
"""By which mail comes in, unless set."""
_KNOWN: Final = frozenset(
    {
        "events",
        "events_kept",
        "data",
        "dkim",
        "raw",
        "queue",
        "store",
        "alias_domains",
        "legacy_domains",
        "platform",
        "base_url",
        "conversation_url",
        "trusted_authserv_ids",
        "rewriters",
        "languages",
        "delivery_events",
        "authenticate_senders",
        "authentication",
        "identity_cache_seconds",
        "trust_spam_flag",
        "mail",
        "mail_kept_days",
        "http",
        "mail_limit",
        "mail_what_was_read",
        "messages_an_hour",
        "unverified_messages_an_hour",
        "on_check_away",
        "on_uncertain",
        "missing_key_ids",
        "channels",
        "checks",
        "inbound",
        "inbound_batches",
        "sources",
        "policy",
        "use_case",
        "aliases",
    }
)
_DKIM: Final = frozenset({"selector", "domain"})
MAIL_LIMIT: Final = 25_000_000
"""Octets of one mail, where a deployment says nothing else."""
_SELECTOR: Final = re.compile(r"[A-Za-z0-9-]{1,63}(\.[A-Za-z0-9-]{1,63}){0,3}")
_HTTP: Final = frozenset({"connections", "connections_by_client", "header_seconds", "idle_seconds"})
_POLICY: Final = frozenset({"admission", "sender_trust", "blocked_senders", "historical_days", "loop_guard"})
_LOOP_GUARD: Final = frozenset({"same_text", "mails_an_hour"})
_REQUIRE_DKIM: Final = "require_dkim"
_ASKING: Final = frozenset({"sealers", "without_spf", "name_servers", "spf_borders"})
"""Settings of `authentication` that only matter where name servers are asked."""
_AUTHENTICATION: Final = _ASKING | {_REQUIRE_DKIM}
_ALIASES: Final = frozenset({"names", "format", "days"})
_BY_USE_CASE: Final = frozenset({"admission", "sender_trust"})
_MOST_OF_HTTP: Final = 100_000
_DEEPEST: Final = 8
_TOO_DEEP: Final = f"tables or lists in one another more than {_DEEPEST} times; no setting is"
_A_MILLENNIUM: Final = 365_250
"""Days: a time before the year 1 cannot be told."""
_SECRET_WORDS: Final = ("secret", "password", "token", "signing_key", "keys")


class WrongSettings(Exception):
    """Every wrong setting at once: key, what is there, what would be right. Never a secret."""

    def __init__(self, problems: Mapping[str, str]) -> None:
        """Remember all of them."""
        super().__init__(problems)
        self.problems = dict(problems)

    def __str__(self) -> str:
        """A line each."""
        return "\n".join(f"{key}: {problem}" for key, problem in self.problems.items())


@frozen(kw_only=True)
class SenderAuthentication:
    """Authentication of senders for whom no trusted server speaks: by the bytes of the mail and the name servers."""

    sealers: frozenset[str] = frozenset()
    """Whose ARC seals lift a failure (RFC 8617): forwarders and lists that you know."""
    without_spf: Literal["ask", "fail"] = "ask"
    """What it means that DKIM proves nothing: a person is asked, or it counts as if SPF had failed too."""
    name_servers: tuple[str, ...] = ()
    """IP addresses; empty: those of this machine."""
    spf_borders: frozenset[str] = frozenset()
    """Hosts that write a Received on top of every mail: SPF is computed for the client in it. Empty: it is not."""


@frozen(kw_only=True)
class DkimSigning:
    """Signing of our own mail (RFC 6376), where the relay that it leaves by does not sign."""

    selector: str
    domain: str | None = None
    """`d=`; only mail from this domain or below it is signed. None: that of each From."""
    key: str = field(repr=False)
    """A private key in PEM. Empty: not set, and nothing can be opened."""


@frozen(kw_only=True)
class Http:
    """Bounds of the HTTP connections of `serve` and `run`."""

    connections: int = 512
    """Half of the files that the process may open, if that is less."""
    connections_by_client: int = 128
    """Of one address; a proxy in front is one client."""
    headers: timedelta = timedelta(seconds=10)
    """For the header of a request, from its first octet on."""
    idle: timedelta = timedelta(seconds=30)
    """Before the first octet of a request."""

    __repr__ = sparse


@frozen(kw_only=True)
class Options:
    """Choices of a host about the services, however their ports are bound. Everything has a value that works."""

    platform: str = "convalias"
    """The name in "(via Platform)" behind an author."""
    base_url: str | None = None
    """Where `convalias serve` is reached from outside (https): approval mails link to it. None: there are none."""
    conversation_url: str | None = None
    """Where people read a conversation, `{conversation}` standing for its id (https). None: no mail links there."""
    trusted_authserv_ids: frozenset[str] = frozenset()
    """Whose Authentication-Results are believed (RFC 8601 §2.5); starts empty."""
    rewriters: frozenset[str] = frozenset()
    """Domains of lists that write their own address into From and are believed about who wrote; starts empty."""
    require_dkim: frozenset[str] = frozenset()
    """From domains whose mail a pass by SPF alone does not authenticate: many customers share their servers."""
    identity_cache: timedelta = BELIEVED_FOR
    """How long an identity directory of one's own is believed without being asked; zero: never."""
    languages: tuple[str, ...] = DEFAULT_LANGUAGES
    """In which refusals are written to strangers, all in one mail: of `reasons.LANGUAGES`."""
    on_uncertain: Ambiguity = Ambiguity.LEAVE
    """Whether a mail that may have left, where nobody can tell, is left as it is or sent again."""
    mail_what_was_read: bool = False
    """Whether a message is mailed though its recipient has read it in the meantime."""
    on_check_away: WhenAway = WhenAway.WAIT
    """What becomes of mail while the detector is away that a host has bound as `check`."""
    messages_an_hour: int = VERIFIED_AN_HOUR
    """So many messages of one conversation, in chat or of verified senders, are mailed within an hour; others wait."""
    unverified_messages_an_hour: int = UNVERIFIED_AN_HOUR
    """The same of its peripheral authors and unverified senders together."""
    mail_kept: timedelta | None = MAIL_KEPT
    """How long mail and what is known of it stay; a bucket has a rule of its own for its part. None: for ever."""
    inbound_batches: int = 4
    """So many batches of mail a worker process works on at once."""
    missing_key_ids: frozenset[int] = frozenset()
    """Keys given up although aliases which they made are in use: mail to these is refused as forged."""
    alias_styles: AliasStyles = AliasStyles()
    """How new aliases look and how long they work, by use case and region; those that were made stay as they are."""
    overlay: PolicyOverlay = PolicyOverlay()
    """Laid key by key over what `convalias load` was given, else over the defaults."""


@frozen(kw_only=True)
class Settings(Options):
    """Choices of a deployment on one machine. Everything has a value that works."""

    data: Path = Path("convalias-data")
    """Folder of the embedded backend."""
    raw: str | None = field(default=None, repr=False)
    """URL of the raw store where it is not that folder: `s3://bucket/prefix?region=eu-west-1`, gs, az or file."""
    events: str | None = field(default=None, repr=False)
    """URL of the event log where it is not that folder: `kafka://host1:9092,host2:9092/topic`."""
    events_kept: int = 100_000
    """So many published events stay in that folder's log when everybody has read them; an engine has its own rule."""
    queue: str | None = field(default=None, repr=False)
    """URL of the job queue where it is not that folder: `sqs://eu-west-1/queue-name`."""
    store: str | None = field(default=None, repr=False)
    """URL of the store where it is not that folder: `mongodb://host1,host2/database?replicaSet=name`."""
    mail: str | None = field(default=None, repr=False)
    """URL of where mail leaves, notifications and the platform's own, where it is not that folder: `smtp://user@host:587`."""
    mail_password: str = field(default="", repr=False)
    """For the user in `mail`; from the environment or a file, never in the URL. Empty: not set."""
    channels: Mapping[Channel, str] = field(factory=dict[Channel, str], repr=False)
    """URLs of providers by channel, for channels other than e-mail: `file:///sms`."""
    checks: tuple[str, ...] = ()
    """URLs of the detectors that each mail at an address of ours is shown to: `spamd://localhost`, `clamd:///run/clamd.ctl`."""
    inbound: tuple[str, ...] = DOORS
    """The doors by which mail comes in over HTTP: `POST /inbound/<door>`."""
    sources: Mapping[str, str] = field(factory=dict[str, str], repr=False)
    """URLs of queues that providers fill with mail, by the name of the door: `sqs://eu-west-1/received-mail`."""
    delivery_events: tuple[str, ...] = DOORS
    """The doors by which providers tell what became of mail: `POST /events/<door>`. Unset: those of `inbound`."""
    alias_domains: tuple[str, ...] = ()
    """Empty: those that `convalias load` was given."""
    legacy_domains: tuple[str, ...] = ()
    dkim: DkimSigning | None = None
    """None: mail leaves unsigned."""
    authentication: SenderAuthentication | None = None
    """None: no name server is ever asked, and mail that no trusted server speaks for is not verified."""
    trust_spam_flag: bool = False
    mail_limit: int = MAIL_LIMIT
    """Octets of one mail."""
    http: Http = Http()
    keyring: Keyring | None = field(default=None, repr=False)
    """None: the embedded backend makes its own key file."""
    door_secrets: Mapping[str, Mapping[str, str]] = field(factory=dict[str, Mapping[str, str]], repr=False)
    """By door, the variables of its own by what follows `CONVALIAS_<DOOR>_`: the door says which of them it needs."""


def read_settings(
    path: str | os.PathLike[str] | None = None,
    *,
    data: str | os.PathLike[str] | None = None,
    environ: Mapping[str, str] | None = None,
) -> Settings:
    """Read a TOML file (None: `convalias.toml` where it is there) and the environment. Raises `WrongSettings`.

    `data` stands over CONVALIAS_DATA, which stands over the file.
    """
    environment = os.environ if environ is None else environ
    reader = _Reader(_toml(path))
    folder = data or environment.get(DATA) or reader.text("data", "convalias-data")
    alias_domains = reader.domains("alias_domains")
    doors = reader.doors("inbound")
    event_doors = reader.event_doors("delivery_events", doors)
    queue, sources = reader.engine("queue", environment, QUEUE, registry.QUEUES), reader.sources(environment)
    reader.apart({"queue": queue, **{f"sources.{door}": url for door, url in sources.items()}})
    settings = Settings(
        data=Path(folder),
        raw=reader.engine("raw", environment, RAW, registry.BLOBS),
        events=reader.engine("events", environment, EVENTS, registry.EVENT_LOGS),
        events_kept=reader.number("events_kept", 100_000),
        queue=queue,
        store=reader.engine("store", environment, STORE, registry.STORES),
        mail=reader.engine("mail", environment, MAIL, registry.MAIL),
        mail_password=reader.secret(environment, MAIL_PASSWORD),
        channels=reader.channels(environment),
        checks=reader.detectors("checks"),
        inbound=doors,
        sources=sources,
        delivery_events=event_doors,
        alias_domains=alias_domains,
        legacy_domains=reader.legacy_domains(alias_domains),
        dkim=reader.dkim(environment),
        authentication=reader.authentication(),
        trust_spam_flag=reader.boolean("trust_spam_flag"),
        mail_limit=reader.count("mail_limit", MAIL_LIMIT),
        http=reader.http(),
        platform=reader.name("platform", "convalias"),
        base_url=reader.https("base_url"),
        conversation_url=reader.page("conversation_url", "{conversation}"),
        trusted_authserv_ids=frozenset(reader.texts("trusted_authserv_ids")),
        rewriters=frozenset(reader.domains("rewriters")),
        require_dkim=reader.require_dkim(),
        identity_cache=timedelta(seconds=reader.number("identity_cache_seconds", int(BELIEVED_FOR.total_seconds()))),
        languages=reader.languages(),
        on_uncertain=reader.ambiguity("on_uncertain"),
        mail_what_was_read=reader.boolean("mail_what_was_read"),
        on_check_away=reader.when_away("on_check_away"),
        messages_an_hour=reader.count("messages_an_hour", VERIFIED_AN_HOUR),
        unverified_messages_an_hour=reader.count("unverified_messages_an_hour", UNVERIFIED_AN_HOUR),
        mail_kept=_mail_kept(reader),
        inbound_batches=reader.count("inbound_batches", 4),
        alias_styles=reader.alias_styles(),
        overlay=reader.policy(),
        missing_key_ids=reader.key_ids(),
        keyring=reader.keyring(environment),
        door_secrets={
            door: found
            for door in {*doors, *sources, *event_doors}
            if (found := reader.door_secrets(environment, door))
        },
    )
    reader.finish()
    return settings


def misspelt(environ: Mapping[str, str]) -> Mapping[str, str]:
    """Return the variables that nobody reads although they look like a setting, each with what may be meant.

    A platform and a host have variables with our prefix too: `CONVALIAS_PORT` beside a service of Kubernetes. So what
    is like none of ours is nobody's mistake, and what is like one is refused by nobody.
    """
    variables = frozenset(_variables())
    meant = {key.upper(): f"{key} in {FILE}" for key in _KNOWN}
    meant |= {name.removeprefix(_PREFIX): name for name in variables}
    groups = (registry.INBOUND, registry.DELIVERY_EVENTS)
    doors = tuple(door_variable(door, "") for group in groups for door in registry.names(group))
    found: dict[str, str] = {}
    for name in sorted({*environ} - variables):
        if name.startswith(_PREFIX) and not name.startswith(doors):
            alike = difflib.get_close_matches(name.removeprefix(_PREFIX), meant, n=1, cutoff=_ALIKE)
            if alike:
                found[name] = meant[alike[0]]
    return found


def _variables() -> Iterator[str]:
    """Yield the variables that are read, but for those of the doors."""
    yield from (DATA, *_OF_COMMANDS)
    secrets = [KEYS, RAW, QUEUE, STORE, EVENTS, MAIL, DKIM_KEY, MAIL_PASSWORD]
    secrets += [channel_variable(channel) for channel in Channel if channel is not Channel.EMAIL]
    secrets += [source_variable(door) for door in registry.names(registry.INBOUND)]
    for name in secrets:
        yield from (name, f"{name}_FILE")


def _queue_at(url: str) -> str:
    """Return scheme, place and name of a queue: without user and options, which change nothing about that."""
    scheme, _, rest = url.partition("://")
    return f"{scheme}://{rest.partition('?')[0].strip('/').rpartition('@')[2]}"


def _twice(group: str, name: str) -> str:
    """Why a registered name cannot be used; empty: it can."""
    try:
        registry.registered(group, name)
    except registry.RegisteredTwice as twice:
        return str(twice)
    return ""


def channel_variable(channel: Channel) -> str:
    """The variable that holds the URL of a channel's provider, if it has a password."""
    return f"CONVALIAS_CHANNEL_{channel.value.upper()}"


def door_variable(door: str, name: str) -> str:
    """Return the variable in which a door finds the setting of that name, such as `SIGNING_KEY`."""
    return f"CONVALIAS_{door.upper().replace('-', '_')}_{name}"


def source_variable(door: str) -> str:
    """Return the variable in which the URL of the queue of a provider may stand, instead of the file."""
    return f"CONVALIAS_SOURCE_{door.upper().replace('-', '_')}"


def _starts(schemes: Sequence[str]) -> str:
    if not schemes:
        return "nothing is registered for it; install convalias again (in a checkout: pip install -e .)"
    *others, last = [f"{scheme}://" for scheme in schemes]
    return "expected a URL that starts with " + (f"{', '.join(others)} or {last}" if others else last)


def _toml(path: str | os.PathLike[str] | None) -> Toml:
    file = Path(FILE if path is None else path)
    try:
        found = tomllib.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        if path is None:
            return {}
        raise WrongSettings({str(file): "no such file; expected a settings file in TOML"}) from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, OSError) as error:
        raise WrongSettings({str(file): f"cannot be read as TOML ({error})"}) from error
    except RecursionError:
        raise WrongSettings({str(file): _TOO_DEEP}) from None
    if deep := next((key for key, value in found.items() if is_deeper(value, _DEEPEST)), None):
        raise WrongSettings({deep: _TOO_DEEP})
    return found


def _mail_kept(reader: _Reader) -> timedelta | None:
    """A mail that waits for an answer must still be there when it is let in."""
    days = reader.number("mail_kept_days", MAIL_KEPT.days)
    if not days:
        return None
    kept = timedelta(days=days)
    try:
        DEFAULT_HOLD_POLICY.fits(raw_kept=kept)
    except InvalidValue:
        waits = DEFAULT_HOLD_POLICY.lasts.days
        reader.problem("mail_kept_days", days, f"0, or more than the {waits} days that held mail waits for an answer")
    return kept


def _secret(environment: Mapping[str, str], name: str) -> str:
    """From the environment, or from the file that `<name>_FILE` names."""
    if (file := environment.get(f"{name}_FILE")) and name not in environment:
        try:
            return Path(file).read_text(encoding="utf-8").strip()
        except (OSError, ValueError) as error:  # no UTF-8, or no path
            raise WrongSettings({f"{name}_FILE": f"cannot be read ({type(error).__name__})"}) from error
    return environment.get(name, "")


class _Reader(TableReader):
    """Reads one table, and remembers all that is wrong with it."""

    def __init__(self, table: Toml) -> None:
        super().__init__(table)
        for key in table:
            if any(word in key.lower() for word in _SECRET_WORDS):
                self.problems[key] = (
                    f"a secret does not belong in a file; set {KEYS}, {MAIL_PASSWORD} or the variable of a door, or ..._FILE"
                )
            elif key not in _KNOWN:
                self.problems[key] = f"unknown; expected one of {', '.join(sorted(_KNOWN))}"

    def finish(self) -> None:
        if self.problems:
            raise WrongSettings(self.problems)

    def secret(self, environment: Mapping[str, str], name: str) -> str:
        try:
            return _secret(environment, name)
        except WrongSettings as wrong:
            self.problems.update(wrong.problems)
            return ""

    def engine(self, key: str, environment: Mapping[str, str], variable: str, group: str) -> str | None:
        """A URL from the environment or the file; one with a password from the environment only. None: not set."""
        return self._url(key, self.text(key, ""), environment, variable, group)

    def channels(self, environment: Mapping[str, str]) -> Mapping[Channel, str]:
        """The URL of each channel's provider. E-mail leaves by `mail`."""
        table = self.sub(self.table, "channels")
        others = [channel for channel in Channel if channel is not Channel.EMAIL]
        self.expect(table, "channels", frozenset(channel.value for channel in others))
        found: dict[Channel, str] = {}
        for channel in others:
            shown, written = f"channels.{channel.value}", table.get(channel.value, "")
            if not isinstance(written, str):
                self.problem(shown, written, "a URL")
            elif url := self._url(shown, written, environment, channel_variable(channel), registry.CHANNELS):
                found[channel] = url
        return found

    def sources(self, environment: Mapping[str, str]) -> Mapping[str, str]:
        """The URL of each queue that a provider fills."""
        table, there = self.sub(self.table, "sources"), registry.names(registry.INBOUND)
        self.expect(table, "sources", frozenset(there))
        found: dict[str, str] = {}
        for door in there:
            shown, written = f"sources.{door}", table.get(door, "")
            if not isinstance(written, str):
                self.problem(shown, written, "a URL")
            elif url := self._url(shown, written, environment, source_variable(door), registry.QUEUES):
                found[door] = url
        return found

    def apart(self, queues: Mapping[str, str | None]) -> None:
        """Refuse two of these that are one queue: one of the two readers would throw away what is the other's."""
        known: dict[str, str] = {}
        for key, url in queues.items():
            if url is not None and (first := known.setdefault(_queue_at(url), key)) != key:
                self.problems[key] = f"found the queue of the setting {first}; expected another one"

    def detectors(self, key: str) -> tuple[str, ...]:
        """URLs of detectors, which know no passwords."""
        found = tuple(dict.fromkeys(self.texts(key)))
        for url in found:
            self._url(key, url, {}, "", registry.CHECKS)
        return found

    def _url(self, key: str, written: str, environment: Mapping[str, str], variable: str, group: str) -> str | None:
        given = self.secret(environment, variable)
        if not (given or written):
            return None
        scheme, _, rest = (given or written).partition("://")
        schemes = registry.names(group)
        if scheme not in schemes or not rest:
            # Never what is there: it may be a URL with a password whose scheme is misspelt.
            self.problems[variable if given else key] = _starts(schemes)
        elif twice := _twice(group, scheme):
            self.problems[variable if given else key] = twice
        elif written and not given:
            self.no_secret(key, rest.partition("/")[0], group, variable)
        return given or written

    def no_secret(self, key: str, place: str, group: str, variable: str) -> None:
        """A URL in a file has no user, but a sender's: its password never stands in a URL."""
        user, at, _ = place.rpartition("@")
        if group == registry.MAIL and ":" in user:
            self.problems[key] = f"holds a password; set {MAIL_PASSWORD}, or {MAIL_PASSWORD}_FILE"
        elif at and group == registry.CHECKS:
            self.problems[key] = "holds a user, expected none: a detector knows no passwords"
        elif at and group != registry.MAIL:
            self.problems[key] = (
                f"holds a user, and a secret does not belong in a file; set {variable}, or {variable}_FILE"
            )

    def doors(self, key: str) -> tuple[str, ...]:
        """The registered doors that are open; their names stand in addresses and in variables."""
        if key not in self.table:
            return DOORS
        return self._registered(key, registry.INBOUND)

    def event_doors(self, key: str, doors: tuple[str, ...]) -> tuple[str, ...]:
        """The registered doors of events; not set: those among the doors of mail."""
        if key in self.table:
            return self._registered(key, registry.DELIVERY_EVENTS)
        there = registry.names(registry.DELIVERY_EVENTS)
        return tuple(door for door in doors if door in there)

    def _registered(self, key: str, group: str) -> tuple[str, ...]:
        found = self.texts(key)
        there = registry.names(group)
        for name in found:
            if name not in there:
                self.problem(key, name, " or ".join(there))
            elif twice := _twice(group, name):
                self.problems[key] = twice
        return tuple(dict.fromkeys(found))

    def door_secrets(self, environment: Mapping[str, str], door: str) -> Mapping[str, str]:
        """All variables of a door, read from their files: no door is loaded here, to say which of them it needs."""
        start = door_variable(door, "")
        names = {variable.removesuffix("_FILE") for variable in environment if variable.startswith(start)}
        found = {name.removeprefix(start): self.secret(environment, name) for name in sorted(names)}
        return {name: value for name, value in found.items() if name and value}

    def authentication(self) -> SenderAuthentication | None:
        """Asked for by a switch of its own: a table that was left behind must not make a deployment ask the network."""
        wanted = self.boolean("authenticate_senders")
        table = self.sub(self.table, "authentication")
        self.expect(table, "authentication", _AUTHENTICATION)
        if _ASKING & {*table} and not wanted:
            self.problem("authentication", "a table", "none, or authenticate_senders = true beside it")
        found = SenderAuthentication(
            sealers=frozenset(self.domains("sealers", table, "authentication.sealers")),
            without_spf=self._without_spf(table),
            name_servers=self._name_servers(table),
            spf_borders=frozenset(self.domains("spf_borders", table, "authentication.spf_borders")),
        )
        return found if wanted else None

    def dkim(self, environment: Mapping[str, str]) -> DkimSigning | None:
        """Asked for by its table; the key comes from the environment, or from a file that is named there."""
        table, key = self.sub(self.table, "dkim"), self.secret(environment, DKIM_KEY)
        self.expect(table, "dkim", _DKIM)
        if not table:
            return None
        selector, domain = table.get("selector", ""), table.get("domain")
        if not isinstance(selector, str) or not _SELECTOR.fullmatch(selector):
            selector = self.wrong("dkim.selector", selector, "letters, digits and hyphens, such as s1", "")
        if domain is not None and not (isinstance(domain, str) and is_domain(domain)):
            domain = self.wrong("dkim.domain", domain, "a domain, such as reply.example", "")
        return DkimSigning(selector=selector, domain=domain and read_domain(domain), key=key)

    def http(self) -> Http:
        table, usual = self.sub(self.table, "http"), Http()
        self.expect(table, "http", _HTTP)
        return Http(
            connections=self._http(table, "connections", usual.connections, least=4),
            connections_by_client=self._http(table, "connections_by_client", usual.connections_by_client),
            headers=timedelta(seconds=self._http(table, "header_seconds", int(usual.headers.total_seconds()))),
            idle=timedelta(seconds=self._http(table, "idle_seconds", int(usual.idle.total_seconds()))),
        )

    def _http(self, table: Toml, key: str, default: int, *, least: int = 1) -> int:
        return self.whole(table, key, f"http.{key}", default, least=least, most=_MOST_OF_HTTP)

    def require_dkim(self) -> frozenset[str]:
        """It needs no name server: what a border says is enough."""
        table = self.sub(self.table, "authentication")
        return frozenset(self.domains(_REQUIRE_DKIM, table, f"authentication.{_REQUIRE_DKIM}"))

    def ambiguity(self, key: str) -> Ambiguity:
        found = self.text(key, Ambiguity.LEAVE.value)
        try:
            return Ambiguity(found)
        except ValueError:
            self.problem(key, found, "leave or resend")
            return Ambiguity.LEAVE

    def when_away(self, key: str) -> WhenAway:
        found = self.text(key, WhenAway.WAIT.value)
        try:
            return WhenAway(found)
        except ValueError:
            self.problem(key, found, "wait, hold or go on")
            return WhenAway.WAIT

    def _without_spf(self, table: Toml) -> Literal["ask", "fail"]:
        match table.get("without_spf", "ask"):
            case "ask":
                return "ask"
            case "fail":
                return "fail"
            case value:
                self.problem("authentication.without_spf", value, "ask or fail")
                return "ask"

    def alias_styles(self) -> AliasStyles:
        """A table of the deployment, in it one for each use case and region that differs."""
        table = self.sub(self.table, "aliases")
        self.expect(table, "aliases", _ALIASES | {"use_case", "region"})
        wish = self._style(table, "aliases")
        cases, regions = (self.sub(table, one, f"aliases.{one}") for one in ("use_case", "region"))
        usual = AliasStyle()
        return AliasStyles(
            default=AliasStyle(
                names=wish.names or usual.names, format=wish.format or usual.format, lives=wish.lives or usual.lives
            ),
            by_use_case={UseCase(name): self._style_of(cases, name, "use_case") for name in cases},
            by_region={name: self._style_of(regions, name, "region") for name in regions},
        )

    def _style_of(self, table: Toml, name: str, by: str) -> StyleWish:
        where = f"aliases.{by}.{name}"
        row = self.sub(table, name, where)
        self.expect(row, where, _ALIASES)
        return self._style(row, where)

    def _style(self, row: Toml, where: str) -> StyleWish:
        names = self._one_of(row, "names", where, {one.value: one for one in NamePolicy})
        form = self._one_of(row, "format", where, {one.name.lower(): one for one in AliasFormat})
        days = self.whole(row, "days", f"{where}.days", 0, least=0, most=_A_MILLENNIUM) if "days" in row else None
        return StyleWish(names=names, format=form, lives=None if days is None else timedelta(days=days))

    def _one_of(self, row: Toml, key: str, where: str, values: Mapping[str, T]) -> T | None:
        value = row.get(key)
        if value is None or (isinstance(value, str) and value in values):
            return None if value is None else values[str(value)]
        self.problem(f"{where}.{key}", value, " or ".join(values))
        return None

    def languages(self) -> tuple[str, ...]:
        found = tuple(dict.fromkeys(self.texts("languages")))
        for one in found:
            if one not in LANGUAGES:
                self.problem("languages", one, " or ".join(LANGUAGES))
        return tuple(one for one in found if one in LANGUAGES) or DEFAULT_LANGUAGES

    def _name_servers(self, table: Toml) -> tuple[str, ...]:
        shown = "authentication.name_servers"
        found = self.texts("name_servers", table, shown)
        for text in found:
            try:
                ip_address(text)
            except ValueError:
                self.problem(shown, text, 'IP addresses, such as ["192.0.2.53"]')
        return found

    def legacy_domains(self, alias_domains: tuple[str, ...]) -> tuple[str, ...]:
        found = self.domains("legacy_domains")
        if both := sorted({*found} & {*alias_domains}):
            self.problem("legacy_domains", both, "domains that are not among alias_domains")
        return found

    def keyring(self, environment: Mapping[str, str]) -> Keyring | None:
        try:
            text = self.secret(environment, KEYS)
            return Keyring.parse(text) if text else None
        except InvalidValue as error:
            self.problems[KEYS] = str(error)
            return None

    def key_ids(self) -> frozenset[int]:
        found = self.wholes("missing_key_ids", most=KEY_IDS - 1)
        return frozenset(found)

    def policy(self) -> PolicyOverlay:
        table = self.sub(self.table, "policy")
        self.expect(table, "policy", _POLICY)
        cases = self.sub(self.table, "use_case")
        rows = {UseCase(name): self.sub(cases, name, f"use_case.{name}") for name in cases}
        for name, row in rows.items():
            self.expect(row, f"use_case.{name}", _BY_USE_CASE)
        guard = self._loop_guard(table)
        return PolicyOverlay(
            admission=self._admission(table, "policy"),
            sender_trust=self._trust(table, "policy"),
            blocked=self._blocked(table) if "blocked_senders" in table else None,
            historical_days=self._days(table) if "historical_days" in table else None,
            guards_loops=None if guard is None else table["loop_guard"] is not False,
            same_text=None if guard is None else guard.get("same_text"),
            mails_an_hour=None if guard is None else guard.get("mails_an_hour"),
            admission_by_use_case={
                name: found for name, row in rows.items() if (found := self._admission(row, f"use_case.{name}"))
            },
            trust_by_use_case={
                name: trust for name, row in rows.items() if (trust := self._trust(row, f"use_case.{name}"))
            },
        )

    def _admission(self, table: Toml, where: str) -> Admission | None:
        value = table.get("admission")
        if value is None or (isinstance(value, str) and value in ADMISSIONS):
            return None if value is None else ADMISSIONS[str(value)]
        self.problem(f"{where}.admission", value, " or ".join(ADMISSIONS))
        return None

    def _trust(self, table: Toml, where: str) -> SenderTrust | None:
        value = table.get("sender_trust")
        if value is None:
            return None
        try:
            return SenderTrust(value)
        except ValueError:
            self.problem(f"{where}.sender_trust", value, " or ".join(one.value for one in SenderTrust))
            return None

    def _blocked(self, table: Toml) -> BlockedSenders:
        addresses: list[EmailAddress] = []
        domains: list[str] = []
        for text in self.texts("blocked_senders", table, "policy.blocked_senders"):
            try:
                if text.startswith("@"):
                    domains.append(read_domain(text[1:]))
                else:
                    addresses.append(read_address(text))
            except InvalidAddress:
                why = what_is_wrong(text)
                self.problem("policy.blocked_senders", "an entry", f"an address or @domain{why and f' ({why})'}")
        return BlockedSenders(frozenset(addresses), frozenset(domains))

    def _days(self, table: Toml) -> int:
        return self.whole(table, "historical_days", "policy.historical_days", 365, least=0, most=_A_MILLENNIUM)

    def _loop_guard(self, table: Toml) -> Mapping[str, int] | None:
        """The counts of the table; none in an empty one, or where `false` stands in its place."""
        if "loop_guard" not in table:
            return None
        if table["loop_guard"] is False:
            return {}
        guard, shown = self.sub(table, "loop_guard", "policy.loop_guard"), "policy.loop_guard"
        self.expect(guard, shown, _LOOP_GUARD)
        least = {"same_text": 2, "mails_an_hour": 1}
        return {
            key: self.whole(guard, key, f"{shown}.{key}", bound, least=bound)
            for key, bound in least.items()
            if key in guard
        }
