"""An explanation as data for logs, as text for people and as a picture."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final, assert_never

from convalias.domain.addresses.email_address import EmailAddress
from convalias.domain.conversations.participants import AccountAuthor, Author, PeripheralAuthor
from convalias.domain.inbound.held import Admits
from convalias.domain.routing.explanation import (
    Arrived,
    Evidence,
    Examined,
    Explanation,
    Fired,
    Json,
    LetIn,
    Looked,
    Passed,
    Pseudonym,
    Ruled,
    Step,
    Waiting,
    Weighed,
)
from convalias.domain.routing.verdicts import (
    HandToLegacy,
    Hold,
    Ignore,
    Reject,
    RelayToConversation,
    SkipOverlap,
    Verdict,
)

# --- verdicts in words -------------------------------------------------------------------------------


def outcome(verdict: Verdict) -> str:
    """Name a verdict in a word: relay, legacy, skip, hold, reject or ignore."""
    match verdict:
        case RelayToConversation():
            return "relay"
        case HandToLegacy():
            return "legacy"
        case SkipOverlap():
            return "skip"
        case Hold():
            return "hold"
        case Reject():
            return "reject"
        case Ignore():
            return "ignore"
        case _:
            assert_never(verdict)


def said(verdict: Verdict, show: Pseudonym = str) -> str:
    """A verdict in a few words."""
    match verdict:
        case RelayToConversation(conversation=conversation, author=author):
            return f"relay to {conversation} as {_author(author, show)}"
        case HandToLegacy():
            return "hand to legacy"
        case SkipOverlap(carried_by=carried_by):
            return f"skip, {show(carried_by)} carries it"
        case Hold(reason=reason, author=AccountAuthor() | PeripheralAuthor() as author):
            return f"hold {reason.value}, from {_author(author, show)}"
        case Hold(reason=reason) | Reject(reason=reason) | Ignore(reason=reason):
            return f"{outcome(verdict)} {reason.value}"
        case _:
            assert_never(verdict)


def _author(author: Author, show: Pseudonym) -> str:
    match author:
        case AccountAuthor(account=account, standing=standing, verified=verified):
            return f"{account} ({standing.value}, {'verified' if verified else 'not verified'})"
        case PeripheralAuthor(address=address, verified=verified):
            return f"{show(address)} (peripheral, {'verified' if verified else 'not verified'})"
        case _:
            assert_never(author)


# --- text --------------------------------------------------------------------------------------------


def text(explanation: Explanation, show: Pseudonym) -> str:
    """Return an explanation as lines for people: facts, evidence, rules that spoke, verdicts."""
    lines = [line for step in explanation.steps for line in _lines(step, show)]
    silent = sum(isinstance(step, Passed) for step in explanation.steps)
    told = "may" if explanation.tell_sender else "may not"
    return "\n".join(
        [*lines, f"{silent} times a rule had nothing to say; {explanation.policy}", f"the sender {told} be told"]
    )


def _lines(step: Step, show: Pseudonym) -> Iterable[str]:
    match step:
        case Looked(where=where, found=found):
            yield f"{where}: {len(found)} found"
        case Arrived(written=written, recipient=recipient, kind=kind, conversation=conversation):
            unwrapped = "" if written == recipient else f" (written {show(written)})"
            leads = "" if conversation is None else f" of {conversation}"
            yield f"  {show(recipient)}{unwrapped}: {kind}{leads}"
        case Evidence():
            yield from _proofs(step)
        case Examined() | LetIn():
            yield _judged(step)
        case Weighed(recipient=recipient, accounts=accounts, standing=standing, takes_part=takes_part):
            part = f"{standing.value}, takes part" if takes_part and standing is not None else "takes no part"
            yield f"candidates at {show(recipient)}: {', '.join(accounts) or 'nobody known'}, {part}"
        case Passed():
            pass
        case Fired(rule=rule, number=number, recipient=recipient, verdict=verdict, law=law):
            where = "the mail" if recipient is None else show(recipient)
            yield f"rule {_numbered(rule, number)} about {where}: {said(verdict, show)}"
            yield f"  because: {law}"
        case Ruled(recipient=recipient, source=source, verdict=verdict, rule=rule, number=number):
            by = _numbered(rule, number)
            yield f"=> {show(recipient)} ({source.value}): {said(verdict, show)} [{by}]"
        case Waiting(witness=witness):
            yield f"=> try again: {witness.value} is away"
        case _:
            assert_never(step)


def _judged(step: Examined | LetIn) -> str:
    """What a detector said of the mail, or a participant."""
    if isinstance(step, LetIn):
        return f"let in: {_LET_IN[step.admits]}, by a participant of {step.conversation}"
    checked = step.checked
    return f"check: {checked.finding.value}{checked.said and f', {checked.said}'}"


_LET_IN: Final[Mapping[Admits, str]] = {
    Admits.THIS_MAIL: "this mail",
    Admits.THIS_ADDRESS: "the address",
    Admits.THIS_LIST: "the list",
}


def _numbered(rule: str, number: int | None) -> str:
    return rule if number is None else f"{number} {rule}"


def _proofs(step: Evidence) -> Iterable[str]:
    signed = step.signed
    covers = "" if signed is None else f", by a signature alone, which covers {', '.join(signed) or 'nothing'}"
    yield f"sender: {step.authentication.value}{covers}"
    if step.via_list is not None:
        where = f", which participants let into {', '.join(step.let_in)}" if step.let_in else ""
        yield f"list: {step.via_list}, by a signature of its own{where}"


# --- data --------------------------------------------------------------------------------------------


def data(explanation: Explanation, pseudonym: Pseudonym) -> Mapping[str, Json]:
    """JSON without an address: each stands as its pseudonym."""
    return {
        "policy": explanation.policy,
        "tell_sender": explanation.tell_sender,
        "steps": [_datum(step, pseudonym) for step in explanation.steps],
    }


def _datum(step: Step, hide: Pseudonym) -> Mapping[str, Json]:
    match step:
        case Looked(where=where, found=found):
            return {"step": "looked", "where": where, "found": [hide(one) for one in found]}
        case Arrived(kind=kind, conversation=conversation):
            shown = {"written": hide(step.written), "recipient": hide(step.recipient)}
            return {"step": "arrived", **shown, "kind": kind, "conversation": conversation}
        case Evidence(authentication=authentication):
            signed = None if step.signed is None else [*step.signed]
            proved: dict[str, Json] = {
                "step": "evidence",
                "authentication": authentication.value,
                "dkim_signed": signed,
            }
            return proved if step.via_list is None else {**proved, "list_let_into": [*step.let_in]}
        case Examined() | LetIn():
            return _judgement(step)
        case Weighed(accounts=accounts, standing=standing):
            return {
                "step": "weighed",
                "recipient": hide(step.recipient),
                "accounts": list(accounts),
                "standing": None if standing is None else standing.value,
                "takes_part": step.takes_part,
            }
        case Passed(rule=rule, recipient=recipient):
            return {"step": "passed", "rule": rule, "recipient": _hidden(recipient, hide)}
        case Fired(rule=rule, number=number, recipient=recipient, verdict=verdict, law=law):
            shown = {"said": said(verdict, hide), "law": law}
            return {"step": "fired", "recipient": _hidden(recipient, hide), "rule": rule, "number": number, **shown}
        case Ruled(source=source, verdict=verdict, rule=rule, number=number):
            shown = {"recipient": hide(step.recipient), "source": source.value, "said": said(verdict, hide)}
            return {"step": "ruled", **shown, "rule": rule, "number": number}
        case Waiting(witness=witness):
            return {"step": "waiting", "witness": witness.value}
        case _:
            assert_never(step)


def _judgement(step: Examined | LetIn) -> Mapping[str, Json]:
    if isinstance(step, LetIn):
        return {"step": "let in", "conversation": step.conversation, "admits": step.admits.value}
    return {"step": "examined", "finding": step.checked.finding.value, "said": step.checked.said}


def _hidden(recipient: EmailAddress | None, hide: Pseudonym) -> str | None:
    return None if recipient is None else hide(recipient)


# --- picture -----------------------------------------------------------------------------------------


def mermaid(explanation: Explanation, show: Pseudonym) -> str:
    """A flowchart: the mail, each recipient, the rules that spoke about it in their order, its verdict."""
    lines = ["flowchart LR", '  mail(["mail"])']
    places: dict[str, str] = {}
    tips: dict[str, str] = {}
    for step in explanation.steps:
        match step:
            case Fired(recipient=recipient, verdict=verdict) if recipient is not None:
                label = f"{_numbered(step.rule, step.number)}<br/>{_quoted(said(verdict, show))}"
                lines.extend(_grown(_quoted(show(recipient)), label, places, tips))
            case Fired(verdict=verdict):
                lines.append(f'  mail --> whole["{_quoted(step.rule)}<br/>{_quoted(said(verdict, show))}"]')
            case Ruled(recipient=recipient, verdict=verdict):
                lines.extend(_grown(_quoted(show(recipient)), None, places, tips))
                lines.append(f'  {tips[_quoted(show(recipient))]} ==> {outcome(verdict)}{{{{"{outcome(verdict)}"}}}}')
            case Waiting(witness=witness):
                lines.append(f'  mail ==> again{{{{"try again: {witness.value} is away"}}}}')
            case _:
                pass
    return "\n".join(dict.fromkeys(lines)) + "\n"


def _grown(recipient: str, label: str | None, places: dict[str, str], tips: dict[str, str]) -> Iterable[str]:
    """The lines that show a recipient (once), and one more rule behind what is shown of it."""
    if recipient not in places:
        places[recipient] = tips[recipient] = f"r{len(places)}"
        yield f'  mail --> {places[recipient]}["{recipient}"]'
    if label is not None:
        behind = f"{tips[recipient]}x"
        yield f'  {tips[recipient]} --> {behind}("{label}")'
        tips[recipient] = behind


def _quoted(label: str) -> str:
    """Text inside a Mermaid label: quotes, brackets and line ends are entities."""
    return "".join(char if char.isalnum() or char in " .,@-_()/'" else f"#{ord(char)};" for char in label)
