"""May a member start now (R18): an ordered list of pure functions.

Each answers None (go) or why the member waits. What policies ask for later is more gates,
not more engine.
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
    """A hold that a person has to end."""
    hold = step.step.hold
    return hold if hold and hold.kind in LASTING else None


def payload(snapshot: Snapshot, step: TrackedStep, member: Member, now: datetime) -> Reason | None:
    """What a step carries is frozen when it starts (R25.4)."""
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
    """For a moment after every start of ibgu, and as long as the hub does not answer."""
    words = "the ConfigMaps and Secrets that this step carries are not read yet"
    return Reason(ReasonKind.PAYLOAD_BLOCKED, now, words)


def floor(snapshot: Snapshot, step: TrackedStep, member: Member, now: datetime) -> Reason | None:
    """Too little time is left to start an Upgrade or Rollback and see it through (R11.5).

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
"""A step's lasting hold comes first: what holds the rollout meanwhile must not take its place.

The ramp-up comes last: who is kept by it alone needs the place of somebody in flight (R11.3).
"""
LASTING = frozenset({ReasonKind.CIRCUIT_BREAKER, ReasonKind.PAYLOAD_CHANGED})
"""Holds of a step that end by a person's resume."""
STANDING = LASTING | {ReasonKind.PACE_INVALID}
"""Holds of a step that end by a person alone: its clock stands meanwhile (R11.6)."""


def held(snapshot: Snapshot, step: TrackedStep, member: Member, now: datetime) -> Reason | None:
    """The first gate that is closed."""
    answers = (gate(snapshot, step, member, now) for gate in GATES)
    return next((reason for reason in answers if reason), None)


def deadline(step: Step, now: datetime) -> datetime:
    """The end of the step's clock, which may have stood, or stand now (R11.1)."""
    assert step.started_at is not None
    standing = now - step.stopped_since if step.stopped_since else timedelta()
    return step.started_at + step.timeout + step.stopped + standing


def share(tracked: TrackedRollout, step: TrackedStep) -> timedelta:
    """A member's part of the step's time, if all take as long (R11.1)."""
    total, slots = step.step.total, step.step.max_concurrency
    return step.step.timeout / pace_of(tracked, step).waves(total, slots)


def room(tracked: TrackedRollout, step: TrackedStep, now: datetime) -> timedelta:
    """A member's part of the time that is left, if it starts now (R11.2)."""
    total, slots = step.step.total, step.step.max_concurrency
    started = min(total - step.not_started, total - 1)
    return (deadline(step.step, now) - now) / pace_of(tracked, step).waves(total, slots, started)


def limit(tracked: TrackedRollout, step: TrackedStep, now: datetime) -> datetime:
    """Return the limit of a member that starts now: its share, or more if time allows (R11.2)."""
    return now + max(share(tracked, step), room(tracked, step, now))
