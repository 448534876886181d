"""Judges a start by a policy's failure budget and canaries (R50.9, R50.11).

The history does not show which clusters the hub could reach, or had, when none of them did
anything. What depends on that is said to be unknown.
"""

import re
from collections import Counter, deque
from collections.abc import Iterable, Iterator, Sequence
from datetime import timedelta
from functools import partial
from itertools import islice

from msgspec.structs import replace

from ibgu.core.assurance.certify.policy_ends import MemberEnd
from ibgu.core.assurance.certify.policy_selectors import matches, selects
from ibgu.core.assurance.certify.policy_starts import (
    BEFORE,
    CLUSTERS,
    UNFOLLOWED,
    Objection,
    Start,
    about,
    holds,
    named,
    selection,
)
from ibgu.core.model.rollout_policy import (
    BudgetScope,
    Canaries,
    FailureBudget,
    RolloutPolicySpec,
)
from ibgu.core.text.spans import utc

AVAILABILITY = "times in which canaries were available"
GONE = "canaries that have left the hub"
HELD = "clean-ups that failures hold"
_REMEMBERED = timedelta(days=14)
"""The time for which failures count that are of no rollout that is still in memory."""
_WEEK = 7 * 24 * 60
"""The most minutes that a policy may name."""
_SHARE = re.compile(r"(100|[1-9]?[0-9])%")


def of_failures(spec: RolloutPolicySpec, start: Start) -> Iterator[Objection]:
    """Yields what failures, and canaries that are not well, say against the start."""
    if not _concerns(spec, start):
        return
    if not _is_followed(spec):
        yield Objection(unknown=UNFOLLOWED)
        return
    for each in (*_canaries(spec, start), *_budget(spec, start)):
        whole = start.progress.whole or each.unknown
        yield each if whole else Objection(unknown=BEFORE)


def _concerns(spec: RolloutPolicySpec, start: Start) -> bool:
    """Returns whether the policy holds an action of the step."""
    return any(holds(spec, action) for action in start.progress.step.actions)


def _is_followed(spec: RolloutPolicySpec) -> bool:
    """Returns whether the values are such that the engine follows."""
    canaries, budget = spec.canaries or Canaries(), spec.failure_budget or FailureBudget()
    minutes = (canaries.soak_minutes, budget.within_minutes)
    number = isinstance(budget.maximum, int)
    share = number or _SHARE.fullmatch(str(budget.maximum)) is not None
    if budget.per is BudgetScope.HUB and not (number and budget.within_minutes):
        return False
    return share and canaries.count >= 0 and all(0 <= each <= _WEEK for each in minutes)


# -- canaries ------------------------------------------------------------------------------


def canary_of(spec: RolloutPolicySpec | None, start: Start) -> bool | None:
    """Returns whether the cluster is a canary of the policy; None: that is not known."""
    if spec is None:
        return None
    held = about(spec, start)
    if spec.canaries is None or not _concerns(spec, start) or held is False:
        return False
    if not _is_followed(spec) or held is None:
        return None
    # Labels may have changed since they were chosen.
    if spec.canaries.selector is not None:
        selected = selects(spec.clusters, start.facts)
        return (selected and matches(spec.canaries.selector, start.facts.labels)) or None
    if selection(spec):
        return None
    return start.cluster in _chosen(spec.canaries, start)


def _are_known(spec: RolloutPolicySpec, canaries: Canaries) -> bool:
    return canaries.selector is None and not selection(spec)


def _chosen(canaries: Canaries, start: Start) -> Sequence[str]:
    """Returns the first clusters of the step: they have joined it in their order."""
    return list(islice(start.progress.step.members, canaries.count))


def _canaries(spec: RolloutPolicySpec, start: Start) -> Iterator[Objection]:
    found, progress = spec.canaries, start.progress
    if found is None:
        return
    selected = selects(spec.clusters, start.facts) is not False
    waits = selected and not start.is_canary and any(map(partial(holds, spec), start.rest))
    since = progress.resumed_at
    unseen = [
        each
        for each in progress.failures
        if each.step == progress.step.index and (since is None or each.at >= since)
    ]
    if not _are_known(spec, found):
        if waits or (unseen and start.stopped_by_failures is not False):
            yield Objection(unknown=CLUSTERS)
        return
    names = _chosen(found, start)
    unseen = [each for each in unseen if each.cluster in names]
    yield from _after_a_failure(start, unseen)
    early = _too_early(found, start, names) if waits and not unseen else None
    if early is not None:
        yield replace(early, unknown=CLUSTERS) if start.is_canary is None else early


def _after_a_failure(start: Start, unseen: Iterable[MemberEnd]) -> Iterator[Objection]:
    """Yields that a canary had failed, and no person has resumed the rollout since. What failed in
    the turn of the resume says nothing."""
    since = start.progress.resumed_at
    certain = [each for each in unseen if not each.late and (since is None or each.at > since)]
    if certain and start.stopped_by_failures is not False:
        unknown = HELD if start.stopped_by_failures is None else ""
        words = f"after a canary has failed: {named(each.cluster for each in certain)}"
        yield Objection("R50.11", words, unknown, events=[each.seq for each in certain])


def _too_early(canaries: Canaries, start: Start, names: Sequence[str]) -> Objection | None:
    """Returns that the start did not wait until all canaries were well; None: it did."""
    ends = start.progress.ends
    unfinished = [name for name in names if name not in ends]
    if unfinished:
        words = f"before its canaries have finished: {named(unfinished)}"
        return Objection("R50.11", words, events=[start.progress.step.opened])
    well = [ends[name] for name in names if ends[name].outcome == "succeeded"]
    soak = timedelta(minutes=canaries.soak_minutes)
    fresh = [each for each in well if start.at < each.at + soak]
    if fresh:
        until = max(each.at for each in fresh) + soak
        return Objection(
            "R50.11",
            f"while its canaries soak until {utc(until)}: {named(each.cluster for each in fresh)}",
            events=[each.seq for each in fresh],
            if_there=frozenset(each.uid for each in fresh),
            until=until,
        )
    return Objection(unknown=AVAILABILITY) if well else None


# -- budgets -------------------------------------------------------------------------------


def _budget(spec: RolloutPolicySpec, start: Start) -> Iterator[Objection]:
    budget = spec.failure_budget
    if budget is None or start.stopped_by_failures is False:
        return
    counted = [each for each in _counted(budget, start) if holds(spec, each.action)]
    unselected = selection(spec)
    allowed = _allowed(budget, start, certain=not unselected)
    spent = _spent(budget, counted, allowed)
    if spent:
        count = len({each.cluster for each in spent})
        words = f"with {count} clusters failed, and failureBudget allows {allowed}"
        unknown = unselected or (HELD if start.stopped_by_failures is None else "")
        yield Objection("R50.9", words, unknown, events=[each.seq for each in spent])


def _counted(budget: FailureBudget, start: Start) -> Iterable[MemberEnd]:
    """Returns which failures count together, since a person has seen those before."""
    progress = start.progress
    since = progress.rollout_resumed_at
    if budget.per is BudgetScope.HUB:
        oldest = start.at - _REMEMBERED
        return start.failed_on_hub(max(oldest, since) if since is not None else oldest)
    return (
        each
        for each in progress.failures
        if each.counts
        and (since is None or each.at > since)
        and (budget.per is not BudgetScope.STEP or each.step == progress.step.index)
    )


def _allowed(budget: FailureBudget, start: Start, *, certain: bool) -> int:
    """Returns how many clusters may fail. The least, where it is not known of how many clusters a
    share is."""
    if isinstance(budget.maximum, int):
        return budget.maximum
    steps = start.progress.steps
    counted = steps[-1:] if budget.per is BudgetScope.STEP else steps
    count = len({name for each in counted for name in each.members}) if certain else 0
    return count * int(budget.maximum.removesuffix("%")) // 100


def _spent(
    budget: FailureBudget, failures: Iterable[MemberEnd], allowed: int
) -> Sequence[MemberEnd]:
    """Returns the failures with which the budget was spent, within its time; empty: it was not."""
    recent, clusters = deque[MemberEnd](), Counter[str]()
    for each in failures:
        recent.append(each)
        clusters[each.cluster] += 1
        while budget.window is not None and recent[0].at <= each.at - budget.window:
            old = recent.popleft().cluster
            clusters[old] -= 1
            if not clusters[old]:
                del clusters[old]
        if len(clusters) > allowed:
            return recent
    return ()
