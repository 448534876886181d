"""Stores which clusters are to be inspected for preflight, and what was read on them.

The API requests inspections, the controller that leads carries them out. One row a cluster serves
all callers.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import msgspec
from msgspec import Struct
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from ibgu.core.drivers import every_action
from ibgu.core.drivers.ibu.preflight.facts import ClusterFacts
from ibgu.core.drivers.ibu.preflight.inspection import InspectedFacts
from ibgu.core.drivers.ibu.preflight.inspection.velero import CONCERNS_VELERO
from ibgu.db.errors import LeadershipLost, unavailable_from
from ibgu.db.schema.types import Json

KEPT = timedelta(days=1)
"""What was read longer ago is of no use."""
OPEN = "the inspection is not finished yet; beside a live TALM it waits"
EVIDENCE_KEPT = timedelta(days=14)
"""What was read of a failure is kept as long."""
_RECENT = timedelta(minutes=10)
"""A cluster that failed longer ago is not inspected for that."""

_REQUEST = text("""
    INSERT INTO cluster_inspections (hub, cluster, id, requested_at, problem)
    SELECT hubs.id, wanted.cluster, :id, clock_timestamp(), ''
    FROM unnest(CAST(:clusters AS text[])) AS wanted(cluster), hubs
    WHERE hubs.id = :hub
    ON CONFLICT (hub, cluster) DO UPDATE
    SET id = excluded.id, requested_at = excluded.requested_at, finished_at = NULL, problem = ''
    WHERE cluster_inspections.finished_at < clock_timestamp() - CAST(:fresh AS interval)
""")
_OPEN = text("""
    SELECT open.cluster, open.id, coalesce(newest.message, '') AS failure
    FROM (SELECT cluster, id, requested_at FROM cluster_inspections
      WHERE hub = :hub AND finished_at IS NULL
      ORDER BY requested_at, cluster LIMIT :most) AS open
    LEFT JOIN LATERAL (SELECT result, message FROM runs
      WHERE hub = :hub AND cluster = open.cluster ORDER BY intended_at DESC LIMIT 1) AS newest
      ON newest.result IN ('failed', 'limit')
    ORDER BY open.requested_at, open.cluster
""")
_REQUEST_FAILED = text("""
    INSERT INTO cluster_inspections (hub, cluster, id, requested_at, problem)
    SELECT DISTINCT failed.hub, failed.cluster, :id, clock_timestamp(), ''
    FROM (SELECT id FROM hubs WHERE id = :hub AND epoch = :epoch FOR SHARE) AS leads
    JOIN runs AS failed ON failed.hub = leads.id
    LEFT JOIN cluster_inspections AS known
      ON known.hub = failed.hub AND known.cluster = failed.cluster
    WHERE failed.state = 'ended' AND failed.action = ANY(CAST(:actions AS text[]))
      AND failed.ended_at > clock_timestamp() - CAST(:recent AS interval)
      AND failed.result IN ('failed', 'limit') AND failed.message ~* :words
      AND (known.id IS NULL
        OR known.finished_at IS NOT NULL AND known.requested_at < failed.ended_at)
    ON CONFLICT (hub, cluster) DO UPDATE
    SET id = excluded.id, requested_at = excluded.requested_at, finished_at = NULL, problem = ''
    WHERE cluster_inspections.finished_at IS NOT NULL
""")
_FINISH = text("""
    UPDATE cluster_inspections AS row
    SET finished_at = clock_timestamp(), problem = done.problem,
      read_at = CASE WHEN done.facts IS NULL THEN row.read_at ELSE clock_timestamp() END,
      facts = coalesce(CAST(done.facts AS jsonb), row.facts)
    FROM unnest(CAST(:clusters AS text[]), CAST(:ids AS text[]), CAST(:problems AS text[]),
        CAST(:facts AS text[])) AS done(cluster, id, problem, facts),
      (SELECT id FROM hubs WHERE id = :hub AND epoch = :epoch FOR SHARE) AS leads
    WHERE row.hub = leads.id AND row.cluster = done.cluster AND row.id = done.id
""")
_PRUNE = text("""
    WITH leads AS (SELECT id FROM hubs WHERE id = :hub AND epoch = :epoch FOR SHARE)
    DELETE FROM cluster_inspections AS row USING leads
    WHERE row.hub = leads.id AND row.requested_at < clock_timestamp()
      - CASE WHEN row.facts->>'failure' <> '' THEN CAST(:evidence_kept AS interval)
        ELSE CAST(:kept AS interval) END
    RETURNING row.cluster
""")
_LEADS = text("SELECT id FROM hubs WHERE id = :hub AND epoch = :epoch")
_RESULTS = text("""
    SELECT cluster, finished_at IS NULL AS open, problem,
      CASE WHEN fresh THEN read_at END AS read_at, CASE WHEN fresh THEN facts END AS facts,
      coalesce(greatest(newest.intended_at, newest.ended_at) > read_at, false) AS acted
    FROM (SELECT *, read_at > clock_timestamp() - CAST(:ttl AS interval) AS fresh
      FROM cluster_inspections WHERE hub = :hub AND cluster = ANY(CAST(:clusters AS text[]))) AS row
    LEFT JOIN LATERAL (SELECT intended_at, ended_at FROM runs
      WHERE hub = :hub AND cluster = row.cluster
      ORDER BY intended_at DESC LIMIT 1) AS newest ON true
""").columns(facts=Json)
_LEFT = text("""
    SELECT count(*) FROM cluster_inspections
    WHERE hub = :hub AND finished_at IS NULL AND cluster = ANY(CAST(:clusters AS text[]))
""")


class OpenInspection(Struct, frozen=True):
    cluster: str
    id: str
    failure: str = ""
    """The message of the cluster's newest run, if it has failed."""


class FinishedInspection(Struct, frozen=True):
    """FinishedInspection has facts, or the problem because of which there are none."""

    cluster: str
    id: str
    facts: InspectedFacts | None = None
    problem: str = ""


class InspectionResult(Struct, frozen=True):
    """InspectionResult is what is known of a cluster now. `facts` have the database's time of
    their reading; None: nothing was read, or too long ago."""

    open: bool
    problem: str
    facts: InspectedFacts | None
    acted: bool = False
    """Whether a rollout has acted on the cluster since it was read."""


def with_inspection(cluster: ClusterFacts, found: InspectionResult | None) -> ClusterFacts:
    """Returns the cluster with what was read on it."""
    if found is None:
        return cluster
    problem = OPEN if found.open else found.problem
    return msgspec.structs.replace(
        cluster,
        inspected=found.facts,
        inspecting=found.open,
        uninspected=problem,
        acted_since=found.acted,
    )


class Inspections:
    """Inspections reads and writes those of one hub's clusters; all methods raise
    JournalUnavailable."""

    def __init__(self, engine: AsyncEngine, hub: str) -> None:
        self._engine = engine
        self._hub = hub

    async def request(self, clusters: Sequence[str], id_: str, fresh: timedelta) -> None:
        """Requests inspections, except of clusters whose last one is open, or ended less than
        `fresh` ago."""
        values = {"clusters": sorted(clusters), "id": id_, "fresh": fresh}
        await self._write("requesting inspections", _REQUEST, values)

    async def left(self, clusters: Sequence[str]) -> int:
        """Returns how many of the clusters are still to be inspected."""
        with unavailable_from("reading which clusters are inspected"):
            async with self._engine.connect() as db:
                found = await db.scalar(_LEFT, {"hub": self._hub, "clusters": list(clusters)})
        return int(found or 0)

    async def results(self, clusters: Sequence[str], ttl: timedelta) -> dict[str, InspectionResult]:
        """Returns the results by cluster; facts that are older than `ttl` are left out."""
        values = {"hub": self._hub, "clusters": list(clusters), "ttl": ttl}
        with unavailable_from("reading what was read on clusters"):
            async with self._engine.connect() as db:
                rows = (await db.execute(_RESULTS, values)).all()
        return {
            row.cluster: InspectionResult(
                row.open, row.problem, _facts(row.facts, row.read_at), row.acted
            )
            for row in rows
        }

    # -- for the leader --------------------------------------------------------------------------

    async def open(self, most: int) -> list[OpenInspection]:
        """Returns the inspections to carry out, the oldest first."""
        with unavailable_from("reading which clusters to inspect"):
            async with self._engine.connect() as db:
                rows = await db.execute(_OPEN, {"hub": self._hub, "most": most})
                return [OpenInspection(row.cluster, row.id, row.failure) for row in rows]

    async def request_failed(self, id_: str, epoch: int) -> None:
        """Requests inspections of clusters that have just failed in a way that Velero's objects may
        explain. Raises LeadershipLost if `epoch` is over."""
        actions = sorted(every_action(lambda action: action.preflight))
        values = {"id": id_, "recent": _RECENT, "words": CONCERNS_VELERO, "actions": actions}
        await self._lead("requesting inspections of failures", _REQUEST_FAILED, values, epoch)

    async def finish(self, done: Sequence[FinishedInspection], epoch: int) -> None:
        """Stores results; one whose inspection was requested again meanwhile is left out. Raises
        LeadershipLost if `epoch` is over."""
        facts = [None if d.facts is None else msgspec.json.encode(d.facts).decode() for d in done]
        values = {
            "clusters": [each.cluster for each in done],
            "ids": [each.id for each in done],
            "problems": [each.problem for each in done],
            "facts": facts,
        }
        await self._lead("storing what was read on clusters", _FINISH, values, epoch)

    async def prune(self, epoch: int) -> None:
        """Deletes what is of no use any more. Raises LeadershipLost if `epoch` is over."""
        await self._lead(
            "deleting old inspections",
            _PRUNE,
            {"kept": KEPT, "evidence_kept": EVIDENCE_KEPT},
            epoch,
        )

    async def _lead(self, doing: str, statement: Any, values: dict[str, Any], epoch: int) -> None:
        """Writes as the leader. An update of no row proves nothing, so the epoch is read, too."""
        values = {**values, "hub": self._hub, "epoch": epoch}
        with unavailable_from(doing):
            async with self._engine.begin() as db:
                await db.execute(statement, values)
                leads = (await db.execute(_LEADS, values)).first() is not None
        if not leads:
            raise LeadershipLost(f"epoch {epoch} of hub {self._hub} is over; nothing was written")

    async def _write(self, doing: str, statement: Any, values: dict[str, Any]) -> None:
        with unavailable_from(doing):
            async with self._engine.begin() as db:
                await db.execute(statement, {**values, "hub": self._hub})


def _facts(found: object, read_at: datetime | None) -> InspectedFacts | None:
    """Returns the facts; None if there are none, or another version of ibgu has written them."""
    if found is None or read_at is None:
        return None
    try:
        facts = msgspec.convert(found, InspectedFacts)
    except msgspec.ValidationError:
        return None
    return msgspec.structs.replace(facts, read_at=read_at)
