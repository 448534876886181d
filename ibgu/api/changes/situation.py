"""Reads what decides whether a rollout may be changed now, and for which clusters."""

from collections.abc import AsyncIterator, Collection
from typing import Any

from ibgu.api.problems import Problem
from ibgu.core.engine.display import reason_of
from ibgu.core.model import MemberState, ReasonKind
from ibgu.core.views import change
from ibgu.core.views.change import RolloutSituation
from ibgu.db.reads import Reads
from ibgu.db.views import MemberRow, RolloutAndStep

_PAGE = 500


async def situation_of(row: RolloutAndStep, reads: Reads) -> RolloutSituation:
    steps = await reads.steps(row.rollout.uid)
    newest = steps[-1] if steps else None
    return RolloutSituation(
        rollout=row.rollout,
        newest=newest.step if newest else None,
        waiting=newest.counts.waiting if newest else 0,
        failed=sum(each.counts.failed + each.counts.cancelled for each in steps),
    )


def require(situation: RolloutSituation, name: str) -> None:
    permit = next(each for each in change.permits(situation) if each.name == name)
    if not permit.allowed:
        raise Problem(409, "not-now", permit.why)


async def waiting_for(
    kind: ReasonKind, row: RolloutAndStep, reads: Reads, clusters: Collection[str] | None
) -> list[str]:
    """Returns those of the clusters (None: of all) that wait for the reason."""
    found = [
        each.member.cluster
        async for each in members_of(row, reads, state=MemberState.WAITING)
        if (reason := reason_of(each.member, each.hold)) and reason.kind is kind
    ]
    chosen = found if clusters is None else [name for name in found if name in set(clusters)]
    if not chosen:
        raise Problem(409, "not-now", f"no cluster waits for the reason {kind}")
    return chosen


async def members_of(row: RolloutAndStep, reads: Reads, **wanted: Any) -> AsyncIterator[MemberRow]:
    cursor: str | None = None
    while True:
        page = await reads.members(row.rollout.uid, limit=_PAGE, cursor=cursor, **wanted)
        for each in page.items:
            yield each
        cursor = page.next
        if cursor is None:
            return
