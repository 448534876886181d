"""Reads from their runs when members of rate-limited steps took their slots recently."""

from collections.abc import Collection, Iterable, Iterator, Sequence
from datetime import datetime

from sqlalchemy import Integer, Text, func, literal, select
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.ext.asyncio import AsyncConnection

from ibgu.core.engine.timing.rate_limits import MINUTE
from ibgu.core.model import Member, Run, Step, limits_starts
from ibgu.db.journal.changeset import MemberKey
from ibgu.db.rows import OF_RUN, to_run
from ibgu.db.schema import runs

Start = tuple[str, datetime]


async def starts(
    db: AsyncConnection, hub: str, steps: Iterable[Step], members: Sequence[Member]
) -> tuple[Start, ...]:
    """Returns the rollout uid and time of each start, up to a minute before the newest run, without
    asking a clock. `members` have their newest run; older ones are read only where that is not the
    first."""
    rate_limited = {step.key for step in steps if limits_starts(step.actions)}
    newest = {m.key: m.run for m in members if m.run is not None and m.key[:2] in rate_limited}
    if not newest:
        return ()
    since = max(run.intended_at for run in newest.values()) - MINUTE
    recent = {key: [run] for key, run in newest.items() if run.intended_at > since}
    tried = [key for key, (run,) in recent.items() if run.attempt > 1]
    found = recent | await _all_of(db, hub, tried)
    started = ((key[0], at) for key, of in found.items() for at in _starts(of) if at > since)
    return tuple(sorted(started, key=lambda start: start[1]))


def _starts(of: Sequence[Run]) -> Iterator[datetime]:
    """Yields the starts: every run but one that follows a success, which continues in the same
    slot."""
    before: Run | None = None
    for run in sorted(of, key=lambda run: run.attempt):
        if not run.adopted and not (before and before.result and before.result.success):
            yield run.intended_at
        before = run


async def _all_of(
    db: AsyncConnection, hub: str, keys: Collection[MemberKey]
) -> dict[MemberKey, list[Run]]:
    if not keys:
        return {}
    rollouts, indexes, clusters = zip(*keys, strict=True)
    wanted = (
        func.unnest(
            literal(list(rollouts), ARRAY(Text)),
            literal(list(indexes), ARRAY(Integer)),
            literal(list(clusters), ARRAY(Text)),
        )
        .table_valued("rollout", "step", "cluster", name="wanted")
        .render_derived()
    )
    place = (runs.c.rollout, runs.c.step, runs.c.cluster)
    same = [column == wanted.c[column.name] for column in place]
    names = [column.label(f"of_{column.name}") for column in place]
    statement = select(*OF_RUN, *names).where(runs.c.hub == hub, *same)
    found: dict[MemberKey, list[Run]] = {}
    for row in (await db.execute(statement)).mappings():
        key = (row["of_rollout"], row["of_step"], row["of_cluster"])
        found.setdefault(key, []).append(to_run(row))
    return found
