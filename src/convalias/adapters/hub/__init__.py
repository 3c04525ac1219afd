"""The in-process hub: renders notifications as mail, and hands them to `OutgoingMail`."""

from convalias.adapters.hub.announcements import AnnouncementWriter
from convalias.adapters.hub.approvals import ApprovalWriter
from convalias.adapters.hub.channels import ChannelsHub
from convalias.adapters.hub.mail_hub import NotificationHub
from convalias.adapters.hub.refusals import RefusalWriter
from convalias.adapters.hub.wordings import WORDINGS, Wording

__all__ = [
    "WORDINGS",
    "AnnouncementWriter",
    "ApprovalWriter",
    "ChannelsHub",
    "NotificationHub",
    "RefusalWriter",
    "Wording",
]
