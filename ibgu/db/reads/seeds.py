"""Reads what became of the clusters that seed images were brought to, over all rollouts.

Images count as one by their digest: sites pull the same one from several mirrors.
"""

from collections.abc import Collection
from typing import Any

from sqlalchemy import text

from ibgu.core.drivers import every_action
from ibgu.db.reads.base import Base
from ibgu.db.rows import to_record
from ibgu.db.views import SeedFailureRow, SeedRow

NAMES = 10
"""The most addresses and releases of one image that are listed."""

_USED = """
    SELECT uid, image, release,
      coalesce(substring(image FROM '@(sha256:[0-9a-f]{64})$'), image) AS seed
    FROM (
      SELECT uid, spec #>> '{ibuSpec,seedImageRef,image}' AS image,
        spec #>> '{ibuSpec,seedImageRef,version}' AS release
      FROM rollouts
      WHERE hub = :hub AND (CAST(:of AS text[]) IS NULL OR namespace = ANY (CAST(:of AS text[])))
    ) AS named
    WHERE image <> ''
"""
_DONE = """jsonb_path_query_array(
    members.completed, '$[*] ? (!(exists (@.note) && @.note starts with "was already")).action'
)"""
"""The actions that the cluster completed for this rollout, with its image."""
_UPGRADED = f"""(
    {_DONE} ?| CAST(:upgrades AS text[])
    OR members.late <> '' AND members.failed_action = ANY (CAST(:upgrades AS text[]))
)"""
_BACK = f"({_DONE} ?| CAST(:back AS text[]))"
_TOTALS = text(f"""
    WITH used AS ({_USED})
    SELECT seed,
      (array_agg(DISTINCT image))[1:{NAMES}] AS images,
      (array_agg(DISTINCT release) FILTER (WHERE release <> ''))[1:{NAMES}] AS releases,
      count(DISTINCT uid) AS rollouts,
      count(DISTINCT members.cluster) FILTER (WHERE {_UPGRADED}) AS upgraded,
      count(DISTINCT members.cluster) FILTER (WHERE {_BACK}) AS rolled_back
    FROM used LEFT JOIN members ON members.hub = :hub AND members.rollout = used.uid
    WHERE CAST(:seed AS text) IS NULL OR seed = :seed
    GROUP BY seed
""")
_FAILED = text(f"""
    WITH used AS ({_USED}), tried AS (
      SELECT seed, cluster, failed_action, cause, message, ended_at,
        state = 'finished' AND outcome = 'failed' AND late = ''
          AND failed_action = ANY (CAST(:brings AS text[])) AS failed,
        bool_or({_UPGRADED}) OVER (PARTITION BY seed, cluster) AS upgraded
      FROM used JOIN members ON members.hub = :hub AND members.rollout = used.uid
      WHERE CAST(:seed AS text) IS NULL OR seed = :seed
    ), newest AS (
      SELECT DISTINCT ON (seed, cluster) * FROM tried
      WHERE failed AND NOT upgraded
      ORDER BY seed, cluster, ended_at DESC
    )
    SELECT seed, failed_action AS action, cause, message, count(*) AS count
    FROM newest
    GROUP BY seed, failed_action, cause, message
    ORDER BY seed, count DESC, message
""")


class SeedReads(Base):
    async def seeds(
        self, *, namespaces: Collection[str] | None = None, seed: str | None = None
    ) -> tuple[SeedRow, ...]:
        """Returns the seed images of rollouts in the namespaces; None: in all.

        `seed`: only the one with this digest, or of this address if it is named by a tag. A
        cluster counts once for each image: as upgraded, if it ever was, else by the newest failure.
        """
        values: dict[str, Any] = {
            "hub": self.hub,
            "of": None if namespaces is None else list(namespaces),
            "seed": seed,
        }
        totals = values | {
            "upgrades": every_action(lambda action: action.rolls_back),
            "back": every_action(lambda action: action.leads_back),
        }
        failed = values | {
            "upgrades": totals["upgrades"],
            "brings": every_action(lambda action: action.carries_payload or action.rolls_back),
        }
        async with self._at_one_moment() as db:
            rows = [dict(row) for row in (await db.execute(_TOTALS, totals)).mappings()]
            failures: dict[str, list[SeedFailureRow]] = {}
            for each in (await db.execute(_FAILED, failed)).mappings():
                failures.setdefault(each["seed"], []).append(to_record(each, SeedFailureRow))
        for row in rows:
            row["releases"] = row["releases"] or ()
            row["failures"] = failures.get(row["seed"], ())
        return tuple(to_record(row, SeedRow) for row in rows)
