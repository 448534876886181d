"""Judges a start by one version of a RolloutPolicy (R50.1, R50.3 to R50.5).

The history has neither the labels of clusters nor those of rollouts. What depends on them is said
to be unknown, unless it makes no difference.
"""

from collections.abc import Collection, Iterator
from datetime import datetime

from msgspec import Struct
from msgspec.structs import replace

from ibgu.core.engine.timing.windows import cron_problem, opening, zone_problem
from ibgu.core.model.bounds import moment
from ibgu.core.model.kinds import LabelSelector
from ibgu.core.model.rollout_policy import PolicyClusters, RolloutPolicySpec
from ibgu.core.text.spans import utc

CLUSTERS = "labels of clusters"
ROLLOUTS = "labels of rollouts"
SHARES = "how many clusters a share is of"
UNFOLLOWED = "what a policy means that can't be read"
ZONES = "time zones of clusters"
_EVERY_ROLLOUT = LabelSelector()
_EVERY_CLUSTER = PolicyClusters()
_NAMED = 5
"""The neighbours that a message names."""


class Start(Struct, frozen=True):
    """Start is an action that a cluster begins, and what was in flight then."""

    at: datetime
    namespace: str
    cluster: str
    action: str
    """The action of the plan, of which a part may begin."""
    rest: Collection[str]
    """The actions for which the cluster takes its slot; empty: it has had the slot before."""
    others: Collection[str]
    """The other clusters that any rollout has in flight."""


class Objection(Struct, frozen=True):
    """Objection is why a policy does not allow a start."""

    rule: str = ""
    """The number of the rule that the start breaks."""
    words: str = ""
    unknown: str = ""
    """What would have to be known to be certain; empty: nothing."""
    others: Collection[str] = ()
    """The clusters in flight that the start does not go with."""


def objection(spec: RolloutPolicySpec | None, start: Start) -> Objection | None:
    """Returns why the policy does not allow the start: what is certain first. None: it does."""
    if spec is None:
        return Objection(unknown=UNFOLLOWED)
    namespaces = spec.rollouts.namespaces
    if namespaces and start.namespace not in namespaces:
        return None
    found = [*_times(spec, start), *_limits(spec, start)]
    if spec.rollouts.selector != _EVERY_ROLLOUT:
        found = [replace(each, unknown=each.unknown or ROLLOUTS) for each in found]
    return next((each for each in found if not each.unknown), next(iter(found), None))


def _holds(spec: RolloutPolicySpec, action: str) -> bool:
    return not spec.actions or action in spec.actions


def _selection(spec: RolloutPolicySpec) -> str:
    """Returns what is not known of whether the policy selects a cluster; empty: it does."""
    return "" if spec.clusters == _EVERY_CLUSTER else CLUSTERS


# -- windows and freezes -------------------------------------------------------------------


def _times(spec: RolloutPolicySpec, start: Start) -> Iterator[Objection]:
    if _holds(spec, start.action):
        for each in (*_freezes(spec, start.at), *_windows(spec, start.at)):
            yield replace(each, unknown=each.unknown or _selection(spec))


def _freezes(spec: RolloutPolicySpec, at: datetime) -> Iterator[Objection]:
    for freeze in spec.freezes:
        begin, end = moment(freeze.from_), moment(freeze.until)
        if begin is None or end is None:
            yield Objection(unknown=UNFOLLOWED)
        elif begin <= at < end:
            yield Objection("R50.5", f"in a freeze until {utc(end)}")


def _windows(spec: RolloutPolicySpec, at: datetime) -> Iterator[Objection]:
    """Yields that no window is open. Whether what starts fits into one that is open, only the
    measurements of that time would show."""
    fixed = [window for window in spec.windows if window.time_zone]
    if any(cron_problem(each.cron) for each in spec.windows) or any(
        zone_problem(each.time_zone) for each in fixed
    ):
        yield Objection(unknown=UNFOLLOWED)
    elif spec.windows and opening(fixed, None, at).until is None:
        own = len(fixed) < len(spec.windows)
        yield Objection("R50.4", "while no window is open", ZONES if own else "")


# -- limits --------------------------------------------------------------------------------


def _limits(spec: RolloutPolicySpec, start: Start) -> Iterator[Objection]:
    """Yields which limits are reached. Where labels decide on who counts, a start is certainly
    within a limit that all clusters in flight together do not reach."""
    if any(_holds(spec, action) for action in start.rest):
        yield from _in_flight(spec, start)
        yield from _topologies(spec, start)
        yield from _neighbours(spec, start)


def _in_flight(spec: RolloutPolicySpec, start: Start) -> Iterator[Objection]:
    count = len(start.others)
    if isinstance(spec.in_flight, int):
        if count >= spec.in_flight:
            words = f"with {count} in flight, and inFlight is {spec.in_flight}"
            yield Objection("R50.3", words, _selection(spec), start.others)
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
            named = ", ".join(beside[:_NAMED])
            words = f"beside {named}, in spite of neverTogether"
            yield Objection("R50.3", words, others=beside)
