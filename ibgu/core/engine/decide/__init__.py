"""Decides what happens now to the clusters of a rollout, and why.

`decide` is a function of the snapshot and the time. Each decision is applied to the FleetState, so
that later decisions see earlier ones; the caller undoes those that the journal does not take.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime

from ibgu.core.engine.decide.accepted import other_run
from ibgu.core.engine.decide.context import BATCH_LIMIT, DecisionContext, DecisionResult
from ibgu.core.engine.decide.controls import decide_controls
from ibgu.core.engine.decide.disarming import disarm_quarantined, disarm_taken
from ibgu.core.engine.decide.expedite import expedited
from ibgu.core.engine.decide.late import decide_finished
from ibgu.core.engine.decide.opening import open_step
from ibgu.core.engine.decide.patches import decide_pending_patch
from ibgu.core.engine.decide.quarantine import quarantine_rollout
from ibgu.core.engine.decide.restored import decide_restored
from ibgu.core.engine.decide.rollouts import decide_rollout, open_next_step
from ibgu.core.engine.decide.running import decide_running
from ibgu.core.engine.decide.stagework import (
    REMOVE,
    Remove,
    payload_kept,
    payload_wanted,
    stage_work,
)
from ibgu.core.engine.decide.steps import decide_step
from ibgu.core.engine.decide.waiting import decide_waiting
from ibgu.core.engine.snapshot import Snapshot
from ibgu.core.engine.state import Apply, TrackedStep
from ibgu.core.model import ClusterView, MemberState, Rollout, StepState

__all__ = [
    "REMOVE",
    "DecisionResult",
    "Remove",
    "decide",
    "decide_pending_patch",
    "disarm_quarantined",
    "disarm_taken",
    "expedited",
    "other_run",
    "payload_kept",
    "payload_wanted",
    "quarantine_rollout",
    "stage_work",
]


def decide(
    apply: Apply,
    snapshot: Snapshot,
    touched: Iterable[str],
    now: datetime,
    listed: Sequence[ClusterView] | None = None,
) -> DecisionResult:
    """Decides one cycle of a rollout; each decision is applied at once, and seen by the next ones.

    (1) The hub's view: a restore, the object. (2) A person's controls. (3) The touched members,
    evidence before deadlines. (4) The current step: a running one has its deadline, starts, clock
    and end; an opening one takes its members from `listed`, the whole, consistent list of clusters
    (R2.2), for the caller to apply (`joining`). (5) The next step.
    """
    ctx = DecisionContext(snapshot, now, apply)
    before = ctx.rollout
    decide_restored(ctx)  # (1)
    decide_rollout(ctx)
    decide_controls(ctx)  # (2)
    _decide_concerned(ctx, before, list(touched))  # (3)
    _decide_current_step(ctx, listed)  # (4)
    open_next_step(ctx)  # (5)
    return ctx.result


def _decide_concerned(ctx: DecisionContext, before: Rollout, touched: list[str]) -> None:
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


def _decide_current_step(ctx: DecisionContext, listed: Sequence[ClusterView] | None) -> None:
    """Opens the step that `listed` is for, or decides on the running one, unless the cycle leaves
    members to the next one, which follows at once: a control may be about to skip them."""
    tracked = ctx.tracked.current
    if listed is not None and ctx.rollout.deleted_at is None:
        open_step(ctx, listed)
    elif tracked and tracked.step.state is StepState.RUNNING and not ctx.result.remaining:
        decide_step(ctx, tracked)


_BY_STATE = {
    MemberState.WAITING: decide_waiting,
    MemberState.IN_FLIGHT: decide_running,
    MemberState.FINISHED: decide_finished,
}
