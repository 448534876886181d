"""Deletes the records of rollouts that are long over, in batches (R29.7).

Each statement proves the leader's epoch as a turn does, is its own transaction, and holds the hub's
row for some milliseconds only: a turn waits for it.
"""

from collections.abc import Collection
from datetime import datetime
from typing import Any

from msgspec import Struct
from sqlalchemy import TextClause, text
from sqlalchemy.ext.asyncio import AsyncEngine

from ibgu.db.errors import LeadershipLost
from ibgu.db.journal.load import cancels

BATCH = 200
"""The most members that one statement deletes, each with its runs."""

_IS_LEADER = "leads AS (SELECT id FROM hubs WHERE id = :hub AND epoch = :epoch FOR SHARE)"
_EXPIRED = """
    SELECT rollouts.hub, rollouts.uid FROM rollouts
    JOIN forgotten_rollouts AS marked ON (marked.hub, marked.rollout) = (rollouts.hub, rollouts.uid)
    WHERE rollouts.hub = :hub AND rollouts.state = 'deleted'
"""
_MARK = text(f"""
    WITH {_IS_LEADER},
    marked AS (
      INSERT INTO forgotten_rollouts (hub, rollout)
      SELECT old.hub, old.uid FROM rollouts AS old JOIN leads ON leads.id = old.hub
      WHERE old.state = 'deleted' AND old.deleted_at < :before AND old.adopting_since IS NULL
        AND old.uid <> ALL (CAST(:kept AS text[]))
        AND NOT EXISTS (SELECT FROM members
          WHERE (members.hub, members.rollout) = (old.hub, old.uid)
            AND (members.state <> 'finished' OR members.watched
              OR members.paused_since IS NOT NULL))
        AND NOT EXISTS (SELECT FROM claims WHERE (claims.hub, claims.rollout) = (old.hub, old.uid))
        AND NOT EXISTS (SELECT FROM pending_patches AS pending
          WHERE (pending.hub, pending.rollout) = (old.hub, old.uid))
        AND NOT EXISTS (SELECT FROM events WHERE (events.hub, events.rollout) = (old.hub, old.uid))
        AND NOT EXISTS (SELECT FROM steps JOIN rollouts AS older ON older.hub = steps.hub
          WHERE (steps.hub, steps.rollout) = (old.hub, old.uid)
            AND steps.actions[1] = ANY (CAST(:cancels AS text[]))
            AND (older.created_at, older.uid) < (old.created_at, old.uid))
      ON CONFLICT DO NOTHING
      RETURNING 1
    )
    SELECT (SELECT count(*) FROM leads) AS leads, (SELECT count(*) FROM marked) AS marked
""")
"""Chooses what is not needed any more. What is chosen stays so: a rollout whose IBGU is gone and of
which nothing is left to do gets no more work. A step that cancels stays in force for older rollouts
(R6.7), and events are shown with their rollout."""
_DELETE = text(f"""
    WITH {_IS_LEADER},
    batch AS (
      SELECT members.hub, members.rollout, members.step, members.cluster
      FROM ({_EXPIRED}) AS doomed
      JOIN members ON (members.hub, members.rollout) = (doomed.hub, doomed.uid)
      LIMIT :most
    ),
    runs_gone AS (
      DELETE FROM runs USING batch, leads
      WHERE (runs.hub, runs.rollout, runs.step, runs.cluster)
        = (batch.hub, batch.rollout, batch.step, batch.cluster)
      RETURNING runs.hub, runs.id
    ),
    known AS (INSERT INTO forgotten_runs (hub, id) SELECT hub, id FROM runs_gone),
    members_gone AS (
      DELETE FROM members USING batch, leads
      WHERE (members.hub, members.rollout, members.step, members.cluster)
        = (batch.hub, batch.rollout, batch.step, batch.cluster)
      RETURNING 1
    )
    SELECT (SELECT count(*) FROM leads) AS leads,
      (SELECT count(*) FROM members_gone) AS members, (SELECT count(*) FROM runs_gone) AS runs
""")
"""A member goes with its runs, so that a cluster's history has all of a step or nothing."""
_END = text(f"""
    WITH {_IS_LEADER},
    over AS (
      SELECT doomed.hub, doomed.uid FROM ({_EXPIRED}) AS doomed JOIN leads ON leads.id = doomed.hub
      WHERE NOT EXISTS (SELECT FROM members
        WHERE (members.hub, members.rollout) = (doomed.hub, doomed.uid))
    ),
    steps_gone AS (
      DELETE FROM steps USING over WHERE (steps.hub, steps.rollout) = (over.hub, over.uid)
    ),
    unmarked AS (
      DELETE FROM forgotten_rollouts AS marked USING over
      WHERE (marked.hub, marked.rollout) = (over.hub, over.uid)
    ),
    rollouts_gone AS (
      DELETE FROM rollouts USING over WHERE (rollouts.hub, rollouts.uid) = (over.hub, over.uid)
      RETURNING 1
    ),
    labels_gone AS (
      DELETE FROM cluster_labels AS labels USING leads
      WHERE labels.hub = leads.id AND NOT labels.there AND NOT EXISTS (SELECT FROM members
        WHERE (members.hub, members.cluster) = (labels.hub, labels.cluster))
    )
    SELECT (SELECT count(*) FROM leads) AS leads,
      (SELECT count(*) FROM rollouts_gone) AS rollouts
""")


class DeletedHistory(Struct, frozen=True):
    """DeletedHistory counts what a call deleted."""

    rollouts: int = 0
    members: int = 0
    runs: int = 0


async def forget_rollouts(
    engine: AsyncEngine, hub: str, epoch: int, before: datetime, kept: Collection[str], most: int
) -> DeletedHistory:
    """Deletes at most `most` members of the rollouts whose IBGU is gone since before `before`, and
    the rollouts without members; nothing of `kept`, which are uids. Raises LeadershipLost."""
    proof = {"hub": hub, "epoch": epoch}
    async with engine.connect() as db:
        await db.execution_options(isolation_level="AUTOCOMMIT")

        async def run(statement: TextClause, **given: Any) -> Any:
            found = (await db.execute(statement, {**proof, **given})).one()
            if not found.leads:
                raise LeadershipLost(
                    f"epoch {epoch} of hub {hub} is over; no rollout was forgotten"
                )
            return found

        await run(_MARK, before=before, kept=list(kept), cancels=cancels())
        gone = await run(_DELETE, most=most)
        ended = await run(_END)
    return DeletedHistory(ended.rollouts, gone.members, gone.runs)
