"""A link answers for one participant about one hold, until it expires; GET shows, POST acts."""

from __future__ import annotations

import base64
from datetime import UTC, datetime, timedelta

import pytest
from attrs import evolve
from hypothesis import assume, given
from hypothesis import strategies as st

from convalias.domain.approvals.holds import Admits, Changed, Stands
from convalias.domain.approvals.links import Allow, ApprovalLink, Deny, LinkKeys, Look, NotHis, Unusable, _mac, answered
from convalias.domain.errors import InvalidValue
from convalias.domain.ids import AccountId, ConversationId
from convalias.domain.inbound.held import HoldId, HoldState
from convalias.testing.strategies import NOW
from domain.approvals.test_holds import HELD
from domain.cases import ANN, C1, EVE, THREAD

OLD, NEW = (1, b"o" * 32), (2, b"n" * 32)
KEYS = LinkKeys([NEW, OLD])
LINK = ApprovalLink(
    hold=HELD.id, conversation=C1, account=ANN, expires_at=NOW.replace(microsecond=0) + timedelta(days=2)
)
NAMES = st.text(st.characters(exclude_categories=("Cs",)), max_size=40)
LINKS = st.builds(
    ApprovalLink,
    hold=NAMES.map(HoldId),
    conversation=NAMES.map(ConversationId),
    account=NAMES.map(AccountId),
    expires_at=st.integers(1, 4_000_000_000).map(lambda seconds: datetime.fromtimestamp(seconds, UTC)),
)


@given(LINKS, LINKS)
def test_a_token_says_what_was_put_in_and_nothing_else(link: ApprovalLink, other: ApprovalLink) -> None:
    token = KEYS.token(link)
    assert KEYS.read(token, now=link.expires_at - timedelta(seconds=1)) == link
    assert KEYS.read(token, now=link.expires_at) is Unusable.EXPIRED
    assert (token == KEYS.token(other)) == (link == other)


@given(LINKS, st.data())
def test_no_changed_token_passes(link: ApprovalLink, data: st.DataObject) -> None:
    token = KEYS.token(link)
    at = data.draw(st.integers(0, len(token)))
    changed = token[:at] + data.draw(st.text(max_size=3)) + token[at + data.draw(st.integers(0, 3)) :]
    assume(changed != token)
    assert KEYS.read(changed, now=NOW) is Unusable.FORGED


@given(LINKS, LINKS)
def test_parts_of_two_tokens_make_no_third(one: ApprovalLink, two: ApprovalLink) -> None:
    assume(one != two)
    assert KEYS.read(KEYS.token(one).rpartition(".")[0] + "." + KEYS.token(two).rpartition(".")[2], now=NOW) is (
        Unusable.FORGED
    )


@given(st.text(max_size=200))
def test_any_text_is_read(text: str) -> None:
    assert KEYS.read(text, now=NOW) is Unusable.FORGED


@given(LINKS)
def test_keys_rotate(link: ApprovalLink) -> None:
    before = link.expires_at - timedelta(seconds=1)
    assert KEYS.read(LinkKeys([OLD]).token(link), now=before) == link
    assert LinkKeys([OLD]).read(KEYS.token(link), now=before) is Unusable.FORGED
    assert LinkKeys([(2, b"x" * 32)]).read(KEYS.token(link), now=before) is Unusable.FORGED


@pytest.mark.parametrize("said", ["2.1.A.YQ.YQ", "2.1.YQ._w.YQ", "2.999999999999.YQ.YQ.YQ", "2.1.YQ.YQ.____w"])
def test_what_the_key_signed_but_no_link_writes_is_none(said: str) -> None:
    assert KEYS.read(f"{said}.{_mac(NEW[1], said)}", now=NOW) is Unusable.FORGED


def test_a_token_fits_a_url_and_shows_no_secret() -> None:
    token = KEYS.token(evolve(LINK, conversation=ConversationId("c/ü?&"), hold=HoldId("m-" + "f" * 40)))
    assert set(token) <= set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-")
    assert "nnn" not in repr(KEYS)
    assert base64.b64encode(NEW[1]).decode() not in repr(KEYS)


def test_without_a_key_there_are_no_links() -> None:
    with pytest.raises(InvalidValue, match="at least one key"):
        LinkKeys([])


def test_to_look_changes_nothing() -> None:
    assert answered(Look(), LINK, HELD, thread=THREAD, now=NOW) == Stands(HELD)


def test_to_post_decides_as_the_participant_who_was_asked() -> None:
    assert answered(Allow(), LINK, HELD, thread=THREAD, now=NOW) == Changed(
        evolve(HELD, state=HoldState.APPROVED, decided_by=ANN)
    )
    denied = answered(Deny(), LINK, HELD, thread=THREAD, now=NOW)
    assert denied == Changed(evolve(HELD, state=HoldState.REJECTED, decided_by=ANN))
    admitted = answered(Allow(Admits.THIS_ADDRESS), LINK, HELD, thread=THREAD, now=NOW)
    assert isinstance(admitted, Changed)
    assert admitted.admitted == EVE


def test_a_second_post_shows_what_stands() -> None:
    done = evolve(HELD, state=HoldState.REJECTED)
    assert answered(Allow(), LINK, done, thread=THREAD, now=NOW) == Stands(done)


def test_a_link_answers_for_no_other_hold_or_conversation() -> None:
    other = ConversationId("c2")
    assert answered(Allow(), LINK, None, thread=THREAD, now=NOW) is NotHis.GONE
    assert answered(Allow(), LINK, evolve(HELD, id=HoldId("m-2")), thread=THREAD, now=NOW) is NotHis.GONE
    assert answered(Allow(), LINK, evolve(HELD, conversation=other), thread=THREAD, now=NOW) is NotHis.GONE
    assert answered(Allow(), LINK, HELD, thread=evolve(THREAD, id=other), now=NOW) is NotHis.GONE


def test_who_left_the_conversation_answers_no_more() -> None:
    link = evolve(LINK, account=AccountId("gone"))
    assert answered(Allow(), link, HELD, thread=THREAD, now=NOW) is NotHis.NOT_A_PARTICIPANT
