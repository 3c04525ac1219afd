"""The people of the chat, for the suite that holds `Talks` to its promises."""

import asyncio
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager

from django.contrib.auth import get_user_model
from django.db import connection, transaction

from chat.bridge import Talks, in_database
from chat.models import Message, Talk
from convalias.testing.conformance import Held


class World:
    """A process of the chat: its people write by its models, and `conversations` is what convalias calls."""

    conversations = Talks()

    @in_database
    def person(self, name: str) -> str:
        user, _ = get_user_model().objects.get_or_create(username=name, email=f"{name}@home.example")
        return str(user.pk)

    @in_database
    def open(self, *accounts: str) -> str:
        talk = Talk.objects.create()
        talk.members.set(accounts)
        return str(talk.pk)

    @in_database
    def join(self, thread: str, account: str) -> None:
        Talk.objects.get(pk=thread).members.add(account)

    @in_database
    def leave(self, thread: str, account: str) -> None:
        Talk.objects.get(pk=thread).members.remove(account)

    @in_database
    def close(self, thread: str) -> bool:
        return bool(Talk.objects.filter(pk=thread).update(state="closed"))

    @in_database
    def say(self, thread: str, author: str, text: str) -> str:
        return written(thread, author, text)

    @in_database
    def edit(self, thread: str, message: str, text: str) -> bool:
        return bool(Message.objects.filter(pk=message).update(text=text))

    @in_database
    def withdraw(self, thread: str, message: str) -> None:
        Message.objects.filter(pk=message).delete()

    @asynccontextmanager
    async def held(self, thread: str, author: str, text: str, *, commit: bool) -> AsyncIterator[Held]:
        """A transaction belongs to a thread: this one has one of its own, and its connection."""
        loop, block = asyncio.get_running_loop(), transaction.atomic()

        def begin() -> None:
            block.__enter__()
            written(thread, author, text)

        def end() -> None:
            transaction.set_rollback(not commit)
            block.__exit__(None, None, None)
            connection.close()

        with ThreadPoolExecutor(1) as own:
            await loop.run_in_executor(own, begin)
            yield Held.ALONE if connection.vendor == "sqlite" else Held.BESIDE
            await loop.run_in_executor(own, end)


def written(thread: str, author: str, text: str) -> str:
    """A message as the view of the chat adds it."""
    return str(Message.objects.create(talk_id=thread, author_id=int(author), text=text).pk)


@asynccontextmanager
async def open_world(place: str) -> AsyncIterator[World]:
    """One process of the chat. Each check has the tables for itself, so all places are one."""
    yield World()
