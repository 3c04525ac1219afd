"""`why` says whether the sender of a refused mail was told, and whether anybody was asked about a held one."""

from __future__ import annotations

import pytest
from attrs import evolve

from convalias.domain.addresses.email_address import EmailAddress
from convalias.domain.ids import ConversationId
from convalias.domain.inbound.held import HoldState
from convalias.domain.operations.advice import ADVICE, Situation
from convalias.ports.errors import Deferred, Rejected
from convalias.ports.hub import Guarantee
from convalias.ports.mail import Outgoing
from convalias.ports.records import Replace, Stored
from convalias.services.operations.mail_following import Story
from convalias.services.operations.operations import Asked
from convalias.stores.errors import Parked
from convalias.stores.system_mail.outbox import TABLE
from services.approval_desk import Desk, at_home
from services.inbound_desk import BOBS, C1, NOBODY, TO_C1, Town, open_town, written

STRANGER = EmailAddress.parse("cem@other.example")
REFUSED = Rejected("the mail server refuses it at RCPT TO: 550 5.1.1")


class Relay:
    """Answers every mail in one way."""

    def __init__(self, answer: Exception | None) -> None:
        self.answer = answer
        self.calls = 0

    async def send(self, mail: Outgoing) -> None:
        self.calls += 1
        if self.answer is not None:
            raise self.answer


async def opened(answer: Exception | None) -> tuple[Town, Desk, Relay]:
    town, relay = await open_town(), Relay(answer)
    desk = Desk(town)
    desk.system_outbox = evolve(desk.system_outbox, outgoing=relay, guarantee=Guarantee())
    await at_home(town)
    return town, desk, relay


async def the_story(desk: Desk) -> Story:
    (story,) = await desk.operations.why(Asked(sender=BOBS))
    return story


async def rows(town: Town) -> list[Stored]:
    """All mail of ours."""
    partitions = await town.records.partitions(TABLE, after="", limit=9)
    return [row for one in partitions for row in await town.records.range(TABLE, one, after="", limit=9)]


async def unreadable(town: Town) -> None:
    """Make every mail of ours one of a newer release."""
    for stored in await rows(town):
        await town.records.write([Replace(stored.key, stored.version, {**stored.body, "$": "system_mail/99"})])


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (None, "UNKNOWN_ALIAS, the sender was told, at"),
        (REFUSED, "UNKNOWN_ALIAS, the sender could not be told (the mail server refuses it at RCPT TO: 550 5.1.1), at"),
        (TimeoutError(), "UNKNOWN_ALIAS, the sender may have been told (TimeoutError), at"),
    ],
    ids=str,
)
async def test_what_became_of_a_refusal_is_said_and_no_mail_of_ours_makes_another(
    answer: Exception | None, said: str
) -> None:
    town, desk, relay = await opened(answer)
    await desk.take(written(NOBODY))
    await desk.worker.step()
    assert "UNKNOWN_ALIAS, the sender is told, at" in str(await the_story(desk))
    for _ in range(3):
        await desk.work()
    assert said in str(await the_story(desk))
    assert (relay.calls, len(await rows(town))) == (1, 1)


async def test_a_refusal_whose_mail_is_gone_was_to_be_told() -> None:
    town, desk, _ = await opened(REFUSED)
    await desk.take(written(NOBODY))
    await desk.work()
    await desk.work()
    await town.blobs.delete(await town.blobs.names("raw/", after="", limit=9))
    assert "UNKNOWN_ALIAS, the sender is told, at" in str(await the_story(desk))


async def test_a_refusal_of_a_newer_release_is_unreadable() -> None:
    town, desk, _ = await opened(None)
    await desk.take(written(NOBODY))
    await desk.work()
    await unreadable(town)
    story = await the_story(desk)
    assert "unreadable the refusal mail: " in str(story)
    assert "use a newer convalias" in story.next


async def held(answer: Exception | None) -> tuple[Town, Desk, Story]:
    """A mail that waits for Ann, after all that is due was done."""
    town, desk, _ = await opened(answer)
    await desk.take(written(TO_C1, sender=STRANGER))
    await desk.work()
    await desk.work()
    (story,) = await desk.operations.why(Asked(sender=STRANGER))
    return town, desk, story


@pytest.mark.parametrize(
    ("answer", "said", "situation"),
    [
        (None, "asked      ann\n", Situation.HELD),
        (
            REFUSED,
            "asked      ann in vain: no mail left: the mail server refuses it at RCPT TO: 550 5.1.1\n",
            Situation.HELD_UNREACHED,
        ),
        (TimeoutError(), "asked      ann, by a mail that may have left: TimeoutError\n", Situation.HELD),
        (Deferred("the mail server puts it off"), "asked      ann, by a mail that waits to leave\n", Situation.HELD),
    ],
    ids=str,
)
async def test_who_was_asked_about_a_held_mail_is_said(
    answer: Exception | None, said: str, situation: Situation
) -> None:
    _, _, story = await held(answer)
    assert said in str(story)
    assert story.next == ADVICE[situation]


async def test_a_mail_that_was_decided_says_so_whoever_was_asked() -> None:
    town, desk, _ = await held(REFUSED)
    (hold,) = await desk.holds.waiting(C1)
    await desk.holds.change(C1, hold.id, lambda one: evolve(one, state=HoldState.REJECTED), now=town.clock.now())
    (story,) = await desk.operations.why(Asked(sender=STRANGER))
    assert "in vain" in str(story)
    assert story.next == ADVICE[Situation.HELD_REJECTED]


async def test_a_question_of_a_newer_release_is_unreadable() -> None:
    town, desk, _ = await held(None)
    await unreadable(town)
    (story,) = await desk.operations.why(Asked(sender=STRANGER))
    assert "unreadable who was asked: " in str(story)
    assert "use a newer convalias" in story.next


async def test_a_conversation_that_cannot_be_read_is_parked() -> None:
    class ParkedStore:
        async def thread(self, conversation: ConversationId) -> None:
            raise Parked(conversation, 4, "event/99")

    _, desk, _ = await held(None)
    stores = evolve(desk.operations.follower.stores, conversations=ParkedStore())
    operations = evolve(desk.operations, follower=evolve(desk.operations.follower, stores=stores))
    (story,) = await operations.why(Asked(sender=STRANGER))
    assert "parked     " in str(story)
    assert story.next == ADVICE[Situation.PARKED].format(about="conversation c1")
