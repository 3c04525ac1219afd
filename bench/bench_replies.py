"""Cutting quoted history off replies to our mail: our cutter beside the maintained libraries. Aim: none better.

Each sees the uncut text that our reader makes of the mail, so only the cutting is compared. A rival that is not
installed is named and left out: `talon` brings scikit-learn, and is measured where somebody has installed it.
"""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from _measure import best, machine

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))

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


def main() -> None:
    pairs, whole = replies(), [text for _, _, text in TEXTS]
    print(f"{len(pairs)} replies to our mail, {len(whole)} texts without history, {machine()}")
    print(f"  {'':18} {'cut right':>9} {'lost words':>10} {'whole kept':>10} {'ms each':>8}")
    for name, (module, make) in RIVALS.items():
        if importlib.util.find_spec(module) is None:
            print(f"  {name:18} not installed")
            continue
        cut = make()
        found = [(cut(text), kept) for text, kept in pairs]
        right = sum(words(text) == words(kept) for text, kept in found)
        lost = sum(is_lost(text, kept) for text, kept in found)
        kept_whole = sum(words(cut(text)) == words(text) for text in whole)
        took = best(lambda cut=cut: [cut(text) for text, _ in pairs], rounds=3)
        print(f"  {name:18} {right:9} {lost:10} {kept_whole:10} {took / len(pairs) * 1e3:8.3f}")


if __name__ == "__main__":
    main()
