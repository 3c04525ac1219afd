"""Settings: read once, checked whole, and no secret in a file or in a message."""

from __future__ import annotations

import base64
import re
import tempfile
from contextlib import suppress
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from convalias.cli.application import APP
from convalias.cli.logs import FORMAT, LEVEL
from convalias.domain.addresses.email_address import EmailAddress
from convalias.domain.aliases.alias import AliasFormat
from convalias.domain.aliases.naming import NamePolicy
from convalias.domain.aliases.styles import AliasStyle, AliasStyles, StyleWish
from convalias.domain.deployment.policy_overlay import PolicyOverlay
from convalias.domain.ids import UseCase
from convalias.domain.mail.checks import WhenAway
from convalias.domain.outbound.tries import Ambiguity
from convalias.domain.routing.admission import FREE, LIGHT, STRICT
from convalias.domain.routing.policy import DEFAULT_POLICY, BlockedSenders, LoopGuard, SenderTrust
from convalias.settings import (
    _AUTHENTICATION,
    _BY_USE_CASE,
    _KNOWN,
    _LOOP_GUARD,
    _POLICY,
    DATA,
    KEYS,
    DkimSigning,
    Http,
    SenderAuthentication,
    Settings,
    WrongSettings,
    misspelt,
    read_settings,
)

SECRET = base64.b64encode(b"a root secret of thirty-two octs").decode()
FULL = """
data = "/srv/convalias"
alias_domains = ["Reply.example", "faß.example", "reply.example."]
legacy_domains = ["relay.example"]
platform = "Jobs Inc"
conversation_url = "https://jobs.example/c/{conversation}"
trusted_authserv_ids = ["mx.border.example"]
rewriters = ["Lists.example"]
authenticate_senders = true
identity_cache_seconds = 0
trust_spam_flag = true
mail_limit = 1000
inbound_batches = 2
on_uncertain = "resend"
on_check_away = "go on"
checks = ["spamd://localhost", "clamd:///run/clamd.ctl?timeout=9", "spamd://localhost"]
mail_what_was_read = true
messages_an_hour = 30
unverified_messages_an_hour = 3
mail_kept_days = 0
missing_key_ids = [0, 31]
events_kept = 0

[policy]
admission = "strict"
sender_trust = "require_aligned"
blocked_senders = ["Eve@evil.example", "@bad.example", "@Böse.example"]
historical_days = 0

[policy.loop_guard]
same_text = 5
mails_an_hour = 100

[http]
connections = 64
connections_by_client = 64
header_seconds = 5
idle_seconds = 6

[authentication]
sealers = ["Fwd.example"]
without_spf = "fail"
name_servers = ["192.0.2.53", "2001:db8::53"]
spf_borders = ["MX.border.example"]

[use_case.apply]
admission = "free"

[use_case.sourcing]
sender_trust = "accept_known"
"""


def read(folder: Path, text: str = "", **environ: str) -> Settings:
    file = folder / "settings.toml"
    file.write_text(text, encoding="utf-8")
    return read_settings(file, environ=environ)


def wrong(folder: Path, text: str = "", **environ: str) -> WrongSettings:
    with pytest.raises(WrongSettings) as caught:
        read(folder, text, **environ)
    return caught.value


def test_everything_has_a_value_that_works(tmp_path: Path) -> None:
    assert read(tmp_path) == Settings()


def test_a_whole_file_is_read(tmp_path: Path) -> None:
    policy = PolicyOverlay(
        admission=STRICT,
        sender_trust=SenderTrust.REQUIRE_ALIGNED,
        blocked=BlockedSenders([EmailAddress.parse("eve@evil.example")], ["bad.example", "xn--bse-sna.example"]),
        historical_days=0,
        guards_loops=True,
        same_text=5,
        mails_an_hour=100,
        admission_by_use_case={UseCase("apply"): FREE},
        trust_by_use_case={UseCase("sourcing"): SenderTrust.ACCEPT_KNOWN},
    )
    assert read(tmp_path, FULL) == Settings(
        data=Path("/srv/convalias"),
        alias_domains=("reply.example", "xn--fa-hia.example"),
        legacy_domains=("relay.example",),
        authentication=SenderAuthentication(
            sealers=frozenset({"fwd.example"}),
            without_spf="fail",
            name_servers=("192.0.2.53", "2001:db8::53"),
            spf_borders=frozenset({"mx.border.example"}),
        ),
        trust_spam_flag=True,
        mail_limit=1000,
        http=Http(connections=64, connections_by_client=64, headers=timedelta(seconds=5), idle=timedelta(seconds=6)),
        events_kept=0,
        platform="Jobs Inc",
        conversation_url="https://jobs.example/c/{conversation}",
        trusted_authserv_ids=frozenset({"mx.border.example"}),
        rewriters=frozenset({"lists.example"}),
        identity_cache=timedelta(0),
        inbound_batches=2,
        on_uncertain=Ambiguity.RESEND,
        on_check_away=WhenAway.GO_ON,
        checks=("spamd://localhost", "clamd:///run/clamd.ctl?timeout=9"),
        mail_what_was_read=True,
        messages_an_hour=30,
        unverified_messages_an_hour=3,
        mail_kept=None,
        missing_key_ids=frozenset({0, 31}),
        overlay=policy,
    )


def test_name_servers_are_asked_only_where_that_is_said(tmp_path: Path) -> None:
    assert read(tmp_path, 'trusted_authserv_ids = ["mx.border.example"]\n').authentication is None
    assert read(tmp_path, "authenticate_senders = false\n").authentication is None
    required = read(tmp_path, 'authentication.require_dkim = ["Shared.example"]\n')
    assert (required.authentication, required.require_dkim) == (None, {"shared.example"})
    assert read(tmp_path, "authenticate_senders = true\n").authentication == SenderAuthentication()


def test_a_loop_guard_is_there_until_it_is_switched_off(tmp_path: Path) -> None:
    assert read(tmp_path, "").overlay.over(DEFAULT_POLICY).loop_guard == LoopGuard()
    assert read(tmp_path, "[policy.loop_guard]\n").overlay.over(DEFAULT_POLICY).loop_guard == LoopGuard()
    assert read(tmp_path, "policy.loop_guard = false\n").overlay.over(DEFAULT_POLICY).loop_guard is None


def test_mail_is_signed_where_a_table_says_so_by_a_key_that_is_never_shown(tmp_path: Path) -> None:
    assert read(tmp_path, CONVALIAS_DKIM_KEY="secret words").dkim is None
    settings = read(tmp_path, '[dkim]\nselector = "s1"\ndomain = "Reply.example"\n', CONVALIAS_DKIM_KEY="secret words")
    assert settings.dkim == DkimSigning(selector="s1", domain="reply.example", key="secret words")
    assert "secret words" not in repr(settings)
    (tmp_path / "key.pem").write_text("from a file\n")
    settings = read(tmp_path, 'dkim.selector = "s1"', CONVALIAS_DKIM_KEY_FILE=str(tmp_path / "key.pem"))
    assert settings.dkim == DkimSigning(selector="s1", key="from a file")


def test_a_policy_for_one_use_case_leaves_the_others_their_default(tmp_path: Path) -> None:
    policy = read(tmp_path, '[use_case.apply]\nadmission = "free"\n').overlay.over(DEFAULT_POLICY)
    assert (policy.admission_for(UseCase("apply")), policy.admission_for(UseCase("other"))) == (FREE, LIGHT)
    assert policy.blocked == DEFAULT_POLICY.blocked


# --- files and the environment -------------------------------------------------------------------------


def test_without_a_file_nothing_is_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert read_settings(environ={}) == Settings()
    (tmp_path / "convalias.toml").write_text('platform = "Here"\n')
    assert read_settings(environ={}).platform == "Here"


def test_the_environment_of_the_process_is_the_default(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CONVALIAS_DATA", "/from/environment")
    assert read_settings().data == Path("/from/environment")


def test_a_file_that_was_named_must_be_there(tmp_path: Path) -> None:
    with pytest.raises(WrongSettings, match="no such file"):
        read_settings(tmp_path / "none.toml", environ={})


@pytest.mark.parametrize("content", [b"a = ", b"\xff", b"a = 1\na = 2\n"], ids=repr)
def test_a_file_that_is_no_toml_is_told(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "broken.toml"
    file.write_bytes(content)
    with pytest.raises(WrongSettings, match="TOML"):
        read_settings(file, environ={})


def test_a_folder_is_no_settings_file(tmp_path: Path) -> None:
    with pytest.raises(WrongSettings, match="cannot be read"):
        read_settings(tmp_path, environ={})


def test_an_argument_stands_over_the_environment_and_that_over_the_file(tmp_path: Path) -> None:
    file = tmp_path / "settings.toml"
    file.write_text('data = "file"\n')
    environ = {"CONVALIAS_DATA": "environment"}
    assert read_settings(file, data="argument", environ=environ).data == Path("argument")
    assert read_settings(file, environ=environ).data == Path("environment")
    assert read_settings(file, environ={}).data == Path("file")


# --- secrets -------------------------------------------------------------------------------------------


def test_secrets_come_from_the_environment_and_are_not_shown(tmp_path: Path) -> None:
    settings = read(tmp_path, CONVALIAS_KEYS=f"0:{SECRET}", CONVALIAS_MAILGUN_SIGNING_KEY="new,old")
    assert settings.keyring is not None
    assert [key.id for key in settings.keyring.keys] == [0]
    assert settings.door_secrets == {"mailgun": {"SIGNING_KEY": "new,old"}}
    assert SECRET not in repr(settings)
    assert "new,old" not in repr(settings)


def test_secrets_come_from_the_files_that_the_environment_names(tmp_path: Path) -> None:
    (tmp_path / "keys").write_text(f"0:{SECRET}\n")
    (tmp_path / "signing").write_text("one\n")
    files = {
        "CONVALIAS_KEYS_FILE": str(tmp_path / "keys"),
        "CONVALIAS_MAILGUN_SIGNING_KEY_FILE": str(tmp_path / "signing"),
    }
    settings = read(tmp_path, **files)
    assert settings.keyring is not None
    assert settings.door_secrets == {"mailgun": {"SIGNING_KEY": "one"}}
    both = read(tmp_path, **files, CONVALIAS_MAILGUN_SIGNING_KEY="two")
    assert both.door_secrets == {"mailgun": {"SIGNING_KEY": "two"}}


def test_a_secret_file_that_cannot_be_read_is_told_with_all_else(tmp_path: Path) -> None:
    (tmp_path / "binary").write_bytes(b"\xff\xfe")
    caught = wrong(
        tmp_path,
        "mail_limit = 0\n",
        CONVALIAS_KEYS_FILE=str(tmp_path / "none"),
        CONVALIAS_MAILGUN_SIGNING_KEY_FILE=str(tmp_path / "binary"),
    )
    assert set(caught.problems) == {"mail_limit", "CONVALIAS_KEYS_FILE", "CONVALIAS_MAILGUN_SIGNING_KEY_FILE"}


@pytest.mark.parametrize("keys", ["nonsense", f"32:{SECRET}", f"0:{SECRET},0:{SECRET}", "0:c2hvcnQ="])
def test_wrong_keys_are_told_and_not_quoted(tmp_path: Path, keys: str) -> None:
    caught = wrong(tmp_path, CONVALIAS_KEYS=keys)
    assert set(caught.problems) == {"CONVALIAS_KEYS"}
    assert keys.rpartition(":")[2] not in str(caught)


@pytest.mark.parametrize("key", ["signing_key", "keys", "smtp_password", "api_token", "CLIENT_SECRET"])
def test_a_secret_in_the_file_is_refused_and_not_quoted(tmp_path: Path, key: str) -> None:
    caught = wrong(tmp_path, f'{key} = "hunter2"\n')
    assert set(caught.problems) == {key}
    assert "hunter2" not in str(caught)


# --- what is wrong -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("colour = 1", "colour"),
        ("data = 1", "data"),
        ("platform = []", "platform"),
        ('platform = " "', "platform"),
        ('platform = "two\\nlines"', "platform"),
        ('conversation_url = "https://jobs.example/c"', "conversation_url"),
        ('conversation_url = "http://jobs.example/c/{conversation}"', "conversation_url"),
        ('conversation_url = "https://jobs.example/{conversation}\\n"', "conversation_url"),
        ("trust_spam_flag = 1", "trust_spam_flag"),
        ("mail_limit = 0", "mail_limit"),
        ("inbound_batches = 0", "inbound_batches"),
        ('on_uncertain = "perhaps"', "on_uncertain"),
        ("on_uncertain = 1", "on_uncertain"),
        ('on_check_away = "panic"', "on_check_away"),
        ('checks = "spamd://localhost"', "checks"),
        ('checks = ["spamd://localhost", "rspamd://localhost"]', "checks"),
        ('checks = ["spamd://hunter2@localhost"]', "checks"),
        ("mail_what_was_read = 1", "mail_what_was_read"),
        ("messages_an_hour = 0", "messages_an_hour"),
        ("unverified_messages_an_hour = 0", "unverified_messages_an_hour"),
        ("mail_kept_days = -1", "mail_kept_days"),
        ("mail_kept_days = 14", "mail_kept_days"),
        ("missing_key_ids = [32]", "missing_key_ids"),
        ("missing_key_ids = [true]", "missing_key_ids"),
        ("missing_key_ids = 1", "missing_key_ids"),
        ("events_kept = -1", "events_kept"),
        ("mail_limit = true", "mail_limit"),
        ("mail_limit = 1.5", "mail_limit"),
        ('alias_domains = "reply.example"', "alias_domains"),
        ("alias_domains = [1]", "alias_domains"),
        ('alias_domains = ["no domain"]', "alias_domains"),
        ('alias_domains = ["user@reply.example"]', "alias_domains"),
        ('alias_domains = ["a.example"]\nlegacy_domains = ["A.example"]', "legacy_domains"),
        ("identity_cache_seconds = -1", "identity_cache_seconds"),
        ("identity_cache_seconds = 0.5", "identity_cache_seconds"),
        ('rewriters = ["no domain"]', "rewriters"),
        ("authenticate_senders = 1", "authenticate_senders"),
        ("authentication = 1", "authentication"),
        ("dkim = 1", "dkim"),
        ('dkim.selector = "s1"\ndkim.colour = 1', "dkim.colour"),
        ('dkim.domain = "reply.example"', "dkim.selector"),
        ("dkim.selector = 1", "dkim.selector"),
        ('dkim.selector = "a b"', "dkim.selector"),
        ('dkim.selector = "s1"\ndkim.domain = 1', "dkim.domain"),
        ('dkim.selector = "s1"\ndkim.domain = "no domain"', "dkim.domain"),
        ("http = 1", "http"),
        ("http.colour = 1", "http.colour"),
        ("http.connections = 3", "http.connections"),
        ("http.connections_by_client = 0", "http.connections_by_client"),
        ("http.header_seconds = 1.5", "http.header_seconds"),
        ('http.idle_seconds = "30"', "http.idle_seconds"),
        ('authentication.require_dkim = ["@"]', "authentication.require_dkim"),
        ('authentication.without_spf = "fail"', "authentication"),
        ("authenticate_senders = true\nauthentication.colour = 1", "authentication.colour"),
        ("authenticate_senders = true\nauthentication.sealers = 1", "authentication.sealers"),
        ('authenticate_senders = true\nauthentication.sealers = ["@"]', "authentication.sealers"),
        ("authenticate_senders = true\nauthentication.without_spf = []", "authentication.without_spf"),
        ('authenticate_senders = true\nauthentication.name_servers = ["ns.example"]', "authentication.name_servers"),
        ("authenticate_senders = true\nauthentication.name_servers = 53", "authentication.name_servers"),
        ("authenticate_senders = true\nauthentication.spf_borders = [1]", "authentication.spf_borders"),
        ('authentication.spf_borders = ["mx.example"]', "authentication"),
        ("policy = 1", "policy"),
        ("policy.colour = 1", "policy.colour"),
        ('policy.admission = "everybody"', "policy.admission"),
        ("policy.admission = 1", "policy.admission"),
        ('policy.sender_trust = "all"', "policy.sender_trust"),
        ("policy.sender_trust = []", "policy.sender_trust"),
        ("policy.historical_days = -1", "policy.historical_days"),
        ("policy.historical_days = true", "policy.historical_days"),
        ("policy.historical_days = 365_251", "policy.historical_days"),
        ("policy.loop_guard = 1", "policy.loop_guard"),
        ("policy.loop_guard.colour = 1", "policy.loop_guard.colour"),
        ("policy.loop_guard.same_text = 1", "policy.loop_guard.same_text"),
        ("policy.loop_guard.mails_an_hour = 0", "policy.loop_guard.mails_an_hour"),
        ("policy.blocked_senders = 1", "policy.blocked_senders"),
        ('policy.blocked_senders = ["nobody"]', "policy.blocked_senders"),
        ('policy.blocked_senders = ["@"]', "policy.blocked_senders"),
        ("use_case = 1", "use_case"),
        ("use_case.apply = 1", "use_case.apply"),
        ("use_case.apply.colour = 1", "use_case.apply.colour"),
        ('use_case.apply.admission = "all"', "use_case.apply.admission"),
        ('use_case.apply.sender_trust = "all"', "use_case.apply.sender_trust"),
    ],
)
def test_each_wrong_value_is_told_by_its_key(tmp_path: Path, text: str, key: str) -> None:
    caught = wrong(tmp_path, text)
    assert set(caught.problems) == {key}
    assert "expected" in str(caught)


def test_all_that_is_wrong_is_told_at_once_a_line_each(tmp_path: Path) -> None:
    caught = wrong(tmp_path, 'mail_limit = 0\nplatform = 1\npolicy.admission = "x"\n', CONVALIAS_KEYS="x")
    assert set(caught.problems) == {"mail_limit", "platform", "policy.admission", "CONVALIAS_KEYS"}
    assert len(str(caught).splitlines()) == 4


def test_whom_it_blocks_is_not_quoted(tmp_path: Path) -> None:
    caught = wrong(tmp_path, 'policy.blocked_senders = ["eve evil@evil.example"]')
    assert "evil.example" not in str(caught)


def test_the_reference_page_shows_every_key_and_is_right(tmp_path: Path) -> None:
    page = (Path(__file__).parents[1] / "docs/reference/settings.md").read_text(encoding="utf-8")
    text = page.partition("```toml\n")[2].partition("```")[0]
    assert read(tmp_path, text).authentication is not None
    shown = set(re.findall(r"^\[?([a-z_]+)", text, re.MULTILINE))
    assert set(_KNOWN) | _POLICY | _LOOP_GUARD | _AUTHENTICATION | _BY_USE_CASE <= shown | {"loop_guard"}


values = st.recursive(
    st.one_of(st.booleans(), st.integers(-5, 5), st.sampled_from(['"x"', '"a.example"', '"@b"', '"light"'])),
    lambda inner: st.lists(inner, max_size=3),
    max_leaves=4,
)
keys = st.sampled_from(
    "data alias_domains legacy_domains platform trusted_authserv_ids trust_spam_flag mail_limit policy use_case "
    "rewriters authenticate_senders authentication authentication.sealers authentication.without_spf "
    "authentication.name_servers identity_cache_seconds policy.loop_guard policy.loop_guard.same_text "
    "policy.admission policy.sender_trust policy.blocked_senders policy.historical_days use_case.a use_case.a.admission "
    "other".split()
)


def toml(value: object) -> str:
    match value:
        case bool():
            return str(value).lower()
        case list():
            return f"[{', '.join(map(toml, value))}]"
        case _:
            return str(value)


@given(st.dictionaries(keys, values, max_size=5))
def test_any_file_is_settings_or_a_list_of_what_is_wrong(table: dict[str, object]) -> None:
    with tempfile.TemporaryDirectory() as folder, suppress(WrongSettings):
        read(Path(folder), "".join(f"{key} = {toml(value)}\n" for key, value in table.items()))


ENGINES = {
    "raw": ("CONVALIAS_RAW", "s3://bucket/mail", "az://, file://, gs:// or s3://"),
    "queue": ("CONVALIAS_QUEUE", "sqs://eu-west-1/jobs", "sqs://"),
    "store": ("CONVALIAS_STORE", "mongodb://host/mail", "mongodb:// or mongodb+srv://"),
    "events": ("CONVALIAS_EVENTS", "kafka://host:9092/topic", "kafka://"),
}


def test_a_sender_has_a_user_in_its_url_and_a_password_elsewhere(tmp_path: Path) -> None:
    url = "smtp://ann@relay.example:587"
    secret = tmp_path / "password"
    secret.write_text("hunter2\n", encoding="utf-8")
    file = engines_file(tmp_path, f'mail = "{url}"\n')
    for environ in ({"CONVALIAS_MAIL_PASSWORD": "hunter2"}, {"CONVALIAS_MAIL_PASSWORD_FILE": str(secret)}):
        settings = read_settings(file, environ=environ)
        assert (settings.mail, settings.mail_password) == (url, "hunter2")
        assert "hunter2" not in repr(settings)
        assert "relay" not in repr(settings)


def test_a_password_in_the_url_of_a_sender_is_refused_in_one_line(tmp_path: Path) -> None:
    for url in ("smtp://ann:hunter2@relay.example", "smtp://:hunter2@relay.example"):
        with pytest.raises(WrongSettings) as raised:
            read_settings(engines_file(tmp_path, f'mail = "{url}"\n'), environ={})
        line = "holds a password; set CONVALIAS_MAIL_PASSWORD, or CONVALIAS_MAIL_PASSWORD_FILE"
        assert raised.value.problems == {"mail": line}


def engines_file(folder: Path, text: str) -> Path:
    path = folder / "engines.toml"
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("KEY", "CONVALIAS_KEYS"),
        ("MAIL_PASSWD", "CONVALIAS_MAIL_PASSWORD"),
        ("KEYS_FIL", "CONVALIAS_KEYS_FILE"),
        ("CHANEL_SMS", "CONVALIAS_CHANNEL_SMS"),
        ("LOGLEVEL", "CONVALIAS_LOG_LEVEL"),
        ("LEGACY_DOMAIN", "legacy_domains in convalias.toml"),
        ("BASE_URL", "base_url in convalias.toml"),
    ],
)
def test_a_variable_that_is_nearly_a_setting_is_told_with_what_may_be_meant(name: str, meant: str) -> None:
    assert misspelt({f"CONVALIAS_{name}": "x"}) == {f"CONVALIAS_{name}": meant}


def test_no_variable_that_is_read_or_like_none_of_ours_is_told() -> None:
    read = [DATA, KEYS, f"{KEYS}_FILE", APP, FORMAT, LEVEL, "CONVALIAS_TRACEBACK", "CONVALIAS_MAILGUN_SIGNING_KEYS"]
    kubernetes = ["PORT", "SERVICE_HOST", "SERVICE_PORT", "PORT_8080_TCP", "PORT_8080_TCP_ADDR", "PORT_8080_TCP_PROTO"]
    tests = ["SOAK", "SETUP", "REQUIRE_ENGINES", "HYPOTHESIS_PROFILE", "SIMULATED_MAILS", "SIMULATED_FROM", "SEED"]
    others = [f"CONVALIAS_{name}" for name in (*kubernetes, *tests)]
    assert misspelt(dict.fromkeys([*read, *others, "CONVALIA_KEYS", "PATH"], "x")) == {}


@pytest.mark.parametrize("key", ENGINES)
def test_an_engine_is_named_by_its_url_in_the_file_or_the_environment(tmp_path: Path, key: str) -> None:
    variable, url, _ = ENGINES[key]
    written = engines_file(tmp_path, f'{key} = "{url}"\n')
    assert getattr(read_settings(written, environ={}), key) == url
    assert getattr(read_settings(written, environ={variable: url + "2"}), key) == url + "2"
    assert getattr(read_settings(engines_file(tmp_path, ""), environ={}), key) is None


@pytest.mark.parametrize("key", ENGINES)
def test_a_url_of_another_scheme_is_told_with_those_that_would_do_and_not_quoted(tmp_path: Path, key: str) -> None:
    variable, _, schemes = ENGINES[key]
    for url in ("htps://ann:hunter2@host/x", "hunter2", f"{schemes.partition(':')[0]}://"):
        with pytest.raises(WrongSettings) as raised:
            read_settings(engines_file(tmp_path, ""), environ={variable: url})
        assert raised.value.problems == {variable: f"expected a URL that starts with {schemes}"}
        with pytest.raises(WrongSettings) as raised:
            read_settings(engines_file(tmp_path, f'{key} = "{url}"\n'), environ={})
        assert raised.value.problems == {key: f"expected a URL that starts with {schemes}"}


@pytest.mark.parametrize("key", ENGINES)
def test_a_user_in_a_url_belongs_into_the_environment_or_a_file_of_its_own(tmp_path: Path, key: str) -> None:
    variable, url, _ = ENGINES[key]
    secret = url.replace("://", "://ann:hunter2@")
    with pytest.raises(WrongSettings) as raised:
        read_settings(engines_file(tmp_path, f'{key} = "{secret}"\n'), environ={})
    assert f"set {variable}, or {variable}_FILE" in raised.value.problems[key]
    assert "hunter2" not in str(raised.value)
    settings = read_settings(engines_file(tmp_path, ""), environ={variable: secret})
    assert getattr(settings, key) == secret
    assert "hunter2" not in repr(settings)
    named = tmp_path / "secret"
    named.write_text(secret + "\n", encoding="utf-8")
    assert getattr(read_settings(engines_file(tmp_path, ""), environ={f"{variable}_FILE": str(named)}), key) == secret


@pytest.mark.parametrize(
    "text",
    [
        f"rewriters = {'[' * 20_000}{']' * 20_000}",
        f"policy{'.a' * 3_000} = 1",
        f"http.connections = {'[' * 9}{']' * 9}",
    ],
)
def test_settings_that_are_nested_without_end_are_told_like_any_wrong_one(tmp_path: Path, text: str) -> None:
    (told,) = wrong(tmp_path, text).problems.values()
    assert "in one another" in told


def test_styles_of_aliases_are_read_by_use_case_and_region(tmp_path: Path) -> None:
    (tmp_path / "c.toml").write_text(
        '[aliases]\nnames = "none"\ndays = 0\n[aliases.use_case.apply]\nformat = "v2"\ndays = 30\n'
        '[aliases.region.de]\nnames = "first_initial"\n'
    )
    styles = read_settings(tmp_path / "c.toml", environ={}).alias_styles
    assert styles == AliasStyles(
        default=AliasStyle(names=NamePolicy.NONE),
        by_use_case={UseCase("apply"): StyleWish(format=AliasFormat.V2, lives=timedelta(days=30))},
        by_region={"de": StyleWish(names=NamePolicy.FIRST_AND_INITIAL)},
    )


def test_wrong_styles_of_aliases_are_all_told(tmp_path: Path) -> None:
    (tmp_path / "c.toml").write_text(
        '[aliases]\nnames = "long"\ncolour = 1\n[aliases.use_case.apply]\nformat = "uuid"\ndays = -1\n'
        "[aliases.region]\nde = 7\n"
    )
    with pytest.raises(WrongSettings) as wrong:
        read_settings(tmp_path / "c.toml", environ={})
    assert {*wrong.value.problems} == {
        "aliases.names",
        "aliases.colour",
        "aliases.use_case.apply.format",
        "aliases.use_case.apply.days",
        "aliases.region.de",
    }
