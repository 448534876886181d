"""Reads what became of the clusters that seed images were brought to, over all rollouts.

Images count as one by their digest: sites pull the same one from several mirrors. The members of
all rollouts are the journal's largest table but one, so only those of each image's newest rollouts
are counted, and again only after something has happened in one of them.
"""

from collections.abc import Collection, Iterable, Sequence
from typing import Any

import msgspec
from msgspec import Struct
from sqlalchemy import any_, func, select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from ibgu.core.drivers import every_action
from ibgu.core.engine.state.failures import NOT_TRIED
from ibgu.core.model import ActionName, Cause, ReasonKind, StepState
from ibgu.db.reads.base import Base, texts
from ibgu.db.reads.tallies import SeedCounts
from ibgu.db.rows import to_record
from ibgu.db.schema import steps
from ibgu.db.views import SeedFailureRow, SeedRow

NAMES = 10
"""The most addresses and releases of one image that are listed."""
MAX_MEMBERS = 40_000
"""Members that are counted for one image, unless its newest rollout has more."""

_USED = text("""
    SELECT uid, image, release,
      coalesce(substring(image FROM '@(sha256:[0-9a-f]{64})$'), image) AS seed
    FROM (
      SELECT uid, created_at, spec #>> '{ibuSpec,seedImageRef,image}' AS image,
        coalesce(spec #>> '{ibuSpec,seedImageRef,version}', '') AS release
      FROM rollouts
      WHERE hub = :hub AND (CAST(:of AS text[]) IS NULL OR namespace = ANY (CAST(:of AS text[])))
    ) AS named
    WHERE image <> ''
    ORDER BY created_at DESC, uid
""")
_NEWEST = text("""
    SELECT uid, seq, at FROM unnest(CAST(:uids AS text[])) AS uid LEFT JOIN LATERAL (
      SELECT seq, at FROM events WHERE hub = :hub AND rollout = uid ORDER BY seq DESC LIMIT 1
    ) AS newest ON TRUE
""")
_DONE = """jsonb_path_exists(members.completed,
          '$[*] ? (@.action == $of[*] && !(exists (@.note) && @.note starts with "was already"))',
          jsonb_build_object('of', to_jsonb(CAST({actions} AS text[]))))"""
"""Whether the cluster has completed one of the actions for this rollout, with its image."""
_COUNTED = text(f"""
    SELECT failure, count(*) AS clusters, count(*) FILTER (WHERE upgraded) AS upgraded,
      count(*) FILTER (WHERE rolled_back) AS rolled_back
    FROM (
      SELECT cluster, bool_or(upgraded) AS upgraded, bool_or(rolled_back) AS rolled_back,
        CASE WHEN NOT bool_or(upgraded) THEN
          (array_agg(failure ORDER BY failed_at DESC) FILTER (WHERE failure IS NOT NULL))[1]
        END AS failure
      FROM unnest(CAST(:uids AS text[])) AS uid CROSS JOIN LATERAL (
        SELECT cluster, bool_or(did_upgrade) AS upgraded, bool_or(did_go_back) AS rolled_back,
          max(ended_at) FILTER (WHERE did_fail) AS failed_at,
          (array_agg(jsonb_build_array(failed_action, cause, message) ORDER BY ended_at DESC)
            FILTER (WHERE did_fail))[1] AS failure
        FROM (
          SELECT cluster, failed_action, cause, message, ended_at,
            CASE WHEN actions && CAST(:upgrades AS text[])
              THEN {_DONE.format(actions=":upgrades")}
                OR late <> '' AND failed_action = ANY (CAST(:upgrades AS text[]))
              ELSE FALSE END AS did_upgrade,
            CASE WHEN actions && CAST(:back AS text[]) THEN {_DONE.format(actions=":back")}
              ELSE FALSE END AS did_go_back,
            members.state = 'finished' AND outcome = 'failed' AND late = ''
              AND failed_action = ANY (CAST(:brings AS text[]))
              AND (cause IS NULL OR cause <> ALL (CAST(:not_the_seeds AS text[]))) AS did_fail
          FROM steps JOIN members ON members.hub = steps.hub
            AND members.rollout = steps.rollout AND members.step = steps.index
          WHERE steps.hub = :hub AND steps.rollout = uid
            AND steps.actions && (CAST(:brings AS text[]) || CAST(:back AS text[]))
        ) AS tried GROUP BY cluster
      ) AS of_rollout GROUP BY cluster
    ) AS of_seed GROUP BY failure
    ORDER BY clusters DESC, failure
""")
"""The clusters by what failed there last. One rollout after the other: Postgres takes all at once
for the whole table."""
_NOT_THE_SEEDS = sorted(NOT_TRIED | {Cause.BACKUP_FAILED})
"""Causes of failures that say nothing of an image: it never came to the cluster."""


class _Used(Struct, frozen=True):
    """_Used is a rollout that names a seed image."""

    uid: str
    image: str
    release: str
    seed: str


class SeedReads(Base):
    async def seeds(
        self, *, namespaces: Collection[str] | None = None, seed: str | None = None
    ) -> tuple[SeedRow, ...]:
        """Returns the seed images of rollouts in the namespaces; None: in all.

        `seed`: only the one with this digest, or of this address if it is named by a tag. A
        cluster counts once for each image: as upgraded, if it ever was, else by the newest failure.
        """
        of = None if namespaces is None else list(namespaces)
        by_seed: dict[str, list[_Used]] = {}
        async with self._at_one_moment() as db:
            for row in (await db.execute(_USED, {"hub": self.hub, "of": of})).mappings():
                used = to_record(row, _Used)
                by_seed.setdefault(used.seed, []).append(used)
            if seed is not None:
                by_seed = {seed: by_seed[seed]} if seed in by_seed else {}
            sizes = await self._sizes(db, [each.uid for its in by_seed.values() for each in its])
            return tuple([await self._seed(db, its, sizes) for its in by_seed.values()])

    async def _sizes(self, db: AsyncConnection, uids: Sequence[str]) -> dict[str, int]:
        """Returns the number of members that a count of the rollout reads, by uid."""
        counted = texts([*_actions()["brings"], *_actions()["back"]])
        statement = (
            select(steps.c.rollout, func.sum(steps.c.total))
            .where(steps.c.hub == self.hub, steps.c.rollout == any_(texts(uids)))
            .where(steps.c.actions.op("&&")(counted))
            .group_by(steps.c.rollout)
        )
        return {uid: int(total) for uid, total in await db.execute(statement)}

    async def _seed(
        self, db: AsyncConnection, its: Sequence[_Used], sizes: dict[str, int]
    ) -> SeedRow:
        """Counts one image; `its`: the rollouts that use it, the newest first."""
        uids = _newest(its, sizes)
        asked = {"hub": self.hub, "uids": uids}
        newest = tuple((seq, at) for _, seq, at in await db.execute(_NEWEST, asked))
        key = (its[0].seed, tuple(uids))
        counts = self._tallies.seed(key, newest)
        if counts is None:
            counts = _counts((await db.execute(_COUNTED, asked | _parameters())).all())
            self._tallies.learn_seed(key, newest, counts)
        upgraded, rolled_back, failures = counts
        return SeedRow(
            its[0].seed,
            _names(each.image for each in its),
            _names(each.release for each in its if each.release),
            len(its),
            len(uids),
            upgraded,
            rolled_back,
            failures,
            await self._held(db, [each.uid for each in its]),
        )

    async def _held(self, db: AsyncConnection, uids: Sequence[str]) -> int:
        """Counts the rollouts whose running step the circuit breaker of the image holds."""
        statement = select(func.count(steps.c.rollout.distinct())).where(
            steps.c.hub == self.hub,
            steps.c.rollout == any_(texts(uids)),
            steps.c.state != StepState.FINISHED.value,
            steps.c.hold["kind"].astext == ReasonKind.SEED_BREAKER.value,
        )
        return int(await db.scalar(statement) or 0)


def _parameters() -> dict[str, list[Any]]:
    return {**_actions(), "not_the_seeds": [cause.value for cause in _NOT_THE_SEEDS]}


def _actions() -> dict[str, list[ActionName]]:
    return {
        "brings": every_action(lambda action: action.brings),
        "upgrades": every_action(lambda action: action.upgrades),
        "back": every_action(lambda action: action.leads_back and not action.aborts),
    }


def _newest(its: Sequence[_Used], sizes: dict[str, int]) -> list[str]:
    """Returns the rollouts that are counted."""
    found: list[str] = []
    members = 0
    for each in its:
        members += sizes.get(each.uid, 0)
        if found and members > MAX_MEMBERS:
            break
        found.append(each.uid)
    return found


def _counts(rows: Iterable[Any]) -> SeedCounts:
    groups = [row for row in rows if row.failure is not None]
    failures = tuple(_failure(row.failure, row.clusters) for row in groups)
    return sum(row.upgraded for row in rows), sum(row.rolled_back for row in rows), failures


def _failure(found: Sequence[Any], count: int) -> SeedFailureRow:
    action, cause, message = found
    return SeedFailureRow(action, msgspec.convert(cause, Cause | None), message, count)


def _names(given: Iterable[str]) -> tuple[str, ...]:
    return tuple(sorted(dict.fromkeys(given))[:NAMES])
