"""Cutting quoted history off replies to our mail: our cutter beside the maintained libraries. Aim: none better.

Each sees the uncut text that our reader makes of the mail, so only the cutting is compared. A rival that is not
installed is named and left out: `talon` brings scikit-learn, and is measured where somebody has installed it.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Final

from _measure import Row, left_out, machine, row, side_by_side, tell
from convalias.adapters.mime import Reader
from convalias.adapters.mime.quotes import without_history
from convalias.domain.inbound.posts import Post
from convalias.domain.mail.envelope import MessageEnvelope
from mails.answers.made import answers
from mails.families.whole import TEXTS

OURS: Final = frozenset({"reply.example"})
Cut = Callable[[str], str]


def ours(text: str) -> str:
    return without_history(text, OURS)


def mail_parser_reply() -> Cut:
    from mailparser_reply import EmailReplyParser  # noqa: PLC0415 - a rival need not be there

    parser = EmailReplyParser(languages=["en", "de", "fr", "ja", "es"])
    return lambda text: str(parser.parse_reply(text=text) or "")


def quotequail() -> Cut:
    import quotequail as rival  # noqa: PLC0415 - a rival need not be there

    return lambda text: str((rival.unwrap(text) or {}).get("text_top", text))


def talon() -> Cut:
    from talon import quotations  # noqa: PLC0415 - a rival need not be there

    return lambda text: str(quotations.extract_from_plain(text))


RIVALS: Final[dict[str, tuple[str, Callable[[], Cut]]]] = {
    "convalias": ("convalias", lambda: ours),
    "mail-parser-reply": ("mailparser_reply", mail_parser_reply),
    "quotequail": ("quotequail", quotequail),
    "talon": ("talon", talon),
}


def words(text: str) -> list[str]:
    return text.replace("\u00a0", " ").replace("\ufeff", "").split()


def replies() -> list[tuple[str, str]]:
    """Uncut text and the own words in it."""
    reader, post = Reader(alias_domains=OURS), Post(received_at=datetime(2026, 3, 2, tzinfo=UTC))
    read = ((reader.read_now(answer.raw, post).mail, answer.kept) for answer in answers())
    return [(mail.content.full_text, kept) for mail, kept in read if isinstance(mail, MessageEnvelope)]


def is_lost(found: str, kept: str) -> bool:
    """Whether an own word is missing, the last ones first."""
    return words(found)[: len(words(kept))] != words(kept)


def question() -> list[Row]:
    pairs, whole = replies(), [text for _, _, text in TEXTS]
    print(f"{len(pairs)} replies to our mail, {len(whole)} texts without history, {machine()}")
    cuts: dict[str, Cut] = {}
    for name, (module, make) in RIVALS.items():
        if importlib.util.find_spec(module) is None:
            left_out(name, "it is not installed")
        else:
            cuts[name] = make()
    work = {name: (lambda cut=cut: [cut(text) for text, _ in pairs]) for name, cut in cuts.items()}
    took = side_by_side(work, rounds=3)
    counts = {name: counted(cut, pairs, whole) for name, cut in cuts.items()}
    return [
        row(
            what,
            ours=counts["convalias"][place],
            rival=(name, counts[name][place]),
            unit=unit,
            aim=aim,
            more_is_better=more,
        )
        for place, (what, unit, aim, more) in enumerate(COUNTED)
        for name in cuts
        if name != "convalias"
    ] + [
        row(
            "cutting a reply",
            ours=took["convalias"] / len(pairs) * 1e3,
            rival=(name, took[name] / len(pairs) * 1e3),
            unit="ms CPU each",
        )
        for name in cuts
        if name != "convalias"
    ]


COUNTED: Final = (
    ("replies cut right", "replies", "ratio >= 1", True),
    ("replies that lost words", "replies", "ratio >= 1", False),
    ("texts without history kept whole", "texts", "ratio >= 1", True),
)


def counted(cut: Cut, pairs: Sequence[tuple[str, str]], whole: Sequence[str]) -> tuple[int, int, int]:
    """How many replies are cut right, how many lost words, how many whole texts stay whole."""
    found = [(cut(text), kept) for text, kept in pairs]
    return (
        sum(words(text) == words(kept) for text, kept in found),
        sum(is_lost(text, kept) for text, kept in found),
        sum(words(cut(text)) == words(text) for text in whole),
    )


if __name__ == "__main__":
    tell(question)
