"""Reads how long actions took on this hub: the newest attempts of each, so that age costs
nothing."""

from collections.abc import Collection
from typing import Any

from msgspec.structs import replace
from sqlalchemy import text

from ibgu.core.drivers import every_action
from ibgu.core.engine.timing.durations import MEASURED, DurationStats
from ibgu.core.model import ActionName, RunResult, traits
from ibgu.core.model.actions import whole
from ibgu.core.model.kinds import LabelSelector
from ibgu.db.reads.base import Base
from ibgu.db.reads.labelled import labelled
from ibgu.db.rows import to_record
from ibgu.db.views import DurationRow

NEWEST = 5000
"""Attempts read per action; more would add nothing, and would be read each time."""
_PARTS = 10
_SPREAD = [(part + 0.5) / _PARTS for part in range(_PARTS)]

_STATISTICS = """
    SELECT asked.action, ended.result, count(*) AS count, max(seconds) AS max,
      percentile_cont(0.5) WITHIN GROUP (ORDER BY seconds) AS p50,
      percentile_cont(0.9) WITHIN GROUP (ORDER BY seconds) AS p90,
      percentile_cont(0.95) WITHIN GROUP (ORDER BY seconds) AS p95,
      percentile_cont(CAST(:spread AS float8[])) WITHIN GROUP (ORDER BY seconds) AS spread
    FROM unnest(CAST(:actions AS text[]), CAST(:planned AS text[])) AS asked(action, planned)
      CROSS JOIN LATERAL ({runs}) AS ended
    {which}
    GROUP BY asked.action, ended.result
"""
_OF_HUB = """
    SELECT cluster, result, extract(epoch FROM ended_at - arming_at)::float8 AS seconds
    FROM runs
    WHERE hub = :hub AND action = asked.action AND state = 'ended'
      AND arming_at IS NOT NULL AND result IS NOT NULL
    ORDER BY ended_at DESC
    LIMIT :newest
"""
_OF_NAMESPACES = """
    SELECT cluster, result, seconds FROM (
      SELECT steps.rollout, steps.index
      FROM rollouts JOIN steps ON (steps.hub, steps.rollout) = (rollouts.hub, rollouts.uid)
      WHERE rollouts.hub = :hub AND rollouts.namespace = ANY (CAST(:of AS text[]))
        AND asked.planned = ANY (steps.actions)
      ORDER BY steps.started_at DESC NULLS LAST
    ) AS its CROSS JOIN LATERAL (
      SELECT cluster, result, extract(epoch FROM ended_at - arming_at)::float8 AS seconds
      FROM runs
      WHERE runs.hub = :hub AND runs.rollout = its.rollout AND runs.step = its.index
        AND action = asked.action AND state = 'ended'
        AND arming_at IS NOT NULL AND result IS NOT NULL
    ) AS timed
    LIMIT :newest
"""
"""Reads step by step, newest first: for a namespace with few runs, an index of all runs by age
would be read to its end."""
_LABELLED = "WHERE ended.cluster = ANY (CAST(:labelled AS text[]))"
_DURATIONS = text(_STATISTICS.format(runs=_OF_HUB, which=""))
_DURATIONS_IN = text(_STATISTICS.format(runs=_OF_NAMESPACES, which=""))
_LABELLED_DURATIONS = text(_STATISTICS.format(runs=_OF_HUB, which=_LABELLED))
_LABELLED_DURATIONS_IN = text(_STATISTICS.format(runs=_OF_NAMESPACES, which=_LABELLED))


REACHED = 200
"""Runs per action that measure how long clusters take to be reached; each is a page to read."""
_REACHED = text("""
    SELECT asked.action,
      CASE WHEN count(prepared) >= :enough
        THEN percentile_cont(0.95) WITHIN GROUP (ORDER BY prepared) END AS prepared,
      CASE WHEN count(taken) >= :enough
        THEN percentile_cont(0.95) WITHIN GROUP (ORDER BY taken) END AS taken
    FROM unnest(CAST(:actions AS text[])) AS asked(action) CROSS JOIN LATERAL (
      SELECT extract(epoch FROM arming_at - intended_at)::float8 AS prepared,
        extract(epoch FROM accepted_at - arming_at)::float8 AS taken
      FROM runs
      WHERE hub = :hub AND action = asked.action AND state = 'ended'
      ORDER BY ended_at DESC
      LIMIT :newest
    ) AS ended
    GROUP BY asked.action
""")


def _well(action: ActionName) -> RunResult:
    """Returns the result of a run that did what it had to: after a part the action follows."""
    return RunResult.CONTINUED if traits(action).part_of else RunResult.SUCCEEDED


class DurationReads(Base):
    async def durations(
        self,
        *,
        actions: Collection[ActionName] | None = None,
        namespaces: Collection[str] | None = None,
        label: LabelSelector | None = None,
    ) -> tuple[DurationRow, ...]:
        """Returns durations by action and result; None: of all namespaces, on all clusters."""
        wanted = every_action() if actions is None else list(actions)
        values: dict[str, Any] = {
            "hub": self.hub,
            "actions": wanted,
            "planned": [whole(each) for each in wanted],
            "newest": NEWEST,
            "spread": _SPREAD,
        }
        statement, among = _DURATIONS, _LABELLED_DURATIONS
        if namespaces is not None:
            statement, among = _DURATIONS_IN, _LABELLED_DURATIONS_IN
            values["of"] = list(namespaces)
        async with self._at_one_moment() as db:
            if label is not None:
                statement = among
                values["labelled"] = list(await db.scalars(labelled(self.hub, label)))
            rows = (await db.execute(statement, values)).mappings()
            return tuple(to_record(row, DurationRow) for row in rows)

    async def duration_stats(self) -> dict[ActionName, DurationStats]:
        """Returns the durations of actions over all rollouts of the hub that succeeded and were
        measured often enough."""
        reached = await self._reached()
        return {
            row.action: replace(row.stats, **reached.get(row.action, {}))
            for row in await self.durations()
            if row.result is _well(row.action) and row.count >= MEASURED
        }

    async def _reached(self) -> dict[ActionName, dict[str, float | None]]:
        """Returns within how many seconds 95 of 100 attempts are sent to the cluster, and then
        accepted by it."""
        values = {
            "hub": self.hub,
            "actions": every_action(),
            "newest": REACHED,
            "enough": MEASURED,
        }
        async with self._at_one_moment() as db:
            rows = await db.execute(_REACHED, values)
            return {
                action: {"prepared": prepared, "taken": taken} for action, prepared, taken in rows
            }
