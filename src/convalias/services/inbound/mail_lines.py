"""Write one log line for each mail that is concluded, by a logger that a host can turn off."""

from __future__ import annotations

import logging
from typing import Final

from convalias.domain.inbound.outcome_words import words_of
from convalias.domain.inbound.outcomes import Outcome
from convalias.domain.inbound.posts import MailReference

log: Final = logging.getLogger("convalias.mail")


def concluded(mail: MailReference, outcome: Outcome) -> None:
    """Write what became of a mail, at INFO: ids, kinds and reasons alone."""
    if log.isEnabledFor(logging.INFO):
        log.info(
            "mail %s; trace %s, record %s",
            words_of(outcome),
            mail.trace,
            mail.record,
            extra={"trace": mail.trace, "record": mail.record},
        )


def nothing(mail: MailReference, outcome: Outcome) -> None:
    """Write nothing: what a rehearsal concludes does not happen."""
    del mail, outcome
