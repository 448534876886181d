"""Gates: whether a member may start now (R18), as an ordered list of pure functions.

Each returns None (go) or why the member waits. Policies will add gates, not change the engine.
"""

from collections.abc import Callable
from datetime import datetime, timedelta

from ibgu.core.fleet import TrackedRollout, TrackedStep
from ibgu.core.gates.circuit_breaker import circuit_breaker
from ibgu.core.gates.rate_limit import hub_rate, invalid, pace_of, ramp_up, start_rate
from ibgu.core.model import Action, Member, Reason, ReasonKind, Step, Who
from ibgu.core.snapshot import Snapshot
from ibgu.core.times import ROLLBACK_MARGIN, init_monitor

Gate = Callable[[Snapshot, TrackedStep, Member, datetime], Reason | None]


def rollout_hold(
    snapshot: Snapshot, step: TrackedStep, member: Member, now: datetime
) -> Reason | None:
    return snapshot.tracked.rollout.hold


def step_hold(
    snapshot: Snapshot, step: TrackedStep, member: Member, now: datetime
) -> Reason | None:
    """Returns the step's hold if only a person can end it."""
    hold = step.step.hold
    return hold if hold and hold.kind in LASTING else None


def payload(snapshot: Snapshot, step: TrackedStep, member: Member, now: datetime) -> Reason | None:
    """Closes when the content changes: a step's payload is frozen when it starts (R25.4)."""
    state = snapshot.payload
    if Action.PREP not in step.step.actions:
        return None
    if not state.read:
        return unread(now)
    if state.problem:
        return Reason(ReasonKind.PAYLOAD_BLOCKED, now, state.problem, None, Who.PERSON)
    if state.digest == step.step.payload_digest:
        return None
    words = (
        "a ConfigMap or Secret that this step carries has changed on the hub; "
        "annotate the IBGU with ibgu.dev/resume to go on with the new content"
    )
    return Reason(ReasonKind.PAYLOAD_CHANGED, now, words, None, Who.PERSON)


def unread(now: datetime) -> Reason:
    """Returns the reason for a moment after every start of ibgu, and while the hub does not
    respond."""
    words = "the ConfigMaps and Secrets that this step carries are not read yet"
    return Reason(ReasonKind.PAYLOAD_BLOCKED, now, words)


def floor(snapshot: Snapshot, step: TrackedStep, member: Member, now: datetime) -> Reason | None:
    """Closes when too little time is left to see an Upgrade or Rollback through (R11.5).

    After the deadline, which an outage can outlast, nothing starts at all.
    """
    left = deadline(step.step, now) - now
    if left <= timedelta():
        return Reason(ReasonKind.FLOOR, now, "the step's timeout has passed: nothing new starts")
    if not step.step.first.reboots:
        return None
    monitor = init_monitor(snapshot.tracked.rollout.spec.ibu_spec)
    need = min(monitor + ROLLBACK_MARGIN, share(snapshot.tracked, step) / 2)
    if left >= need:
        return None
    minutes = need.total_seconds() / 60
    words = f"less than {minutes:.0f} min are left of the step's timeout: nothing new starts"
    return Reason(ReasonKind.FLOOR, now, words)


GATES: tuple[Gate, ...] = (
    step_hold,
    rollout_hold,
    payload,
    circuit_breaker,
    floor,
    invalid,
    start_rate,
    hub_rate,
    ramp_up,
)
"""A step's lasting hold comes first: the rollout's hold must not replace it.

The ramp-up comes last: a member that it alone keeps needs the place of one in flight (R11.3).
"""
LASTING = frozenset({ReasonKind.CIRCUIT_BREAKER, ReasonKind.PAYLOAD_CHANGED})
"""Holds of a step that a person's resume ends."""
STANDING = LASTING | {ReasonKind.RATE_LIMIT_INVALID}
"""Holds of a step that only a person ends: its clock stands meanwhile (R11.6)."""


def held(snapshot: Snapshot, step: TrackedStep, member: Member, now: datetime) -> Reason | None:
    """Returns the reason of the first closed gate."""
    answers = (gate(snapshot, step, member, now) for gate in GATES)
    return next((reason for reason in answers if reason), None)


def deadline(step: Step, now: datetime) -> datetime:
    """Returns the end of the step's clock, which may have stood, or stand now (R11.1)."""
    assert step.started_at is not None
    standing = now - step.stopped_since if step.stopped_since else timedelta()
    return step.started_at + step.timeout + step.stopped + standing


def share(tracked: TrackedRollout, step: TrackedStep) -> timedelta:
    """Returns a member's part of the step's time, if all take equally long (R11.1)."""
    total, slots = step.step.total, step.step.max_concurrency
    return step.step.timeout / pace_of(tracked, step).waves(total, slots)


def room(tracked: TrackedRollout, step: TrackedStep, now: datetime) -> timedelta:
    """Returns a member's part of the time that is left, if it starts now (R11.2)."""
    total, slots = step.step.total, step.step.max_concurrency
    started = min(total - step.not_started, total - 1)
    return (deadline(step.step, now) - now) / pace_of(tracked, step).waves(total, slots, started)


def limit(tracked: TrackedRollout, step: TrackedStep, now: datetime) -> datetime:
    """Returns the limit of a member that starts now: its share, or more if time allows (R11.2)."""
    return now + max(share(tracked, step), room(tracked, step, now))
