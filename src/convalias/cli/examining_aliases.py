"""The checks of `convalias doctor` about use cases: whether those of the settings exist, and what nobody could answer."""

from __future__ import annotations

from convalias.app.facade import Convalias
from convalias.cli.examining import Finding, Health
from convalias.domain.printable import counted
from convalias.settings import Settings


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


async def examine_use_cases(cv: Convalias, settings: Settings) -> list[Finding]:
    """Use cases that only the settings name: a name may be misspelt, and then its table does nothing."""
    overlay = settings.overlay
    named = {
        "use_case": {*overlay.admission_by_use_case, *overlay.trust_by_use_case},
        "aliases.use_case": {*settings.alias_styles.by_use_case},
    }
    flags = {setting.rollout.use_case for setting in await cv.rollout.show()}
    return [
        Finding(
            check=f"setting {table}.{use_case}",
            health=Health.WARNING,
            found="no conversation is of that use case, and no flag names it",
            mend="see that the name is that of your conversations; for a use case that is new, nothing",
        )
        for table, use_cases in named.items()
        for use_case in sorted(use_cases - flags)
        if not await cv.rollout.knows(use_case)
    ]
