"""Amazon SES: mail in by SNS over HTTPS (`Webhook`), or a queue (`MailTaker`); its events (`Events`)."""

from convalias.extras import brought_by

with brought_by("ses"):
    from convalias.adapters.ses.certificates import Certificates
    from convalias.adapters.ses.events import Events
    from convalias.adapters.ses.objects import MailObjects
    from convalias.adapters.ses.received import MailTaker
    from convalias.adapters.ses.sns import SignedMessages
    from convalias.adapters.ses.webhook import Webhook

__all__ = ["Certificates", "Events", "MailObjects", "MailTaker", "SignedMessages", "Webhook"]
