"""A mail that a provider posted to anymail goes to convalias, and is answered only when it is stored."""

from collections.abc import Iterator
from email.policy import SMTP
from email.utils import getaddresses

from anymail.inbound import AnymailInboundMessage
from anymail.signals import AnymailInboundEvent, inbound
from django.conf import settings
from django.dispatch import receiver

from convalias import EmailAddress, IncomingMail
from convalias.blocking import Convalias

cv = Convalias.from_toml(settings.BASE_DIR / "convalias.toml", data=settings.BASE_DIR / "mail-data")
# The header as it came: a signature covers how it was written.
AS_IT_CAME = SMTP.clone(refold_source="none")


@receiver(inbound)
def take(event: AnymailInboundEvent, esp_name: str, **_: object) -> None:
    """Store the mail and queue it. What is raised becomes a 500, and the provider posts it again."""
    mail = event.message
    cv.receiver.accept(
        IncomingMail(
            mail.as_bytes(policy=AS_IT_CAME),
            recipients=[*dict.fromkeys(recipients(mail))],
            sender=mail.envelope_sender,
            source=f"anymail-{esp_name.lower()}",
            # No token: where anymail puts a mail together anew, a repeated post has other octets under the same id.
        )
    )


def recipients(mail: AnymailInboundMessage) -> Iterator[EmailAddress]:
    """Find all addresses of ours: of an envelope with several anymail tells the first, so the header is asked too."""
    # As text: the lists `mail.to` and `mail.cc` cannot be had of every header that people send.
    header = getaddresses([str(value) for name, value in mail.raw_items() if name.lower() in {"to", "cc"}])
    for one in [*(mail.envelope_recipient or "").split(","), *(address for _, address in header)]:
        try:
            address = EmailAddress.parse(one.strip())
        except ValueError:  # no address
            continue
        if address.domain in cv.deployment.alias_domains:
            yield address
