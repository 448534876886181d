"""Estimates when a running step will be over."""

from functools import lru_cache

from ibgu.api.rollouts.overdue import CACHED, RowAndDurations, late_flights
from ibgu.api.rollouts.schemas import EtaBody
from ibgu.core.engine.gates import GATE_REASONS, step_deadline
from ibgu.core.engine.timing.durations import DurationsByAction
from ibgu.core.engine.timing.rate_limits import RateLimits, step_limits
from ibgu.core.model import MemberState, Reason, Rollout, StepState
from ibgu.core.views.display import startable
from ibgu.core.views.forecast import RemainingActions, RemainingWork, eta
from ibgu.core.views.status import hold_of
from ibgu.db.views import StepRow


def eta_body(
    rollout: Rollout, row: StepRow | None, duration_stats: DurationsByAction
) -> EtaBody | None:
    """Returns the estimate; None for a step that does not run, or is held for an unknown time."""
    if row is None or row.step.state is not StepState.RUNNING or hold_of(rollout, row.step):
        return None
    rate_limits = step_limits(rollout.controls, row.step.actions)
    return _reckoned(RowAndDurations(row, duration_stats), rate_limits)


@lru_cache(CACHED)
def _reckoned(asked: RowAndDurations, rate_limits: RateLimits) -> EtaBody | None:
    found = eta(
        _rest(asked.row, rate_limits, asked.duration_stats),
        asked.row.now,
        asked.duration_stats,
    )
    return EtaBody.model_validate(found, from_attributes=True) if found else None


def _rest(
    row: StepRow, rate_limits: RateLimits, duration_stats: DurationsByAction
) -> RemainingWork:
    """Returns the remaining seconds; a member that only has to be disarmed frees its slot at
    once."""
    step, now = row.step, row.now
    late = late_flights(row, duration_stats)
    stuck = late.stalled | late.overdue
    waiting = [each for each in row.reasons if each.state is MemberState.WAITING]
    ready = sum(each.count for each in waiting if startable(each.state, each.kind))
    return RemainingWork(
        actions=step.actions,
        slots=step.max_concurrency,
        waiting=ready,
        blocked=sum(each.count for each in waiting) - ready,
        in_flight=[
            RemainingActions(
                step.actions[each.action_index :],
                (now - each.began).total_seconds() if each.began else 0.0,
                each.cluster in stuck,
            )
            for each in row.flights
            if each.action_index < len(step.actions)
        ],
        deadline=step_deadline(step, now),
        rate_limits=rate_limits,
        ended=row.counts.succeeded + row.counts.failed,
        uncounted=_uncounted(step.hold),
    )


def _uncounted(hold: Reason | None) -> str:
    reason = GATE_REASONS.get(hold.kind) if hold else None
    return reason.uncounted if reason is not None else ""
