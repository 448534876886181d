"""Keeps which RolloutPolicies are in force, and since when (R50.7)."""

from collections.abc import Iterator, Sequence
from datetime import datetime

import msgspec
from msgspec import Struct
from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from ibgu.core.model.kinds import JsonObject
from ibgu.core.model.rollout_policy import RolloutPolicy
from ibgu.db.errors import LeadershipLost
from ibgu.db.journal.write import document
from ibgu.db.rows import Row
from ibgu.db.schema import rollout_policies

_NOTE = text("""
    WITH leads AS (SELECT id FROM hubs WHERE id = :hub AND epoch = :epoch FOR SHARE),
    found AS (
      SELECT uid, name, generation, spec
      FROM json_populate_recordset(NULL::rollout_policies, CAST(:policies AS json))
    ),
    ended AS (
      UPDATE rollout_policies AS row SET gone_at = clock_timestamp() FROM leads
      WHERE row.hub = leads.id AND row.gone_at IS NULL AND NOT EXISTS (SELECT FROM found
        WHERE (found.uid, found.generation) = (row.uid, row.generation))
    ),
    begun AS (
      INSERT INTO rollout_policies (hub, uid, name, generation, spec, seen_at)
      SELECT leads.id, found.uid, found.name, found.generation, found.spec, clock_timestamp()
      FROM found, leads
      ON CONFLICT (hub, uid, generation) DO UPDATE
      SET spec = excluded.spec, seen_at = excluded.seen_at, gone_at = NULL
      WHERE rollout_policies.gone_at IS NOT NULL OR rollout_policies.spec <> excluded.spec
    )
    SELECT count(*) FROM leads
""")
"""Locked, so that the next leader begins, and reads, after this has ended. A hub that was restored
from a backup may give a generation again: the row has what was in force last."""


class JournaledPolicy(Struct, frozen=True):
    """JournaledPolicy is a version of a policy that is in force."""

    uid: str
    name: str
    generation: int
    spec: JsonObject
    seen_at: datetime


async def note_policies(
    db: AsyncConnection, hub: str, epoch: int, policies: Sequence[RolloutPolicy]
) -> None:
    """Records that these policies are in force, and no others. Raises LeadershipLost."""
    values = {"hub": hub, "epoch": epoch, "policies": document(_rows(policies))}
    if not await db.scalar(_NOTE, values):
        raise LeadershipLost(f"epoch {epoch} of hub {hub} is over; no policies were noted")


def _rows(policies: Sequence[RolloutPolicy]) -> Iterator[Row]:
    for policy in policies:
        found = policy.metadata
        yield {
            "uid": found.uid,
            "name": found.name,
            "generation": found.generation,
            "spec": msgspec.to_builtins(policy.spec),
        }


async def policies_in_force(db: AsyncConnection, hub: str) -> list[JournaledPolicy]:
    """Returns the policies that were noted last, by name."""
    table = rollout_policies.c
    wanted = (
        select(table.uid, table.name, table.generation, table.spec, table.seen_at)
        .where(table.hub == hub, table.gone_at.is_(None))
        .order_by(table.name)
    )
    return [JournaledPolicy(*row) for row in await db.execute(wanted)]
