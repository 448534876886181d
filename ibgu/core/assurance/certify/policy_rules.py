"""Judges a start by one version of a RolloutPolicy (R50.1, R50.3 to R50.5, and R50.9 and R50.11 by
`policy_failures`).

The history has neither the labels of clusters nor those of rollouts. What depends on them is said
to be unknown, unless it makes no difference.
"""

from collections.abc import Iterable, Iterator
from datetime import datetime

from msgspec.structs import replace

from ibgu.core.assurance.certify.policy_approvals import of_approvals
from ibgu.core.assurance.certify.policy_failures import of_failures
from ibgu.core.assurance.certify.policy_starts import (
    CLUSTERS,
    EVERY_ROLLOUT,
    ROLLOUTS,
    UNFOLLOWED,
    Objection,
    Start,
    about,
    holds,
    named,
    selection,
)
from ibgu.core.engine.timing.windows import cron_problem, opening, zone_problem
from ibgu.core.model.bounds import moment
from ibgu.core.model.rollout_policy import RolloutPolicySpec
from ibgu.core.text.spans import utc

SHARES = "how many clusters a share is of"
ZONES = "time zones of clusters"


def objection(
    spec: RolloutPolicySpec | None, start: Start, more: Iterable[Objection] = ()
) -> Objection | None:
    """Returns why the policy does not allow the start: what is certain first. None: it does.
    `more`: what else the policy has against it."""
    if spec is None:
        return Objection(unknown=UNFOLLOWED)
    if not about(spec, start):
        return None
    found = [*_times(spec, start), *_limits(spec, start), *of_failures(spec, start), *more]
    found += of_approvals(spec, start)
    if spec.rollouts.selector != EVERY_ROLLOUT:
        found = [replace(each, unknown=each.unknown or ROLLOUTS) for each in found]
    return min(found, key=lambda each: (bool(each.unknown), bool(each.if_there)), default=None)


# -- windows and freezes -------------------------------------------------------------------


def _times(spec: RolloutPolicySpec, start: Start) -> Iterator[Objection]:
    if holds(spec, start.action):
        for each in (*_freezes(spec, start.at), *_windows(spec, start.at)):
            yield replace(each, unknown=each.unknown or selection(spec))


def _freezes(spec: RolloutPolicySpec, at: datetime) -> Iterator[Objection]:
    for freeze in spec.freezes:
        begin, end = moment(freeze.from_), moment(freeze.until)
        if begin is None or end is None:
            yield Objection(unknown=UNFOLLOWED)
        elif begin <= at < end:
            yield Objection("R50.5", f"in a freeze until {utc(end)}", until=end)


def _windows(spec: RolloutPolicySpec, at: datetime) -> Iterator[Objection]:
    """Yields that no window is open. Whether what starts fits into one that is open, only the
    measurements of that time would show."""
    fixed = [window for window in spec.windows if window.time_zone]
    if any(cron_problem(each.cron) for each in spec.windows) or any(
        zone_problem(each.time_zone) for each in fixed
    ):
        yield Objection(unknown=UNFOLLOWED)
    elif spec.windows and (found := opening(fixed, None, at)).until is None:
        own = ZONES if len(fixed) < len(spec.windows) else ""
        yield Objection("R50.4", "while no window is open", own, until=found.opens)


# -- limits --------------------------------------------------------------------------------


def _limits(spec: RolloutPolicySpec, start: Start) -> Iterator[Objection]:
    """Yields which limits are reached. Where labels decide on who counts, a start is certainly
    within a limit that all clusters in flight together do not reach."""
    if any(holds(spec, action) for action in start.rest):
        yield from _in_flight(spec, start)
        yield from _topologies(spec, start)
        yield from _neighbours(spec, start)


def _in_flight(spec: RolloutPolicySpec, start: Start) -> Iterator[Objection]:
    count = len(start.others)
    if isinstance(spec.in_flight, int):
        if count >= spec.in_flight:
            words = f"with {count} in flight, and inFlight is {spec.in_flight}"
            yield Objection("R50.3", words, selection(spec), start.others)
    elif spec.in_flight and count:  # A share is one cluster at least.
        yield Objection(unknown=SHARES)


def _topologies(spec: RolloutPolicySpec, start: Start) -> Iterator[Objection]:
    for limit in spec.per_topology:
        if len(start.others) >= limit.maximum:
            yield Objection(unknown=CLUSTERS)


def _neighbours(spec: RolloutPolicySpec, start: Start) -> Iterator[Objection]:
    for group in spec.never_together:
        beside = [name for name in group.clusters if name in start.others]
        if start.cluster in group.clusters and beside:
            words = f"beside {named(beside)}, in spite of neverTogether"
            yield Objection("R50.3", words, others=beside)
