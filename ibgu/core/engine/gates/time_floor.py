"""The gate of the time that is left in a step (R11.5)."""

from datetime import datetime, timedelta

from ibgu.core.engine.gate import GateInput, GateReason
from ibgu.core.engine.gates.deadlines import share, step_deadline
from ibgu.core.engine.gates.gate import StepGate
from ibgu.core.engine.state import TrackedStep
from ibgu.core.engine.state.snapshot import Snapshot
from ibgu.core.model import Reason, ReasonKind, traits
from ibgu.core.model.meaning import Meaning


def _floor(snapshot: Snapshot, step: TrackedStep, now: datetime) -> Reason | None:
    """Closes when too little time is left to see an Upgrade or Rollback through.

    After the deadline, which an outage can outlast, nothing starts at all.
    """
    left = step_deadline(step.step, now) - now
    if left <= timedelta():
        return Reason(ReasonKind.FLOOR, now, "the step's timeout has passed: nothing new starts")
    if not traits(step.step.first).reboots:
        return None
    rollback = snapshot.driver.rollback_time(snapshot.tracked.rollout.spec)
    need = min(rollback + _before(snapshot, step), share(snapshot.tracked, step) / 2)
    if left >= need:
        return None
    minutes = need.total_seconds() / 60
    words = f"less than {minutes:.0f} min are left of the step's timeout: nothing new starts"
    return Reason(ReasonKind.FLOOR, now, words)


def _before(snapshot: Snapshot, step: TrackedStep) -> timedelta:
    """Returns what a part before the action usually takes at most, such as a backup."""
    part = snapshot.driver.part(step.step.first, snapshot.tracked.rollout.controls)
    usual = traits(part.action).usual if part is not None else None
    return timedelta(seconds=usual.high) if usual is not None else timedelta()


TIME_FLOOR = StepGate(
    name="time-floor",
    check=_floor,
    reasons={
        ReasonKind.FLOOR: GateReason(
            meaning=Meaning(
                "too little of the step's time is left to start and finish the action",
                "the step's end: its waiting members fail as never started",
                "take the clusters that are left into a new rollout, with a longer timeout",
            ),
            why_never_overdue="The cluster fails when the step's time is over, which is shown with "
            "the reason",
        ),
    },
    needs=frozenset({GateInput.RECORDS, GateInput.TIME}),
    own=True,
)
