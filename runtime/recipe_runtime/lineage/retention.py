"""Versions of outputs that Delta is about to give up, said while they can still be saved.

An overwritten version's files may be removed by VACUUM once they have been out of use for
`delta.deletedFileRetentionDuration`, and its log entry is cleaned up once it is older than
`delta.logRetentionDuration` (Delta's table properties; their defaults are 7 and 30 days).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from recipe_runtime.lineage.answer import Answer, item
from recipe_runtime.lineage.ledger import Ledger, Version
from recipe_runtime.lineage.look import Relation

WARN = timedelta(days=2)
"""How long before its end a version is warned of."""

FILES = ("delta.deletedFileRetentionDuration", timedelta(days=7))
LOG = ("delta.logRetentionDuration", timedelta(days=30))

_UNIT = re.compile(r"(\d+)\s+(week|day|hour|minute|second|millisecond|microsecond)s?\b")
_REMOVE_NOTHING = {"VACUUM START", "VACUUM END", "SET TBLPROPERTIES", "UNSET TBLPROPERTIES"}


@dataclass(frozen=True)
class Expiring(Answer):
    """A version that a run of this lake counts on. `until`: when it may be gone; `setting`: what says so."""

    output: str
    uri: str
    version: int
    until: datetime
    setting: str
    due: bool

    def text(self, width: int = 100) -> str:
        """The warning in one sentence and what can be done."""
        when = f"{self.until:%Y-%m-%d %H:%M} UTC"
        fate = f"may be removed at any time since {when}" if self.due else f"may be removed from {when} on"
        said = f"warning: version {self.version} of {self.output} {fate} ({self.setting} of {self.uri});"
        return "\n".join(item(f"{said} copy it, or set that property higher, to keep it", width))


def expiring(lake_uri: str, now: datetime | None = None) -> list[Expiring]:
    """Counted versions of all outputs that end within two days of `now`, or whose time is up."""
    return of_ledger(Ledger(lake_uri), now)


def of_ledger(ledger: Ledger, now: datetime | None = None) -> list[Expiring]:
    """The same, for a ledger that has been read."""
    now = now or datetime.now(UTC)
    found = []
    for output in ledger.outputs:
        found += [each for each in _of(ledger.versions(output)) if each.until - WARN <= now]
    return [
        Expiring(each.output, each.uri, each.version, each.until, each.setting, each.until <= now)
        for each in found
    ]


def _of(versions: Sequence[Version]) -> list[Expiring]:
    """When each version but the newest ends. One whose log entry is gone has ended: nothing can save it."""
    if len(versions) < 2:
        return []
    table = Relation(versions[0].uri).table
    settings = table.metadata().configuration
    files, log = (_duration(settings.get(name)) or default for name, default in (FILES, LOG))
    commits = {
        commit["version"]: datetime.fromtimestamp(commit["timestamp"] / 1000, UTC)
        for commit in table.history()
        if commit["operation"] not in _REMOVE_NOTHING
    }
    found = []
    for version in versions[:-1]:
        later = [number for number in commits if number > version.version]
        if version.version not in commits or not later:
            continue
        ends = min(
            (commits[min(later)] + files, FILES[0]),
            (commits[version.version] + log, LOG[0]),
        )
        found.append(Expiring(version.output, version.uri, version.version, *ends, due=False))
    return found


def _duration(setting: str | None) -> timedelta | None:
    """`interval 30 days` as Delta writes it; None where the property is not set."""
    parts = _UNIT.findall(setting or "")
    return sum((timedelta(**{f"{unit}s": int(count)}) for count, unit in parts), timedelta()) if parts else None
