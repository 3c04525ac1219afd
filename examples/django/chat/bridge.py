"""Mail for the chat: its talks and users as convalias asks for them, by Django's ORM."""

from collections.abc import Callable, Coroutine, Sequence
from functools import wraps
from typing import Any, ParamSpec, TypeVar

from asgiref.sync import sync_to_async
from django.conf import settings
from django.contrib.auth import get_user_model
from django.db import close_old_connections, transaction
from django.db.models import Q
from django.db.models.functions import Lower

from chat import models
from convalias import Account, AccountId, EmailAddress, Participant, ThreadState
from convalias.adapters.hosts import Directory
from convalias.blocking import Convalias
from convalias.ports import AlreadyPosted, Message, MessageRef, NewMessage, PostDeclined, Posted, Thread

P = ParamSpec("P")
T = TypeVar("T")


def in_database(call: Callable[P, T]) -> Callable[P, Coroutine[Any, Any, T]]:
    """Run it in a thread, as Django's ORM wants it, on a connection that a request would have."""

    @wraps(call)
    def called(*args: P.args, **kwargs: P.kwargs) -> T:
        close_old_connections()
        try:
            return call(*args, **kwargs)
        finally:
            close_old_connections()

    return sync_to_async(called, thread_sensitive=False)


class Talks:
    """The five calls of `convalias.ports.Conversations`."""

    @in_database
    def thread(self, id: str) -> Thread | None:
        talk = models.Talk.objects.filter(pk=id).first()
        if talk is None:
            return None
        members = [Participant.of(str(user.pk), name=user.get_full_name()) for user in talk.members.all()]
        return Thread(id=id, use_case="chat", members=members, state=ThreadState(talk.state))

    @in_database
    @transaction.atomic
    def post(self, new: NewMessage) -> Posted | AlreadyPosted | PostDeclined:
        talk = models.Talk.objects.select_for_update(no_key=True).get(pk=new.thread)
        known = talk.messages.filter(mail_key=new.key).first()
        if known or talk.state != "open":
            return AlreadyPosted(known.pk) if known else PostDeclined("closed")
        made = talk.messages.create(
            author_id=new.author and int(new.author), text=new.text, at=new.at, mail_key=new.key
        )
        return Posted(made.pk)

    @in_database
    def find(self, thread: str, *, message: str | None = None, key: str | None = None) -> Message | None:
        which = Q(pk=message) if message else Q(mail_key=key)
        row = models.Message.objects.filter(which, talk_id=thread).first()
        if row is None:
            return None
        author = str(row.author_id) if row.author_id else None
        return Message(id=row.pk, author=author, text=row.text, at=row.at, key=row.mail_key)

    @in_database
    def untold(self, *, limit: int) -> Sequence[MessageRef]:
        rows = models.Message.objects.filter(told=False).values_list("talk_id", "pk")[:limit]
        return [MessageRef(talk, message) for talk, message in rows]

    @in_database
    def told(self, messages: Sequence[MessageRef]) -> None:
        models.Message.objects.filter(pk__in=[one.message for one in messages]).update(told=True)


@in_database
def accounts(ids: Sequence[str], addresses: Sequence[str]) -> Sequence[Account]:
    """Find the users with one of these ids or addresses; Django keeps an address as it was typed."""
    users = get_user_model().objects.filter(is_active=True).annotate(address=Lower("email"))
    found = users.filter(Q(pk__in=[int(one) for one in ids if one.isdecimal()]) | Q(address__in=addresses))
    return [
        Account(AccountId(str(user.pk)), (EmailAddress.parse(user.email),), name=user.get_full_name())
        for user in found
        if user.email
    ]


cv = Convalias.from_toml(
    settings.BASE_DIR / "convalias.toml",
    data=settings.BASE_DIR / "mail-data",
    conversations=Talks(),
    identity=Directory(accounts),
)
