"""The inputs of a rehearsal, and the draws of its runs.

Times are seconds from the beginning of the rehearsal.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from math import exp, log, sqrt
from statistics import NormalDist

from msgspec import Struct

from ibgu.core.engine.timing.durations import DurationsByAction
from ibgu.core.engine.timing.rate_limits import UNLIMITED, RateLimits
from ibgu.core.model import ActionName, ClusterView, traits
from ibgu.core.model.kinds import LabelSelector
from ibgu.core.model.rollout_policy import RolloutPolicy
from ibgu.core.plan import EVERYWHERE, Scope

NEVER = float("inf")
_NORMAL = NormalDist()
_P95 = _NORMAL.inv_cdf(0.95)
_TINY = 1e-9


class PlannedStep(Struct, frozen=True):
    actions: tuple[ActionName, ...]
    max_concurrency: int
    timeout: timedelta
    rate_limits: RateLimits = UNLIMITED


class Standing(StrEnum):
    """Standing is where a member is when a rehearsal takes its step over."""

    WAITING = "waiting"
    UNDER_WAY = "under way"
    KEPT = "kept"
    """A gate keeps its next action; it has its slot."""
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    NEVER_STARTED = "never started"
    LEFT = "left"
    """Skipped or cancelled, which is no failure."""


class MemberNow(Struct, frozen=True, gc=False):
    """MemberNow is a member of a step that has begun; times are at most 0."""

    cluster: str
    standing: Standing = Standing.WAITING
    action: int = 0
    """Which of the step's actions is under way, is kept, or has failed."""
    since: float = 0.0
    """When that action began, or when the member ended."""
    started: float = -NEVER
    limit: float = NEVER
    """When its time in the step is over (R11.2)."""
    timed_out: bool = False
    """Whether it has failed because its time was over."""
    begun: bool = True
    """Whether its cluster may have done anything of the step (R50.11)."""


class BegunStep(Struct, frozen=True):
    """BegunStep is a step that has begun when the rehearsal does; times are at most 0."""

    began: float
    members: Sequence[MemberNow]
    ended: float | None = None
    """None: it goes on."""
    stood: float = 0.0
    """Seconds for which its clock has stood (R11.6)."""


class RehearsedPlan(Struct, frozen=True, kw_only=True):
    """RehearsedPlan is a plan with all that decides how it goes."""

    steps: tuple[PlannedStep, ...]
    selectors: Sequence[LabelSelector]
    clusters: Sequence[ClusterView]
    """Those of the whole hub."""
    begin: datetime
    policies: Sequence[RolloutPolicy] = ()
    """Those that hold the rollout, in order of their names."""
    durations: DurationsByAction = {}
    """Those measured on the hub, for windows in which an action must fit."""
    rollback_time: timedelta = timedelta()
    """What must be left of a step for an action that reboots (R11.5)."""
    breaker: bool = True
    """Whether the circuit breaker is on (R19.2)."""
    scope: Scope = EVERYWHERE
    approval_after: float = 0.0
    """Seconds from when a policy's approval is missing to when somebody gives it."""
    lacks_backup: str = ""
    """Why the rollout makes no backup before it takes clusters to another release, in words; empty:
    it makes one, or none of its actions does."""
    begun: tuple[BegunStep, ...] = ()
    """The steps that have begun at `begin`, in order; all but the last have ended."""


class Odds(Struct, frozen=True):
    """Odds are how long an action takes, and how often it fails."""

    p50: float
    p95: float
    failing: float = 0.0
    """The probability of a failure, from 0 to 1."""


class Attempts(Struct, frozen=True):
    """Attempts say of each cluster, in the order of the rehearsed ones, how an action goes on
    it."""

    seconds: Sequence[float]
    fails: Sequence[bool]


Draws = Mapping[ActionName, Attempts]
"""What a run draws: the action decides, not when it starts, so that two plans are compared with
the same luck."""


def usual_odds(action: ActionName, durations: DurationsByAction, failing: float = 0.0) -> Odds:
    """Returns the odds as measured; of what was measured too rarely, its usual time."""
    measured = durations.get(action)
    if measured is not None:
        return Odds(measured.p50, measured.p95, failing)
    usual = traits(action).usual
    return Odds(sqrt(usual.low * usual.high), usual.high, failing)


def draw(
    odds: Mapping[ActionName, Odds],
    clusters: int,
    uniform: Callable[[], float],
    elapsed: Mapping[ActionName, Mapping[int, float]] = {},
) -> dict[ActionName, Attempts]:
    """Draws for each action and cluster. `uniform` returns numbers from 0 up to 1; `elapsed`: the
    seconds that an action has been under way on clusters, which it takes at least.

    Durations are log-normal: never negative, with the long tail that reboots and pulls have.
    """
    return {
        action: Attempts(
            list(_seconds(each, clusters, uniform, elapsed.get(action, {}))),
            [uniform() < each.failing for _ in range(clusters)],
        )
        for action, each in odds.items()
    }


def _seconds(
    odds: Odds, clusters: int, uniform: Callable[[], float], elapsed: Mapping[int, float]
) -> Iterator[float]:
    spread = log(max(odds.p95, odds.p50, _TINY) / max(odds.p50, _TINY)) / _P95
    quantile = _NORMAL.inv_cdf
    for place in range(clusters):
        least, share = elapsed.get(place, 0.0), uniform()
        if least:
            share = _share_beyond(least, odds.p50, spread, share)
        yield max(least, odds.p50 * exp(spread * quantile(max(_TINY, share))))


def _share_beyond(least: float, p50: float, spread: float, share: float) -> float:
    """Returns the quantile that is at this share of what takes longer than `least`."""
    if not spread:
        return share
    under = _NORMAL.cdf(log(least / max(p50, _TINY)) / spread)
    return min(under + share * (1 - under), 1 - _TINY)
