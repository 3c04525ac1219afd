"""The index call of legacy: what it says, and how its rows end."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from convalias.domain.addresses.email_address import EmailAddress
from convalias.domain.aliases.alias import ConversationAlias
from convalias.domain.conversations.events import (
    ConversationClosed,
    ConversationEvent,
    Happening,
    MessageAdded,
    Origin,
)
from convalias.domain.conversations.participants import AccountAuthor, PeripheralAuthor
from convalias.domain.ids import AccountId, AliasId, ConversationId, EventId, Seq
from convalias.domain.outbound.delivery import WITHDRAWN, Delivery, DeliveryState, IndexRow, NotificationId
from convalias.domain.outbound.index_calls import (
    IndexCall,
    followed,
    given_up,
    index_call,
    indexed,
    not_indexed,
    parked_index,
)
from convalias.domain.outbound.lease import Loss, Results, losses
from convalias.domain.outbound.tries import End, Persistence, Retry

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
ANN, EVE = AccountId("ann"), AccountId("eve")
ROW = IndexRow(suppress_notification=True, attempts=1, next_at=NOON)
TRIED = Delivery(id=NotificationId("n1"), recipient=EVE, state=DeliveryState.TRIED, attempts=1)


def event(happening: Happening) -> ConversationEvent:
    return ConversationEvent(EventId("e1"), ConversationId("c1"), Seq(1), happening, "k", Origin.CHAT, NOON, NOON)


def alias(number: int, account: AccountId = ANN) -> ConversationAlias:
    return ConversationAlias(
        address=EmailAddress.parse(f"{account}-{number}@reply.example"),
        conversation=ConversationId("c1"),
        stands_for=account,
        id=AliasId(f"a{number}"),
        created_at=NOON,
    )


@pytest.mark.parametrize(
    ("happening", "author", "shown", "message_id"),
    [
        (MessageAdded(author=AccountAuthor(ANN), text="x"), "ann", alias(2).address, "<e1@reply.example>"),
        (MessageAdded(author=AccountAuthor(ANN), text="x", message_id="<1@home>"), "ann", alias(2).address, "<1@home>"),
        (MessageAdded(author=AccountAuthor(AccountId("zoe")), text="x"), "zoe", None, "<e1@reply.example>"),
        (
            MessageAdded(author=PeripheralAuthor(EmailAddress.parse("who@corp.example")), text="x"),
            "peripheral",
            None,
            "<e1@reply.example>",
        ),
        (ConversationClosed(), "peripheral", None, "<e1@reply.example>"),
    ],
)
def test_an_index_call_names_the_event_its_author_and_the_authors_newest_alias(
    happening: Happening, author: str, shown: EmailAddress | None, message_id: str
) -> None:
    listed = [alias(1), alias(2), alias(3, EVE)]
    assert index_call(ROW, event(happening), listed, alias_domain="reply.example") == IndexCall(
        external_id="e1",
        message_id=message_id,
        conversation=ConversationId("c1"),
        author=author,
        alias=shown,
        suppress_notification=True,
    )


def test_a_call_that_failed_is_repeated_until_its_tries_run_out() -> None:
    assert not_indexed(ROW, "away", Persistence(tries=2)) == Retry(ROW)
    assert not_indexed(ROW, "away", Persistence(tries=1)) == End(given_up(ROW, "tries ran out: away"))
    assert (indexed(ROW).done, indexed(ROW).next_at) == (True, None)
    assert (parked_index(ROW, until=NOON).attempts, given_up(ROW, "no").next_at) == (0, None)


@pytest.mark.parametrize(
    ("index", "state", "reason"),
    [
        (indexed(ROW), DeliveryState.SENT, ""),
        (given_up(ROW, WITHDRAWN), DeliveryState.CANCELLED, WITHDRAWN),
        (given_up(IndexRow(suppress_notification=False, attempts=2), WITHDRAWN), DeliveryState.UNCERTAIN, WITHDRAWN),
        (given_up(ROW, "rejected"), DeliveryState.FAILED, "rejected"),
    ],
)
def test_rows_of_legacy_end_as_its_call_does(index: IndexRow, state: DeliveryState, reason: str) -> None:
    assert followed([TRIED], index) == {TRIED.id: TRIED.becoming(state, reason=reason)}
    assert followed([TRIED], ROW) == {}, "it is called again"


def test_what_was_given_up_is_a_loss_and_what_was_withdrawn_is_none() -> None:
    failed = TRIED.becoming(DeliveryState.FAILED, reason="blocked")
    rows = {failed.id: failed, NotificationId("n2"): TRIED}
    lost = Loss(delivery=failed.id, reason="blocked", tries=1)
    assert losses(Results(rows=rows, index=given_up(ROW, "rejected"))) == (
        lost,
        Loss(delivery=None, reason="index: rejected", tries=1),
    )
    assert losses(Results(rows=rows, index=given_up(ROW, WITHDRAWN))) == (lost,)
    assert losses(Results(rows=rows, index=indexed(ROW))) == (lost,)
    assert losses(Results(rows=rows)) == (lost,)
