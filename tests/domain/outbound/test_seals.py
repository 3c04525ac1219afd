"""What comes back by other hands is believed only under our own MAC."""

from __future__ import annotations

import base64
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from convalias.domain.addresses.email_address import EmailAddress, InvalidAddress
from convalias.domain.ids import AccountId, ConversationId, EventId
from convalias.domain.outbound.delivery import Channel, NotificationKind, notification_id
from convalias.domain.outbound.seals import FileLink, Seal, Seals

SEALS = Seals(Seal(b"m" * 32), Seal(b"r" * 32), Seal(b"l" * 32))
ROTATED = Seals(Seal(b"M" * 32, (b"m" * 32,)), Seal(b"R" * 32, (b"x" * 32, b"r" * 32)), Seal(b"L" * 32, (b"l" * 32,)))
"""A new key of each use in front of the old one, which still proves what it made."""
OTHERS = Seals(Seal(b"M" * 32), Seal(b"R" * 32), Seal(b"L" * 32))
ONE = notification_id(EventId("e1"), AccountId("a"), NotificationKind.MESSAGE, Channel.EMAIL)
DOMAIN = "reply.example"
TEXT = st.text(st.characters(exclude_categories=("Cs",)), max_size=40)


@given(st.text(min_size=1), st.text(), st.sampled_from(NotificationKind))
def test_a_bounce_to_our_return_path_names_its_notification(event: str, who: str, kind: NotificationKind) -> None:
    notification = notification_id(EventId(event), AccountId(who), kind, Channel.EMAIL)
    path = SEALS.return_path(notification, f"bounce.{DOMAIN}")
    assert len(path.partition("@")[0]) <= 64
    assert SEALS.bounced(EmailAddress.parse(path)) == notification
    assert SEALS.bounced(EmailAddress.parse(path.upper())) == notification
    assert OTHERS.bounced(EmailAddress.parse(path)) is None


@given(st.integers(0, 60), st.characters(codec="ascii"))
def test_a_changed_return_path_names_nothing(at: int, char: str) -> None:
    path = SEALS.return_path(ONE, f"bounce.{DOMAIN}")
    local, _, domain = path.partition("@")
    changed = local[:at] + char + local[at + 1 :]
    try:
        address = EmailAddress.parse(f"{changed}@{domain}")
    except InvalidAddress:
        return
    assert SEALS.bounced(address) in ({ONE} if changed.lower() == local else {None})


@given(TEXT)
def test_a_sealed_uid_is_read_back_and_is_the_same_each_time(uid: str) -> None:
    sealed = SEALS.sealed_uid(uid, DOMAIN)
    assert SEALS.sealed_uid(uid, DOMAIN) == sealed
    assert sealed.endswith(f"@{DOMAIN}")
    assert SEALS.unsealed_uid(sealed) == uid
    assert ROTATED.unsealed_uid(sealed) == uid
    assert OTHERS.unsealed_uid(sealed) is None
    assert len(uid) < 4 or uid not in sealed


@given(st.integers(0, 80), st.sampled_from("Aa0_-. @"))
def test_a_changed_sealed_uid_is_none_of_ours(at: int, char: str) -> None:
    sealed = SEALS.sealed_uid("ann@home.example-20260310T100000Z", DOMAIN)
    token = sealed.partition("@")[0]
    changed = token[:at] + char + token[at + 1 :]
    # The last character of base64 holds bits that mean nothing.
    assert changed[:-1] == token[:-1] or SEALS.unsealed_uid(f"{changed}@{DOMAIN}") is None


def test_a_uid_that_is_longer_than_any_program_writes_is_sealed_for_good() -> None:
    sealed = {SEALS.sealed_uid("\u00fc" * size, DOMAIN) for size in (128, 200)}
    assert [len(one) for one in sealed] == [len(f"u-@{DOMAIN}") + 40] * 2
    assert [SEALS.unsealed_uid(one) for one in sealed] == [None, None]


@pytest.mark.parametrize("text", ["", "1@home", "u-@reply.example", f"u-{'A' * 25}@reply.example", f"u-{'A' * 22}"])
def test_what_we_did_not_seal_is_left_alone(text: str) -> None:
    assert SEALS.unsealed_uid(text) is None


def test_what_was_written_before_a_rotation_is_proved_after_it() -> None:
    path, about = SEALS.return_path(ONE, f"bounce.{DOMAIN}"), (ConversationId("c"), AccountId("a"))
    assert ROTATED.bounced(EmailAddress.parse(path)) == ONE
    assert ROTATED.unsubscribed(SEALS.unsubscribe_token(*about)) == about
    assert ROTATED.wrote(SEALS.message_id(ONE, DOMAIN), ONE, DOMAIN)


def test_the_newest_key_makes_what_is_written() -> None:
    path, about = ROTATED.return_path(ONE, f"bounce.{DOMAIN}"), (ConversationId("c"), AccountId("a"))
    assert path == OTHERS.return_path(ONE, f"bounce.{DOMAIN}")
    assert ROTATED.message_id(ONE, DOMAIN) == OTHERS.message_id(ONE, DOMAIN)
    assert ROTATED.unsubscribe_token(*about) == OTHERS.unsubscribe_token(*about)
    assert ROTATED.bounced(EmailAddress.parse(path)) == ONE
    assert SEALS.bounced(EmailAddress.parse(path)) is None


@pytest.mark.parametrize(
    "message_id", ["", "<>", "<n.\N{DIGIT ONE}@reply.example>", "<n.\udcff@reply.example>", "<n.é@x>"]
)
def test_a_message_id_of_anybody_else_is_none_of_ours(message_id: str) -> None:
    assert not ROTATED.wrote(message_id, ONE, DOMAIN)
    assert not ROTATED.wrote(SEALS.message_id("another", DOMAIN), ONE, DOMAIN)


def test_an_unknown_kind_names_nothing() -> None:
    token = "e1.0123456789abcdef.z"
    forged = f"b-{token}.{SEALS.return_paths.digest(token)[:16]}@bounce.{DOMAIN}"
    assert SEALS.bounced(EmailAddress.parse(forged)) is None


@given(TEXT, TEXT)
def test_an_unsubscribe_token_says_what_was_put_in(conversation: str, account: str) -> None:
    about = (ConversationId(conversation), AccountId(account))
    token = SEALS.unsubscribe_token(*about)
    if conversation and account:
        assert SEALS.unsubscribed(token) == about
    assert OTHERS.unsubscribed(token) is None


def test_a_link_with_padded_ids_and_a_mac_in_hex_is_still_ours() -> None:
    about = (ConversationId("c1"), AccountId("ann"))
    ids = (base64.urlsafe_b64encode(one.encode()).decode() for one in about)
    assert SEALS.unsubscribed(".".join([*ids, SEALS.links.digest("mute", *about)[:32]])) == about


@pytest.mark.parametrize(
    "token", ["", "x", "YQ.YQ." + "0" * 32, "a.YQ." + "0" * 32, "_w==.YQ==." + "0" * 32, "YQ==.YQ==." + "g" * 32]
)
def test_a_token_that_is_none_of_ours_says_nothing(token: str) -> None:
    assert SEALS.unsubscribed(token) is None


def test_message_ids_are_the_same_again_and_tell_nothing() -> None:
    assert SEALS.message_id(ONE, DOMAIN) == SEALS.message_id(ONE, DOMAIN)
    assert SEALS.message_id(ONE, DOMAIN) != OTHERS.message_id(ONE, DOMAIN)
    assert ONE.partition(".")[0] not in SEALS.message_id(ONE, DOMAIN).partition(".")[2]


def test_no_secret_shows() -> None:
    assert "mmm" not in repr(SEALS)
    assert "rrr" not in repr(ROTATED)


@given(TEXT, TEXT, TEXT, TEXT)
def test_digests_of_different_parts_differ(one: str, two: str, three: str, four: str) -> None:
    assert (SEALS.links.digest(one, two) == SEALS.links.digest(three, four)) == ((one, two) == (three, four))


LINK = FileLink(ConversationId("c"), EventId("e"), 1, AccountId("a"), datetime(2026, 3, 31, 12, tzinfo=UTC))


@given(
    st.builds(
        FileLink,
        TEXT.filter(bool).map(ConversationId),
        TEXT.filter(bool).map(EventId),
        st.integers(0, 9_999),
        TEXT.filter(bool).map(AccountId),
        st.datetimes(datetime(1970, 1, 2), datetime(2400, 1, 1), timezones=st.just(UTC)).map(  # noqa: DTZ001
            lambda at: at.replace(microsecond=0)
        ),
    )
)
def test_a_link_to_a_file_says_what_was_put_in_and_to_others_nothing(link: FileLink) -> None:
    token = SEALS.file_token(link)
    assert SEALS.linked_file(token) == link
    assert ROTATED.linked_file(token) == link
    assert OTHERS.linked_file(token) is None


@given(st.integers(0, 60), st.characters(codec="ascii"))
def test_a_changed_link_to_a_file_opens_no_other_file(at: int, char: str) -> None:
    token = SEALS.file_token(LINK)
    changed = token[:at] + char + token[at + 1 :]
    assert SEALS.linked_file(changed) in {LINK, None}  # bits behind the last octet of base64 say nothing


@pytest.mark.parametrize(
    "token",
    [
        "",
        "x",
        "A.A.A.1.1.AAAAAAAAAAAAAAAAAAAAAA",
        "_w.YQ.YQ.1.1.AAAAAAAAAAAAAAAAAAAAAA",
        "YQ.YQ.YQ.1.99999999999.AAAAAAAAAAAAAAAAAAAAAA",
        SEALS.unsubscribe_token(ConversationId("c"), AccountId("a")),
    ],
)
def test_what_is_no_link_to_a_file_opens_nothing(token: str) -> None:
    assert SEALS.linked_file(token) is None


def test_a_link_to_a_file_stops_no_mail() -> None:
    assert SEALS.unsubscribed(SEALS.file_token(LINK)) is None
