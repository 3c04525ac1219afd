"""Credentials of Postmark's webhooks: too short ones are refused at start, and none is ever shown."""

from __future__ import annotations

import pytest

from adapters.postmark.posting import PAIR
from convalias.adapters.postmark import Credentials
from convalias.adapters.postmark.credentials import what_is_wrong
from convalias.app import Convalias, Providers
from convalias.settings import WrongSettings


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (PAIR, ""),
        (f"{PAIR},new:another-horse-battery", ""),
        ("user:with:a:colon:inside", ""),
        ("no-colon-anywhere-here", "found no user and password with a colon between them"),
        (":password-without-a-user", "found no user and password with a colon between them"),
        ("user:fifteen-letters", "found a password of less than 16 characters"),
        (f"{PAIR},user:", "found a password of less than 16 characters"),
    ],
)
def test_what_cannot_be_a_secret_is_said_without_showing_it(text: str, problem: str) -> None:
    assert what_is_wrong(text) == problem


def test_credentials_are_not_shown() -> None:
    assert "horse" not in repr(Credentials.parse(PAIR))


def test_nothing_is_proved_by_credentials_that_are_none() -> None:
    assert not Credentials.parse(" , ").prove("Basic ")


def test_a_deployment_refuses_them_at_start_and_names_the_variable(tmp_path: object) -> None:
    file = f"{tmp_path}/convalias.toml"
    with open(file, "w", encoding="utf-8") as settings:  # noqa: PTH123 - a line
        settings.write(f'data = "{tmp_path}/data"\nalias_domains = ["reply.example"]\ninbound = ["postmark"]\n')
    for environ, told in (
        ({}, "CONVALIAS_POSTMARK_CREDENTIALS: not set; expected user:password of the webhook's HTTP Basic"),
        ({"CONVALIAS_POSTMARK_CREDENTIALS": "u:short"}, "CONVALIAS_POSTMARK_CREDENTIALS: found a password of less"),
    ):
        with pytest.raises(WrongSettings) as raised:
            Convalias.from_toml(file, environ=environ).asgi()
        (line,) = str(raised.value).splitlines()
        assert line.startswith(told)
        assert "short" not in line.replace("shorter", "")
    both = {"CONVALIAS_POSTMARK_CREDENTIALS": PAIR, "CONVALIAS_POSTMARK_EVENTS_CREDENTIALS": "e:another-horse-battery"}
    Convalias.from_toml(file, environ=both).asgi()
    assert Providers(inbound={"postmark": PAIR}).addresses == {"postmark": ("",)}
