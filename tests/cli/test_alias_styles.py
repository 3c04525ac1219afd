"""How new aliases look is set by use case and region, and can be seen before any is given out."""

from __future__ import annotations

import re
from datetime import datetime, timedelta

from cli.desk import Commands

SETTINGS = """
[aliases]
names = "first_initial"

[aliases.use_case.apply]
format = "v2"
days = 30

[aliases.region.de]
names = "none"
"""


def test_a_preview_shows_what_the_settings_say_and_gives_nothing_out(commands: Commands) -> None:
    commands.load()
    config = commands.file("styles.toml", SETTINGS)
    usual = commands.ask("alias", "preview", "apply")
    assert [row["names"] for row in usual] == ["full"] * 3
    assert re.fullmatch(r"john-smith-[0-9a-z]{17}@reply\.example", usual[0]["address"])
    (row,) = commands.ask("alias", "preview", "apply", "--name", "John Smith", "--config", config)
    assert (row["format"], row["days"]) == ("v2", 30)
    assert re.fullmatch(r"john-s-[0-9a-f]{8}@reply\.example", row["address"])
    shown = commands.ask(
        "alias", "preview", "other", "--region", "DE", "--name", "A", "--name", "B", "--config", config
    )
    assert [re.fullmatch(r"member-[0-9a-z]{17}@reply\.example", row["address"]) is not None for row in shown] == [
        True
    ] * 2
    assert [row["days"] for row in shown] == [None, None]
    assert commands.ask("alias", "inspect", row["address"])["given_out"] is False
    assert commands.run("alias", "preview", "").status == 65


def test_a_new_alias_has_the_style_of_its_use_case(commands: Commands) -> None:
    commands.load(lambda world: (world["aliases"].clear(), world["conversations"][0].update(use_case="apply")))
    config = commands.file("styles.toml", SETTINGS)
    alias = commands.ask("alias", "mint", "c1", "--as", "john", "--topic", "new", "--config", config)
    assert re.fullmatch(r"john-s-[0-9a-f]{8}@reply\.example", alias["address"])
    lives = datetime.fromisoformat(alias["expires_at"]) - datetime.fromisoformat(alias["created_at"])
    assert lives == timedelta(days=30)


def test_without_an_alias_domain_there_is_nothing_to_show(commands: Commands) -> None:
    assert commands.run("alias", "preview", "apply").status == 65
