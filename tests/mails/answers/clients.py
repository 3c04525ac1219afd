"""Programs that answer our mail: how each lays out the own words above what it quotes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from html import escape
from typing import Final, NamedTuple

from convalias.adapters.hub.rendering import Wording, as_html, as_text
from convalias.domain.conversations.events import MessageAdded
from convalias.domain.conversations.participants import AccountAuthor
from convalias.domain.ids import AccountId
from mails.answers.attributions import LINES, NAME, ORIGINAL, SUBJECT, TO, WHO, block
from mails.answers.words import ASKED, SENT_FROM
from mails.families.common import ALIAS


class Written(NamedTuple):
    """The parts of a reply, and the own words that must stay of it."""

    plain: str | None
    html: str | None
    kept: str


Client = Callable[[str, str], Written]
"""Language and own words -> what the program sends."""


def _notification(language: str) -> MessageAdded:
    return MessageAdded(author=AccountAuthor(AccountId("a1")), text=ASKED[language])


def ours(language: str) -> str:
    """Our mail as text, as the hub writes it."""
    return as_text(_notification(language), Wording()).rstrip("\n")


def ours_laid_out(language: str) -> str:
    """Our HTML as a program turns it into text: no signature line."""
    return ours(language).replace("\n-- \n", "\n")


def ours_in_html(language: str) -> str:
    """Our mail as HTML, without its frame."""
    whole = as_html(_notification(language), Wording())
    return whole.partition("<body>")[2].partition("</body>")[0]


def quoted(text: str, mark: str = "> ", blank: str = ">") -> str:
    """Every line led by a mark."""
    return "\n".join(f"{mark}{line}" if line else blank for line in text.split("\n"))


def paragraphs(text: str) -> str:
    """Own words as HTML."""
    return "".join(f"<div>{escape(line) or '<br>'}</div>" for line in text.split("\n"))


def _greater_than(name: str, *, mark: str = "> ", blank: str = ">", gap: str = "\n\n") -> Client:
    """Attribution, then lines quoted with `>`."""

    def write(language: str, said: str) -> Written:
        return Written(f"{said}\n\n{LINES[name][language]}{gap}{quoted(ours(language), mark, blank)}\n", None, said)

    return write


def gmail(language: str, said: str) -> Written:
    """Both forms, as the web page sends them."""
    line = escape(LINES["gmail"][language].replace("\n", " ").replace("< ", "<"))
    html = (
        f'<div dir="ltr">{paragraphs(said)}</div><br><div class="gmail_quote gmail_quote_container">'
        f'<div dir="ltr" class="gmail_attr">{line}<br></div><blockquote class="gmail_quote" '
        f'style="margin:0px 0px 0px 0.8ex;padding-left:1ex">{ours_in_html(language)}</blockquote></div>'
    )
    plain = f"{said}\n\n{LINES['gmail'][language]}\n\n{quoted(ours_laid_out(language))}\n"
    return Written(plain, html, said)


def gmail_html(language: str, said: str) -> Written:
    """HTML alone."""
    return Written(None, gmail(language, said).html, said)


def apple(language: str, said: str) -> Written:
    """The attribution is quoted as well, and a blank quoted line follows."""
    return Written(f"{said}\n\n{quoted(LINES['apple'][language] + chr(10) + chr(10) + ours(language), '> ', '> ')}\n",
                   None, said)  # fmt: skip


def iphone(language: str, said: str) -> Written:
    """A line of the phone's own; a byte order mark before what is quoted."""
    kept = f"{said}\n\n{SENT_FROM['iphone'][language]}"
    below = f"{LINES['apple'][language]}\n\n\ufeff{ours_laid_out(language)}"
    return Written(f"{kept}\n\n{quoted(below, '> ', '> ')}\n", None, kept)


def iphone_html(language: str, said: str) -> Written:
    """HTML alone, as when a picture was pasted."""
    kept = f"{said}\n\n{SENT_FROM['iphone'][language]}"
    html = (
        f'<html><body dir="auto">{paragraphs(said)}<br id="lineBreakAtBeginningOfSignature"><div dir="ltr">'
        f'{SENT_FROM["iphone"][language]}</div><div dir="ltr"><br><blockquote type="cite">'
        f'{escape(LINES["apple"][language])}<br><br></blockquote></div><blockquote type="cite"><div dir="ltr">'
        f"\ufeff{ours_in_html(language)}</div></blockquote></body></html>"
    )
    return Written(None, html, kept)


def outlook(language: str, said: str) -> Written:
    """The desktop program: a header block, nothing led by `>`."""
    return Written(f"{said}\n\n{block(language)}\n\n{ours_laid_out(language)}\n", None, said)


def outlook_mailto(language: str, said: str) -> Written:
    """The text that Exchange makes of its HTML: the address a second time as a link."""
    who = f"{NAME} <{ALIAS}<mailto:{ALIAS}>>"
    return Written(f"{said}\n\n{block(language, who)}\n\n{ours_laid_out(language)}\n", None, said)


def outlook_text(language: str, said: str) -> Written:
    """In text mode: a rule with words above the block."""
    who = f"{NAME} [mailto:{ALIAS}]"
    return Written(
        f"{said}\n\n-----{ORIGINAL[language]}-----\n{block(language, who)}\n\n{ours(language)}\n", None, said
    )


def outlook_web(language: str, said: str) -> Written:
    """A rule of underscores above the block."""
    return Written(f"{said}\n\n{'_' * 32}\n{block(language)}\n\n{ours_laid_out(language)}\n", None, said)


def outlook_mobile(language: str, said: str) -> Written:
    """The same below a line of its own."""
    kept = f"{said}\n\n{SENT_FROM['outlook'][language]}"
    return Written(f"{kept}\n{'_' * 32}\n{block(language)}\n\n{ours_laid_out(language)}\n", None, kept)


def outlook_html(language: str, said: str) -> Written:
    """HTML alone, names of the fields in bold."""
    lines = (line.partition(":") for line in block(language).split("\n"))
    fields = "<br>".join(f"<b>{name}:</b>{escape(value)}" for name, _, value in lines)
    words = "".join(f"<p class=MsoNormal>{escape(line) or '<o:p>&nbsp;</o:p>'}</p>" for line in said.split("\n"))
    html = (
        f"<html><body lang=EN-GB><div class=WordSection1>{words}<p class=MsoNormal><o:p>&nbsp;</o:p></p><div><div "
        'style="border:none;border-top:solid #E1E1E1 1.0pt;padding:3.0pt 0cm 0cm 0cm"><p class=MsoNormal>'
        f"{fields}<o:p></o:p></p></div></div>{ours_in_html(language)}</div></body></html>"
    )
    return Written(None, html, said)


def outlook_web_html(language: str, said: str) -> Written:
    """HTML alone as the web page sends it: a rule, then the block."""
    lines = (line.partition(":") for line in block(language).split("\n"))
    fields = "<br>".join(f"<b>{name}:</b>{escape(value)}" for name, _, value in lines)
    html = (
        f'<html><body>{paragraphs(said)}<div id="appendonsend"></div><hr style="display:inline-block;width:98%">'
        f'<div id="divRplyFwdMsg" dir="ltr"><font face="Calibri" color="#000000">{fields}</font><div>&nbsp;</div></div>'
        f"{ours_in_html(language)}</body></html>"
    )
    return Written(None, html, said)


def yahoo(language: str, said: str) -> Written:
    """Indented, nothing led by `>`."""
    return Written(f" {said}\n\n    {LINES['yahoo'][language]}  \n \n {ours_laid_out(language)}\n  ", None, said)


def yahoo_html(language: str, said: str) -> Written:
    """HTML alone."""
    html = (
        f'<html><head></head><body><div class="ydp1yahoo-style-wrap">{paragraphs(said)}</div><div id="yahoo_quoted_1" '
        f'class="yahoo_quoted"><div><div>{escape(LINES["yahoo"][language])}</div><div><br></div><div><br></div>'
        f"<div>{ours_in_html(language)}</div></div></div></body></html>"
    )
    return Written(None, html, said)


def yahoo_mobile(language: str, said: str) -> Written:
    """Our first line stands behind the attribution, on the same line."""
    kept = f"{said}\n\n{SENT_FROM['yahoo'][language]}"
    return Written(f"{kept} \n \n  {LINES['yahoo-mobile'][language]}   {ours_laid_out(language)}\n", None, kept)


def samsung(language: str, said: str) -> Written:
    """A rule with words, then a block."""
    kept = f"{said}\n\n{SENT_FROM['samsung'][language]}"
    return Written(f"{kept}\n\n\n-------- {ORIGINAL[language]} --------\n{block(language)}\n\n{ours(language)}\n",
                   None, kept)  # fmt: skip


def proton(language: str, said: str) -> Written:
    """A line of its own above the attribution."""
    kept = f"{said}\n\n{SENT_FROM['proton'][language]}"
    return Written(f"{kept}\n\n{LINES['proton'][language]}\n\n{quoted(ours(language))}\n", None, kept)


def k9(language: str, said: str) -> Written:
    """Its own line below a signature separator, `>` without a space."""
    kept = f"{said}\n-- \n{SENT_FROM['k9'][language]}"
    return Written(f"{kept}\n\n{LINES['k9'][language]}\n{quoted(ours(language), '>')}\n", None, kept)


def zoho(language: str, said: str) -> Written:
    """The attribution between hyphens, without a colon."""
    return Written(f"{said}\n\n\n\n\n\n{LINES['zoho'][language]}\n\n\n{ours_laid_out(language)}\n", None, said)


def trimmed(language: str, said: str) -> Written:
    """Gmail, of which the person left one line: our marker is gone."""
    return Written(f"{said}\n\n{LINES['gmail'][language]}\n\n> {ASKED[language].partition(chr(10))[0]}\n", None, said)


def outlook_trimmed(language: str, said: str) -> Written:
    """Outlook, of which the person left the block and one line."""
    return Written(f"{said}\n\n{block(language)}\n\n{ASKED[language].partition(chr(10))[0]}\n", None, said)


def below_footer(language: str, said: str) -> Written:
    """A gateway writes a legal notice under all of it."""
    notice = "This message is confidential. If it is not for you, please delete it."
    text = gmail(language, said).plain
    return Written(f"{text}\n{'_' * 40}\n{notice}\n", None, said)


CLIENTS: Final[Mapping[str, Client]] = {
    "gmail": gmail,
    "gmail-html": gmail_html,
    "gmail-mobile": _greater_than("gmail-mobile"),
    "gmail-trimmed": trimmed,
    "gmail-footer": below_footer,
    "outlook": outlook,
    "outlook-mailto": outlook_mailto,
    "outlook-text": outlook_text,
    "outlook-web": outlook_web,
    "outlook-mobile": outlook_mobile,
    "outlook-html": outlook_html,
    "outlook-web-html": outlook_web_html,
    "outlook-trimmed": outlook_trimmed,
    "apple": apple,
    "iphone": iphone,
    "iphone-html": iphone_html,
    "yahoo": yahoo,
    "yahoo-html": yahoo_html,
    "yahoo-mobile": yahoo_mobile,
    "thunderbird": _greater_than("thunderbird", gap="\n"),
    "samsung": samsung,
    "proton": proton,
    "k9": k9,
    "zoho": zoho,
}
"""In every language."""

SINGLE: Final[Mapping[str, tuple[str, str]]] = {
    "fastmail": ("en", f"On Mon, Mar 2, 2026, at 9:14 AM, {NAME} wrote:\n{{quoted}}"),
    "mutt": ("en", f"On Mon, Mar 02, 2026 at 09:14:00AM +0100, {NAME} wrote:\n{{quoted}}"),
    "gnus": ("en", f"{NAME} <{ALIAS}> writes:\n\n{{quoted}}"),
    "notes": ("en", f"From:\t{WHO}\nTo:\t{TO}\nDate:\t02/03/2026 09:14\nSubject:\t{SUBJECT}\n\n{{plain}}"),
    "notes-line": ("en", f'"{NAME}" ---02/03/2026 09:14:00---{{plain}}'),
    "mailbird": ("en", f"On 02/03/2026 09:14:00, {WHO} wrote:\n{{plain}}"),
    "bare-original": ("en", "-------- Original message --------\n{plain}"),
    "gmx": ("de", (f'Gesendet: Montag, 02. März 2026 um 09:14\nVon: "{NAME}" <{ALIAS}>\nAn: mary@corp.example\n'
                  f"Betreff: {SUBJECT}\n\n{{plain}}")),
    "t-online": ("de", (f"-----Original-Nachricht-----\nBetreff: {SUBJECT}\nDatum: 2026-03-02T09:14:00+0100\n"
                       f'Von: "{NAME}" <{ALIAS}>\nAn: "mary@corp.example" <mary@corp.example>\n\n{{plain}}')),
    "freenet": ("de", (f"--- Ursprüngliche Nachricht ---\nVon: {WHO}\nDatum: 02.03.2026 09:14:00\nAn: mary@corp.example\n"
                      f"Betreff: {SUBJECT}\n\n{{quoted}}")),
    "orange": ("fr", (f'> Message du 02/03/26 09:14\n> De : "{NAME}" <{ALIAS}>\n> A : mary@corp.example\n'
                     f"> Copie à :\n> Objet : {SUBJECT}\n> \n{{quoted}}")),
    "free": ("fr", (f'----- Mail original -----\nDe: "{NAME}" <{ALIAS}>\nÀ: "mary" <mary@corp.example>\n'
                   f"Envoyé: Lundi 2 Mars 2026 09:14:00\nObjet: {SUBJECT}\n\n{{plain}}")),
    "becky": ("ja", f'On Mon, 2 Mar 2026 09:14:00 +0900\n"{NAME}" <{ALIAS}> wrote:\n\n{{quoted}}'),
    "yahoo-japan": ("ja", (f"----- Original Message -----\nFrom: {NAME} <{ALIAS}>\nTo: mary@corp.example\n"
                          f"Date: 2026/03/02 月 09:14\nSubject: {SUBJECT}\n\n{{plain}}")),
    "docomo": ("ja", f"2026/03/02 9:14 {NAME}\n<{ALIAS}>:\n{{quoted}}"),
    "shuriken": ("ja", f"{NAME} さんは書きました：\n{{quoted}}"),
    "movistar": ("es", (f"-----Mensaje original-----\nDe: {NAME} [{ALIAS}]\nFecha: 02/03/2026 09:14\n"
                       f"Para: mary@corp.example\nAsunto: {SUBJECT}\n\n{{plain}}")),
    "zimbra": ("es", (f'De: "{NAME}" <{ALIAS}>\nPara: "mary" <mary@corp.example>\n'
                     f"Enviados: Lunes, 2 de Marzo 2026 9:14:00\nAsunto: {SUBJECT}\n\n{{plain}}")),
}  # fmt: skip
"""Programs that one country knows, or that speak one language: what stands below the own words."""
