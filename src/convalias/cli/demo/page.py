"""A decision as a page to open: the picture, the reasons, and the same graph as Mermaid text."""

from __future__ import annotations

from html import escape

from convalias.cli.picture import picture
from convalias.domain.routing.plan import Decision


def page(decision: Decision, *, title: str) -> str:
    """HTML without script, font or link: it can be opened anywhere, and asks nobody for anything."""
    explanation = decision.explain()
    return (
        '<!DOCTYPE html><html lang="en"><head><meta charset="utf-8">'
        f"<title>{escape(title)}</title>"
        "<style>body{font-family:sans-serif;margin:2em;max-width:70em}pre{background:#f4f4f4;padding:1em;"
        "overflow-x:auto}svg{max-width:100%;height:auto}</style></head><body>"
        f"<h1>{escape(title)}</h1>\n{picture(decision)}\n"
        f"<h2>In words</h2><pre>{escape(explanation.text())}</pre>\n"
        "<h2>As a Mermaid graph</h2><p>To paste wherever Mermaid is drawn.</p>"
        f"<pre>{escape(explanation.mermaid())}</pre></body></html>\n"
    )
