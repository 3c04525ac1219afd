"""What processes told the chaos run's recorders is read as it was sent."""

from __future__ import annotations

from pathlib import Path

from convalias.domain.addresses.email_address import EmailAddress
from convalias.ports.mail import Outgoing
from engines.chaos.recorder import Ledger, Mailbox, outgoing


async def test_a_mail_of_the_system_is_read_as_it_was_sent(tmp_path: Path) -> None:
    """Few faults of a short run make one; a long run ended with an error of its own."""
    mail = Outgoing(key="refusal-1", raw=b"Subject: no\r\n\r\n", to=EmailAddress.parse("mary@corp.example"))
    ledger = Ledger(tmp_path / "mails")
    await Mailbox(ledger).send(mail)
    await Mailbox(ledger).send(mail)
    assert [(outgoing(told), told.first) for told in ledger.told()] == [(mail, True), (mail, False)]
