"""Was a person at the keyboard? The classes of automatic mail, and how a mail's class is read from its signs."""

from __future__ import annotations

from enum import Enum


class MailClass(Enum):
    """First class that fits, in the order of the members."""

    OWN = "own"
    COMPLAINT = "complaint"
    READ_RECEIPT = "read_receipt"
    BOUNCE = "bounce"
    OUT_OF_OFFICE = "out_of_office"
    AUTO_REPLY = "auto_reply"
    AUTO_GENERATED = "auto_generated"
    BULK = "bulk"
    CALENDAR = "calendar"
    REACTION = "reaction"
    HUMAN = "human"
