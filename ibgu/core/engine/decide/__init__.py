"""Decides what happens now to the clusters of a rollout, and why.

`decide` is a function of the snapshot and the time. Each decision is applied to the FleetState, so
that later decisions see earlier ones; the caller undoes those that the journal does not take.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime

from ibgu.core.engine.decide.context import DecisionContext, DecisionResult
from ibgu.core.engine.decide.disarming import disarm_quarantined
from ibgu.core.engine.decide.expedite import expedited
from ibgu.core.engine.decide.hiddenwork import hidden_job, hidden_stage
from ibgu.core.engine.decide.jobwork import job_run
from ibgu.core.engine.decide.member.accepted import other_run
from ibgu.core.engine.decide.member.members import decide_members
from ibgu.core.engine.decide.member.patches import decide_pending_patch
from ibgu.core.engine.decide.restored import decide_restored
from ibgu.core.engine.decide.rollout.controls import decide_controls
from ibgu.core.engine.decide.rollout.quarantine import quarantine_rollout
from ibgu.core.engine.decide.rollout.rollouts import decide_rollout, open_next_step
from ibgu.core.engine.decide.stagework import (
    REMOVE,
    DeleteWork,
    desired_stage_work,
    disarm_accepted,
    payload_kept,
    payload_wanted,
    shows_what_was_judged,
)
from ibgu.core.engine.decide.step.retries import begin_retries, plan_retries
from ibgu.core.engine.decide.step.steps import decide_step
from ibgu.core.engine.state import Apply
from ibgu.core.engine.state.snapshot import Snapshot
from ibgu.core.model import ClusterView

__all__ = [
    "REMOVE",
    "DecisionResult",
    "DeleteWork",
    "decide",
    "decide_pending_patch",
    "desired_stage_work",
    "disarm_accepted",
    "disarm_quarantined",
    "expedited",
    "hidden_job",
    "hidden_stage",
    "job_run",
    "other_run",
    "payload_kept",
    "payload_wanted",
    "quarantine_rollout",
    "shows_what_was_judged",
]


def decide(
    apply: Apply,
    snapshot: Snapshot,
    touched: Iterable[str],
    now: datetime,
    listed: Sequence[ClusterView] | None = None,
) -> DecisionResult:
    """Decides one cycle of a rollout; each decision is applied at once, and seen by the next ones.

    1. A restore of the hub or the journal: the rollout stands still until a person resumes it.
    2. The object on the hub: its plan, annotations and holds, or its deletion.
    3. A person's controls.
    4. The members of the touched clusters, evidence before deadlines.
    5. The current step. A running one has what policies ask for, its deadline, starts, clock and
       end; an opening one takes its members (`joining`) from `listed`, the consistent list of all
       clusters (R2.2).
    6. What policies have tried again; the plan's next step, or the rollout's completion.
    """
    ctx = DecisionContext(snapshot, now, apply)
    decide_restored(ctx)  # 1
    decide_rollout(ctx)  # 2
    decide_controls(ctx)  # 3
    decide_members(ctx, list(touched))  # 4
    decide_step(ctx, listed)  # 5
    plan_retries(ctx)  # 6
    open_next_step(ctx)
    begin_retries(ctx)
    return ctx.result
