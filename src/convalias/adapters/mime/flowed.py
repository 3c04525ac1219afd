"""format=flowed: soft line breaks joined (RFC 3676)."""

from __future__ import annotations


def unwrapped(text: str, *, delete_space: bool) -> str:
    """Paragraphs as one line each. `delete_space` is DelSp=yes: the space before a soft break goes too (§4.1)."""
    lines: list[str] = []
    soft, depth = False, 0
    for raw in text.split("\n"):
        content = raw.lstrip(">")
        quoted = len(raw) - len(content)
        content = content.removeprefix(" ")  # §4.4: space-stuffing
        signature = content == "-- "  # §4.3: a signature separator is never flowed
        if soft and quoted == depth and not signature:
            joined = lines.pop()
            lines.append((joined[:-1] if delete_space else joined) + content)
        else:
            if soft and delete_space and lines:
                lines[-1] = lines[-1][:-1]
            lines.append(f"{'>' * quoted} {content}" if quoted else content)
        soft, depth = content.endswith(" ") and not signature, quoted
    return "\n".join(lines)
