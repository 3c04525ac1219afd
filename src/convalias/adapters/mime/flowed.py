"""format=flowed: soft line breaks joined (RFC 3676)."""

from __future__ import annotations


def unwrapped(text: str, *, delete_space: bool) -> str:
    """Paragraphs as one line each. `delete_space` is DelSp=yes: the space before a soft break goes too (§4.1)."""
    paragraphs: list[list[str]] = []
    soft, depth = False, 0
    for raw in text.split("\n"):
        content = raw.lstrip(">")
        quoted = len(raw) - len(content)
        content = content.removeprefix(" ")  # §4.4: space-stuffing
        signature = content == "-- "  # §4.3: a signature separator is never flowed
        flows_on = content.endswith(" ") and not signature
        piece = content[:-1] if flows_on and delete_space else content
        if soft and quoted == depth and not signature:
            paragraphs[-1].append(piece)
        else:
            paragraphs.append([">" * quoted + " ", piece] if quoted else [piece])
        soft, depth = flows_on, quoted
    return "\n".join(map("".join, paragraphs))
