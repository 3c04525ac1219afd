"""Texts are counted only of mail that was read, and only where a conversation and an author are known."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any, cast

import pytest

from convalias.domain.addresses.email_address import EmailAddress
from convalias.domain.mail.envelope import ClearFrom, MessageEnvelope
from convalias.domain.mail.message_id import MessageId
from convalias.domain.mail.reasons import Reason
from convalias.domain.routing.repeated_texts import counted_texts
from convalias.domain.routing.verdicts import Hold

MAIL = MessageEnvelope(
    recipients=(),
    sender=ClearFrom(EmailAddress.parse("ann@home.example")),
    message_id=MessageId(b"1@home"),
    received_at=datetime(2026, 3, 1, tzinfo=UTC),
)


class Plan:
    def __init__(self, mail: object) -> None:
        self.case = SimpleNamespace(mail=mail, context=None)

    def __iter__(self) -> Iterator[SimpleNamespace]:
        held = Hold(Reason.NEEDS_APPROVAL, cast("Any", None), cast("Any", None))
        yield SimpleNamespace(verdict=held, conversation=None)


@pytest.mark.parametrize("mail", [object(), MAIL])
def test_nothing_is_counted_of_what_was_not_read_or_belongs_nowhere(mail: object) -> None:
    assert counted_texts(cast("Any", Plan(mail))) == frozenset()
