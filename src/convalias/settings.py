"""Settings: `convalias.toml` and the environment, read once, checked whole, secrets kept out of the file."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Final, TypeAlias, TypeGuard

from attrs import field, frozen

from convalias.codec.addresses import read_address, what_is_wrong
from convalias.domain.addresses import EmailAddress, InvalidAddress
from convalias.domain.admitting import LIGHT, Admission
from convalias.domain.deployment import ADMISSIONS
from convalias.domain.errors import InvalidValue
from convalias.domain.ids import UseCase
from convalias.domain.keyring import Keyring
from convalias.domain.policy import BlockedSenders, RoutingPolicy, SenderTrust

Toml: TypeAlias = Mapping[str, object]

DATA: Final = "CONVALIAS_DATA"
KEYS: Final = "CONVALIAS_KEYS"
SIGNING_KEY: Final = "CONVALIAS_MAILGUN_SIGNING_KEY"
_KNOWN: Final = frozenset(
    {
        "data",
        "alias_domains",
        "legacy_domains",
        "platform",
        "trusted_authserv_ids",
        "trust_spam_flag",
        "mail_limit",
        "policy",
        "use_case",
    }
)
_POLICY: Final = frozenset({"admission", "sender_trust", "blocked_senders", "historical_days"})
_BY_USE_CASE: Final = frozenset({"admission", "sender_trust"})
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
class Settings:
    """What a deployment on one machine may decide. Everything has a value that works."""

    data: Path = Path("convalias-data")
    """Folder of the embedded backend."""
    alias_domains: tuple[str, ...] = ()
    """Empty: those that `convalias load` was given."""
    legacy_domains: tuple[str, ...] = ()
    platform: str = "convalias"
    """The name in "(via Platform)" behind an author."""
    trusted_authserv_ids: frozenset[str] = frozenset()
    """Whose Authentication-Results are believed (RFC 8601 §2.5); starts empty."""
    trust_spam_flag: bool = False
    mail_limit: int = 25_000_000
    """Octets of one mail."""
    policy: RoutingPolicy | None = None
    """None: what `convalias load` was given, else the defaults."""
    keyring: Keyring | None = field(default=None, repr=False)
    """None: the embedded backend makes its own key file."""
    signing_keys: str = field(default="", repr=False)


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
    settings = Settings(
        data=Path(folder),
        alias_domains=alias_domains,
        legacy_domains=reader.legacy_domains(alias_domains),
        platform=reader.name("platform", "convalias"),
        trusted_authserv_ids=frozenset(reader.texts("trusted_authserv_ids")),
        trust_spam_flag=reader.boolean("trust_spam_flag"),
        mail_limit=reader.count("mail_limit", 25_000_000),
        policy=reader.policy(),
        keyring=reader.keyring(environment),
        signing_keys=reader.secret(environment, SIGNING_KEY),
    )
    reader.finish()
    return settings


def _toml(path: str | os.PathLike[str] | None) -> Toml:
    file = Path("convalias.toml" if path is None else path)
    try:
        return tomllib.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        if path is None:
            return {}
        raise WrongSettings({str(file): "no such file; expected a settings file in TOML"}) from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, OSError) as error:
        raise WrongSettings({str(file): f"cannot be read as TOML ({error})"}) from error


def _secret(environment: Mapping[str, str], name: str) -> str:
    """From the environment, or from the file that `<name>_FILE` names."""
    if (file := environment.get(f"{name}_FILE")) and name not in environment:
        try:
            return Path(file).read_text(encoding="utf-8").strip()
        except (OSError, ValueError) as error:  # no UTF-8, or no path
            raise WrongSettings({f"{name}_FILE": f"cannot be read ({type(error).__name__})"}) from error
    return environment.get(name, "")


class _Reader:
    """Reads one table, and remembers all that is wrong with it."""

    def __init__(self, table: Toml) -> None:
        self._table = table
        self._problems: dict[str, str] = {}
        for key in table:
            if any(word in key.lower() for word in _SECRET_WORDS):
                self._problems[key] = f"a secret does not belong in a file; set {KEYS} or {SIGNING_KEY}, or ..._FILE"
            elif key not in _KNOWN:
                self._problems[key] = f"unknown; expected one of {', '.join(sorted(_KNOWN))}"

    def finish(self) -> None:
        if self._problems:
            raise WrongSettings(self._problems)

    def secret(self, environment: Mapping[str, str], name: str) -> str:
        try:
            return _secret(environment, name)
        except WrongSettings as wrong:
            self._problems.update(wrong.problems)
            return ""

    def text(self, key: str, default: str) -> str:
        value = self._table.get(key, default)
        return value if isinstance(value, str) else self._wrong(key, value, "text", default)

    def name(self, key: str, default: str) -> str:
        value = self.text(key, default)
        return value if value.strip() and value.isprintable() else self._wrong(key, value, "one line of text", default)

    def boolean(self, key: str) -> bool:
        value = self._table.get(key, False)
        if isinstance(value, bool):
            return value
        self._problem(key, value, "true or false")
        return False

    def count(self, key: str, default: int) -> int:
        value = self._table.get(key, default)
        if isinstance(value, int) and not isinstance(value, bool) and value > 0:
            return value
        self._problem(key, value, "a whole number above 0")
        return default

    def texts(self, key: str, table: Toml | None = None, shown: str | None = None) -> tuple[str, ...]:
        value = (self._table if table is None else table).get(key, ())
        if _is_list(value) and all(isinstance(one, str) for one in value):
            return tuple(str(one) for one in value)
        if value != ():
            self._problem(shown or key, value, 'a list of texts, such as ["reply.example"]')
        return ()

    def domains(self, key: str) -> tuple[str, ...]:
        found: list[str] = []
        for text in self.texts(key):
            try:
                found.append(_domain(text))
            except InvalidAddress as error:
                self._problems[key] = str(error)
        return tuple(dict.fromkeys(found))

    def legacy_domains(self, alias_domains: tuple[str, ...]) -> tuple[str, ...]:
        found = self.domains("legacy_domains")
        if both := sorted({*found} & {*alias_domains}):
            self._problem("legacy_domains", both, "domains that are not among alias_domains")
        return found

    def keyring(self, environment: Mapping[str, str]) -> Keyring | None:
        try:
            text = self.secret(environment, KEYS)
            return Keyring.parse(text) if text else None
        except InvalidValue as error:
            self._problems[KEYS] = str(error)
            return None

    def policy(self) -> RoutingPolicy | None:
        table = self._sub(self._table, "policy")
        self._expect(table, "policy", _POLICY)
        cases = self._sub(self._table, "use_case")
        if not table and not cases:
            return None
        rows = {UseCase(name): self._sub(cases, name, f"use_case.{name}") for name in cases}
        for name, row in rows.items():
            self._expect(row, f"use_case.{name}", _BY_USE_CASE)
        return RoutingPolicy(
            admission=self._admission(table, "policy") or LIGHT,
            sender_trust=self._trust(table, "policy") or SenderTrust.ACCEPT_KNOWN,
            blocked=self._blocked(table),
            historical_days=self._days(table),
            admission_by_use_case={
                name: found for name, row in rows.items() if (found := self._admission(row, f"use_case.{name}"))
            },
            trust_by_use_case={
                name: trust for name, row in rows.items() if (trust := self._trust(row, f"use_case.{name}"))
            },
        )

    def _expect(self, table: Toml, where: str, keys: frozenset[str]) -> None:
        for key in sorted({*table} - keys):
            self._problems[f"{where}.{key}"] = f"unknown; expected one of {', '.join(sorted(keys))}"

    def _sub(self, table: Toml, key: str, shown: str | None = None) -> Toml:
        value = table.get(key, {})
        if _is_table(value):
            return value
        self._problem(shown or key, value, "a table")
        return {}

    def _admission(self, table: Toml, where: str) -> Admission | None:
        value = table.get("admission")
        if value is None or (isinstance(value, str) and value in ADMISSIONS):
            return None if value is None else ADMISSIONS[str(value)]
        self._problem(f"{where}.admission", value, " or ".join(ADMISSIONS))
        return None

    def _trust(self, table: Toml, where: str) -> SenderTrust | None:
        value = table.get("sender_trust")
        if value is None:
            return None
        try:
            return SenderTrust(value)
        except ValueError:
            self._problem(f"{where}.sender_trust", value, " or ".join(one.value for one in SenderTrust))
            return None

    def _blocked(self, table: Toml) -> BlockedSenders:
        addresses: list[EmailAddress] = []
        domains: list[str] = []
        for text in self.texts("blocked_senders", table, "policy.blocked_senders"):
            try:
                if text.startswith("@"):
                    domains.append(_domain(text[1:]))
                else:
                    addresses.append(read_address(text))
            except InvalidAddress:
                why = what_is_wrong(text)
                self._problem("policy.blocked_senders", "an entry", f"an address or @domain{why and f' ({why})'}")
        return BlockedSenders(frozenset(addresses), frozenset(domains))

    def _days(self, table: Toml) -> int:
        value = table.get("historical_days", 365)
        if isinstance(value, int) and not isinstance(value, bool) and value >= 0:
            return value
        self._problem("policy.historical_days", value, "a number of days, 0 or more")
        return 365

    def _wrong(self, key: str, value: object, expected: str, default: str) -> str:
        self._problem(key, value, expected)
        return default

    def _problem(self, key: str, value: object, expected: str) -> None:
        self._problems[key] = f"found {value!r}, expected {expected}"


def _domain(text: str) -> str:
    return read_address(f"x@{text}").domain


def _is_list(value: object) -> TypeGuard[list[object]]:
    return isinstance(value, list)


def _is_table(value: object) -> TypeGuard[Toml]:
    return isinstance(value, dict)
