"""A sender whose program writes the same word in place of every Message-ID: no mail is lost, doubled or held for it."""

from __future__ import annotations

import pytest
from attrs import evolve

from convalias.domain.addresses.email_address import EmailAddress
from convalias.domain.conversations.participants import Participant
from convalias.domain.inbound.outcomes import Done, Effect, Relayed
from convalias.domain.inbound.posts import IncomingMail
from services.inbound_desk import BOB, C1, C2, TO_C1, TO_C1_TOO, TO_C2, Process, Town, open_town, written


async def became(town: Town, mail: IncomingMail) -> Effect:
    desk = Process(town)
    outcome = await desk.relay.process(await desk.take(mail))
    assert isinstance(outcome, Done)
    ((_, effect),) = outcome.effects
    return effect


def of_nobody(to: EmailAddress, text: str, word: str) -> IncomingMail:
    mail = written(to, text=text, to=())
    return evolve(mail, raw=mail.raw.replace(b"<1@corp.example>", word.encode()))


@pytest.mark.parametrize("word", ["null", "<undefined@corp.example>", "<${id}@corp.example>", "<>", "<@corp.example>"])
async def test_each_mail_is_known_by_what_it_says(word: str) -> None:
    town = await open_town()
    await Process(town).messaging.add_participant(C2, Participant(BOB))
    for text, to, is_added in (
        ("One", TO_C1, True),
        ("One", TO_C1_TOO, False),  # the provider's post for another alias of the conversation
        ("Another", TO_C1, True),
        ("Elsewhere", TO_C2, True),
    ):
        effect = await became(town, of_nobody(to, text, word))
        assert isinstance(effect, Relayed)
        assert effect.added is is_added
    assert [one.text.strip() for one in await town.messages(C1)] == ["One", "Another"]
    assert [one.text.strip() for one in await town.messages(C2)] == ["Elsewhere"]
