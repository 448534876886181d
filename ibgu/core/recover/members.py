"""Rebuilds the members of a step."""

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime

from ibgu.core.engine.decide.restored import restored
from ibgu.core.engine.state import FleetState
from ibgu.core.engine.works.trace import Trace
from ibgu.core.model import (
    Cause,
    ClusterView,
    Finished,
    InFlight,
    Kind,
    Member,
    OnMember,
    Outcome,
    Run,
    RunResult,
    Step,
    Waiting,
)
from ibgu.core.model.bounds import LATEST
from ibgu.core.model.run_transitions import closed_run
from ibgu.core.model.transitions import close, finish, join, take_slot
from ibgu.core.recover.member_signs import ResumedMember, waiting
from ibgu.core.recover.runs import FROM_HUB

ACTOR = "ibgu, from what the hub shows"


def new_member(
    step: Step, name: str, cluster: ClusterView | None, position: int, now: datetime
) -> Waiting:
    uid = cluster.uid if cluster else ""
    return join(step, name, uid, position, restored(f"{FROM_HUB}: waits", now))


def without_cluster(found: Member | ResumedMember, now: datetime) -> Member | ResumedMember:
    """Fails a new member that has no ManagedCluster."""
    member = found.member if isinstance(found, ResumedMember) else found
    if member.uid or isinstance(member, Finished):
        return found
    run = closed_run(found.run, RunResult.GONE, now, FROM_HUB) if found.run else None
    return finish(
        member,
        run,
        Outcome.FAILED,
        cause=Cause.GONE,
        message=f"{FROM_HUB}: the hub has no ManagedCluster of that name",
        failed_action=None,
        watched=False,
        now=now,
    )


def with_slots(
    step: Step,
    found: Iterable[Member | ResumedMember],
    fleet: FleetState,
    traces: Mapping[str, Trace],
    now: datetime,
) -> list[Member]:
    """Gives a slot to each member found in flight; without one, or where another rollout has
    claimed the cluster, the member waits and goes on when there is room (R3.1, R6.1, R9.5)."""
    found = list(found)
    used = {each.slot for each in found if isinstance(each, InFlight)}
    free = (slot for slot in range(1, step.max_concurrency + 1) if slot not in used)
    placed: list[Member] = []
    for each in found:
        if isinstance(each, ResumedMember):
            slot = next(free, None) if _unclaimed(each.member, fleet) else None
            placed.append(_placed(each, slot, step, traces[each.member.cluster], now))
        else:
            placed.append(each)
    return placed


def _unclaimed(member: Member, fleet: FleetState) -> bool:
    holder = fleet.claims.get(member.uid)
    return bool(member.uid) and (holder is None or holder.rollout == member.rollout)


def _placed(
    resumed: ResumedMember, slot: int | None, step: Step, trace: Trace, now: datetime
) -> Waiting | InFlight:
    if slot is None:
        return waiting(resumed.member, trace, now)
    limit = resumed.limit or min(LATEST, now + step.timeout)
    return take_slot(resumed.member, resumed.run, slot=slot, limit=limit)


def changes_of(before: Member | None, member: Member, now: datetime) -> Iterator[OnMember]:
    """Yields the member's changes; a run that another one has followed is closed first."""
    if before == member:
        return
    if isinstance(before, InFlight) and _was_followed(before.run, member.run):
        action = before.run.action
        done = any(each.action == action for each in member.completed)
        result = RunResult.SUCCEEDED if done else RunResult.WITHDRAWN
        closed = close(before, result, FROM_HUB, now)
        yield OnMember(Kind.IMPORTED, closed, f"{FROM_HUB}: {action} has ended", actor=ACTOR)
    yield OnMember(Kind.IMPORTED, member, _reason_text(member), member.cause, actor=ACTOR)


def _was_followed(old: Run, new: Run | None) -> bool:
    """Whether another run has followed one that is not closed."""
    return (old.open or not old.disarmed) and old.id != (new and new.id)


def _reason_text(member: Member) -> str:
    if not member.finished:
        return member.reason.message
    words = member.message.removeprefix(f"{FROM_HUB}: ")
    return f"{FROM_HUB}: {member.outcome}{f', {words}' if words else ''}"
