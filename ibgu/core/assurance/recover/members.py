"""Rebuilds the members of a step."""

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime

from msgspec.structs import replace

from ibgu.core.assurance.recover.fates import waiting
from ibgu.core.assurance.recover.holding import restored
from ibgu.core.assurance.recover.runs import FROM_HUB, close
from ibgu.core.assurance.recover.trace import Trace
from ibgu.core.engine.state import FleetState
from ibgu.core.model import (
    Cause,
    ClusterView,
    Kind,
    Member,
    MemberState,
    OnMember,
    Outcome,
    RunResult,
    Step,
)
from ibgu.core.model.bounds import LATEST

ACTOR = "ibgu, from what the hub shows"


def newcomer(
    step: Step, name: str, cluster: ClusterView | None, position: int, now: datetime
) -> Member:
    return Member(
        rollout=step.rollout,
        step=step.index,
        cluster=name,
        uid=cluster.uid if cluster else "",
        position=position,
        reason=restored(f"{FROM_HUB}: waits", now),
    )


def gone(member: Member, now: datetime) -> Member:
    """Fails a new member that has no ManagedCluster."""
    if member.uid or member.finished:
        return member
    return replace(
        member,
        state=MemberState.FINISHED,
        outcome=Outcome.FAILED,
        cause=Cause.GONE,
        message=f"{FROM_HUB}: the hub has no ManagedCluster of that name",
        ended_at=now,
        slot=None,
    )


def with_slots(
    step: Step,
    members: Iterable[Member],
    fleet: FleetState,
    traces: Mapping[str, Trace],
    now: datetime,
) -> list[Member]:
    """Gives a slot to each member found in flight; without one, or where another rollout has
    claimed the cluster, the member waits and goes on when there is room (R3.1, R6.1, R9.5)."""
    members = list(members)
    used = {member.slot for member in members}
    free = (slot for slot in range(1, step.max_concurrency + 1) if slot not in used)
    placed = []
    for member in members:
        if member.state is MemberState.IN_FLIGHT and member.slot is None:
            slot = next(free, None) if _unclaimed(member, fleet) else None
            member = _placed(member, slot, step, traces[member.cluster], now)
        placed.append(member)
    return placed


def _unclaimed(member: Member, fleet: FleetState) -> bool:
    holder = fleet.claims.get(member.uid)
    return bool(member.uid) and (holder is None or holder.rollout == member.rollout)


def _placed(member: Member, slot: int | None, step: Step, trace: Trace, now: datetime) -> Member:
    if slot is None:
        return waiting(member, trace, now)
    return replace(member, slot=slot, limit=member.limit or min(LATEST, now + step.timeout))


def told(before: Member | None, member: Member, now: datetime) -> Iterator[OnMember]:
    """Yields the member's changes; a run that another one has followed is closed first."""
    if before == member:
        return
    old = before.run if before else None
    if (
        before
        and old
        and (old.open or not old.disarmed)
        and old.id != (member.run and member.run.id)
    ):
        done = any(each.action is old.action for each in member.completed)
        result = RunResult.SUCCEEDED if done else RunResult.WITHDRAWN
        closed = replace(before, run=close(old, now, result))
        yield OnMember(Kind.IMPORTED, closed, f"{FROM_HUB}: {old.action} has ended", actor=ACTOR)
    yield OnMember(Kind.IMPORTED, member, _words(member), member.cause, actor=ACTOR)


def _words(member: Member) -> str:
    if not member.finished:
        return member.reason.message
    words = member.message.removeprefix(f"{FROM_HUB}: ")
    return f"{FROM_HUB}: {member.outcome}{f', {words}' if words else ''}"
