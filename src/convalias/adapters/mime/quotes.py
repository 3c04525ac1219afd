"""Quoted history cut off a reply: our own linear cutter, which knows no language but our marker and addresses."""

from __future__ import annotations

import re
from collections.abc import Collection
from typing import Final

from attrs import frozen

from convalias.adapters.mime import limits
from convalias.domain.mail.subjects import is_forward
from convalias.ports.drafts import REPLY_MARKER

_ADDRESS: Final = re.compile(r"@([A-Za-z0-9](?:[A-Za-z0-9.-]{0,250}))")
_FIELD: Final = re.compile(r"[>\s]*+\*{0,2}[^\s:>@\uff1a][^:@\uff1a]{0,40}+\*{0,2}\s?[:\uff1a]")
_RULE: Final = re.compile(
    r"[>\s]*+(?:[-_=*\u2010-\u2015\u2500-\u257f]{3,}.{0,60}[-_=*\u2010-\u2015\u2500-\u257f]{3,}"
    r"|[-_=\u2010-\u2015]{5,}.{0,60}|[-_=\u2010-\u2015\u2500-\u257f]{3,})\s*+"
)
_COLONS: Final = (":", "\uff1a")
_RULE_LENGTH: Final = 160
_WRAPPED: Final = 50
_LONGEST: Final = 200
_LETTER: Final = re.compile(r"[^\W\d_]")
_DIGIT: Final = re.compile(r"\d")
_DATED: Final = re.compile(r"\d{4}.{0,40}\d{1,2}:\d{2}")
_DATE: Final = re.compile(
    r"(?<!\d)(?:19|20)\d\d\s?[-./\u5e74\ub144]\s?\d{1,2}(?!\d)"  # 2026-03-01, 2026年3月1日
    r"|(?<!\d)\d{1,2}[-./]\s?\d{1,2}[-./]\s?(?:\d{4}|\d\d)(?!\d)"  # 01.03.26
    r"|(?<!\d)\d{1,2}(?:st|nd|rd|th|er|\.|\u00ba)?,?\s(?:de\s)?[^\W\d]{3,12}\.?,?\s(?:de[l]?\s)?(?:19|20)\d\d(?!\d)"  # 1. März 2026
    r"|[^\W\d]{3,12}\.?\s\d{1,2}(?:st|nd|rd|th)?,?\s(?:19|20)\d\d(?!\d)"  # March 1, 2026
)
_FRAMED: Final = re.compile(r"[>\s]*+-{3,}+\s.{1,300}\s-{3,}+\s*+|>{2,}+\s.{1,300}\s>{2,}+\s*+")
"""An attribution between hyphens, as `---- On Monday, John <alias> wrote ---`, or between brackets, as GroupWise's."""
_BRACKETED: Final = re.compile(r"\s*+[\[(\uff08\u3010].{1,300}[:\uff1a]\s*+[\])\uff09\u3011]\s*+")
_ENCLOSED: Final = re.compile(r"\s*+[\[(\uff08\u3010].{1,300}[\])\uff09\u3011]")
_CLOSED_LATE: Final = re.compile(r">[^<>:\uff1a]{0,40}[:\uff1a]\s*+")
"""The end of an attribution whose closing angle was wrapped onto a line of its own."""
_MONTH: Final = re.compile(r"[^\W\d]{3,12}\.?,? (?:19|20)\d\d")
_BRACKETS: Final = re.compile(r"[<(\[][^<>()\[\]\s]{1,250}@[^<>()\[\]\s]{1,250}[>)\]]")
_ORDINAL: Final = re.compile(r"(?:^|\s)\d{1,2}\.$")
_FOOTER: Final = re.compile(r"--\s*+|([_*=-])\1{9,}\s*+")
"""What signatures and the notices of gateways stand under; nobody begins an answer so."""
_FROM: Final = re.compile(
    r"[>\s]*+\*{0,2}(?:from|von|de|da|van|fra|fr\u00e5n|od|from/von|l\u00e4hett\u00e4j\u00e4|felad\u00f3|kimden|g\u00f6nderen|\u043e\u0442"
    r"|\u0432\u0456\u0434|\u03b1\u03c0\u03cc|\u5dee\u51fa\u4eba|\u53d1\u4ef6\u4eba|\u5bc4\u4ef6\u8005|\ubcf4\ub0b8 \uc0ac\ub78c|\u05de\u05d0\u05ea|\u0645\u0646)\s?\*{0,2}[:\uff1a]",
    re.IGNORECASE,
)
"""How programs name the sender: header blocks begin so."""
_FORWARDED: Final = re.compile(
    r"forward|weitergeleitet|transf\u00e9r|r\u00e9exp\u00e9di|reenviad|encaminhad|inoltrat|doorgestuurd|videresend|vidarebefordra"
    r"|przekazan|p\u0159eposlan|\u043f\u0435\u0440\u0435\u0441\u044b\u043b|\u043f\u0435\u0440\u0435\u0430\u0434\u0440\u0435\u0441|iletilen|tov\u00e1bb\u00edt|\u8f6c\u53d1|\u8f49\u5bc4|\u8ee2\u9001|\uc804\ub2ec",
    re.IGNORECASE,
)
_BANNER: Final = re.compile(
    r"^\W*(?:external|extern|ext|externe|externo|esterno|ekstern|zewn\u0119trzn\w*|caution|warning|attention|notice|note|vorsicht|achtung"
    r"|warnung|hinweis|avertissement|prudence|aten[c\u00e7][i\u00e3]\S{1,3}|cuidado|advertencia|aviso|attenzione|avviso|let op"
    r"|waarschuwing|varning|obs|advarsel|uwaga|pozor|\u0432\u043d\u0438\u043c\u0430\u043d\u0438\u0435|\u043e\u0441\u0442\u043e\u0440\u043e\u0436\u043d\u043e|dikkat|be careful|this (?:e-?mail|message) "
    r"(?:originated|was sent|came|is) from|diese (?:e-?mail|nachricht) (?:kommt|stammt|wurde) von)\b"
    r"|^\W*(?:\u6ce8\u610f|\u8b66\u544a|\u5916\u90e8|\u793e\u5916|\uc8fc\uc758|\uc678\ubd80)"
    r"|LearnAboutSenderIdentification|outside (?:of )?(?:the|your|our) organi[sz]ation|don.t often get e-?mail from"
    r"|au\u00dferhalb (?:der|ihrer|unserer) organisation|ext\u00e9rieur de (?:l.|votre |notre )organisation",
    re.IGNORECASE,
)
"""What mail servers put above mail from outside."""
_BANNER_LINES: Final = 8
_SIGNATURE_LINES: Final = 12
_ATTRIBUTION_LINES: Final = 4
_SENT_WITH: Final = re.compile(
    r"(?:sent (?:from|via|with|using)|get (?:the mail app|outlook for)|gesendet (?:von|mit)|von meinem .{1,40} gesendet|diese nachricht wurde von"
    r"|holen sie sich|outlook für .{1,20} (?:beziehen|abrufen)|envoyé (?:de|depuis|à partir)|obtenez outlook|télécharger outlook"
    r"|enviado (?:desde|do|de)|obtener outlook|obter o outlook|inviato da|ottieni outlook|verzonden (?:vanaf|met|via)|outlook voor"
    r"|skickat från|hämta outlook|sendt fra|hent outlook|lähetetty|wysłane z|odesláno z|отправлено (?:с|из)|надіслано з|iphone-?ról küldve"
    r"|iphoneから送信|ipadから送信|androidから送信|outlook for .{1,20} (?:を入手|입수)|发自我的|從我的|从我的|나의 .{1,20}에서 보냄|yahoo mail)\S?.{0,80}",
    re.IGNORECASE,
)
"""The line that a program puts under what is written with it."""
_LEAST_FIELDS: Final = 3
_BLOCK_LINES: Final = 12
"""Lines of a header block that are looked at above and below the one that names an alias."""
# Marks that turn the direction of text, and characters without width: they stand in attributions, and mean nothing here.
_UNSEEN: Final = dict.fromkeys((0x200B, 0x200E, 0x200F, 0x061C, 0xFEFF, *range(0x202A, 0x202F), *range(0x2066, 0x206A)))
_WITHOUT_WIDTH: Final = {
    **_UNSEEN,
    **dict.fromkeys((0xAD, 0x34F, 0x180E, 0x200C, 0x200D, *range(0x2060, 0x2065), 0x3164)),
}
"""What nobody sees where no letters stand beside: pages pad what they preview with these."""


def is_blank(text: str) -> bool:
    """Whether nothing in a text can be seen."""
    shown = text.strip()
    return not shown or (not shown.isascii() and not shown.translate(_WITHOUT_WIDTH).strip())


def without_history(text: str, alias_domains: Collection[str], *, subject: str = "") -> str:
    """Return the new part of a reply; the whole if nothing would be left, or if it is too long.

    In a forward, told by its subject, the forwarded text is the message: only what our marker stands in is history.
    """
    if len(text) > limits.TEXT:
        return text
    lines = text.split("\n")
    seen = lines if text.isascii() else text.translate(_UNSEEN).split("\n")
    cut = _cut_at(seen, alias_domains, forward=is_forward(subject))
    if cut is None:
        return text
    while cut and not lines[cut - 1].strip("> \t"):  # a mark alone is the beginning of what was quoted
        cut -= 1
    kept = "\n".join(lines[:cut]).rstrip()
    return kept if kept.strip() else text


def is_wordless(text: str, alias_domains: Collection[str]) -> bool:
    """Whether an answer has no words of its author: only history marked line by line, and a signature.

    History without marks may hold anything, so a mail that is nothing else is shown.
    """
    if is_blank(text):
        return True
    if len(text) > limits.TEXT:
        return False
    lines = (text if text.isascii() else text.translate(_UNSEEN)).split("\n")
    cut = _cut_at(lines, alias_domains, forward=False)
    above = lines if cut is None else lines[:cut]
    if any(map(_is_own, _without_signature(above))):
        return False
    quoted = [line for line in above if line.lstrip().startswith(">")]
    return not quoted if cut is None else _is_marked(lines[cut:])


def _is_own(line: str) -> bool:
    return bool(line.strip()) and not line.lstrip().startswith(">") and not _SENT_WITH.match(line.strip())


def _without_signature(lines: list[str]) -> list[str]:
    """The lines above a signature (RFC 3676 §4.3) that goes to the end and is no longer than one is."""
    for number, line in enumerate(lines):
        if line.rstrip() == "--" and len(lines) - number <= _SIGNATURE_LINES:
            return lines[:number]
    return lines


def _is_marked(history: list[str]) -> bool:
    """Whether all of it is marked with `>`, but for the few lines of its attribution and a signature below."""
    first = next((at for at, line in enumerate(history) if line.lstrip().startswith(">")), None)
    if first is None or sum(map(_is_own, history[:first])) > _ATTRIBUTION_LINES:
        return False
    sure = any("@" in line or _DATE.search(line) for line in history[:first]) or any(
        REPLY_MARKER in line for line in history
    )
    if not sure:  # a person may quote himself, and indent with it
        return False
    return not any(map(_is_own, _without_signature(history[first:])))


def _cut_at(lines: list[str], alias_domains: Collection[str], *, forward: bool) -> int | None:
    """The first line of quoted history, or None."""
    trail = _quoted_trail(lines)
    looked_at = -1  # the last line of a block that is none: its other lines make no other of it
    for number, line in enumerate(lines):
        if REPLY_MARKER in line:
            # Quoted, with own words among or under the quoted lines: then nothing is cut.
            answered_below = line.startswith(">") and (trail is None or trail > number)
            return None if answered_below else _above(lines, number, alias_domains)
        if not forward and "@" in line and _names_alias(line, alias_domains):
            last = _end_of_attribution(lines, number, trail)
            if last is not None:
                if not _is_answered(lines, number, last, trail):
                    return _attribution_start(lines, number)
            elif number > looked_at and (block := _block(lines, number)) is not None:
                if _is_history(lines, block, number):
                    return _above_rule(lines, block.first)
                looked_at = block.last
    if trail is not None and not forward:
        last = _last_filled(lines, trail)
        if last is not None and _introduces(lines[last]):
            return _attribution_start(lines, last)
    return None


def _names_alias(line: str, alias_domains: Collection[str]) -> bool:
    """Whether an address at an alias domain stands in the line."""
    return any(found[1].lower().rstrip(".-") in alias_domains for found in _ADDRESS.finditer(line[:2_000]))


def _is_answered(lines: list[str], number: int, last: int, trail: int | None) -> bool:
    """Whether somebody wrote between or under what the attribution from `number` to `last` introduces."""
    return not lines[number].startswith(">") and _answers_below(lines, last + 1, trail)


def _introduces(line: str) -> bool:
    """Whether an attribution ends here: in a colon, or framed in hyphens or brackets."""
    return (
        line.rstrip(" *\t\u00a0").endswith(_COLONS)
        or _FRAMED.fullmatch(line) is not None
        or _BRACKETED.fullmatch(line) is not None
    )


def _end_of_attribution(lines: list[str], number: int, trail: int | None) -> int | None:
    """The last line of an attribution in which this line names the alias; None when it is none."""
    if _introduces(lines[number]) and not _FIELD.fullmatch(lines[number].strip(" *>\t\u00a0")):
        return number if _is_attribution(lines, number) else None
    following = [line.strip() for line in lines[number + 1 : number + 3]]
    line = lines[number].rstrip()
    if following and line.rfind("<") > line.rfind(">") and _CLOSED_LATE.fullmatch(following[0]):
        return number + 1
    for step, one in enumerate(following, 1):
        if not one or one.startswith(">"):
            break
        if one.endswith(_COLONS) and len(one) < _WRAPPED:
            ends = lines[number + step - 1].rstrip().endswith((">", ")"))
            if ends or _DATED.search(one) or _quotes_from(lines, number + step + 1, trail):
                return number + step
    told = _DATE.search(line) or _ENCLOSED.fullmatch(line)
    if len(line) < _LONGEST and told and _quotes_from(lines, number + 1, trail):
        return number  # without a colon, but with a date or in brackets, and what was quoted goes to the end
    return None


def _is_attribution(lines: list[str], number: int) -> bool:
    """Whether a line with the alias and a colon is more than prose: brackets, a date, or a quotation below."""
    if _BRACKETS.search(lines[number]) or _DATE.search(lines[number]) or lines[number].startswith(">"):
        return True
    below = next((line for line in lines[number + 1 : number + 4] if line.strip()), "")
    return below.lstrip().startswith(">") or REPLY_MARKER in below


def _quotes_from(lines: list[str], start: int, trail: int | None) -> bool:
    """Whether the quoted lines that go to the end of the text begin here, or a blank line or two below."""
    return trail is not None and start <= trail <= start + 2 and not any(line.strip() for line in lines[start:trail])


def _answers_below(lines: list[str], start: int, trail: int | None) -> bool:
    """Whether somebody wrote between or under the lines quoted with `>`: then nothing is cut here."""
    first = next((at for at in range(start, min(start + 4, len(lines))) if lines[at].strip()), None)
    if first is None or not lines[first].lstrip().startswith(">"):
        return False
    return trail is None or trail > first


def _quoted_trail(lines: list[str]) -> int | None:
    """Where the quoted lines begin that go to the end of the text, or None. A footer below them is none of the text."""
    start = None
    for number in range(_without_footer(lines) - 1, -1, -1):
        stripped = lines[number].lstrip()
        if stripped.startswith(">"):
            start = number
        elif stripped:
            break
    return start


def _without_footer(lines: list[str]) -> int:
    """Where a signature or notice begins below the last quoted line, or the end."""
    below = len(lines)
    while below and not lines[below - 1].lstrip().startswith(">"):
        below -= 1
    first = next((at for at in range(below, len(lines)) if lines[at].strip()), len(lines))
    return first if below and first < len(lines) and _FOOTER.fullmatch(lines[first]) else len(lines)


def _last_filled(lines: list[str], before: int) -> int | None:
    """The last line above `before` that is not blank, if it is near."""
    return next((at for at in range(before - 1, max(before - 4, -1), -1) if lines[at].strip()), None)


@frozen
class _Block:
    """Lines like those of a mail's header, as programs put them above what they quote."""

    first: int
    last: int
    dated: bool
    """Three fields, and a date in one of them."""
    ruled: bool
    """Two fields below a rule such as `-----Original Message-----`."""
    many: bool
    """Two fields."""


def _block(lines: list[str], number: int) -> _Block | None:
    """The header block that this line belongs to, or None. A field may be folded onto a second line."""
    if not _FIELD.match(lines[number]) and not _is_folded(lines, number):
        return None
    first = number
    highest, lowest = max(number - _BLOCK_LINES, 0), min(number + _BLOCK_LINES, len(lines)) - 1
    while first > highest and (_FIELD.match(lines[first - 1]) or _is_folded(lines, first - 1)):
        if _FROM.match(lines[first]) and not _DATE.search(lines[first - 1]):  # GMX has the date above the sender
            break
        first -= 1
    last = number
    while last < lowest and (_FIELD.match(lines[last + 1]) or _is_folded(lines, last + 1)):
        last += 1
    fields = [line for line in lines[first : last + 1] if _FIELD.match(line)]
    many = len(fields) > 1
    dated = len(fields) >= _LEAST_FIELDS and any(_DATE.search(line) for line in lines[first : last + 1])
    return _Block(first, last, dated, many and _above_rule(lines, first) != first, many)


def _is_history(lines: list[str], block: _Block, number: int) -> bool:
    """Whether a block in which this line names an alias introduces history.

    Beside a rule or with a date it does. A forwarded mail *to* our address does not: nobody else has its text.
    """
    return (block.dated or block.ruled) and (number == block.first or not _is_forwarded(lines, block))


def _is_folded(lines: list[str], number: int) -> bool:
    """Whether a line goes on with the field above it."""
    line, above = lines[number], lines[number - 1] if number else ""
    if not line.strip() or _FIELD.match(line) or not _FIELD.match(above):
        return False
    return line[0] in " \t" or line.lstrip("> ").startswith("<") or above.rstrip().endswith((",", ";", "<"))


def _is_forwarded(lines: list[str], block: _Block) -> bool:
    """Whether the rule or line above a header block says that a forwarded message follows."""
    last = _last_filled(lines, block.first)
    return (
        last is not None
        and len(lines[last]) < _RULE_LENGTH
        and _FORWARDED.search(lines[last]) is not None
        and (_RULE.fullmatch(lines[last]) is not None or lines[last].rstrip().endswith(_COLONS))
    )


def _attribution_start(lines: list[str], last: int) -> int:
    """An attribution may be wrapped: the lines above belong to it when they are long, dated, or end in an open `<`."""
    first = last
    for above in range(last - 1, max(last - 4, -1), -1):
        line = lines[above].rstrip()
        if not line:
            break
        beyond = lines[above - 1].rstrip() if above else ""
        wrapped = len(line) >= _WRAPPED and _DIGIT.search(line) and not line.endswith((".", "!", "?"))
        dated = len(line) < _RULE_LENGTH and _DATED.search(line) and not line.endswith((".", "!", "?", "。"))
        ordinal = _ORDINAL.search(line) and _MONTH.match(lines[first])
        comma = line.endswith(",") and _DIGIT.search(line)
        if line.endswith("<") or comma or wrapped or dated or ordinal:
            first = above
        elif not (beyond.endswith(",") and _DATE.search(beyond)):
            break
    return _above_rule(lines, first)


def _above_rule(lines: list[str], first: int) -> int:
    """A line such as `-----Original Message-----` above the history belongs to it."""
    above = first - 1
    while above >= 0 and not lines[above].strip(" >"):
        above -= 1
    is_rule = above >= 0 and len(lines[above]) < _RULE_LENGTH and _RULE.fullmatch(lines[above])
    return above if is_rule else first


def _above(lines: list[str], marker: int, alias_domains: Collection[str]) -> int:
    """Where the history begins that our marker stands in: its attribution or header block goes too.

    The marker stands below our text; in mail from before, above it. A banner of a mail server between that and the marker belongs to the history; quoted lines above the marker do.
    """
    top = marker
    while lines[marker].startswith(">") and top and lines[top - 1].startswith(">"):
        top -= 1
    at, skipped = top, ""
    for _ in range(_BANNER_LINES):
        last = _last_filled(lines, at)
        if last is None:
            break
        surely = bool(skipped) or _BANNER.search(lines[last]) is not None
        start = _introduction(lines, last, surely=surely)
        if start is not None and (not skipped or _BANNER.search(skipped)):
            return start
        at, skipped = last, f"{lines[last].strip()} {skipped}"
    if not lines[marker].startswith(">"):
        opening = next((at for at in range(top - 1, -1, -1) if _opens_history(lines[at], alias_domains)), None)
        if opening is not None:
            return opening
    return _above_rule(lines, top)


def _opens_history(line: str, alias_domains: Collection[str]) -> bool:
    """Whether a line above our marker opens what is quoted: a rule with words, or a date beside our address or a rule."""
    if len(line) < _RULE_LENGTH and _RULE.fullmatch(line) and _LETTER.search(line):
        return True
    return ("---" in line or _names_alias(line, alias_domains)) and _DATE.search(line[:2_000]) is not None


def _introduction(lines: list[str], last: int, *, surely: bool) -> int | None:
    """Where the header block or attribution begins that ends in this line; None when there is neither.

    `surely`: something stands between it and the marker, so only what can be nothing else counts.
    """
    block = _block(lines, last)
    if (
        block is not None
        and not _BANNER.search(lines[block.first])
        and (block.dated or block.ruled or (block.many and not surely))
    ):
        return _above_rule(lines, block.first)
    if _introduces(lines[last]) and (not surely or "@" in lines[last] or _DATE.search(lines[last])):
        return _attribution_start(lines, last)
    if len(lines[last]) < _LONGEST and "@" in lines[last] and _DATE.search(lines[last]):
        return _attribution_start(lines, last)
    return None
