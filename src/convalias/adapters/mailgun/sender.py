"""OutgoingMail by Mailgun's API: finished mail to `messages.mime`, one to one recipient."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager
from datetime import timedelta
from types import TracebackType
from typing import Final, Self

from attrs import frozen

from convalias.adapters.mailgun.place import KEY, Place, UnusableDomainError, read_url
from convalias.extras import brought_by
from convalias.ports.engines import EngineAt
from convalias.ports.errors import EngineAway, PortError, Rejected
from convalias.ports.examining import Observation, weak, wrong
from convalias.ports.mail import Outgoing

with brought_by("mailgun"):
    import httpx

VARIABLE: Final = "convalias"
"""The user variable that holds the receipt token; the door of events reads it."""
LONGEST_PAUSE: Final = timedelta(hours=1)
"""What `Retry-After` may ask for at most."""
_AWAY: Final = {
    401: f"it refuses the API key ({KEY})",
    402: "it asks for payment",
    403: f"the API key may not send for this domain ({KEY})",
    404: "it knows no such domain, in this region",
    407: "a proxy in front of it wants a login",
    408: "it did not get the whole request in time",
    429: "it takes no more mail for now",
}
"""Answers that speak of no one mail. Each was given before the mail was taken."""
_TAKEN: Final = 200
_MOVED: Final = range(300, 400)
_REFUSED: Final = range(400, 500)


class AnswerLost(PortError):
    """Raised if the whole mail was handed over and no clear answer came: it may have been taken."""


@frozen
class _Form:
    """A posted form. What ends it is apart: without that, nothing was posted."""

    content_type: str
    body: bytes
    end: bytes

    @property
    def headers(self) -> dict[str, str]:
        return {"Content-Type": self.content_type, "Content-Length": str(len(self.body) + len(self.end))}


class _Progress(httpx.AsyncByteStream):
    """Writes a form, and knows whether its end was given to the connection."""

    def __init__(self, form: _Form) -> None:
        self._form = form
        self.is_whole = False

    async def __aiter__(self) -> AsyncIterator[bytes]:
        yield self._form.body
        self.is_whole = True
        yield self._form.end


class OutgoingMail:
    """`ports.OutgoingMail` and `ports.Examined`. It remembers no key and cannot be asked: the API can do neither.

    What Mailgun refuses for good is `Rejected`. If it cannot be reached, asks for a pause, or takes no mail at all,
    that is `EngineAway`. In both cases the mail was surely not sent. Any other exception says that it may have been:
    an answer 5xx too, for what stands in front of the API gives one for an answer that it lost.

    The return path is Mailgun's own: what becomes of a mail is told at `POST /events/mailgun`.
    """

    def __init__(self, place: Place | str, *, key: str, variable: str = "") -> None:
        """`place`: or its URL. `variable`: where that was set, for messages. Raises `UnusableDomainError`."""
        if not key.strip() or not key.isascii() or not key.isprintable():
            raise UnusableDomainError(f"mail: no API key that can be used; set {KEY}, or {KEY}_FILE")
        self._place = read_url(place) if isinstance(place, str) else place
        self._name = f"mail: mailgun for {self._place.shown}" + (f" ({variable})" if variable else "")
        limits = self._place.limits
        self._client = httpx.AsyncClient(
            auth=httpx.BasicAuth("api", key),
            follow_redirects=False,
            timeout=httpx.Timeout(limits.timeout, connect=limits.begin, pool=limits.begin),
            limits=httpx.Limits(max_connections=limits.connections, keepalive_expiry=5.0),
        )

    async def __aenter__(self) -> Self:
        """Connect to nobody: the first mail does."""
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close."""
        await self.close()

    async def close(self) -> None:
        """Close every connection."""
        await self._client.aclose()

    async def send(self, mail: Outgoing) -> None:
        """Taken by Mailgun when it returns. Raises as the class says, within `Limits.timeout`."""
        form = _form(mail)
        progress = _Progress(form)
        request = self._client.build_request("POST", self._place.messages, content=progress, headers=form.headers)
        try:
            async with asyncio.timeout(self._place.limits.timeout):
                response = await self._client.send(request)
        except (httpx.HTTPError, TimeoutError) as failed:
            if progress.is_whole:
                raise AnswerLost("no answer to the mail") from None
            raise EngineAway(self._name, because=_because(failed)) from None
        self._judge(response)

    def _judge(self, response: httpx.Response) -> None:
        """Raise what an answer means, unless it is good."""
        status = response.status_code
        if status == _TAKEN:
            return
        if status in _AWAY:
            raise EngineAway(self._name, because=f"{_AWAY[status]} ({status})", retry_after=_pause(response))
        if status in _MOVED:  # never followed: the key would go there too
            raise EngineAway(self._name, because=f"it sends us elsewhere ({status})")
        if status in _REFUSED:
            raise Rejected(f"mailgun refuses the mail ({status})")
        raise AnswerLost(f"the answer to the mail is unclear ({status})")

    async def examine(self) -> Sequence[Observation]:
        """Ask how the domain is. No mail is sent. Raises `EngineAway`."""
        try:
            async with asyncio.timeout(self._place.limits.begin):
                response = await self._client.get(self._place.about)
        except (httpx.HTTPError, TimeoutError) as failed:
            raise EngineAway(self._name, because=_because(failed)) from None
        match response.status_code:
            case 200:
                return [_state(response)]
            case 401 | 403:
                found = f"it may not read how the domain is ({response.status_code})"
                return [weak("API key", found, f"nothing, if it may send only; else set {KEY} to a key of this region")]
            case 404:
                return [wrong("domain", "mailgun knows no such domain", "see its name, and region=eu for Europe")]
            case status:
                raise EngineAway(self._name, because=f"it answers {status}")


def _state(response: httpx.Response) -> Observation:
    try:
        told: object = response.json()["domain"]["state"]
    except (ValueError, KeyError, TypeError):
        told = "nothing that can be read"
    if told == "active":
        return Observation(about="domain", found="active")
    return wrong("domain", f"mailgun says {str(told)[:40]!r}", "verify it in Mailgun's control panel")


def _form(mail: Outgoing) -> _Form:
    """The fields of the API. No part can hold the boundary, which is a digest of all of them."""
    fields = [("to", mail.to.wire), ("o:tracking", "no")]
    if mail.receipt_token:
        fields.append((f"v:{VARIABLE}", mail.receipt_token))
    digest = hashlib.sha256(repr(fields).encode() + mail.raw)
    boundary = f"=_convalias_{digest.hexdigest()[:32]}"
    parts = [
        f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n' for name, value in fields
    ]
    file = (
        f'--{boundary}\r\nContent-Disposition: form-data; name="message"; filename="message.eml"\r\n'
        "Content-Type: message/rfc822\r\n\r\n"
    )
    return _Form(
        content_type=f'multipart/form-data; boundary="{boundary}"',
        body="".join([*parts, file]).encode() + mail.raw,
        end=f"\r\n--{boundary}--\r\n".encode(),
    )


def _pause(response: httpx.Response) -> timedelta | None:
    """What `Retry-After` asks for, in seconds (RFC 9110 §10.2.3); None: nothing that is of use."""
    text = response.headers.get("retry-after", "").strip()
    if not text.isascii() or not text.isdecimal() or len(text) > 9:  # noqa: PLR2004 - thirty years
        return None
    return min(timedelta(seconds=int(text)), LONGEST_PAUSE)


def _because(failed: Exception) -> str:
    """Explain a failed connection. The client's own words can hold an address."""
    match failed:
        case TimeoutError() | httpx.TimeoutException():
            return "no answer in time"
        case httpx.ConnectError():
            return "it cannot be reached"
        case _:
            return "the connection was lost"


class Engine:
    """`ports.MailEngine`, registered for `mailgun`."""

    def opened(self, at: EngineAt) -> AbstractAsyncContextManager[OutgoingMail]:
        """Open the sender at this URL. Nobody is connected to."""
        return OutgoingMail(at.url, key=at.password, variable="CONVALIAS_MAIL")


ENGINE: Final = Engine()
