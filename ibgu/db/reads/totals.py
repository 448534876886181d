"""Counts the clusters of whole rollouts in Postgres, as `core.counts` does in memory."""

from collections.abc import Collection, Mapping, Sequence

from msgspec import Struct
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from ibgu.core.drivers import every_action
from ibgu.core.model import MemberState, Outcome, Rollout, Step
from ibgu.core.model.counts import (
    COMPLETED,
    NO_SUCCESS,
    ClusterPosition,
    Counts,
    Progress,
    ReportCounts,
    counts_of_places,
    course_of,
)
from ibgu.db.reads.counting import CountingReads
from ibgu.db.reads.tallies import Newest
from ibgu.db.rows import readable

_STATES = len(Progress)
_COMPLETED = ", ".join(str(int(progress)) for progress in COMPLETED)
_NO_SUCCESS = ", ".join(str(int(progress)) for progress in NO_SUCCESS)
_PLACES = text(f"""
    SELECT uid, place / {_STATES} AS step, place % {_STATES} AS progress, count(*) AS clusters
    FROM unnest(CAST(:uids AS text[])) AS uid CROSS JOIN LATERAL (
      SELECT CASE
        WHEN acted IS NULL THEN cleaned
        WHEN cleaned = tried AND acted % {_STATES} = {Progress.LATE:d}
          AND cleaned % {_STATES} IN ({_NO_SUCCESS}) THEN acted
        WHEN cleaned > acted AND acted % {_STATES} IN ({_COMPLETED}) THEN cleaned
        ELSE acted
      END AS place
      FROM (
        SELECT max(place) FILTER (WHERE NOT cleans) AS acted,
          max(place) FILTER (WHERE cleans) AS cleaned,
          max(place) FILTER (WHERE of_failed) AS tried
        FROM (
          SELECT cluster, cluster_uid, actions[1] = ANY(CAST(:aborts AS text[])) AS cleans,
            actions[1] = ANY(CAST(:after_failure AS text[])) AS of_failed, step * {_STATES} + CASE
              WHEN members.state = '{MemberState.WAITING}' THEN {Progress.WAITING:d}
              WHEN members.state = '{MemberState.IN_FLIGHT}' THEN {Progress.RUNNING:d}
              WHEN outcome = '{Outcome.SUCCEEDED}' THEN {Progress.SUCCEEDED:d}
              WHEN outcome = '{Outcome.SKIPPED}' THEN {Progress.SKIPPED:d}
              WHEN outcome = '{Outcome.CANCELLED}' THEN {Progress.CANCELLED:d}
              WHEN late <> '' THEN {Progress.LATE:d}
              ELSE {Progress.FAILED:d}
            END AS place
          FROM steps JOIN members ON members.hub = steps.hub
            AND members.rollout = steps.rollout AND members.step = steps.index
          WHERE steps.hub = :hub AND steps.rollout = uid
            AND (CAST(:clusters AS text[]) IS NULL OR cluster = ANY(CAST(:clusters AS text[])))
        ) AS visits GROUP BY cluster, cluster_uid
      ) AS newest
    ) AS placed GROUP BY uid, place
""")
"""The place of each cluster, as in `place_of`. A step and how far the cluster is in it are one
number, so that the newest is the greatest. One rollout after the other: Postgres takes all at once
for the whole table. `clusters`: only these; NULL: all."""

_FACTS = text("""
    SELECT uid, seq, at,
      (SELECT CASE WHEN kind = 'RolloutSeen' THEN actor ELSE '' END FROM events
       WHERE hub = :hub AND rollout = uid ORDER BY seq LIMIT 1) AS actor,
      warned, rollback, rollback_until, paused, paused_since
    FROM unnest(CAST(:uids AS text[])) AS uid LEFT JOIN LATERAL (
      SELECT seq, at FROM events WHERE hub = :hub AND rollout = uid ORDER BY seq DESC LIMIT 1
    ) AS newest ON TRUE CROSS JOIN LATERAL (
      SELECT count(DISTINCT cluster) FILTER (WHERE warning <> '') AS warned,
        count(DISTINCT cluster) FILTER (WHERE rollback_until IS NOT NULL) AS rollback,
        min(rollback_until) AS rollback_until,
        count(DISTINCT cluster) FILTER (WHERE paused_since IS NOT NULL) AS paused,
        min(paused_since) AS paused_since
      FROM members WHERE hub = :hub AND rollout = uid
        AND (rollback_until IS NOT NULL OR warning <> '' OR paused_since IS NOT NULL)
    ) AS reported
""")
"""The newest event of each rollout, without which no cluster changes its place; its time detects a
restored journal, whose numbers repeat. The first event names who made the rollout, until retention
deletes it. All in one statement: a request waits for its turn at each."""


class RolloutReadings(Struct, frozen=True):
    """RolloutReadings is what is read of a rollout beside its record and its members' places."""

    newest: Newest
    actor: str
    reports: ReportCounts


class TotalReads(CountingReads):
    async def _facts(self, db: AsyncConnection, uids: Sequence[str]) -> dict[str, RolloutReadings]:
        """Returns the facts by uid."""
        rows = await db.execute(_FACTS, {"hub": self.hub, "uids": list(uids)})
        return {
            uid: RolloutReadings((seq, at), actor or "", ReportCounts(*reports))
            for uid, seq, at, actor, *reports in rows
        }

    async def _totals(
        self,
        db: AsyncConnection,
        rollouts: Sequence[Rollout],
        facts: Mapping[str, RolloutReadings],
    ) -> dict[str, Counts]:
        """Returns counts by uid."""
        found: dict[str, Counts] = {}
        unknown: dict[str, Newest] = {}
        for uid in (rollout.uid for rollout in rollouts):
            newest = facts[uid].newest
            if (known := self._tallies.total(uid, newest)) is not None:
                found[uid] = known
            else:
                unknown[uid] = newest
        counted = await self._whole(db, [each for each in rollouts if each.uid in unknown])
        for uid, counts in counted.items():
            self._tallies.learn_total(uid, unknown[uid], counts)
        return found | counted

    async def _whole(
        self,
        db: AsyncConnection,
        rollouts: Sequence[Rollout],
        clusters: Collection[str] | None = None,
    ) -> dict[str, Counts]:
        """Returns counts by uid; `clusters`: of these alone."""
        if not rollouts:
            return {}
        uids = [rollout.uid for rollout in rollouts]
        opened: dict[str, list[Step]] = {uid: [] for uid in uids}
        for step in readable((await db.execute(self._steps_of(uids))).mappings(), Step):
            opened[step.rollout].append(step)
        places: dict[str, dict[ClusterPosition, int]] = {uid: {} for uid in uids}
        only = None if clusters is None else list(clusters)
        asked = {
            "hub": self.hub,
            "uids": uids,
            "clusters": only,
            "aborts": every_action(lambda action: action.aborts),
            "after_failure": every_action(lambda action: action.after_failure),
        }
        for uid, index, progress, number in await db.execute(_PLACES, asked):
            places[uid][ClusterPosition(index, Progress(progress))] = number
        return {
            each.uid: counts_of_places(places[each.uid], course_of(each, opened[each.uid]))
            for each in rollouts
        }
