"""Checks times (R11), recomputed from the events: deadlines, limits, the step's clock."""

from datetime import datetime, timedelta
from math import ceil

from ibgu.core.model.bounds import LATEST
from tests.oracle.audit import MemberEventContext, StepEventContext
from tests.oracle.cases import MemberCase, StepCase
from tests.oracle.rules import Rule

_SETTLE = timedelta(minutes=2)
"""The time for which a limit that passed while ibgu was away fails nobody (R11.7)."""
_INEXACT = timedelta(seconds=1)
"""The tolerated difference between two calculations."""


def deadline(step: StepCase, at: datetime) -> datetime:
    """Returns the end of the step's clock as expected at that time."""
    started_at = step.started_at or at  # A history may lack its start.
    stopped_now = at - step.stopped_since if step.stopped_since else timedelta()
    return started_at + step.timeout + step.stopped + max(timedelta(), stopped_now)


def stop_clock(spot: StepEventContext) -> None:
    """Stops the clock; a member that a gate keeps between two actions is not under way, nor is one
    past its limit."""
    step = spot.step
    moving = [m for m in step.slots.values() if not (_between(spot, m) or _late(spot, m))]
    words = f"the clock of {spot.title} stands while {len(moving)} clusters are in flight"
    may = not moving or spot.rollout.hold == "Restored"
    spot.require(Rule.LIMITS, may, words, *(m.since for m in moving))
    due = deadline(step, spot.event.at)
    # What is noted after the deadline stood before: the settle time is left (R11.7).
    step.stopped_since = spot.event.at if spot.event.at < due else due - _SETTLE


def _between(spot: StepEventContext, member: MemberCase) -> bool:
    """Whether the member is between two actions: a policy, or a hold of its cluster, may stop
    whichever comes next."""
    run, left = member.run, spot.step.actions[member.index :]
    over = run is not None and run.over and run.result in ("succeeded", "continued")
    return over and bool(left)


def _late(spot: StepEventContext, member: MemberCase) -> bool:
    return member.limit is not None and member.limit <= spot.event.at + _INEXACT


def turn_clock_on(spot: StepEventContext) -> None:
    step, at = spot.step, spot.event.at
    stood = step.stopped_since is not None
    spot.require(Rule.LIMITS, stood, f"the clock of {spot.title} starts, but did not stand")
    step.stopped += max(timedelta(), at - (step.stopped_since or at))
    step.stopped_since = None


def limit_of(spot: StepEventContext) -> datetime:
    """Returns the limit of a member that starts, or is released, at this event."""
    return min(LATEST, _limit(spot.step, spot.event.at, ramps=_ramps(spot)))


def take_limit(spot: MemberEventContext) -> None:
    """Checks that a starting member gets its share of the step's time, or more where there is
    more."""
    given, wanted = spot.text("limit"), limit_of(spot)
    spot.member.limit = datetime.fromisoformat(given) if given else None
    spot.require(
        Rule.LIMITS,
        spot.member.limit is not None and abs(spot.member.limit - wanted) <= _INEXACT,
        f"{spot.name} starts with the limit {given or '(none)'}; it should be {wanted}",
    )


def in_time(spot: MemberEventContext, what: str) -> None:
    """Checks that the step's deadline has not passed. `what`: what the cluster does."""
    due = deadline(spot.step, spot.event.at)
    words = f"{spot.name} {what} after {spot.title}'s deadline {due}"
    spot.require(Rule.LIMITS, spot.event.at <= due, words, spot.step.opened)


def _ramps(spot: StepEventContext) -> bool:
    """Whether a ramp-up applies: only some steps have rate limits."""
    limited = not spot.proofs.rate_limited.isdisjoint(spot.step.actions)
    return spot.rollout.ramp_up and limited


def _limit(step: StepCase, at: datetime, *, ramps: bool) -> datetime:
    if ramps:
        widths = _widths(step.total, step.most)
        share = step.timeout / len(widths)
        slack = (deadline(step, at) - at) / len(_last(widths, step.waiting))
        return at + max(share, slack)
    share = step.timeout / _waves(step.total, step.most)
    slack = (deadline(step, at) - at) / _waves(step.waiting, step.most)
    return at + max(share, slack)


def _widths(members: int, most: int) -> list[int]:
    """Returns how many start in each wave of a ramp-up: 1, 2, 4, ... up to `most`."""
    widths: list[int] = []
    while (left := members - sum(widths)) > 0:
        widths.append(min(2 ** len(widths), max(1, most), left))
    return widths or [1]


def _last(widths: list[int], waiting: int) -> list[int]:
    """Returns the waves of the waiting members, which start last."""
    waves = list(widths)
    while len(waves) > 1 and sum(waves[1:]) >= waiting:
        waves.pop(0)
    return waves


def _waves(members: int, most: int) -> int:
    return max(1, ceil(members / max(1, most)))


def keep_limit(spot: MemberEventContext) -> None:
    """Checks that the chain keeps its limit; a member released from a hold has that of one that
    starts then. When a gate of single members opens, such as a policy's, is not in the history: it
    was not later than this event."""
    given, run, new_limit = spot.text("limit"), spot.member.run, spot.step.new_limit
    limit = datetime.fromisoformat(given) if given else None
    kept = run is not None and 0 < run.ended < spot.step.released
    due = (
        kept and limit is not None and new_limit is not None and abs(limit - new_limit) <= _INEXACT
    )
    words = f"{spot.name} goes on with another limit than it started with"
    may = due or (limit is not None and limit == spot.member.limit)
    if not may and limit is not None and spot.member.limit:
        latest = limit_of(spot)
        # It may be earlier than before, such as in a ramp-up that was switched on meanwhile.
        may = spot.member.limit <= limit <= latest + _INEXACT or abs(limit - latest) <= _INEXACT
    spot.require(Rule.LIMITS, may, words, spot.member.since)
    spot.member.limit = limit


def check_expiry(spot: MemberEventContext) -> None:
    """Checks that a member that timed out was past its limit, or past the step's deadline."""
    at, limit = spot.event.at, spot.member.limit
    due = deadline(spot.step, at)
    past = at >= due or (limit is not None and at >= limit)
    words = f"{spot.name} was ended before its limit {limit} and {spot.title}'s deadline {due}"
    spot.require(Rule.LIMITS, past, words, spot.member.since)


def check_return(spot: MemberEventContext) -> None:
    """Checks that a member leaves its slot between two actions only past its limit."""
    limit = spot.member.limit
    past = limit is not None and spot.event.at >= limit
    words = f"{spot.name} left its slot before its limit {limit}"
    spot.require(Rule.LIMITS, past, words, spot.member.since)


def check_deadline(spot: MemberEventContext) -> None:
    due = deadline(spot.step, spot.event.at)
    words = f"{spot.name} was given up before {spot.title}'s deadline {due}"
    spot.require(Rule.LIMITS, spot.event.at >= due, words, spot.member.joined)
