"""The check of `convalias doctor` for conversations that nobody could answer."""

from __future__ import annotations

from convalias.app.facade import Convalias
from convalias.cli.examining import Finding, Health
from convalias.domain.printable import counted


async def examine_aliases(cv: Convalias) -> list[Finding]:
    """Conversations without an alias, in use cases of which a part is delivered by the hub."""
    findings: list[Finding] = []
    for use_case, counts in (await cv.rollout.exposed()).items():
        check = f"aliases of {use_case}"
        least = "" if counts.is_whole else "at least "
        of = f"{least}{counted(counts.conversations, 'conversation')}"
        if not counts.without_alias:
            findings.append(Finding(check=check, found=f"none is lacking, looked at {of}"))
            continue
        findings.append(
            Finding(
                check=check,
                health=Health.WARNING,
                found=f"lacking in {least}{counts.without_alias}, looked at {of}",
                mend=f"convalias rollout prepare {use_case} (until then each is issued with the next message)",
            )
        )
    return findings
