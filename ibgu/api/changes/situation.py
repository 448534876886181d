"""Reads what decides whether a rollout may be changed now, and for which clusters."""

from collections import Counter
from collections.abc import AsyncIterator, Collection, Iterable
from typing import Any

from ibgu.api.problems import Problem
from ibgu.core.drivers import DRIVERS
from ibgu.core.engine.gates import ACCEPTABLE
from ibgu.core.model import MemberState, Outcome, ReasonKind
from ibgu.core.model.kinds import JsonObject
from ibgu.core.views import change
from ibgu.core.views.change import ChangeRefused, RolloutSituation
from ibgu.core.views.display import reason_of
from ibgu.core.views.stragglers.recovery import needs_cleanup
from ibgu.db.reads import Reads
from ibgu.db.views import MemberRow, ReasonRow, RolloutAndStep

_PAGE = 500


async def situation_of(row: RolloutAndStep, reads: Reads) -> RolloutSituation:
    steps = await reads.steps(row.rollout.uid, shared=False)
    newest = steps[-1] if steps else None
    reasons = newest.reasons if newest else ()
    return RolloutSituation(
        rollout=row.rollout,
        table=DRIVERS[row.rollout.kind].actions,
        newest=newest.step if newest else None,
        waiting=newest.counts.waiting if newest else 0,
        failed=sum(each.counts.failed + each.counts.cancelled for each in steps),
        to_accept=sum(each.count for each in reasons if each.kind in ACCEPTABLE),
        approvals=tuple(sorted({name for each in reasons for name in each.approvals})),
        kept=_kept(reasons),
        planned=sum(made.planned for each in steps for made in each.step.follow_ups.made),
    )


def _kept(reasons: Iterable[ReasonRow]) -> Counter[str]:
    found: Counter[str] = Counter()
    for each in reasons:
        if each.gate:
            found[each.gate] += each.count
    return found


async def uncleaned_of(row: RolloutAndStep, reads: Reads) -> int:
    """Returns the number of clusters on which someone has to clean up by hand: no later rollout
    has taken them further since."""
    failed = await reads.failed_ever(row.rollout.uid)
    stuck = [each.cluster for each in failed if needs_cleanup(each.cause, each.message)]
    later = await reads.taken_later(row.rollout, stuck) if stuck else {}
    over = {
        cluster
        for cluster, taken in later.items()
        if any(each.outcome is Outcome.SUCCEEDED for each in taken)
    }
    return len(stuck) - len(over)


async def policies_in_force(row: RolloutAndStep, reads: Reads) -> dict[str, JsonObject | None]:
    """Returns the specs of the policies that are in force, or keep clusters of the namespace."""
    found = await reads.policies(namespaces=[row.rollout.namespace])
    return {each.name: each.spec for each in found.items}


def require(situation: RolloutSituation, name: str) -> None:
    """Raises ChangeRefused if the state does not allow the change."""
    permit = next(each for each in change.permits(situation) if each.name == name)
    if not permit.allowed:
        raise ChangeRefused(permit.why)


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
