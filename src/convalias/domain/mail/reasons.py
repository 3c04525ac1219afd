"""The reasons for which a mail is refused, held or ignored, and their consequences; a host may add reasons."""

from __future__ import annotations

import re
from collections.abc import Mapping
from enum import Enum
from types import MappingProxyType
from typing import Final, TypeAlias

from attrs import field, frozen

from convalias.domain.errors import InvalidValue
from convalias.domain.expecting import check_fields, expect


class Reason(Enum):
    """The reason why a mail was not simply relayed."""

    NOT_OURS = "NOT_OURS"
    MALFORMED = "MALFORMED"
    MIME_AMBIGUOUS = "MIME_AMBIGUOUS"
    TOO_LARGE = "TOO_LARGE"
    TOO_MANY_RECIPIENTS = "TOO_MANY_RECIPIENTS"
    UNKNOWN_ALIAS = "UNKNOWN_ALIAS"
    FORGED_ALIAS = "FORGED_ALIAS"
    EXPIRED_ALIAS = "EXPIRED_ALIAS"
    REVOKED_ALIAS = "REVOKED_ALIAS"
    CONVERSATION_CLOSED = "CONVERSATION_CLOSED"
    UNKNOWN_SENDER = "UNKNOWN_SENDER"
    ACCOUNT_AMBIGUOUS = "ACCOUNT_AMBIGUOUS"
    FROM_AMBIGUOUS = "FROM_AMBIGUOUS"
    NOT_PARTICIPANT = "NOT_PARTICIPANT"
    SPOOFED_SENDER = "SPOOFED_SENDER"
    BLOCKED_SENDER = "BLOCKED_SENDER"
    SPAM = "SPAM"
    AUTOMATED = "AUTOMATED"
    LOOP = "LOOP"
    BOUNCE = "BOUNCE"
    EMPTY = "EMPTY"
    RATE_LIMITED = "RATE_LIMITED"
    NEEDS_APPROVAL = "NEEDS_APPROVAL"
    DECLINED = "DECLINED"
    """A host that keeps its own conversations declined the message by a rule of its own."""

    @property
    def consequence(self) -> Consequence:
        """Return what follows from the reason."""
        return CONSEQUENCES[self]


class Severity(Enum):
    """The person who should look: nobody, a reader of the dashboard, an operator on call."""

    ROUTINE = "routine"
    NOTABLE = "notable"
    ALARM = "alarm"


@frozen(kw_only=True)
class Consequence:
    """The consequence of a reason."""

    severity: Severity = Severity.ROUTINE
    """A label of `icer.messages.processed`."""
    retryable: bool = False
    """Whether the same mail may pass later. For a door that answers while the sender waits: 4xx, not 5xx."""
    may_tell_sender: bool = False
    about_alias: bool = False
    """A refusal about the alias: it carries nothing, so an overlapping legacy alias goes to legacy."""
    throttle: str = "sender+alias+day"
    """What a refusal mail is counted by (`commands.Refuse`)."""
    metric: str
    """A name for dashboards that want a counter for each reason."""
    public_text: str
    """For an authenticated participant. Everybody else reads `GONE`, whatever the reason."""


GONE: Final = (
    "This email address is no longer valid, or your message did not come from an address that is registered with us. "
    "Please write from the address you registered with, or open the conversation in the app."
)
"""The one text of the four alias refusals, and of every refusal to a stranger: no reason proves an alias real.

Both reasons and both ways on, as one of them concerns the reader. `refusal_texts` has it in other languages.
"""


def _tellable(text: str, *, severity: Severity = Severity.ROUTINE) -> tuple[str, Severity, bool, bool]:
    return text, severity, True, False


def _silent(text: str = GONE, *, severity: Severity = Severity.ROUTINE) -> tuple[str, Severity, bool, bool]:
    return text, severity, False, False


def _about_alias(*, severity: Severity = Severity.ROUTINE) -> tuple[str, Severity, bool, bool]:
    return GONE, severity, True, True


_ROWS: Final = {
    Reason.NOT_OURS: _silent(),
    Reason.MALFORMED: _silent(severity=Severity.NOTABLE),
    Reason.MIME_AMBIGUOUS: _silent(severity=Severity.NOTABLE),
    Reason.TOO_LARGE: _tellable("This message is too large. Please send it with smaller attachments."),
    Reason.TOO_MANY_RECIPIENTS: _tellable("This message has too many recipients."),
    Reason.UNKNOWN_ALIAS: _about_alias(),
    Reason.FORGED_ALIAS: _about_alias(severity=Severity.NOTABLE),
    Reason.EXPIRED_ALIAS: _about_alias(),
    Reason.REVOKED_ALIAS: _about_alias(),
    Reason.CONVERSATION_CLOSED: _tellable("This conversation is closed and takes no more messages."),
    Reason.UNKNOWN_SENDER: _tellable("We do not know this address. Please reply from the address you registered with."),
    Reason.ACCOUNT_AMBIGUOUS: _tellable(
        "Several accounts use this address. Please reply in the app, or from an address of your own.",
        severity=Severity.NOTABLE,
    ),
    Reason.FROM_AMBIGUOUS: _silent(severity=Severity.NOTABLE),
    Reason.NOT_PARTICIPANT: _tellable(
        "You do not take part in this conversation. Please reply from the address you registered with."
    ),
    Reason.SPOOFED_SENDER: _silent(severity=Severity.NOTABLE),
    Reason.BLOCKED_SENDER: _silent(),
    Reason.SPAM: _silent(),
    Reason.AUTOMATED: _silent(),
    Reason.LOOP: _silent(severity=Severity.NOTABLE),
    Reason.BOUNCE: _silent(),
    Reason.EMPTY: _tellable("This message is empty."),
    Reason.RATE_LIMITED: _tellable("Too many messages in a short time. Please try again later."),
    # Nobody is told that a mail waits; a participant is when nobody let it in in time.
    Reason.NEEDS_APPROVAL: _silent("Nobody in the conversation let this message in. Please open it in the app."),
    Reason.DECLINED: _tellable("This conversation did not take your message. Please open it in the app."),
}

CONSEQUENCES: Final[Mapping[Reason, Consequence]] = MappingProxyType(
    {
        reason: Consequence(
            severity=severity,
            retryable=reason is Reason.RATE_LIMITED,
            may_tell_sender=tell,
            about_alias=about_alias,
            metric=f"icer.messages.processed.{reason.value.lower()}",
            public_text=text,
        )
        for reason, (text, severity, tell, about_alias) in _ROWS.items()
    }
)
"""Total: one row per reason."""


# --- reasons of one's own ------------------------------------------------------------------------------

LANGUAGES: Final = ("en", "de", "fr", "ja")
"""Languages in which refusals are written."""
_NAME: Final = re.compile("[A-Z][A-Z0-9_]{0,39}")
_NAME_EXPECTED: Final = "A-Z, 0-9 and _, at most 40, a letter first"
_ASK_THE_HOST: Final = "a rule of the host said {name}: ask whoever wrote that rule"
_NOT_KNOWN: Final = "{name} is no reason that this release knows: ask whoever wrote the rule, or use a newer convalias"


def _no_texts() -> Mapping[str, str]:
    return {}


@frozen
class OwnReason:
    """A reason of a host's own, for rules and admissions of its own. Make one with `reason`.

    Two of one name are equal. Records keep the reason whole, with its texts: a process that never heard of it can
    read them, write the refusal mail and tell `why`.
    """

    name: str
    consequence: Consequence = field(eq=False, repr=False)
    refusals: Mapping[str, str] = field(factory=_no_texts, eq=False, repr=False)
    """What an authenticated participant reads, by language. Empty: the sender is never told."""
    advice: str = field(default="", eq=False, repr=False)
    """What an operator may do, in one line."""

    __attrs_post_init__ = check_fields

    @property
    def value(self) -> str:
        """Return the name: what is shown in explanations, by `why` and in figures, as of a reason of ours."""
        return self.name

    def refusal(self, language: str) -> str | None:
        """Return the text in that language, else the English one, else the first. None: nobody is told."""
        return self.refusals.get(language) or self.refusals.get("en") or next(iter(self.refusals.values()), None)


AnyReason: TypeAlias = Reason | OwnReason
"""Says why a mail was not relayed: a reason of ours, or one that a host made by `reason()`."""


def reason(
    name: str,
    *,
    refusal: str | Mapping[str, str] | None = None,
    severity: Severity = Severity.ROUTINE,
    retryable: bool = False,
    advice: str = "",
) -> OwnReason:
    """Make a reason of one's own, with its consequence. Once, beside the rule; never for each mail.

    `name`: capitals, digits and underscores, at most 40, none of ours. `refusal`: what an authenticated participant
    reads of a refusal, one text or one for each language (`LANGUAGES`); everybody else reads the one text of all
    refusals. None: the sender is not told at all. `severity`: who should look. `retryable`: the same mail may pass
    later. `advice`: a line for operators, shown by `convalias why`. Raises `InvalidValue`.

    >>> QUOTA = reason("QUOTA", refusal="You have sent enough for today. Please write again tomorrow.", retryable=True)
    >>> QUOTA, QUOTA.consequence.may_tell_sender
    (OwnReason(name='QUOTA'), True)
    """
    expect("name of a reason", name, str, expected=_NAME_EXPECTED)
    _refuse_name(name)
    if name in Reason.__members__:
        raise InvalidValue("name of a reason", found=name, expected="none of the library's own (convalias.Reason)")
    expect(f"severity of reason {name}", severity, Severity, expected="a Severity")
    expect(f"retryable of reason {name}", retryable, bool, expected="True or False")
    expect(f"advice of reason {name}", advice, str, expected="text")
    refusals = _refusals(name, refusal)
    return own_reason(name, refusals=refusals, severity=severity, retryable=retryable, advice=advice)


def own_reason(
    name: str, *, refusals: Mapping[str, str], severity: Severity, retryable: bool, advice: str = ""
) -> OwnReason:
    """Return the reason of these parts, as a record holds them: unchecked."""
    consequence = Consequence(
        severity=severity,
        retryable=retryable,
        may_tell_sender=bool(refusals),
        metric=f"icer.messages.processed.{name.lower()}",
        public_text=refusals.get("en") or next(iter(refusals.values()), GONE),
    )
    return OwnReason(name, consequence, MappingProxyType(dict(refusals)), advice or _ASK_THE_HOST.format(name=name))


def unknown_reason(name: str) -> OwnReason:
    """Return a reason of which nothing but the name is known. Raises `InvalidValue` for what cannot be a name."""
    _refuse_name(name)
    return own_reason(
        name, refusals={}, severity=Severity.NOTABLE, retryable=False, advice=_NOT_KNOWN.format(name=name)
    )


def _refuse_name(name: str) -> None:
    if not _NAME.fullmatch(name):
        raise InvalidValue("name of a reason", found=name, expected=_NAME_EXPECTED)


def _refusals(name: str, refusal: str | Mapping[str, str] | None) -> Mapping[str, str]:
    texts = {"en": refusal} if isinstance(refusal, str) else refusal
    if texts is None:
        return {}
    wanted = "a text, texts by language, or None"
    expect(f"refusal of reason {name}", texts, Mapping, expected=wanted)
    if not texts:
        raise InvalidValue(f"refusal of reason {name}", found=refusal, expected=wanted)
    for language, text in texts.items():
        if language not in LANGUAGES:
            raise InvalidValue(f"refusal of reason {name}", found=language, expected=f"one of {', '.join(LANGUAGES)}")
        what, wanted = f"refusal of reason {name} in {language}", "a text that says why"
        expect(what, text, str, expected=wanted)
        if not text.strip():
            raise InvalidValue(what, found=text, expected=wanted)
    return texts
