"""Dates the policies of a simulation's journal in virtual time."""

import asyncio
from bisect import bisect_right
from collections.abc import Sequence
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from typing import Any
from unittest.mock import patch

from msgspec import to_builtins
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from ibgu.core.model.rollout_policy import RolloutPolicy
from ibgu.db.journal import Journal

_DATE = text("""
    UPDATE rollout_policies SET seen_at = :seen_at, gone_at = :gone_at
    WHERE hub = :hub AND uid = :uid AND generation = :generation
""")
_Version = tuple[str, int]
CLOCKS = 1.0
"""Seconds by which the clocks of a controller may be wrong."""


class PolicyDates:
    """PolicyDates knows when policies came into force. Postgres has dated them by its own clock,
    which knows no virtual time."""

    def __init__(self) -> None:
        self._seen: dict[_Version, float] = {}
        self._gone: dict[_Version, float] = {}
        self._times: list[float] = []
        self._specs: list[dict[str, dict[str, Any]]] = []
        """The specs in force since each of these times, by the policy's name."""

    def in_force(self, name: str, at: datetime) -> dict[str, Any]:
        """Returns the spec of the policy in force; empty: there is none, or it came into force
        about then, which clocks may show otherwise."""
        moments = (at.timestamp() + seconds for seconds in (-CLOCKS, CLOCKS))
        before, after = (bisect_right(self._times, moment) for moment in moments)
        known = self._specs[before - 1].get(name, {}) if before else {}
        changed = any(specs.get(name, {}) != known for specs in self._specs[before:after])
        return {} if changed else known

    def latest(self) -> dict[str, dict[str, Any]]:
        """Returns the specs of the policies in force now, by name."""
        return self._specs[-1] if self._specs else {}

    def were_noted(self, policies: Sequence[RolloutPolicy]) -> bool:
        """Returns whether the journal has had exactly these policies in force at any time."""
        specs = {each.metadata.name: to_builtins(each.spec) for each in policies}
        return not specs or specs in self._specs

    def watched(self) -> AbstractContextManager[object]:
        note = Journal.note_policies

        async def noted(journal: Journal, policies: Sequence[RolloutPolicy]) -> None:
            await note(journal, policies)
            self._noted({(each.metadata.uid, each.metadata.generation) for each in policies})
            self._times.append(asyncio.get_running_loop().time())
            self._specs.append({each.metadata.name: to_builtins(each.spec) for each in policies})

        return patch.object(Journal, "note_policies", noted)

    def _noted(self, found: set[_Version]) -> None:
        now = asyncio.get_running_loop().time()
        for version in found:
            self._seen.setdefault(version, now)
            self._gone.pop(version, None)
        for version in self._seen.keys() - found:
            self._gone.setdefault(version, now)

    async def date(self, db: AsyncConnection, hub: str) -> None:
        for version, seen in self._seen.items():
            (uid, generation), gone = version, self._gone.get(version)
            values = {
                "hub": hub,
                "uid": uid,
                "generation": generation,
                "seen_at": datetime.fromtimestamp(seen, UTC),
                "gone_at": gone and datetime.fromtimestamp(gone, UTC),
            }
            await db.execute(_DATE, values)

    @staticmethod
    async def forget(db: AsyncConnection, hub: str) -> None:
        """Takes the policies out of the evidence."""
        await db.execute(text("DELETE FROM rollout_policies WHERE hub = :hub"), {"hub": hub})
