"""The page behind an approval link: GET shows, POST acts; no script, nothing from elsewhere, nothing of the mail."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from html import escape
from typing import Final, Protocol

from starlette.requests import Request
from starlette.responses import Response

from convalias.adapters.asgi.pages import button, door_page, html_page, paragraph, posted_fields, unchanged_page
from convalias.domain.approvals.holds import HeldPage
from convalias.domain.approvals.links import Allow, Deny, NotHis, Unusable
from convalias.domain.approvals.links import Request as Asked
from convalias.domain.inbound.held import Admits, HoldState
from convalias.domain.system_mail import page_texts
from convalias.domain.system_mail.approval_texts import TEXTS, ApprovalTexts

_REQUESTS: Final[Mapping[tuple[str, str], Asked]] = {
    ("approve", "mail"): Allow(Admits.THIS_MAIL),
    ("approve", ""): Allow(Admits.THIS_MAIL),
    ("approve", "address"): Allow(Admits.THIS_ADDRESS),
    ("approve", "list"): Allow(Admits.THIS_LIST),
    ("reject", ""): Deny(),
}


class ApprovalDoor(Protocol):
    """The service behind the pages: `services.approvals.Approvals` is one."""

    async def show(self, token: str) -> HeldPage | Unusable | NotHis:
        """Return what the link is about. Changes nothing."""
        ...

    async def decide(self, token: str, request: Asked) -> HeldPage | Unusable | NotHis:
        """Answer; what stands then."""
        ...


def opened(find: Callable[[], ApprovalDoor | None]) -> Callable[[Request], Awaitable[Response]]:
    """The route's end point; `find()` may be None while nothing is open yet.

    GET and HEAD show, for scanners follow links; only a posted form acts.
    """

    async def answer(door: ApprovalDoor, request: Request, language: str) -> Response:
        token: str = request.path_params["token"]
        if request.method != "POST":
            return _page(await door.show(token), language)
        asked = _asked(await posted_fields(request) or {})
        if asked is None:
            return unchanged_page(request, page_texts.TEXTS[language].unreadable_form)
        return _page(await door.decide(token, asked), language)

    return door_page(find, answer)


def _asked(fields: Mapping[str, Sequence[str]]) -> Asked | None:
    """What the form says; None where it says nothing we know."""
    answer, admit = (fields.get(name, [""]) for name in ("answer", "admit"))
    return _REQUESTS.get((answer[0], admit[0])) if len(answer) == len(admit) == 1 else None


def _page(found: HeldPage | Unusable | NotHis, language: str) -> Response:
    """One page for whatever a token is that opens nothing: it tells forged ones nothing."""
    texts = TEXTS[language]
    if not isinstance(found, HeldPage):
        return html_page(page_texts.TEXTS[language].ended_title, paragraph(texts.ended), 404, language=language)
    waits = found.state is HoldState.HELD
    sender = f"<b>{escape(found.sender or texts.unreadable_sender)}</b>"
    said = [
        f"<p>{escape(texts.received).format(sender=sender, time=f'{found.since:%Y-%m-%d %H:%M}')}</p>",
        *(paragraph(texts.findings[one]) for one in (found.finding,) if one is not None and one in texts.findings),
        paragraph(texts.proofs[found.proof]),
        paragraph(texts.states[found.state]),
    ]
    if waits:
        said += [paragraph(texts.until.format(time=f"{found.expires_at:%Y-%m-%d %H:%M}")), _form(found, texts)]
    title = texts.waiting_title if waits else texts.decided_title
    return html_page(title, "".join(said), 200, language=language)


def _form(found: HeldPage, texts: ApprovalTexts) -> str:
    """Two forms, so that turning down carries nothing else; no address of another site, no script."""
    choices = [("mail", texts.this_mail)]
    if found.may_admit_address:
        choices.append(("address", texts.this_address))
    if found.by_list is not None:
        choices.append(("list", texts.this_list.format(by_list=found.by_list)))
    radios = "".join(
        f'<label style="display:block;padding:.5em 0"><input type="radio" name="admit" value="{value}"'
        f"{' checked' if value == 'mail' else ''}> {escape(words)}</label>"
        for value, words in choices
    )
    return (
        '<form method="post"><input type="hidden" name="answer" value="approve">'
        f'<fieldset style="margin:0 0 1em"><legend>{escape(texts.question)}</legend>{radios}</fieldset>'
        f"{button(texts.allow)}</form>"
        '<form method="post" style="margin-top:1em"><input type="hidden" name="answer" value="reject">'
        f"{button(texts.deny)}</form>"
    )
