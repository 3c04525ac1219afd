"""Texts without any quoted history: the cutter must leave every word, whatever it takes them for."""

from __future__ import annotations

from mails.families.common import ALIAS, Mail, letter

TEXTS: tuple[tuple[str, str, str], ...] = (
    ("one-word", "one word", "Yes"),
    ("colon-end", "ends in a colon", "Please send me the following:"),
    (
        "colon-list",
        "a colon before a list",
        "I need three things:\n\n- the contract\n- the start date\n- a desk\n\nThank you",
    ),
    ("colon-bullets", "a colon before bullets at the end", "My questions:\n* When?\n* Where?\n* Who?"),
    (
        "wrote-in-sentence",
        "the words of an attribution in a sentence",
        "On Monday Mary wrote that she cannot come.\nI can.",
    ),
    (
        "wrote-colon",
        "a person is quoted in prose",
        "On Tuesday I wrote:\n\nthe offer stands until Friday.\n\nIt still does.",
    ),
    ("on-alone", "lines that begin with On", "On Tuesday I am free.\nOn Wednesday I am not.\nOn Friday again."),
    (
        "from-to",
        "a travel plan that looks like a header block",
        "My train:\n\nFrom: Berlin\nTo: Hamburg\nDate: 3 March\n\nSee you there.",
    ),
    (
        "subject-line",
        "a form that looks like a header block",
        "Name: Mary\nSubject: Mathematics\nSent: twice, no answer\n\nPlease check.",
    ),
    ("from-word", "a line that begins with From", "From my side all is fine.\nFrom Monday on I am back."),
    (
        "quote-middle",
        "quoted lines in the middle, answers after them",
        "> Which day?\n\nTuesday.\n\n> Which room?\n\nThe large one.",
    ),
    ("quote-colon-middle", "a colon, quoted lines, then an answer", "You asked:\n> Which day?\nTuesday, as I said."),
    (
        "greater-than",
        "a comparison at the start of a line",
        "The salary must be\n> 50,000 a year\nor I shall stay where I am.",
    ),
    ("arrow", "arrows", "Old -> new:\n-> Hamburg\n-> Berlin\nBoth are fine."),
    ("python-prompt", "a prompt of code, with an answer below", "This fails:\n\n>>> 1 / 0\nZeroDivisionError\n\nWhy?"),
    ("diff", "a patch", "--- a/README\n+++ b/README\n@@ -1 +1 @@\n-Test\n+Text\n\nDone."),
    ("rule", "a rule of dashes", "Part one\n\n--------------------\n\nPart two"),
    (
        "underscores",
        "a rule of underscores",
        "Signed by:\n________________________\n(Mary Jones)\n\nand witnessed by John.",
    ),
    ("signature", "a signature is no quotation", "See you.\n\n-- \nMary Jones\nCorp, Hamburg\n+49 40 123456"),
    ("dash-name", "a dash before a name", "See you then.\n- Mary"),
    (
        "greeting",
        "a letter with greeting and name",
        "Dear John,\n\nthank you for your time.\n\nKind regards,\nMary Jones",
    ),
    ("sent-from", "a phone's own line", "Yes, fine.\n\nSent from my phone"),
    (
        "original-in-prose",
        "the words original message in prose",
        "The original message never arrived.\nPlease send it again.",
    ),
    (
        "alias-in-sentence",
        "an alias in a sentence",
        f"I wrote to {ALIAS} yesterday, but nobody answered.\nIs that address right?",
    ),
    ("alias-last", "an alias in the last line", f"If anything changes, write to\n{ALIAS}"),
    (
        "address-colon",
        "another address before a colon, no quotation",
        "These people come:\nmary@corp.example: Tuesday\na@corp.example: Friday",
    ),
    (
        "address-colon-end",
        "a foreign address that ends a line with a colon",
        "Ask mary@corp.example:\nshe knows the room.",
    ),
    (
        "url-colon",
        "an address of a page after a colon",
        "The plan is here:\nhttps://corp.example/plan?a=1&b=2\nPlease look.",
    ),
    ("times", "times hold colons", "09:00 coffee\n10:00 talk\n11:30: questions\n12:00 lunch"),
    ("log", "a log with dates", "2026-03-02 09:14 mail sent\n2026-03-02 09:15 mail lost\n\nWhat happened at 09:15?"),
    (
        "date-comma",
        "a line with a date and a name",
        "Mon, 2 Mar 2026, Mary Jones, 42 Hill Street:\nthat is what must stand on the badge.",
    ),
    ("blank-lines", "many blank lines", "First.\n\n\n\n\n\nLast."),
    ("hashes", "hash signs, but not our marker", "## Please note ##\n\nI am left-handed.\n\n## Thanks ##"),
    (
        "almost-marker",
        "words of the marker in prose",
        "I was told to please type my reply above this line, so here it is.\nYes.",
    ),
    (
        "german",
        "German prose with schrieb",
        "Am Montag schrieb ich Ihnen, dass ich komme:\n\nDas gilt weiter.\n\nViele Grüße\nMary",
    ),
    ("german-block", "a German form", "Von: Hamburg\nAn: Berlin\nGesendet: mit der Post\n\nBitte prüfen."),
    ("french", "French prose with a écrit", "Le directeur a écrit :\n\nnous sommes d'accord.\n\nCordialement"),
    ("spanish", "Spanish prose with escribió", "El lunes María escribió:\n\nque sí.\n\nUn saludo"),
    (
        "japanese",
        "Japanese with a colon and a date",
        "2026年3月2日(月):\n面接に伺います。\n\n件名: 面接の件\n\nよろしくお願いいたします。",
    ),
    ("chinese", "Chinese with a full-width colon", "我周一写道：\n\n我会来。\n\n谢谢"),
)

MAILS: tuple[Mail, ...] = tuple(
    letter(f"whole-{number:02}-{name}", why, f"{text}\n", {"whole": True, "text": text.replace("-- \n", "--\n")})
    for number, (name, why, text) in enumerate(TEXTS, 1)
)
