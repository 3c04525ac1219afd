"""A platform with conversations, accounts and a function of its own: the module that `--app` names in the tests."""

SOURCE = '''
import os
from pathlib import Path

from convalias import Convalias, blocking
from convalias.domain import MessageAdded
from hosts.directory import People
from hosts.sqlite import APP, Conversations, connect, migrate, said

database = connect(Path("app.sqlite"))
database.executescript(APP)
migrate(database)


def made():
    return Convalias.from_toml("convalias.toml", conversations=Conversations(database), identity=People())


cv = made()


@cv.on(MessageAdded, group="index")
async def index(event):
    """Uses the façade of this module: it is the one that the command opened."""
    alias = await cv.alias(event.conversation, for_="ann")
    with open("index.txt", "a") as file:
        file.write(f"{event.happening.text.strip()} {alias}\\n")


class Site:
    mail = cv


site = Site()
without_await = blocking.Convalias.from_toml("convalias.toml", conversations=Conversations(database), identity=People())
in_memory = Convalias.in_memory(alias_domain="reply.example")
number = 7


def fails():
    raise KeyError("john@home.example")


def wrong():
    return number


async def waits():
    return cv
'''
SETTINGS = 'data = "kept"\nalias_domains = ["reply.example"]\n'
