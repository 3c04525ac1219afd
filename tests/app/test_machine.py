"""Any sequence of what people, providers and operators do, in memory and on disk: the invariants hold throughout."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import Final

import pytest
from attrs import evolve
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from app import invariants
from app.bench import LEGACY_DOMAIN, Bench, in_memory, on_disk
from convalias.adapters import memory
from convalias.app import Worker
from convalias.app.ports import Ports
from convalias.domain.addresses.email_address import EmailAddress
from convalias.domain.conversations.participants import Participant
from convalias.domain.conversations.threads import ThreadState
from convalias.domain.ids import AccountId, UseCase
from convalias.domain.inbound.posts import IncomingMail
from convalias.domain.mail.authentication import Dmarc, DmarcPolicy, SenderEvidence
from convalias.domain.migration.rollout import Axis, Stage
from convalias.ports.legacy import IndexCall
from convalias.ports.records import Conflict, Insert, Write, Written
from convalias.services.conversations.errors import Refused
from convalias.services.conversations.messaging import introduce

SOAK: Final = os.environ.get("CONVALIAS_SOAK") == "1"
USE_CASE: Final = UseCase("hiring")
PEOPLE: Final = {AccountId(name): EmailAddress.parse(f"{name}@home.example") for name in ("ann", "bob", "cid")}
STRANGER: Final = EmailAddress.parse("eve@else.example")
EVIDENCE: Final = {
    "proved": SenderEvidence(Dmarc.PASS),
    "unproved": SenderEvidence(),
    "spoofed": SenderEvidence(Dmarc.FAIL, DmarcPolicy.REJECT),
}

accounts = st.sampled_from(sorted(PEOPLE))
senders = st.sampled_from([*PEOPLE.values(), STRANGER])
conversations = st.sampled_from(("c1", "c2"))
numbers = st.integers(1, 3)


class Deployment(RuleBasedStateMachine):
    """What may happen to a deployment; the model is only what was told to it."""

    bench: Bench

    def __init__(self) -> None:
        super().__init__()
        self.places: list[tuple[str, EmailAddress]] = []
        """Every address that leads to a conversation, with that conversation."""
        self.open: set[str] = set()
        self.revoked: set[EmailAddress] = set()
        self.addressed: dict[str, set[str]] = {}
        self.texts: dict[str, str] = {}
        self.posts: set[object] = set()
        self.raws: set[object] = set()
        self.idle = False

    def start(self) -> Bench:
        raise NotImplementedError

    @initialize()
    def begin(self) -> None:
        self.bench = self.start()
        self.rollout(Stage.PARALLEL, 10_000, tuple(Axis))
        self.converse("c1")

    # --- people --------------------------------------------------------------------------------------

    @rule(conversation=conversations)
    def converse(self, conversation: str) -> None:
        people = [Participant.of(account, name=account.title(), addresses=[str(PEOPLE[account])]) for account in PEOPLE]
        opened = self.bench.cv.open_conversation(conversation, use_case=USE_CASE, participants=people[:2])
        aliases = self.bench.run(opened)
        if conversation not in self.open:
            legacy = EmailAddress.parse(f"x-{conversation}@{LEGACY_DOMAIN}")
            self.bench.know_legacy_alias(legacy, conversation)
            self.places.append((conversation, legacy))
            self.open.add(conversation)
        self.places += [(conversation, one) for one in aliases.values() if (conversation, one) not in self.places]
        self.idle = False

    @rule(conversation=conversations, author=accounts, number=numbers)
    def chat(self, conversation: str, author: AccountId, number: int) -> None:
        if conversation in self.open:
            messaging = self.bench.cv.messaging
            text, key = f"{conversation}: {author} says {number}", f"{author}-{number}"
            with suppress(Refused):
                self.bench.run(messaging.send(conversation, text, author=author, key=key))
            self.idle = False

    @rule(sender=senders, number=numbers, spots=st.lists(st.integers(0, 7), min_size=1, max_size=3), says=st.data())
    def post(self, sender: EmailAddress, number: int, spots: list[int], says: st.DataObject) -> None:
        """As a provider does: the mail once per recipient, with identical headers; the same one again and again."""
        places = [self.places[spot % len(self.places)] for spot in spots]
        proof = says.draw(st.sampled_from(sorted(EVIDENCE)))
        separately = says.draw(st.booleans())
        self.accept(sender, f"{sender.local}-{number}", places, proof=proof, separately=separately)

    @precondition(lambda self: self.places)
    @rule(sender=st.sampled_from(sorted(PEOPLE)), spot=st.integers(0, 7))
    def a_fresh_mail_of_a_participant_arrives_for_sure(self, sender: AccountId, spot: int) -> None:
        """Unless the conversation is closed, the alias revoked, or its author left: then it does not."""
        conversation, address = self.places[spot % len(self.places)]
        if address.domain == LEGACY_DOMAIN:
            return
        self.work()
        thread = self.bench.run(self.bench.cv.messaging.thread(conversation))
        welcome = thread.takes_part(sender) and thread.state is ThreadState.OPEN and address not in self.revoked
        name = f"fresh-{len(self.posts)}"
        self.accept(PEOPLE[sender], name, [(conversation, address)], proof="proved", separately=False)
        self.work()
        found = [one for _, one in invariants.messages(self.bench.events(conversation)) if name in str(one.message_id)]
        assert len(found) == int(welcome)

    @rule(conversation=conversations, reopen=st.booleans())
    def turn(self, conversation: str, *, reopen: bool) -> None:
        if conversation in self.open:
            messaging = self.bench.cv.messaging
            self.bench.run(messaging.reopen(conversation) if reopen else messaging.close(conversation))
            self.idle = False

    @rule(conversation=conversations, account=accounts, leave=st.booleans())
    def change_who_takes_part(self, conversation: str, account: AccountId, *, leave: bool) -> None:
        if conversation not in self.open:
            return
        messaging = self.bench.cv.messaging
        if leave:
            self.bench.run(messaging.remove_participant(conversation, account))
        else:
            one = Participant.of(account, name=account.title(), addresses=[str(PEOPLE[account])])
            self.bench.run(introduce(self.bench.cv.services.stores.directory, one))
            self.bench.run(messaging.add_participant(conversation, one))
            alias = self.bench.run(messaging.aliasing.issue(conversation, account=account))
            if (conversation, alias.address) not in self.places:
                self.places.append((conversation, alias.address))
        self.idle = False

    # --- operators -----------------------------------------------------------------------------------

    @rule(spot=st.integers(0, 7))
    def revoke(self, spot: int) -> None:
        """Of one person only: between two who both have no alias there is nothing that a mail could be written under."""
        _, address = self.places[spot % len(self.places)]
        if address.local.startswith("bob-"):
            self.bench.run(self.bench.cv.messaging.aliasing.revoke(str(address)))
            self.revoked.add(address)
            self.idle = False

    @rule(
        stage=st.sampled_from(Stage),
        points=st.sampled_from((10_000, 5_000, 0)),
        axes=st.sampled_from(((Axis.OUTBOUND,), (Axis.INBOUND,), (Axis.INBOUND, Axis.OUTBOUND))),
    )
    def rollout(self, stage: Stage, points: int, axes: tuple[Axis, ...]) -> None:
        self.bench.run(self.bench.cv.rollout.set(USE_CASE, stage=stage, basis_points=points, axes=axes))

    @rule()
    def give_back(self) -> None:
        self.bench.run(self.bench.cv.outbound.give_back(USE_CASE))

    @rule()
    def work(self) -> None:
        done = self.bench.run(self.bench.cv.run_until_idle())
        assert (done.waiting, done.dead) == (0, 0)
        self.idle = True

    @rule(worker=st.sampled_from(("inbound", "feed", "outbound")))
    def work_a_little(self, worker: Worker) -> None:
        self.bench.run(self.bench.cv.run_until_idle(worker))

    @rule()
    def replay(self) -> None:
        self.bench.run(self.bench.cv.replay.all(dry_run=False))
        self.idle = False

    @rule()
    def redrive(self) -> None:
        self.bench.run(self.bench.cv.replay.dead(dry_run=False))

    @rule()
    def restart(self) -> None:
        self.bench.restart()

    @rule(minutes=st.sampled_from((2, 30, 60 * 24)))
    def wait(self, minutes: int) -> None:
        self.bench.pass_time(timedelta(minutes=minutes))
        self.idle = False

    # --- what holds ----------------------------------------------------------------------------------

    @invariant()
    def what_must_hold_holds(self) -> None:
        told = self.told()
        invariants.hold_always(self.bench, told)
        if self.idle:
            invariants.hold_at_rest(self.bench, told)

    def teardown(self) -> None:
        try:
            self.work()
            self.what_must_hold_holds()
        finally:
            self.bench.close()

    def told(self) -> invariants.Told:
        return invariants.Told(
            sorted(self.open), PEOPLE, (STRANGER,), self.addressed, self.texts, len(self.posts), len(self.raws)
        )

    def accept(
        self, sender: EmailAddress, name: str, places: list[tuple[str, EmailAddress]], *, proof: str, separately: bool
    ) -> None:
        message_id, text = f"<{name}@home.example>", f"A mail called {name}"
        to = ", ".join(str(address) for _, address in places)
        raw = f"From: {sender}\nTo: {to}\nMessage-ID: {message_id}\nSubject: {name}\n\n{text}\n".encode()
        addresses = tuple(dict.fromkeys(address for _, address in places))
        today = self.bench.cv.ports.clock.now().date()
        for recipients in [(one,) for one in addresses] if separately else [addresses]:
            token = f"{name} {proof} {to} {' '.join(map(str, recipients))}"
            post = IncomingMail(raw, recipients=recipients, sender=sender, evidence=EVIDENCE[proof], token=token)
            self.bench.run(self.bench.cv.receiver.accept(post))
            self.posts.add((token, today))
        self.raws.add((raw, today))
        self.texts[message_id] = text
        self.addressed.setdefault(message_id, set()).update(conversation for conversation, _ in places)
        self.idle = False


class InMemory(Deployment):
    def start(self) -> Bench:
        return in_memory()


class OnDisk(Deployment):
    def start(self) -> Bench:
        self.folder = Path(tempfile.mkdtemp(prefix="convalias-machine-"))
        return on_disk(self.folder)

    def teardown(self) -> None:
        try:
            super().teardown()
        finally:
            shutil.rmtree(self.folder)


def tried(
    machine: type[Deployment], *, times: int, steps: int, phases: Sequence[Phase] = (Phase.generate, Phase.shrink)
) -> None:
    slow = [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much]
    how = settings(
        max_examples=times * (50 if SOAK else 1),
        stateful_step_count=steps,
        deadline=None,
        derandomize=not SOAK,
        database=None,
        phases=phases,
        suppress_health_check=slow,
    )
    run_state_machine_as_test(machine, settings=how)


@pytest.mark.soak
def test_whatever_happens_in_memory_the_invariants_hold() -> None:
    tried(InMemory, times=60, steps=25)


@pytest.mark.soak
def test_whatever_happens_on_disk_the_invariants_hold() -> None:
    tried(OnDisk, times=12, steps=20)


# --- the machine can see: each of these deployments has one fault ----------------------------------------


class LoudRelay(memory.LegacyRelay):
    """Tells everybody, whatever it was told about suppressing."""

    async def index(self, call: IndexCall) -> None:
        await super().index(evolve(call, suppress_notification=False))


class NoUniqueIndex(memory.Records):
    """Keeps no further keys, so that nothing is found to be there already."""

    async def write(self, writes: Sequence[Write]) -> Sequence[Written | Conflict]:
        return await super().write([evolve(one, also=()) if isinstance(one, Insert) else one for one in writes])


class LosingQueue(memory.JobQueue):
    """Answers that a job is kept, and keeps it not."""

    async def put(self, bodies: Sequence[str]) -> None:
        await super().put(bodies[1:])


def loud(ports: Ports) -> Ports:
    relay = ports.legacy
    assert isinstance(relay, memory.LegacyRelay)
    return ports.but(legacy=LoudRelay(outgoing=relay._outgoing, audience=relay._audience, clock=ports.clock))


def without_unique_index(ports: Ports) -> Ports:
    return ports.but(records=NoUniqueIndex())


def losing(ports: Ports) -> Ports:
    return ports.but(queue=LosingQueue(clock=ports.clock))


@pytest.mark.parametrize("change", [loud, without_unique_index, losing], ids=lambda change: change.__name__)
def test_a_deployment_with_one_fault_is_found_out(change: Callable[[Ports], Ports]) -> None:
    class Faulty(Deployment):
        def start(self) -> Bench:
            return in_memory(change)

    with pytest.raises(AssertionError):
        tried(Faulty, times=60, steps=25, phases=(Phase.generate,))
