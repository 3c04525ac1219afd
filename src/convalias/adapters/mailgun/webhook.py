"""The webhook: authenticate, bound, make an `IncomingMail` of the form, say with which status it was kept."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime
from typing import Final

from attrs import evolve, frozen

from convalias.adapters.mailgun.form import CUT, HEADERS, SIGNED, Bounds, Form, UnreadableForm, read_form
from convalias.adapters.mailgun.rebuilt_mail import CannotRebuild, as_posted, rebuild
from convalias.adapters.mailgun.signature import SigningKeys, signed_time
from convalias.codec.addresses import read_address, without_brackets
from convalias.domain.addresses.email_address import EmailAddress, InvalidAddress
from convalias.domain.inbound.posts import IncomingMail
from convalias.domain.mail.envelope import NULL_RETURN_PATH, ReturnPath
from convalias.ports.ambient import Clock
from convalias.services.inbound.doors import DoorPost, HttpAnswer, answer_to_mail
from convalias.services.inbound.receiver import Receipt

RAW: Final = "/mime"
"""Behind the address of a door, for raw mail: Mailgun posts it only to addresses that end so."""
SPAM_FLAG: Final = b"X-Mailgun-Sflag"
_ROUTE: Final = (b"recipient", b"sender")
_END_OF_HEADERS: Final = re.compile(rb"\r?\n\r?\n")
_OVERFLOWS: Final[Mapping[str | None, str | None]] = {
    None: None,
    "mail": "too_large",
    "request": "too_large",
    "fields": "unparseable",
    "name": "unparseable",
}
"""Why a mail is quarantined, by the bound that its form passed."""


@frozen
class _Refusal:
    answer: HttpAnswer


UNSIGNED: Final = _Refusal(HttpAnswer(401, "signature: not ours, or too old or too new"))
REPEATED: Final = _Refusal(HttpAnswer(403, "timestamp, token and signature: expected once each"))
TOO_LONG: Final = _Refusal(HttpAnswer(413, "request: longer than four times the largest mail"))
REUSED: Final = HttpAnswer(403, "token: used before with another body")
NO_RECIPIENT: Final = _Refusal(HttpAnswer(400, "recipient: missing"))


@frozen(kw_only=True)
class Webhook:
    """Mailgun's routes, both forms: raw (`body-mime`) and parsed (fields, files, `message-headers`).

    Mailgun tries again on every status but 200 and 406; 406 destroys the mail, and is not used.
    """

    accept: Callable[[IncomingMail], Awaitable[Receipt]]
    keys: SigningKeys
    clock: Clock
    bounds: Bounds = Bounds()
    trust_spam_flag: bool = False
    """Whether the provider's own spam flag counts as an opinion of ours."""

    async def handle(self, post: DoorPost) -> HttpAnswer:
        """Take one post in. May be repeated.

        200: kept and queued. 400: no form, or no recipient. 401, 403: not signed by us, or a signature used twice.
        413: so large that its signature was not reached. 503: try again.
        """
        try:
            form = await read_form(post.content_type, post.chunks, bounds=self.bounds)
        except UnreadableForm as error:
            return HttpAnswer(400, f"form: {error}")
        mail = self.read(form, raw=post.address == RAW)
        if isinstance(mail, _Refusal):
            return mail.answer
        return await answer_to_mail(self.accept, mail, reused=REUSED)

    def read(self, form: Form, *, raw: bool = False) -> IncomingMail | _Refusal:
        """The mail that a form stands for, or why it is refused."""
        signed = {name: form.values(name) for name in SIGNED}
        if any(len(values) > 1 for values in signed.values()):
            return REPEATED
        if form.overflow == "request" and not all(signed.values()):
            return TOO_LONG
        timestamp, token, signature = (b"".join(signed[name]) for name in (b"timestamp", b"token", b"signature"))
        at = signed_time(timestamp, now=self.clock.now())
        if at is None or not token or not self.keys.signed(timestamp=timestamp, token=token, signature=signature):
            return UNSIGNED
        if not any(value.strip() for value in form.values(b"recipient")):
            return NO_RECIPIENT
        return self._mail(form, token=token, at=at, raw=raw)

    def _mail(self, form: Form, *, token: bytes, at: datetime, raw: bool) -> IncomingMail:
        octets, fault = _octets(form, raw=raw)
        mail = IncomingMail(
            octets,
            source="mailgun",
            token=token.decode("ascii", "backslashreplace"),
            token_at=at,
            digest=form.digest(),
            spam=self.trust_spam_flag and any(flag.strip().lower() == b"yes" for flag in form.values(SPAM_FLAG)),
            quarantine=_OVERFLOWS[form.overflow] or fault,
        )
        route = _route(form)
        if isinstance(route, str):
            return evolve(mail, quarantine=mail.quarantine or route)
        recipients, sender = route
        return evolve(mail, recipients=recipients, sender=sender)


def _octets(form: Form, *, raw: bool) -> tuple[bytes, str | None]:
    """The mail itself, and why it must not be routed.

    All header fields of a mail are posted as fields too, so a mail may bring a `body-mime` of its own: at the
    address of the parsed form (which has `message-headers`) that is nothing but a header, and two are one too many.
    """
    given = [part.value for part in form.parts if part.name == b"body-mime"]
    if raw or (given and not form.values(b"message-headers")):
        if len(given) > 1:
            return as_posted(form), "duplicate_field"
        if given:
            return (_beginning(given[0]) if form.overflow in {"mail", "request"} else given[0]), None
    try:
        return rebuild(form), None
    except CannotRebuild:
        return as_posted(form), "unparseable"


def _beginning(mail: bytes) -> bytes:
    """Headers and the first 64 kB behind them, of a mail that is over the limit."""
    end = _END_OF_HEADERS.search(mail, 0, HEADERS)
    return mail[: (end.end() if end else 0) + CUT]


def _route(form: Form) -> tuple[tuple[EmailAddress, ...], ReturnPath] | str:
    """Envelope recipients and sender, or why the mail is quarantined.

    Every header of the mail is posted as a field too; a mail with a header `recipient` in lower case makes the
    field twofold, and nobody can tell which is the envelope's.
    """
    if any(form.count(name) > 1 for name in _ROUTE):
        return "duplicate_field"
    try:
        return _recipients(form.values(b"recipient")[0]), _sender(form.values(b"sender"))
    except (InvalidAddress, UnicodeDecodeError):
        return "unreadable_recipient"


def _recipients(value: bytes) -> tuple[EmailAddress, ...]:
    """One address, or several with commas between them: a comma of a quoted local part separates nothing."""
    text = value.decode("utf-8").strip()
    try:
        return (read_address(without_brackets(text)),)
    except InvalidAddress:
        return tuple(read_address(without_brackets(piece)) for piece in text.split(","))


def _sender(values: list[bytes]) -> ReturnPath:
    """None when it was not posted, or as something that is no address: then it is not known."""
    try:
        text = b"".join(values).decode("utf-8").strip()
        if text in {"", "<>"}:
            return NULL_RETURN_PATH if values else None
        return read_address(without_brackets(text))
    except (InvalidAddress, UnicodeDecodeError):
        return None
