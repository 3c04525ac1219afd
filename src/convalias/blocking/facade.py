"""`Convalias` without `await`: opened in each process at its first call, and in the child of a fork anew."""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, AbstractContextManager
from datetime import timedelta
from functools import partial
from inspect import iscoroutinefunction
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Final, Self, TypeVar, Unpack

from convalias import app
from convalias.app.facade import STOP_WITHIN
from convalias.app.ports import Instead, Ports
from convalias.app.providers import Providers
from convalias.app.services import Wiring
from convalias.app.workers import Idle, Worker
from convalias.blocking import parts
from convalias.blocking.background import ForkLock, background, in_thread, refuse_inside_loop
from convalias.blocking.errors import NotAfterFork
from convalias.blocking.opening import CLOSED, Opening
from convalias.blocking.wsgi import Doors
from convalias.domain.addresses.email_address import EmailAddress
from convalias.domain.conversations.events import ConversationEvent, Happening
from convalias.domain.conversations.participants import Participant
from convalias.domain.deployment.domains_and_policy import Deployment
from convalias.domain.deployment.keyring import Keyring
from convalias.domain.errors import InvalidValue
from convalias.domain.routing.policy import RoutingPolicy
from convalias.domain.routing.rulebook import RuleBook

if TYPE_CHECKING:
    from wsgiref.types import WSGIApplication

    from convalias.settings import Settings

CLOSE_WITHIN: Final = timedelta(seconds=30)
"""How long closing waits for calls and workers to end."""
_LOCK: Final = ForkLock()
"""Held while one of them is made ready for this process, never while anything is waited for."""
HandleT = TypeVar("HandleT", bound=Callable[[ConversationEvent], object])
T = TypeVar("T")


class Convalias:
    """A bridge for the conversations of one deployment, called without `await` from any number of threads.

    Made at import, it is inert. Its first call opens it, on an event loop in a thread that all of this process share;
    `with` opens at once, and closes at the end. After a fork the child opens its own, and leaves its parent's alone.
    Every call raises what the call of `convalias.Convalias` raises; `InsideLoop` in a thread that runs an event loop;
    `NotOpen` once it is closed. What is said there of `async with` holds here of `with`.
    """

    def __init__(self, inner: app.Convalias, *, kept_in_memory: str = "") -> None:
        """Open nothing. Use `in_memory`, `from_toml` or `over`. `kept_in_memory`: what no fork can open for itself."""
        self._inner = inner
        self._kept_in_memory = kept_in_memory
        self._open: Opening | None = None
        self._inherited: list[Opening] = []
        """Of the parents of this process: neither used nor finalised here, for their threads may hold its locks."""
        self._is_closed = False
        self._is_entered = False
        self._is_spent = False

    # --- making one ----------------------------------------------------------------------------------

    @classmethod
    def over(cls, ports: Ports, wiring: Wiring) -> Self:
        """Make a façade over ports of one's own. They are never closed: who opened them closes them.

        They are called on the background loop. Raises `WrongSettings` for what cannot work.
        """
        return cls(app.Convalias.over(ports, wiring), kept_in_memory="ports given to `over`")

    @classmethod
    def in_memory(
        cls,
        *,
        alias_domain: str,
        legacy_domain: str | None = None,
        policy: RoutingPolicy | None = None,
        rules: RuleBook | None = None,
        **instead: Unpack[Instead],
    ) -> Self:
        """Make a façade in this process alone, under virtual time: for tests and for trying things out.

        `policy`, `rules`: admissions and rules of one's own; None: the stored policy, the rules of the library.
        Raises `WrongSettings` for what cannot work.
        """
        inner = app.Convalias.in_memory(
            alias_domain=alias_domain, legacy_domain=legacy_domain, policy=policy, rules=rules, **instead
        )
        return cls(inner, kept_in_memory="a deployment in memory")

    @classmethod
    def from_toml(
        cls,
        path: str | Path | None = None,
        *,
        data: str | Path | None = None,
        environ: Mapping[str, str] | None = None,
        policy: RoutingPolicy | None = None,
        rules: RuleBook | None = None,
        **instead: Unpack[Instead],
    ) -> Self:
        """The embedded backend under a data directory, by settings. Opens nothing. Raises `WrongSettings`.

        `policy`: in the place of the stored one; what the settings say of it lies over both. `rules`: a book with
        rules of one's own.
        """
        inner = app.Convalias.from_toml(path, data=data, environ=environ, policy=policy, rules=rules, **instead)
        return cls(inner)

    # --- life ----------------------------------------------------------------------------------------

    def __enter__(self) -> Self:
        """Open what answers, now and not at the first call. Raises what `async with` raises there, and `AlreadyOpen`."""
        refuse_inside_loop()
        with _LOCK:
            if self._is_entered:
                raise app.AlreadyOpen("Convalias is open already: enter it once, and use it in any number of threads")
            self._is_entered, self._is_closed = True, False
        try:
            self._call(_nothing)
        except BaseException:
            self._is_entered = False
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close."""
        self.close()

    def close(self, *, within: timedelta = CLOSE_WITHIN) -> None:
        """Let calls end, stop the workers, give back what they held, close. Repeatable; `with` opens it again.

        Takes at most `within` and two seconds more. What has not ended by then is cancelled, and its call raises
        `NotOpen`. A process that ends without it has lost nothing: that is as if it had been killed.
        """
        refuse_inside_loop()
        with _LOCK:
            self._is_closed, self._is_entered = True, False
            opening = self._open if _is_here(self._open) else None
            if opening is not None:
                self._open, self._inner, self._is_spent = None, opening.inner, True
        if opening is not None:
            opening.close(within)

    def _opening(self) -> Opening:
        """What this process has open; another process's is left behind. Raises `NotOpen`, `NotAfterFork`."""
        refuse_inside_loop()
        opening = self._open
        if opening is not None and opening.pid == os.getpid():
            return opening
        with _LOCK:
            opening = self._open
            if opening is not None and opening.pid == os.getpid():
                return opening
            if self._is_closed:
                raise app.NotOpen(CLOSED)
            if opening is not None:
                if self._kept_in_memory:
                    raise NotAfterFork(
                        f"{self._kept_in_memory} was used before this process was forked, and is not shared with it:"
                        " use from_toml, or make it in each process"
                    )
                if not opening.is_left:
                    raise NotAfterFork(
                        "convalias was at work in the parent when this process was forked, and what it had open cannot be"
                        " opened beside that: run workers after the fork, or fork when no call runs"
                    )
                self._inherited.append(opening)
            if opening is not None or self._is_spent:
                self._inner, self._is_spent = self._of_now.anew(), False
            self._open = Opening(self._inner, background())
            return self._open

    def _call(self, ask: Callable[[app.Convalias], Awaitable[T]]) -> T:
        return self._opening().call(ask)

    def _enter(self, ask: Callable[[app.Convalias], AbstractAsyncContextManager[T]]) -> AbstractContextManager[T]:
        return self._opening().entered(ask)

    # --- what it knows -------------------------------------------------------------------------------

    @property
    def is_open(self) -> bool:
        """Whether this process has it open now."""
        opening = self._open
        return opening is not None and opening.pid == os.getpid() and opening.inner.is_open

    @property
    def deployment(self) -> Deployment:
        """Domains and policy as they stood at the last look."""
        return self._of_now.deployment

    @property
    def keyring(self) -> Keyring:
        """The root secrets of this deployment."""
        return self._of_now.keyring

    @property
    def knows_deployment(self) -> bool:
        """Whether the store has told of domains and policy; until then those of the settings, or last seen, hold."""
        return self.is_open and self._of_now.knows_deployment

    def asynchronous(self) -> app.Convalias:
        """Make the façade with `await`: the same settings, adapters and functions. Not open, and shared with nobody."""
        return self._of_now.anew()

    @property
    def settings(self) -> Settings | None:
        """The settings it was made by. None: it was given all its ports, or is in memory."""
        return self._of_now.settings

    @property
    def _of_now(self) -> app.Convalias:
        opening = self._open
        return self._inner if opening is None else opening.inner

    # --- its parts -----------------------------------------------------------------------------------

    @property
    def receiver(self) -> parts.Receiver:
        """Takes mail in."""
        return parts.Receiver(self._opening, lambda cv: cv.receiver)

    @property
    def messaging(self) -> parts.Messaging:
        """Conversations. Its calls raise `Unavailable` while nobody knows an alias domain."""
        return parts.Messaging(self._opening, lambda cv: cv.messaging)

    @property
    def approvals(self) -> parts.Approvals:
        """Held mail, and the answers to it."""
        return parts.Approvals(self._opening, lambda cv: cv.approvals)

    @property
    def unsubscribing(self) -> parts.Unsubscribing:
        """Mutes by the link in a mail."""
        return parts.Unsubscribing(self._opening, lambda cv: cv.unsubscribing)

    @property
    def attachment_links(self) -> parts.AttachmentLinks:
        """Opens attached files by the link in a mail."""
        return parts.AttachmentLinks(self._opening, lambda cv: cv.attachment_links)

    @property
    def suppressing(self) -> parts.Suppressing:
        """Return what lists, adds and lifts suppressions."""
        return parts.Suppressing(self._opening, lambda cv: cv.suppressing)

    @property
    def inbound(self) -> parts.InboundLoop:
        """Mail, for a host that has a loop of its own: `process(jobs, within=seconds)`."""
        return parts.InboundLoop(self._opening, lambda cv: cv.inbound)

    @property
    def outbound(self) -> parts.OutboundLoop:
        """Decisions and deliveries, for a host that has a loop of its own: `decide(records)`."""
        return parts.OutboundLoop(self._opening, lambda cv: cv.outbound)

    @property
    def outbound_worker(self) -> parts.OutboundWorker:
        """Return the outbound worker, for a host that steps it itself."""
        return parts.OutboundWorker(self._opening, lambda cv: cv.outbound_worker)

    @property
    def operations(self) -> parts.Operations:
        """Return the operations: why, dead letters, replay."""
        return parts.Operations(self._opening, lambda cv: cv.operations)

    @property
    def replay(self) -> parts.Replay:
        """Deciding anew."""
        return parts.Replay(self._opening, lambda cv: cv.replay)

    @property
    def rollout(self) -> parts.RolloutControl:
        """Stages per use case: set, shown, counted, prepared."""
        return parts.RolloutControl(self._opening, lambda cv: cv.rollout)

    # --- conversations -------------------------------------------------------------------------------

    def open_conversation(
        self, conversation: str, *, use_case: str, participants: Iterable[Participant]
    ) -> Mapping[str, EmailAddress]:
        """Create it, and make its participants known by the addresses they bring: the alias of each, by account.

        May be repeated. Raises what `messaging.create` raises, and `InvalidValue` for an account with addresses that an
        identity directory of one's own does not know.
        """
        return self._call(lambda cv: cv.open_conversation(conversation, use_case=use_case, participants=participants))

    def alias(self, conversation: str, *, for_: str) -> EmailAddress:
        """Return the alias of that participant, issued if there is none. Raises what `messaging.aliasing.issue` raises."""
        return self._call(lambda cv: cv.alias(conversation, for_=for_))

    # --- looking -------------------------------------------------------------------------------------

    def refresh(self) -> None:
        """Look whether another process told the deployment something new; at most once a second."""
        self._call(lambda cv: cv.refresh())

    def check_keys(self, *, within: timedelta | None = None) -> None:
        """Refuse keys that would make aliases in use forged ones. Raises `KeysRefused`, `Unavailable`.

        `within`: a store that does not answer in that time is passed over.
        """
        self._call(lambda cv: cv.check_keys(within=within))

    def check_place(self, *, within: timedelta | None = None) -> None:
        """Refuse a second data directory beside a shared store. Raises `PlaceRefused`, `Unavailable`.

        `within`: a store that does not answer in that time is passed over.
        """
        self._call(lambda cv: cv.check_place(within=within))

    def check_host(self, *, within: timedelta | None = None) -> None:
        """Refuse to work without the conversations of a host that keeps its own. Raises `HostMissing`, `Unavailable`.

        `within`: a store that does not answer in that time is passed over.
        """
        self._call(lambda cv: cv.check_host(within=within))

    def checks(self) -> Mapping[str, Callable[[], object]]:
        """Return the checks of `/readyz`: raw store and queue, as the receiver needs, and the workers of this process.

        Each returns what is to be shown besides (nothing: "ok"), or raises.
        """
        return {name: partial(self._checked, name) for name in self._call(lambda cv: cv.checks())}

    def _checked(self, name: str) -> object:
        async def checked(cv: app.Convalias) -> object:
            return await (await cv.checks())[name]()

        return self._call(checked)

    def mailbox(self, address: str) -> Sequence[bytes]:
        """Return the mail sent to an address, in order: for a deployment in memory, whose outbox can be read.

        Raises `TypeError` when notifications leave by something else.
        """

        async def sent(cv: app.Convalias) -> Sequence[bytes]:
            return cv.mailbox(address)

        return self._call(sent)

    # --- inside a web service ------------------------------------------------------------------------

    def wsgi(self, providers: Providers | None = None) -> WSGIApplication:
        """Return the HTTP doors as a WSGI app, to be mounted or served: webhooks, pages behind links, health.

        It is `asgi` of `convalias.Convalias` for a server without an event loop. Nothing is opened now: its first
        request does. It runs no worker. `providers`: whose posts are taken in; None: those of the settings, or nobody's
        where there are no settings. Raises `WrongSettings` for a door without a key.
        """
        self._of_now.asgi(providers)  # what is wrong is told now, and not at the first post
        return Doors(self._opening, lambda cv: cv.asgi(providers))

    # --- work ----------------------------------------------------------------------------------------

    def wake(self) -> None:
        """Look at once for new messages of the host: it has just committed one. Without it they are found within 0.5 s.

        Wakes the workers of this process.
        """

        async def woken(cv: app.Convalias) -> None:
            cv.wake()

        self._call(woken)

    def on(self, *kinds: type[Happening], group: str) -> Callable[[HandleT], HandleT]:
        """Return a decorator: its function is called for each event of these kinds; none named: of all.

        As `on` of `convalias.Convalias`, but the function is a plain one. It is called in a thread of its own, one event
        after another, and may call this façade. Raises `InvalidValue` for an async function too.
        """

        def given(handle: HandleT) -> HandleT:
            if iscoroutinefunction(handle):
                raise InvalidValue(
                    "function", found=f"{handle!r}, which is async", expected="a plain function, of one event"
                )

            async def called(event: ConversationEvent) -> None:
                await in_thread(partial(handle, event), name=f"convalias-{group}")

            self._of_now.on(*kinds, group=group)(called)
            return handle

        return given

    def run(self, *workers: Worker) -> None:
        """Work until `stop` or `close` in another thread, or until interrupted. No name: all workers.

        A signal handler ends it by raising (`sys.exit`): what the workers hold is released at once. After `stop` it
        returns at once, until this is entered anew. Raises `KeysRefused`, `PlaceRefused` and `HostMissing` at once.
        """
        self._opening().call(lambda cv: cv.run(*workers), lasts=True)

    def stop(self, *, within: timedelta = STOP_WITHIN) -> None:
        """Take no more work and finish what was taken; work that is not finished in time is released."""
        self._call(lambda cv: cv.stop(within=within))

    def running(self, *workers: Worker) -> AbstractContextManager[None]:
        """`run` beside the body; `stop` at its end.

        The body is never interrupted because of a worker: one that cannot go on is tried again, and `checks` tells.
        """
        return self._enter(lambda cv: cv.running(*workers))

    def run_until_idle(self, *workers: Worker, within: timedelta | None = None) -> Idle:
        """Do all that is due now, and what follows from it, then return: for a cron job or a task. Any number at once.

        `within`: no step begins after that time. One that is under way then has 25 seconds more, as with `stop`, and is
        then cancelled and released; `in_time` is False where more is due. Raises `HostMissing` too.
        """
        return self._call(lambda cv: cv.run_until_idle(*workers, within=within))


async def _nothing(cv: app.Convalias) -> None:
    """What opens, and no more."""


def _is_here(opening: Opening | None) -> bool:
    return opening is not None and opening.pid == os.getpid()
