"""The language of docstrings, comments and pages: plain English, so that a reader understands at first reading.

A docstring begins with a verb or a noun of the glossary, and has at most twenty words before its first full stop. The
machine sees length and first word; the rest is for review.
"""

from __future__ import annotations

import ast
import io
import re
import tokenize
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

PROJECT = Path(__file__).resolve().parents[1]
PACKAGE = PROJECT / "src" / "convalias"

MOST_WORDS: Final = 20

# Phrases of a private dialect, with what to say instead. Phrases, not words: a word may be the right one elsewhere.
PHRASES: Final = {
    "all that there is to say": "every observation",
    "by this clock": "say whose clock, and what follows",
    "comes to wait": "is held",
    "came to wait": "was held",
    "gave it back": "released it",
    "gives it back": "releases it",
    "is given back": "is released, returns to the queue",
    "in doubt": "uncertain, not proved, may have been sent",
    "in the hands of": "leased by, left to",
    "is none of ours": "is not ours",
    "lets in": "approves, admits",
    "the net under the": "say what is found and what is done",
    "nobody's business": "personal, private",
    "nobody waits for their next": "not latency-critical",
    "of passing use": "with a limited life",
    "on no mail's way": "not latency-critical",
    "so often a mail": "how often ... may",
    "that stood at": "at",
    "these, some replaced": "a copy with ... replaced",
    "with it goes what": "also has, also lists",
}

# Records of decisions are kept as they were written.
KEPT: Final = "docs/explanation/decisions/"

# The docstring of a rule is its law, which explanations show: a sentence about mails, and no summary of a function.
LAWS: Final = frozenset({"rules_author.py", "rules_mail.py", "rules_relay.py"})

# First words that make a reader look for the subject.
NO_SUBJECT: Final = frozenset(
    """
    it one ones what whatever whoever who whom whose he his she her they their this these those that there
    so how why when where while as of for from to with without by in on at under over about and or but if unless not
    nothing nobody none any everybody everything somebody something some its same
    """.split()
)

Documented = ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef


def first_sentence(docstring: str) -> str:
    """The text up to the first full stop, on one line."""
    summary = " ".join(docstring.strip().partition("\n\n")[0].split())
    end = re.search(r"[.!?](?=\s|$)(?<!e\.g\.)(?<!i\.e\.)", summary)
    return summary[: end.end()] if end else summary


def faults(docstring: str) -> list[str]:
    """What is wrong with the first sentence, as far as a machine can tell."""
    words = first_sentence(docstring).split()
    found = [f"{len(words)} words"] if len(words) > MOST_WORDS else []
    if re.sub(r"[^a-z']", "", words[0].lower()) in NO_SUBJECT:
        found.append(f"begins with {words[0]}")
    return found


def documented(node: Documented, name: str) -> Iterator[tuple[str, str]]:
    """The public docstrings of a module, with their names; what functions define inside is nobody's to read."""
    docstring = ast.get_docstring(node)
    if docstring:
        yield name, docstring
    if isinstance(node, (ast.Module, ast.ClassDef)):
        for inner in node.body:
            if isinstance(inner, (ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)) and inner.name[0] != "_":
                yield from documented(inner, f"{name}.{inner.name}")


def spoken(source: str) -> Iterator[str]:
    """The comments and docstrings of a module; strings that the code uses are not among them."""
    yield from (
        token.string
        for token in tokenize.generate_tokens(io.StringIO(source).readline)
        if token.type == tokenize.COMMENT
    )
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str):
            yield node.value.value


def rooms() -> set[str]:
    """The folders of the package that hold modules."""
    return {str(path.parent.relative_to(PACKAGE)) for path in PACKAGE.rglob("*.py")}


def pages() -> Iterator[Path]:
    yield from (PROJECT / name for name in ("README.md", "CONTRIBUTING.md", "SECURITY.md", "changelog.d/README.md"))
    yield from sorted((PROJECT / "examples").rglob("*.md"))
    yield from (page for page in sorted((PROJECT / "docs").rglob("*.md")) if KEPT not in str(page.relative_to(PROJECT)))


def phrases(text: str) -> list[str]:
    plain = " ".join(text.replace("#", " ").split()).casefold()
    return [phrase for phrase in PHRASES if phrase in plain]


def test_no_comment_or_docstring_has_a_phrase_of_a_private_dialect() -> None:
    found = {
        str(path.relative_to(PROJECT)): told
        for path in sorted(PACKAGE.rglob("*.py"))
        if (told := [phrase for text in spoken(path.read_text(encoding="utf-8")) for phrase in phrases(text)])
    }
    assert found == {}


def test_no_page_has_a_phrase_of_a_private_dialect() -> None:
    found = {str(page.relative_to(PROJECT)): phrases(page.read_text(encoding="utf-8")) for page in pages()}
    assert {name: told for name, told in found.items() if told} == {}


@pytest.mark.parametrize("room", sorted(rooms()))
def test_first_sentences_of_a_room_are_short_and_have_a_subject(room: str) -> None:
    modules = sorted(path for path in (PACKAGE / room).glob("*.py") if path.name not in LAWS)
    assert modules
    found = {
        name: told
        for path in modules
        for name, text in documented(ast.parse(path.read_text(encoding="utf-8")), path.stem)
        if (told := faults(text))
    }
    assert found == {}


@pytest.mark.parametrize(
    ("docstring", "expected"),
    [
        ("Return the alias. Whatever follows may be as long as it likes, for it is read by those who want more.", []),
        ("What the alias is.", ["begins with What"]),
        ("Whose, or `None`.", ["begins with Whose,"]),
        (f"Return {'x ' * 19}y.", ["21 words"]),
        ("The alias at v1.2, e.g. the\nold one.", []),
    ],
)
def test_length_and_first_word_are_seen(docstring: str, expected: list[str]) -> None:
    assert faults(docstring) == expected


def test_a_phrase_is_seen_in_comments_and_across_lines_and_in_no_string_that_the_code_uses() -> None:
    source = 'said = "in doubt"\n# a row\n# in doubt\n'
    assert [phrases(text) for text in spoken(source)] == [[], ["in doubt"]]
    assert phrases("in\ndoubt") == ["in doubt"]
