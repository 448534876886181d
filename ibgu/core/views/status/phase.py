"""A rollout's phase, and what keeps it: the same in the IBGU and in REST.

Both follow from the rollout's record and that of its newest step (None before the first one), and
the phase of a complete one from its counts.
"""

from enum import StrEnum

from ibgu.core.engine.gates.registry import stops_all
from ibgu.core.model import Reason, Rollout, RolloutState, Step, StepState
from ibgu.core.model.counts import Counts


class Phase(StrEnum):
    """The values of the IBGU's `status.phase`, and one for an IBGU that is gone."""

    PENDING = "Pending"
    RUNNING = "Running"
    HELD = "Held"
    COMPLETED = "Completed"
    COMPLETED_WITH_FAILURES = "CompletedWithFailures"
    INVALID = "Invalid"
    DELETED = "Deleted"


def phase_of(rollout: Rollout, newest: Step | None, counts: Counts) -> Phase:
    """Returns the phase; `counts` are those of the whole rollout."""
    if rollout.state is RolloutState.DELETED:
        return Phase.DELETED
    if hold_of(rollout, newest) is not None:
        return Phase.INVALID if rollout.plan_refused else Phase.HELD
    if complete(rollout, newest):
        return Phase.COMPLETED_WITH_FAILURES if counts.failed else Phase.COMPLETED
    return Phase.PENDING if rollout.state is RolloutState.PENDING else Phase.RUNNING


def hold_of(rollout: Rollout, newest: Step | None) -> Reason | None:
    """Returns why nothing new starts; None: nothing does, though starts may be rate-limited."""
    kept = kept_by(rollout, newest)
    return kept if stops_all(kept) else None


def kept_by(rollout: Rollout, newest: Step | None) -> Reason | None:
    """Returns why members that could start do not: a hold, or a rate limit."""
    if rollout.hold is not None:
        return rollout.hold
    if newest is None or newest.state is StepState.FINISHED:
        return None
    return newest.hold


def complete(rollout: Rollout, newest: Step | None) -> bool:
    """Whether every step of the accepted plan is finished; an appended one may not be open yet."""
    opened = newest.index + 1 if newest is not None else 0
    return rollout.state is RolloutState.COMPLETE and opened >= len(rollout.spec.plan)
