"""What another distribution registers is used by name; what nobody or two registered is refused at start."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path

import httpx
import pytest

from convalias import Convalias, Participant, registry
from convalias.adapters import memory
from convalias.app import DoorKind, DoorSecret, Providers
from convalias.app.engines import engines, migrate
from convalias.domain.addresses.email_address import EmailAddress
from convalias.domain.errors import InvalidValue
from convalias.ports import EngineAt, Outgoing, Records
from convalias.settings import Settings, WrongSettings, read_settings
from convalias.testing import conformance
from convalias.testing.conformance import Check

TOYS = Path(__file__).resolve().parents[1] / "toys"
KEYS = {"CONVALIAS_KEYS": "0:" + "A" * 43 + "=", "CONVALIAS_TOY_SIGNING_KEY": "old,new"}


@pytest.fixture
def toys(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(TOYS))


def settings_file(folder: Path, text: str) -> Path:
    path = folder / "toys.toml"
    path.write_text(f'data = "{folder / "data"}"\nalias_domains = ["reply.example"]\n{text}', encoding="utf-8")
    return path


def distribution(folder: Path, name: str, points: str) -> str:
    """A distribution of that name in a folder of its own, which is to stand on sys.path."""
    info = folder / name / f"{name}-2.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 2.0\n")
    (info / "entry_points.txt").write_text(points)
    return str(folder / name)


@pytest.mark.usefixtures("toys")
async def test_a_store_a_sender_and_a_door_of_others_carry_a_mail_from_end_to_end(tmp_path: Path) -> None:
    file = settings_file(
        tmp_path, f'store = "toy://{tmp_path.name}"\nmail = "toy://{tmp_path.name}"\ninbound = ["toy"]\n'
    )
    async with Convalias.from_toml(file, environ=KEYS) as cv:
        people = [Participant.of(name, addresses=[f"{name}@home.example"]) for name in ("ann", "bob")]
        alias = (await cv.open_conversation("c1", use_case="hiring", participants=people))["ann"]
        async with httpx.AsyncClient(transport=httpx.ASGITransport(cv.asgi()), base_url="http://here") as http:
            mail = f"From: bob@home.example\nTo: {alias}\nMessage-ID: <1@home>\n\nHello Ann!\n"
            post = f"new\n{alias}\nbob@home.example\n{mail}"
            assert (await http.post("/inbound/toy", content=f"forged{post}".encode())).status_code == 401
            assert (await http.post("/inbound/toy", content=post.encode())).status_code == 200
            assert (await http.post("/inbound/mailgun", content=b"")).status_code == 404
        await cv.run_until_idle()
    from convalias_toys.sender import SENT  # noqa: PLC0415 - it is found by the fixture
    from convalias_toys.store import PLACES  # noqa: PLC0415

    (sent,) = SENT[tmp_path.name]
    assert str(sent.to) == "ann@home.example"
    assert b"Hello Ann!" in sent.raw
    assert await PLACES[tmp_path.name].partitions("events", after="", limit=2)


@pytest.mark.usefixtures("toys")
async def test_a_door_of_others_stands_where_it_says_and_is_opened_by_the_variable_that_it_names(
    tmp_path: Path,
) -> None:
    file = settings_file(tmp_path, 'inbound = ["locked-toy"]\n')
    (tmp_path / "password").write_text("sesame\n")
    environ = {"CONVALIAS_LOCKED_TOY_PASSWORD_FILE": str(tmp_path / "password")}
    mail = "From: bob@home.example\nTo: ann@reply.example\n\nHello Ann!\n"
    post = f"sesame\nann@reply.example\nbob@home.example\n{mail}".encode()
    cv = Convalias.from_toml(file, environ=environ)
    async with cv, httpx.AsyncClient(transport=httpx.ASGITransport(cv.asgi()), base_url="http://here") as http:
        paths = ("/mail", "/mail/again", "", "/mime")
        answers = [(await http.post(f"/inbound/locked-toy{path}", content=post)).status_code for path in paths]
        assert answers == [200, 200, 404, 404]
        assert (await http.post("/inbound/mailgun", content=post)).status_code == 404  # nobody named it


@pytest.mark.usefixtures("toys")
@pytest.mark.parametrize(
    ("environ", "problem"),
    [
        ({}, "not set; expected the password that the toy posts"),
        ({"CONVALIAS_LOCKED_TOY_SIGNING_KEY": "of no use"}, "not set; expected the password that the toy posts"),
        ({"CONVALIAS_LOCKED_TOY_PASSWORD": "no"}, "found less than four characters; expected the password that"),
    ],
)
def test_a_door_that_lacks_its_setting_is_refused_at_start_in_one_line(
    environ: dict[str, str], problem: str, tmp_path: Path
) -> None:
    cv = Convalias.from_toml(settings_file(tmp_path, 'inbound = ["locked-toy"]\n'), environ=environ)
    with pytest.raises(WrongSettings) as raised:
        cv.asgi()
    (told,) = str(raised.value).splitlines()
    assert told.startswith(f"CONVALIAS_LOCKED_TOY_PASSWORD: {problem}")


@pytest.mark.usefixtures("toys")
def test_a_program_that_names_a_door_is_told_what_is_wrong_with_its_key() -> None:
    with pytest.raises(WrongSettings, match=r"inbound\['locked-toy'\]: found less than four characters; expected the"):
        Providers(inbound={"locked-toy": "no"})


@pytest.mark.parametrize("address", ["mime", "/", "/Mime", "/a b", "/{token}", "/a//b"])
def test_a_door_has_no_address_that_could_be_another_one(address: str) -> None:
    with pytest.raises(InvalidValue, match="expected '' or paths such as '/mime'"):
        DoorKind(make=lambda _: NotImplemented, addresses=(address,))
    with pytest.raises(InvalidValue, match=r"found \(\)"):
        DoorKind(make=lambda _: NotImplemented, addresses=())


def test_a_variable_has_a_name_that_a_shell_can_set() -> None:
    with pytest.raises(InvalidValue, match="name: found 'signing-key', expected capitals, digits and underscores"):
        DoorSecret(name="signing-key", expected="x")


@pytest.mark.usefixtures("toys")
@pytest.mark.parametrize("check", conformance.RECORDS, ids=str)
async def test_a_store_by_its_url_keeps_the_promises_of_the_port(
    check: Check[conformance.MakeRecords], request: pytest.FixtureRequest
) -> None:
    @asynccontextmanager
    async def open_records(place: str) -> AsyncIterator[Records]:
        url = f"toy://{abs(hash((request.node.name, place)))}"
        async with engines(Settings(store=url), {}) as bound:
            assert set(bound) == {"records"}, "it tells no changes"
            yield bound["records"]

    await check(open_records)


@pytest.mark.usefixtures("toys")
@pytest.mark.parametrize("check", conformance.OUTGOING_MAIL, ids=str)
async def test_a_sender_by_its_url_keeps_the_promises_of_the_port(
    check: Check[conformance.MakeOutgoingMail], request: pytest.FixtureRequest
) -> None:
    @asynccontextmanager
    async def open_sink(place: str) -> AsyncIterator[conformance.MailSink]:
        name = str(abs(hash((request.node.name, place))))
        engine = registry.load(registry.MAIL, "toy", "opened")
        at = EngineAt(
            url=f"toy://{name}", within=timedelta(0), clock=memory.Clock(), incarnation=memory.Incarnation("a")
        )

        async def arrived() -> list[tuple[EmailAddress, bytes]]:
            from convalias_toys.sender import SENT  # noqa: PLC0415 - it is found by the fixture

            return [(mail.to, mail.raw) for mail in SENT[name]]

        async with engine.opened(at) as sender:
            yield conformance.MailSink(port=sender, arrived=arrived)

    await check(open_sink)


@pytest.mark.usefixtures("toys")
async def test_a_store_without_indexes_has_nothing_to_migrate() -> None:
    assert await migrate(Settings(store="toy://none")) == {}


async def test_mail_leaves_into_a_folder_by_its_url(tmp_path: Path) -> None:
    file = settings_file(tmp_path, f'mail = "file://{tmp_path}/left%20here"\n')
    async with Convalias.from_toml(file, environ={}) as cv:
        mail = Outgoing(key="k1", raw=b"Subject: s\r\n\r\nx\r\n", to=EmailAddress.parse("ann@home.example"))
        await cv.ports.mail.send(mail)
        await cv.ports.system_mail.send(Outgoing(key="k2", raw=mail.raw, to=mail.to))
    assert {path.stem for path in (tmp_path / "left here").iterdir()} == {"k1", "k2"}


def test_a_scheme_that_nobody_registered_is_refused_with_those_there_are(tmp_path: Path) -> None:
    with pytest.raises(WrongSettings) as raised:
        Convalias.from_toml(settings_file(tmp_path, 'store = "toy://x"\ninbound = ["toy"]\n'), environ=KEYS)
    assert raised.value.problems["store"] == "expected a URL that starts with mongodb:// or mongodb+srv://"
    assert "mailgun" in raised.value.problems["inbound"]


@pytest.mark.usefixtures("toys")
def test_a_name_that_two_registered_is_refused_with_both(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    points = "[convalias.stores]\ntoy = other:ENGINE\n[convalias.inbound]\ntoy = other:door\n"
    monkeypatch.syspath_prepend(distribution(tmp_path, "other_toys", points))
    with pytest.raises(WrongSettings) as raised:
        Convalias.from_toml(settings_file(tmp_path, 'store = "toy://x"\ninbound = ["toy"]\n'), environ=KEYS)
    both = "by convalias-toys 1.0 and by other_toys 2.0; uninstall one of them"
    assert raised.value.problems == {
        "store": f"'toy' is registered in convalias.stores {both}",
        "inbound": f"'toy' is registered in convalias.inbound {both}",
    }


@pytest.mark.parametrize(
    ("value", "problem"),
    [
        ("json:dumps", "found a function without opened"),
        ("json:no_such_name", "cannot be loaded (AttributeError: module 'json' has no attribute 'no_such_name')"),
    ],
)
def test_what_is_no_engine_is_named_with_its_distribution(
    value: str, problem: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(distribution(tmp_path, "odd", f"[convalias.stores]\nodd = {value}\n"))
    with pytest.raises(registry.WrongRegistration) as raised:
        registry.load(registry.STORES, "odd", "opened")
    assert str(raised.value) == f"'odd' in convalias.stores ({value} of odd 2.0): {problem}"


def test_what_is_not_there_is_told_with_what_is() -> None:
    with pytest.raises(
        registry.NotRegistered,
        match=r"'ses' is not registered in convalias\.mail, expected file or mailgun or smtp or smtps",
    ):
        registry.load(registry.MAIL, "ses")
    with pytest.raises(registry.NotRegistered, match=r"nothing is registered in convalias\.none; install"):
        registry.load("convalias.none", "x")


def test_reading_settings_loads_no_engine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(distribution(tmp_path, "absent", "[convalias.stores]\nabsent = no_such_module:X\n"))
    assert read_settings(settings_file(tmp_path, 'store = "absent://x"\n'), environ=KEYS).store == "absent://x"
