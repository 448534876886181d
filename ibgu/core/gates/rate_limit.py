"""Rate limits and ramp-up, for what serves the clusters (a registry).

Only steps that begin with Prep or Upgrade have them: whatever leads a cluster back, or ends its
upgrade, starts as fast as its slots allow, and no typing error may keep it.
"""

from collections.abc import Iterator
from datetime import datetime
from functools import partial

from ibgu.core.fleet import TrackedRollout, TrackedStep
from ibgu.core.model import Member, Reason, ReasonKind, RolloutState, StepState, Who
from ibgu.core.rate_limits import MINUTE, UNLIMITED, RateLimits, rate_limits_of
from ibgu.core.snapshot import Snapshot
from ibgu.core.works import names


def pace_of(tracked: TrackedRollout, step: TrackedStep) -> RateLimits:
    """Returns the limits that the rollout's annotations ask for."""
    return rate_limits_of(tracked.rollout.controls) if step.step.first.rate_limited else UNLIMITED


def invalid(snapshot: Snapshot, step: TrackedStep, member: Member, now: datetime) -> Reason | None:
    problem = pace_of(snapshot.tracked, step).problem
    if not problem:
        return None
    words = f"{problem}; nothing new starts until it is changed or removed"
    return Reason(ReasonKind.RATE_LIMIT_INVALID, now, words, None, Who.PERSON)


def start_rate(
    snapshot: Snapshot, step: TrackedStep, member: Member, now: datetime
) -> Reason | None:
    most = pace_of(snapshot.tracked, step).starts_per_minute
    if not most:
        return None
    recent = snapshot.fleet.starts.recent(now, snapshot.tracked.rollout.uid)
    if len(recent) < most:
        return None
    words = f"at most {most} clusters of this rollout start a minute ({names.STARTS_PER_MINUTE})"
    return Reason(ReasonKind.START_RATE, now, words, recent[-most] + MINUTE)


def hub_rate(snapshot: Snapshot, step: TrackedStep, member: Member, now: datetime) -> Reason | None:
    most = snapshot.facts.starts_per_minute
    if not most or not step.step.first.rate_limited or fair_share(snapshot, now, 1):
        return None
    recent = snapshot.fleet.starts.recent(now)
    words = f"at most {most} clusters start a minute on this hub (IBGU_STARTS_PER_MINUTE)"
    # Other rollouts may take all free places: they start now.
    until = (recent[-most:] or [now])[0] + MINUTE
    return Reason(ReasonKind.HUB_START_RATE, now, words, until)


def ramp_up(snapshot: Snapshot, step: TrackedStep, member: Member, now: datetime) -> Reason | None:
    pace = pace_of(snapshot.tracked, step)
    if not pace.ramp_up or vacancies(pace, step) > 0:
        return None
    level, more = pace.level(step.ended), pace.more(step.ended)
    words = f"ramp-up: at most {level} in flight until {more} more have ended ({names.RAMP_UP})"
    return Reason(ReasonKind.RAMP_UP, now, words, None, Who.CLUSTER)


def vacancies(pace: RateLimits, step: TrackedStep) -> int:
    """Returns how many more members the ramp-up lets be in flight."""
    return pace.width(step.step.max_concurrency, step.ended) - len(step.slots)


def places(snapshot: Snapshot, step: TrackedStep, now: datetime, most: int) -> int:
    """Returns how many of `most` the rate limits let start now."""
    rate = pace_of(snapshot.tracked, step).starts_per_minute
    if rate:
        recent = snapshot.fleet.starts.recent(now, snapshot.tracked.rollout.uid)
        most = min(most, max(0, rate - len(recent)))
    if snapshot.facts.starts_per_minute and step.step.first.rate_limited:
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
        want = min(step.ready, step.free, vacancies(pace_of(tracked, step), step))
        if want > 0:
            yield uid, want


def _waits_for_hub(tracked: TrackedRollout, step: TrackedStep) -> bool:
    kind = step.step.hold.kind if step.step.hold else None
    runs = step.step.state is StepState.RUNNING and tracked.rollout.state is RolloutState.RUNNING
    return runs and tracked.rollout.hold is None and kind is ReasonKind.HUB_START_RATE
