"""Slips in sending: what a failure is taken for, under which key it is repeated, who holds what, whose address it is."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from attrs import evolve

from convalias.app import inbound as app_inbound
from convalias.app import services as app_services
from convalias.domain.addresses.email_address import EmailAddress
from convalias.domain.conversations.events import ConversationEvent
from convalias.domain.conversations.participants import Account
from convalias.domain.conversations.threads import ConversationThread
from convalias.domain.ids import AccountId, Seq
from convalias.domain.outbound import index_calls, notifications, tries
from convalias.domain.outbound.channel_answers import Answer, NotSent, Sent
from convalias.domain.outbound.delivery import Delivery, DeliveryDecision, DeliveryState, IndexRow, NotificationId
from convalias.domain.outbound.first_tries import FirstTryRules, Objection
from convalias.domain.outbound.lease import Results, Taken, settled
from convalias.domain.outbound.mailboxes import Mailboxes
from convalias.domain.outbound.notifications import Notification
from convalias.domain.outbound.scene import Scene
from convalias.domain.outbound.tries import End, Facts, Retry
from convalias.ports.errors import Unavailable
from convalias.ports.hub import FOR_EVER, Guarantee
from convalias.ports.legacy import IndexCall
from convalias.ports.mail import OutgoingMail
from convalias.ports.records import Stored
from convalias.services.conversations import contacts
from convalias.services.outbound.calls import Calls
from convalias.services.outbound.sending import Sending
from convalias.stores.conversations.own import OwnConversations
from convalias.stores.outbound import ledger
from convalias.stores.outbound.ledger import Ledger, Work
from convalias.testing.simulator.mutant import Mutant
from convalias.testing.simulator.weather import Fault, Weather

from .patching import Method, around, inner, instead, together

_SHORT: Final = timedelta(seconds=2)


def _always_remembered(row: Delivery, facts: Facts) -> bool:
    del row, facts
    return True


def _surely_not_sent(row: Delivery, because: str, facts: Facts) -> Retry[Delivery] | End[Delivery]:
    return tries.not_sent(row, because, facts, doubtful=False)


def _surely_sent(kept: Method) -> Method:
    def not_sent(row: Delivery, because: str, facts: Facts, *, doubtful: bool) -> Retry[Delivery] | End[Delivery]:
        if because == Unavailable.__name__ and row.state is DeliveryState.TRIED:
            return End(row.becoming(DeliveryState.SENT))
        given: Retry[Delivery] | End[Delivery] = kept(row, because, facts, doubtful=doubtful)
        return given

    return not_sent


def _id_by_try(kept: Method) -> Method:
    def notification(row: Delivery, *given: object, **how: object) -> Notification:
        tried = NotificationId(f"{row.id[:60]}.{row.attempts}")
        made: Notification = kept(evolve(row, id=tried), *given, **how)
        return made

    return notification


def _resent(kept: Method) -> Method:
    def uncertain(row: Delivery, reason: str, facts: Facts) -> Retry[Delivery] | End[Delivery]:
        given: Retry[Delivery] | End[Delivery] = kept(row, reason, facts)
        return Retry(given.row, not_before=facts.now + timedelta(minutes=1)) if row.attempts < 3 else given

    return uncertain


def _nobody_asked(kept: Method) -> Method:
    def asked(row: Delivery, reason: str, facts: Facts) -> object:
        return kept(row, reason, evolve(facts, promises=evolve(facts.promises, can_be_asked=False)))

    return asked


def _any_answer_is_sent(kept: Method) -> Method:
    def after(row: Delivery, answer: Answer, facts: Facts) -> object:
        return kept(row, Sent() if isinstance(answer, NotSent) else answer, facts)

    return after


def _suppressed_once(kept: Method) -> Method:
    def call(row: IndexRow, *given: object, **how: object) -> IndexCall:
        made: IndexCall = kept(row, *given, **how)
        return evolve(made, suppress_notification=made.suppress_notification and row.attempts == 1)

    return call


def _indexed_by_try(kept: Method) -> Method:
    def call(row: IndexRow, *given: object, **how: object) -> IndexCall:
        made: IndexCall = kept(row, *given, **how)
        return evolve(made, external_id=f"{made.external_id}.{row.attempts}")

    return call


def _stopped_by_the_index(kept: Method) -> Method:
    async def act(self: Sending, held: Taken, progress: Any, *given: object) -> None:
        await kept(self, held, progress, *given)
        index = progress.index[-1] if progress.index else None
        if index is not None and not index.done:
            for name, row in list(progress.rows.items()):
                progress.rows[name] = evolve(row, state=DeliveryState.FAILED, next_at=None, reason="index failed")

    return act


def _fresh(kept: Method) -> Method:
    def taken(decision: DeliveryDecision, **how: object) -> Taken:
        held: Taken = kept(decision, **how)
        return evolve(held, before=dict.fromkeys(held.before, DeliveryState.PLANNED))

    return taken


def _believed(kept: Method) -> Method:
    """As long as nobody believes the channel too early, two who hold one decision do no harm: the slips below take that away."""

    def taken(decision: DeliveryDecision, **how: object) -> Taken:
        held: Taken = kept(decision, **how)
        return evolve(held, taken_over=False)

    return taken


def _free_at_once(self: Ledger, stored: Stored, now: datetime) -> bool:
    del self, stored, now
    return True


async def _nothing_left_behind(self: Ledger, *, now: datetime, limit: int, passing: object = None) -> Sequence[Stored]:
    del passing
    return await self.records.due(ledger.DUE, until=now, limit=limit)


def _patient(kept: Method) -> Method:
    def init(self: Calls, **given: Any) -> None:
        kept(self, **{**given, "within": timedelta(hours=1)})

    return init


def _short_lease(kept: Method) -> Method:
    def taken(decision: DeliveryDecision, *, lease: timedelta, **how: object) -> Taken:
        held: Taken = kept(decision, lease=min(lease, _SHORT), **how)
        return held

    return taken


def _all_the_time(until: datetime, facts: Facts) -> timedelta:
    del until
    return facts.within


def _forgotten(kept: Method) -> Method:
    def after(standing: DeliveryDecision, results: Results) -> DeliveryDecision:
        done: DeliveryDecision = kept(standing, results)
        return evolve(
            done,
            deliveries=tuple(evolve(row, next_at=None) for row in done.deliveries),
            index=None if done.index is None else evolve(done.index, next_at=None),
        )

    return after


async def _over_whoever_holds_it(self: Ledger, work: Work, results: Results) -> DeliveryDecision | None:
    after = settled(work.taken.decision, results)
    stored = work.stored
    while await inner(self, "_replace")(stored, after) is None:
        stored = (await self.records.get([stored.key]))[stored.key]
    return after


def _address_for_a_name(kept: Method) -> Method:
    def name(account: AccountId, known: Account | None, thread: ConversationThread) -> str:
        addresses = inner(contacts, "_addresses")(account, known, thread)
        return str(addresses[0]) if addresses else str(kept(account, known, thread))

    return name


def _own_address_in_from(kept: Method) -> Method:
    def notification(row: Delivery, scene: Scene, *given: object, **how: object) -> Notification:
        made: Notification = kept(row, scene, *given, **how)
        own = min(scene.mailboxes.authors, default=None)
        return made if own is None else evolve(made, reply_alias=own)

    return notification


def _for_ever(mail: OutgoingMail) -> Guarantee:
    del mail
    return Guarantee(FOR_EVER)


def _whatever_was_read(kept: Method) -> Method:
    def objection(self: FirstTryRules, *given: object, **how: object) -> Objection | None:
        found: Objection | None = kept(evolve(self, tell_readers=True), *given, **how)
        return found

    return objection


def _read_by_somebody(kept: Method) -> Method:
    def objection(
        self: FirstTryRules, event: ConversationEvent, thread: ConversationThread, recipient: AccountId, **how: object
    ) -> Objection | None:
        furthest = max(thread.read_up_to.values(), default=Seq(0))
        found: Objection | None = kept(self, event, evolve(thread, read_up_to={recipient: furthest}), recipient, **how)
        return found

    return objection


def _somebodys_address(kept: Method) -> Method:
    def address(self: Mailboxes, account: AccountId) -> EmailAddress | None:
        found: EmailAddress | None = kept(self, max([account, *self.by_account]))
        return found

    return address


async def _as_it_is(self: OwnConversations, event: ConversationEvent) -> ConversationEvent:
    del self
    return event


MUTANTS: Final[Sequence[Mutant]] = (
    Mutant(
        name="start-for-the-text",
        slip="A notification is given the event as it is kept: of a long text, its start.",
        breaks="I3",
        patched=instead(OwnConversations, "whole", _as_it_is),
    ),
    Mutant(
        name="hub-key-expired",
        slip="A retry sends under the same key, also when the hub has forgotten it.",
        breaks="I2",
        patched=instead(tries, "is_remembered", _always_remembered),
    ),
    Mutant(
        name="time-out-is-not-sent",
        slip="A call that raised is taken for one that did nothing.",
        breaks="I2",
        patched=instead(tries, "ambiguous", _surely_not_sent),
        weather=Weather(on=frozenset({Fault.AFTER, Fault.HANGS_AFTER, Fault.FORGET}), rate=0.03, until=3600.0),
    ),
    Mutant(
        name="unavailable-is-sent",
        slip="A call that surely did nothing is taken for one that sent.",
        breaks="I4",
        patched=around(tries, "not_sent", _surely_sent),
    ),
    Mutant(
        name="id-by-try",
        slip="Each try of a notification has an id of its own.",
        breaks="I2",
        patched=around(notifications, "notification", _id_by_try),
    ),
    Mutant(
        name="uncertain-is-sent-again",
        slip="What may have been sent is sent again, where two are worse than none.",
        breaks="I2",
        patched=around(tries, "uncertain", _resent),
        weather=Weather(on=frozenset({Fault.AFTER, Fault.HANGS_AFTER, Fault.FORGET}), rate=0.03, until=3600.0),
    ),
    Mutant(
        name="nobody-is-asked",
        slip="A channel that could tell whether it sent is not asked.",
        breaks="I4",
        patched=around(tries, "asked_or_left", _nobody_asked),
    ),
    Mutant(
        name="any-answer-is-sent",
        slip="A channel that says it has not sent is taken for one that has.",
        breaks="I4",
        patched=around(tries, "after_answer", _any_answer_is_sent),
    ),
    Mutant(
        name="suppressed-once",
        slip="The index call says `suppress` at its first try only.",
        breaks="I4",
        patched=around(index_calls, "index_call", _suppressed_once),
    ),
    Mutant(
        name="indexed-by-try",
        slip="Each try of an index call has an external id of its own.",
        breaks="I4",
        patched=around(index_calls, "index_call", _indexed_by_try),
    ),
    Mutant(
        name="index-stops-delivery",
        slip="An index call that fails makes the hub's deliveries failures.",
        breaks="I4",
        patched=around(Sending, "_act", _stopped_by_the_index),
    ),
    Mutant(
        name="take-over-as-fresh",
        slip="Who takes a delivery over believes that nobody has tried it.",
        breaks="I2",
        patched=around(ledger, "taken", _fresh),
    ),
    Mutant(
        name="lease-held-by-nobody",
        slip="A lease keeps nobody away, and whoever takes over believes at once that nothing was sent.",
        breaks="I2",
        patched=together(instead(Ledger, "_is_free", _free_at_once), around(ledger, "taken", _believed)),
    ),
    Mutant(
        name="lease-for-ever",
        slip="A lease ends with its holder's word only.",
        breaks="I6",
        patched=instead(Ledger, "due", _nothing_left_behind),
    ),
    Mutant(
        name="lease-shorter-than-work",
        slip="A lease ends before the calls made under it, and whoever takes over believes that nothing was sent.",
        breaks="I2",
        patched=together(
            around(ledger, "taken", _short_lease),
            instead(tries, "time_for_call", _all_the_time),
            around(ledger, "taken", _believed),
        ),
    ),
    Mutant(
        name="called-behind-the-lease",
        slip="No wait has an end, so who stood still until his lease was over calls all the same.",
        breaks="I2",
        patched=together(
            around(Calls, "__init__", _patient),
            instead(tries, "time_for_call", _all_the_time),
            around(ledger, "taken", _believed),
        ),
        weather=Weather(on=frozenset({Fault.STOPPED, Fault.FORGET}), until=3600.0),
    ),
    Mutant(
        name="retry-in-memory",
        slip="When a delivery is due again is not written down.",
        breaks="I4",
        patched=around(ledger, "settled", _forgotten),
    ),
    Mutant(
        name="released-by-the-late",
        slip="Whoever takes over believes that nothing was sent, and whoever held it before writes his own results over it.",
        breaks="I2",
        patched=together(
            around(ledger, "taken", _short_lease),
            instead(Ledger, "release", _over_whoever_holds_it),
            around(ledger, "taken", _believed),
        ),
    ),
    Mutant(
        name="mail-port-remembers",
        slip="Every mail port is treated as if it remembered keys for ever.",
        breaks="I2",
        patched=instead(app_services, "guarantee_of", _for_ever),
    ),
    Mutant(
        name="system-mail-remembers",
        slip="The way out of refusals is treated as if it remembered keys for ever.",
        breaks="I2",
        patched=instead(app_inbound, "guarantee_of", _for_ever),
    ),
    Mutant(
        name="read-marks-ignored",
        slip="A message is mailed to somebody who has read it in the meantime.",
        breaks="I4",
        patched=around(FirstTryRules, "objection", _whatever_was_read),
    ),
    Mutant(
        name="read-by-somebody",
        slip="A message is taken for read by its recipient as soon as anybody has read it.",
        breaks="I4",
        patched=around(FirstTryRules, "objection", _read_by_somebody),
    ),
    Mutant(
        name="address-for-a-name",
        slip="An author is shown by address.",
        breaks="I5",
        patched=around(contacts, "_name", _address_for_a_name),
    ),
    Mutant(
        name="address-in-from",
        slip="A notification comes from the author's own address in place of the alias.",
        breaks="I5",
        patched=around(notifications, "notification", _own_address_in_from),
    ),
    Mutant(
        name="somebodys-address",
        slip="A notification goes to another participant's address.",
        breaks="I5",
        patched=around(Mailboxes, "address", _somebodys_address),
    ),
)
