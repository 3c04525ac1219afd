"""When two mails are the same mail."""

from attrs import evolve

from convalias.domain.ids import ConversationId
from convalias.domain.mail.dedup import ChatKey, SystemKey, keyed
from convalias.domain.mail.message_id import MessageId
from domain.cases import C1, EVE, KEY


def test_a_message_id_is_shown_in_brackets_and_its_bytes_escaped() -> None:
    assert str(MessageId(b"1@x")) == "<1@x>"
    assert str(MessageId(b"\xff@x")) == r"<\xff@x>"


def test_a_synthetic_id_equals_the_same_bytes() -> None:
    assert MessageId(b"x", synthetic=True) == MessageId(b"x")


def test_a_mail_key_differs_with_conversation_sender_and_message_id() -> None:
    others = (
        evolve(KEY, conversation=ConversationId("c2")),
        evolve(KEY, sender=EVE),
        evolve(KEY, message_id=MessageId(b"2")),
        evolve(KEY, variant="d"),
    )
    texts = {str(one) for one in (KEY, *others)}
    assert len(texts) == 1 + len(others)
    assert str(KEY) == str(evolve(KEY))
    assert all("@" not in one for one in texts)


def test_mail_chat_and_system_keys_have_name_spaces_of_their_own() -> None:
    assert {str(KEY)[:2], str(ChatKey(C1, "k"))[:2], str(SystemKey(C1, "k"))[:2]} == {"m-", "c-", "s-"}


def test_no_two_lists_of_parts_run_into_one_another() -> None:
    assert keyed("k", "ab", "c") != keyed("k", "a", "bc")
    assert keyed("k", "a") == keyed("k", b"a")
