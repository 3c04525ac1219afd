"""A mail as a source hands it over."""

import pytest

from convalias.domain.addresses.email_address import InvalidAddress
from convalias.domain.inbound.posts import IncomingMail
from convalias.domain.mail.envelope import NULL_RETURN_PATH
from domain.cases import ALIAS, BOBS


def test_recipients_and_sender_may_be_text() -> None:
    mail = IncomingMail(b"raw", recipients=(str(ALIAS), ALIAS), sender=str(BOBS))
    assert mail.recipients == (ALIAS, ALIAS)
    assert mail.sender == BOBS


@pytest.mark.parametrize("written", ["", "<>", " <> ", NULL_RETURN_PATH])
def test_a_null_return_path_is_one_however_it_is_written(written: str) -> None:
    assert IncomingMail(b"raw", sender=written).sender is NULL_RETURN_PATH


def test_an_unknown_sender_stays_unknown() -> None:
    assert IncomingMail(b"raw").sender is None


def test_what_is_no_address_is_refused() -> None:
    with pytest.raises(InvalidAddress):
        IncomingMail(b"raw", recipients=("nobody",))


def test_the_raw_mail_is_not_shown() -> None:
    assert "secret" not in repr(IncomingMail(b"secret"))
