"""Shares of the rate limits: how many members may start now, and each rollout's fair share of the
hub's."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from functools import partial

from ibgu.core.engine.state import TrackedRollout, TrackedStep
from ibgu.core.engine.state.snapshot import Snapshot
from ibgu.core.engine.timing.rate_limits import RateLimits, step_limits
from ibgu.core.model import ReasonKind, RolloutState, StepState, Waiting, limits_starts

MIN_AHEAD = 10
"""The fewest members of a step that count as the next ones."""


def look_ahead(step: TrackedStep) -> int:
    """Returns how many members count as those that come next: they are probed before their
    turn."""
    return max(MIN_AHEAD, step.step.max_concurrency)


def step_rate_limits(tracked: TrackedRollout, step: TrackedStep) -> RateLimits:
    """Returns the limits that the rollout's annotations ask for."""
    return step_limits(tracked.rollout.controls, step.step.actions)


def start_delay(tracked: TrackedRollout, step: TrackedStep, member: Waiting) -> timedelta:
    """Returns the member's part of the jitter, which follows from member and attempt."""
    key = f"{member.rollout}/{member.step}/{member.uid}/{member.attempts + 1}"
    return step_rate_limits(tracked, step).delay(key)


def ramp_up_capacity(limits: RateLimits, step: TrackedStep) -> int:
    """Returns how many more members the ramp-up lets be in flight."""
    return limits.width(step.step.max_concurrency, step.ended) - len(step.slots)


def room_after(tracked: TrackedRollout, step: TrackedStep, leaving: int, ended: int) -> int:
    """Returns how many more members could be in flight once `leaving` have left their slots, of
    which `ended` have ended, also in a ramp-up."""
    width = step_rate_limits(tracked, step).width(step.step.max_concurrency, step.ended + ended)
    return width - len(step.slots) + leaving


def has_room(tracked: TrackedRollout, step: TrackedStep) -> bool:
    """Returns whether the step has a slot for one more, also in its ramp-up."""
    return not step.full and ramp_up_capacity(step_rate_limits(tracked, step), step) > 0


def allowed_starts(snapshot: Snapshot, step: TrackedStep, now: datetime, most: int) -> int:
    """Returns how many of `most` the rate limits let start now."""
    rate = step_rate_limits(snapshot.tracked, step).starts_per_minute
    if rate:
        recent = snapshot.fleet.starts.recent(now, snapshot.tracked.rollout.uid)
        most = min(most, max(0, rate - len(recent)))
    if snapshot.facts.starts_per_minute and limits_starts(step.step.actions):
        most = fair_share(snapshot, now, most)
    return most


def fair_share(snapshot: Snapshot, now: datetime, most: int) -> int:
    """Returns how many of `most` the hub's limit lets this rollout start now.

    Each free place goes to the rollout with the fewest starts in this minute, then to the one whose
    last start is the oldest. Others count if this limit keeps them and they could still start.
    """
    starts, mine = snapshot.fleet.starts, snapshot.tracked.rollout.uid
    place = partial(_place, snapshot, now)
    free = snapshot.facts.starts_per_minute - len(starts.recent(now))
    used = len(starts.recent(now, mine))
    others = [
        (want, len(starts.recent(now, uid)), place(uid) < place(mine))
        for uid, want in _contenders(snapshot)
    ]
    given = 0
    while given < most:
        first = sum(min(want, max(0, used - has + before)) for want, has, before in others)
        if first >= free:
            break
        given, used, free = given + 1, used + 1, free - 1
    return given


def _place(snapshot: Snapshot, now: datetime, uid: str) -> tuple[float, str]:
    last = snapshot.fleet.starts.last(uid)
    return (min(last, now).timestamp() if last else 0.0, uid)


def _contenders(snapshot: Snapshot) -> Iterator[tuple[str, int]]:
    """Yields other rollouts that the hub's limit keeps, each with how many members it would
    start."""
    for uid, tracked in snapshot.fleet.rollouts.items():
        step = tracked.current
        if uid == snapshot.tracked.rollout.uid or step is None or not _waits_for_hub(tracked, step):
            continue
        want = min(step.ready, step.free, ramp_up_capacity(step_rate_limits(tracked, step), step))
        if want > 0:
            yield uid, want


def _waits_for_hub(tracked: TrackedRollout, step: TrackedStep) -> bool:
    kind = step.step.hold.kind if step.step.hold else None
    runs = step.step.state is StepState.RUNNING and tracked.rollout.state is RolloutState.RUNNING
    return runs and tracked.rollout.hold is None and kind is ReasonKind.HUB_START_RATE
