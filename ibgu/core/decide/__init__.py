"""Decides what happens now to the clusters of a rollout, and why.

`decide` is a function of the snapshot and the time. Each decision is applied to a draft of the
FleetState, so that later decisions see earlier ones; the draft is undone at the end. `decide_into`
keeps it applied, for a caller that drafts the decisions of several rollouts.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime

from msgspec.structs import replace

from ibgu.core.decide.accepted import other_run
from ibgu.core.decide.context import BATCH_LIMIT, DecisionContext, DecisionResult
from ibgu.core.decide.controls import decide_controls
from ibgu.core.decide.disarming import disarm_quarantined, disarm_taken
from ibgu.core.decide.expedite import expedited
from ibgu.core.decide.late import decide_finished
from ibgu.core.decide.opening import open_step
from ibgu.core.decide.patches import decide_pending_patch
from ibgu.core.decide.quarantine import quarantine_rollout
from ibgu.core.decide.restored import decide_restored
from ibgu.core.decide.rollouts import decide_rollout, open_next_step
from ibgu.core.decide.running import decide_running
from ibgu.core.decide.stagework import REMOVE, Remove, payload_kept, payload_wanted, stage_work
from ibgu.core.decide.steps import decide_step
from ibgu.core.decide.waiting import decide_waiting
from ibgu.core.fleet import Apply, TrackedStep
from ibgu.core.model import ClusterView, MemberState, Rollout, StepState
from ibgu.core.snapshot import Snapshot

__all__ = [
    "REMOVE",
    "DecisionResult",
    "Remove",
    "decide",
    "decide_into",
    "decide_pending_patch",
    "disarm_quarantined",
    "disarm_taken",
    "expedited",
    "other_run",
    "payload_kept",
    "payload_wanted",
    "quarantine_rollout",
    "stage_work",
    "start_into",
    "start_step",
]


def decide(snapshot: Snapshot, touched: Iterable[str], now: datetime) -> DecisionResult:
    """Returns the decisions that follow from the snapshot for the clusters in `touched` and for the
    rollout.

    A numbered cycle: (1) the object on the hub, (2) a person's controls, (3) the touched members,
    evidence before deadlines, (4) the running step: deadline, starts, clock, end, (5) the next
    step.
    """
    with snapshot.fleet.draft() as apply:
        return decide_into(apply, snapshot, touched, now)


def decide_into(
    apply: Apply, snapshot: Snapshot, touched: Iterable[str], now: datetime
) -> DecisionResult:
    """Decides as `decide` does; the decisions stay applied."""
    ctx = DecisionContext(snapshot, now, apply)
    _decide_what_changed(ctx, touched)
    _decide_current_step(ctx)
    open_next_step(ctx)
    return ctx.result


def start_step(
    snapshot: Snapshot, touched: Iterable[str], clusters: Sequence[ClusterView], now: datetime
) -> DecisionResult:
    """Runs parts (1) to (3) of `decide`, and starts the step that opens (R2.2).

    `clusters` is the whole, consistent list; `touched` names members of earlier steps. The caller
    decides on the new members next.
    """
    with snapshot.fleet.draft() as apply:
        result = start_into(apply, snapshot, touched, clusters, now)
    return replace(result, decisions=result.decisions + result.joining, joining=[])


def start_into(
    apply: Apply,
    snapshot: Snapshot,
    touched: Iterable[str],
    clusters: Sequence[ClusterView],
    now: datetime,
) -> DecisionResult:
    """Decides as `start_step` does; the decisions stay applied. The caller applies `joining`."""
    ctx = DecisionContext(snapshot, now, apply)
    _decide_what_changed(ctx, touched)
    if ctx.rollout.deleted_at is None:
        open_step(ctx, clusters)
    return ctx.result


def _decide_what_changed(ctx: DecisionContext, touched: Iterable[str]) -> None:
    before = ctx.rollout
    decide_restored(ctx)
    decide_rollout(ctx)
    decide_controls(ctx)
    touched = list(touched)
    concerned = _concerned(ctx, before, touched)
    now = max(len(touched), BATCH_LIMIT)
    ctx.result.remaining += concerned[now:]
    for cluster in concerned[:now]:
        _decide_members(ctx, cluster)


def _concerned(ctx: DecisionContext, before: Rollout, touched: list[str]) -> list[str]:
    """Returns the clusters to decide on, those in flight first: every member that is not done with,
    if the rollout's deletion or hold has changed, else `touched`."""
    rollout, tracked = ctx.rollout, ctx.tracked
    if (rollout.deleted_at, rollout.hold) == (before.deleted_at, before.hold):
        return touched
    in_flight = [name for step in tracked.steps for name in step.in_flight]
    others = [member.cluster for member in (*tracked.unfinished(), *tracked.watched())]
    return list(dict.fromkeys([*in_flight, *touched, *others]))


def _decide_members(ctx: DecisionContext, cluster: str) -> None:
    for step in ctx.tracked.steps:
        if cluster in step.members:
            _decide_member(ctx, step, cluster)


def _decide_member(ctx: DecisionContext, step: TrackedStep, cluster: str) -> None:
    """Decides until the member's state stays the same: a withdrawn member waits, an ended one is
    watched."""
    state: MemberState | None = None
    while (member := step.members[cluster]).state is not state:
        state = member.state
        _BY_STATE[state](ctx, member)


def _decide_current_step(ctx: DecisionContext) -> None:
    """Decides on the running step, unless the cycle leaves members to the next one, which follows
    at once: a control may be about to skip them."""
    tracked = ctx.tracked.current
    if tracked is not None and tracked.step.state is StepState.RUNNING and not ctx.result.remaining:
        decide_step(ctx, tracked)


_BY_STATE = {
    MemberState.WAITING: decide_waiting,
    MemberState.IN_FLIGHT: decide_running,
    MemberState.FINISHED: decide_finished,
}
