"""Replies that quote one of our notifications: what stays after the quoted history is cut."""

from __future__ import annotations

from mails.families.common import ALIAS, MARKER, Mail, letter

OLD = "Can you come on Tuesday at ten?"
HTML = "Content-Type: text/html; charset=utf-8\nContent-Transfer-Encoding: 8bit\n"


def reply(name: str, why: str, said: str, quoted: str, **more: object) -> Mail:
    """Own words above, our mail below; the own words and nothing else must stay."""
    expected: dict[str, object] = {"text": said.strip("\n"), "full_text_contains": [said.strip("\n"), OLD], **more}
    return letter(name, why, f"{said}\n{quoted}\n", expected)


def around(name: str, why: str, said: str, quoted: str, lacks: str = OLD) -> Mail:
    """As `reply`, where what stays of the separator is not laid down: own words first, our text gone."""
    return letter(
        name,
        why,
        f"{said}\n{quoted}\n",
        {"text_starts": said.strip("\n"), "text_lacks": [lacks], "full_text_contains": [OLD]},
        omit=("text",),
    )


GMAIL_HTML = (
    '<div dir="ltr">Yes, Tuesday works.</div><br><div class="gmail_quote"><div dir="ltr" class="gmail_attr">'
    f'On Mon, 2 Mar 2026 at 09:14, John Smith &lt;<a href="mailto:{ALIAS}">{ALIAS}</a>&gt; wrote:<br></div>'
    f'<blockquote class="gmail_quote" style="margin:0 0 0 .8ex"><div>{OLD}</div></blockquote></div>\n'
)
OUTLOOK_HTML = (
    "<html><body><p>Yes, Tuesday works.</p><hr>"
    f"<p><b>From:</b> John Smith &lt;{ALIAS}&gt;<br><b>Sent:</b> Monday, March 2, 2026 9:14 AM<br>"
    f"<b>To:</b> Mary Jones<br><b>Subject:</b> the job</p><p>{OLD}</p></body></html>\n"
)

MAILS: tuple[Mail, ...] = (
    reply(
        "reply-en-gmail",
        "attribution in one line",
        "Yes, Tuesday works.\n",
        f"On Mon, 2 Mar 2026 at 09:14, John Smith <{ALIAS}> wrote:\n\n> {OLD}\n>\n> John",
    ),
    reply(
        "reply-en-gmail-wrapped",
        "Gmail wraps the attribution: the address ends the first line, the colon the second",
        "Yes, Tuesday works.\n",
        f"On Mon, Mar 2, 2026 at 9:14 AM John Smith <{ALIAS}>\nwrote:\n\n> {OLD}\n",
    ),
    reply(
        "reply-en-apple",
        "Apple Mail: a blank quoted line and no blank after the attribution",
        "Yes, Tuesday works.\n\nMary\n",
        f"> On 2 Mar 2026, at 09:14, John Smith <{ALIAS}> wrote:\n> \n> {OLD}\n",
    ),
    reply(
        "reply-en-thunderbird",
        "Thunderbird puts the date first",
        "Yes, Tuesday works.\n",
        f"On 02/03/2026 09:14, {ALIAS} wrote:\n> {OLD}\n",
    ),
    reply(
        "reply-en-upper-case",
        "the address in the attribution with other letters",
        "Yes, Tuesday works.\n",
        f"On Mon, 2 Mar 2026, John Smith <{ALIAS.upper()}> wrote:\n> {OLD}\n",
    ),
    reply(
        "reply-en-outlook-block",
        "Outlook's header block, nothing quoted by >",
        "Yes, Tuesday works.\n",
        f"From: John Smith <{ALIAS}>\nSent: Monday, March 2, 2026 9:14 AM\n"
        f"To: Mary Jones <mary@corp.example>\nSubject: the job\n\n{OLD}\n",
    ),
    around(
        "reply-en-outlook-line",
        "the same under a rule of underscores",
        "Yes, Tuesday works.\n",
        f"________________________________\nFrom: John Smith <{ALIAS}>\nSent: 02 March 2026 09:14\n"
        f"To: Mary Jones\nSubject: the job\n\n{OLD}\n",
    ),
    around(
        "reply-en-original-message",
        "the same under a line of its own",
        "Yes, Tuesday works.\n",
        f"-----Original Message-----\nFrom: John Smith <{ALIAS}>\nSent: 02 March 2026 09:14\nSubject: the job\n\n{OLD}\n",
    ),
    reply(
        "reply-en-two-paragraphs",
        "a colon and an own > line above must not be where the cut falls",
        "Two things:\n\n> tabs are out\n\nI agree, and Tuesday works.\n",
        f"On Mon, 2 Mar 2026 at 09:14, John Smith <{ALIAS}> wrote:\n> {OLD}\n",
    ),
    reply(
        "reply-en-nested",
        "our mail quoted an older one of theirs",
        "Yes.\n",
        f"On Mon, 2 Mar 2026 at 09:14, John Smith <{ALIAS}> wrote:\n> {OLD}\n>\n"
        "> On Sun, 1 Mar 2026 at 20:00, Mary Jones <mary@corp.example> wrote:\n>> Hello John\n",
    ),
    reply(
        "reply-marker",
        "only our marker line tells",
        "Yes, Tuesday works.\n",
        f"{MARKER}\n\n{OLD}\n",
    ),
    reply(
        "reply-marker-quoted",
        "an attribution without an address, our marker among the quoted lines",
        "Yes, Tuesday works.\n",
        f"John Smith via Jobs wrote on 2 March 2026:\n> {MARKER}\n>\n> {OLD}\n",
    ),
    around(
        "reply-marker-after-attribution",
        "an attribution in an unknown language, then our marker unquoted",
        "Ja, dinsdag kan.\n",
        f"Op 2 mrt. 2026 schreef John Smith het volgende:\n\n{MARKER}\n\n{OLD}\n",
    ),
    reply(
        "reply-de-gmail",
        "German",
        "Ja, Dienstag passt.\n\nViele Grüße\nMary\n",
        f"Am Mo., 2. März 2026 um 09:14 Uhr schrieb John Smith <{ALIAS}>:\n\n> {OLD}\n",
    ),
    reply(
        "reply-de-outlook",
        "German header block",
        "Ja, Dienstag passt.\n",
        f"Von: John Smith <{ALIAS}>\nGesendet: Montag, 2. März 2026 09:14\nAn: Mary Jones\nBetreff: the job\n\n{OLD}\n",
    ),
    around(
        "reply-de-gmx",
        "German web mail: a line of words, then the block",
        "Ja, Dienstag passt.\n",
        f"Gesendet: Montag, 02. März 2026 um 09:14 Uhr\nVon: John Smith <{ALIAS}>\nAn: Mary\nBetreff: the job\n\n{OLD}\n",
    ),
    reply(
        "reply-fr-gmail",
        "French: a space before the colon",
        "Oui, mardi me convient.\n",
        f"Le lun. 2 mars 2026 à 09:14, John Smith <{ALIAS}> a écrit :\n\n> {OLD}\n",
    ),
    reply(
        "reply-fr-nbsp",
        "French as Apple Mail writes it: a no-break space before the colon",
        "Oui, mardi me convient.\n",
        f"Le 2 mars 2026 à 09:14, John Smith <{ALIAS}> a écrit\u00a0:\n\n> {OLD}\n",
    ),
    reply(
        "reply-fr-outlook",
        "French header block",
        "Oui, mardi me convient.\n",
        f"De\u00a0: John Smith <{ALIAS}>\nEnvoyé\u00a0: lundi 2 mars 2026 09:14\nÀ\u00a0: Mary Jones\n"
        f"Objet\u00a0: the job\n\n{OLD}\n",
    ),
    reply(
        "reply-ja-gmail",
        "Japanese",
        "火曜日で大丈夫です。\n\nよろしくお願いします。\n",
        f"2026年3月2日(月) 9:14 John Smith <{ALIAS}>:\n\n> {OLD}\n",
    ),
    reply(
        "reply-ja-apple",
        "Japanese as Apple Mail writes it",
        "火曜日で大丈夫です。\n",
        f"2026/03/02 9:14、John Smith <{ALIAS}>のメール:\n\n> {OLD}\n",
    ),
    reply(
        "reply-ja-outlook",
        "Japanese header block",
        "火曜日で大丈夫です。\n",
        f"差出人: John Smith <{ALIAS}>\n送信日時: 2026年3月2日 9:14\n宛先: Mary Jones\n件名: the job\n\n{OLD}\n",
    ),
    reply(
        "reply-es-gmail",
        "Spanish, the address in round brackets",
        "Sí, el martes me va bien.\n",
        f"El lun, 2 mar 2026 a las 9:14, John Smith (<{ALIAS}>) escribió:\n\n> {OLD}\n",
    ),
    reply(
        "reply-es-outlook",
        "Spanish header block",
        "Sí, el martes me va bien.\n",
        f"De: John Smith <{ALIAS}>\nEnviado: lunes, 2 de marzo de 2026 9:14\nPara: Mary Jones\nAsunto: the job\n\n{OLD}\n",
    ),
    letter(
        "reply-below",
        "the answer stands below the quotation: a cut would leave nothing, so all is shown",
        f"On Mon, 2 Mar 2026 at 09:14, John Smith <{ALIAS}> wrote:\n> {OLD}\n\nYes, Tuesday works.\n",
        {"text_contains": ["Yes, Tuesday works."], "full_text_contains": [OLD]},
        omit=("text",),
    ),
    letter(
        "reply-nothing-new",
        "nothing but the quotation: all is shown",
        f"On Mon, 2 Mar 2026 at 09:14, John Smith <{ALIAS}> wrote:\n> {OLD}\n",
    ),
    letter(
        "reply-html-gmail",
        "HTML only, Gmail's quotation",
        GMAIL_HTML,
        {"text_words": "Yes, Tuesday works.", "full_text_contains": [OLD]},
        content=HTML,
    ),
    letter(
        "reply-html-outlook",
        "HTML only, Outlook's header block",
        OUTLOOK_HTML,
        {"text_starts": "Yes, Tuesday works.", "text_lacks": [OLD], "full_text_contains": [OLD]},
        content=HTML,
    ),
    letter(
        "reply-flowed",
        "format=flowed: the own words are unwrapped, the quotation is cut",
        f"This is one long line that the program \nhas broken.\n\nOn 02/03/2026 09:14, {ALIAS} wrote:\n> {OLD}\n",
        {"text": "This is one long line that the program has broken.", "full_text_contains": [OLD]},
        content="Content-Type: text/plain; charset=utf-8; format=flowed\nContent-Transfer-Encoding: 8bit\n",
    ),
)
