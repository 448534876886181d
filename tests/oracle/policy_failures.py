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

from ibgu.core.model.rollout_policy import (
    BudgetScope,
    Canaries,
    FailureBudget,
    RolloutPolicySpec,
)
from ibgu.core.text.spans import utc
from tests.oracle.policy_ends import MemberEnd
from tests.oracle.policy_selectors import matches, selects
from tests.oracle.policy_starts import (
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
    if _by_labels(spec, spec.canaries):
        return _is_chosen(spec, spec.canaries, start)
    return start.cluster in _first(spec.canaries, start)


def _by_labels(spec: RolloutPolicySpec, canaries: Canaries) -> bool:
    return canaries.selector is not None or bool(selection(spec))


def _is_chosen(spec: RolloutPolicySpec, canaries: Canaries, start: Start) -> bool | None:
    """Returns whether labels have made the cluster a canary; None: that is not known. They may have
    changed since the canaries were chosen."""
    labels, names = start.facts.labels, start.policy_facts.canaries
    fits = selects(spec.clusters, labels)
    if canaries.selector is not None:
        fits = fits and matches(canaries.selector, labels)
    if names is None:
        return (fits if canaries.selector is not None else None) or None
    too_many = canaries.selector is None and len(names) > canaries.count
    if start.cluster in names:
        return (fits and not too_many) or None
    full = canaries.selector is None and len(names) == canaries.count
    return False if fits is False or full else None


def _chosen(spec: RolloutPolicySpec, canaries: Canaries, start: Start) -> Sequence[str] | None:
    """Returns the canaries; None: it is not known which."""
    return start.policy_facts.canaries if _by_labels(spec, canaries) else _first(canaries, start)


def _first(canaries: Canaries, start: Start) -> Sequence[str]:
    """Returns the first clusters of the step, which have joined it in their order. The next one
    takes the place of one that had left it before it began."""
    ends = start.progress.ends
    found = (name for name in start.progress.step.members if not _is_replaced(ends.get(name)))
    return list(islice(found, canaries.count))


def _is_replaced(end: MemberEnd | None) -> bool:
    return end is not None and end.left and not end.begun


def _canaries(spec: RolloutPolicySpec, start: Start) -> Iterator[Objection]:
    found, progress = spec.canaries, start.progress
    if found is None:
        return
    selected = selects(spec.clusters, start.facts.labels) is not False
    waits = selected and not start.is_canary and any(map(partial(holds, spec), start.rest))
    since = progress.resumed_at
    unseen = [
        each
        for each in (*progress.failures, *progress.left)
        if each.step == progress.step.index and (since is None or each.at >= since)
    ]
    names = _chosen(spec, found, start)
    if names is None:
        if waits or (unseen and start.stopped_by_failures is not False):
            yield Objection(unknown=CLUSTERS)
        return
    unseen = [each for each in unseen if each.cluster in names]
    yield from _after_a_failure(start, unseen)
    yield from _not_replaced(found, start, names) if waits else ()
    early = _too_early(found, start, names) if waits and not unseen else None
    if early is not None:
        yield replace(early, unknown=CLUSTERS) if start.is_canary is None else early


def _not_replaced(canaries: Canaries, start: Start, names: Sequence[str]) -> Iterator[Objection]:
    """Yields that the canaries, by what was recorded of them, had one whose place the next cluster
    takes."""
    ends = start.progress.ends
    left = [ends[name] for name in names if _is_replaced(ends.get(name))]
    if left and canaries.selector is None:
        words = f"behind a canary that was skipped or cancelled: {named(e.cluster for e in left)}"
        yield Objection("R50.11", words, events=[each.seq for each in left])


def _after_a_failure(start: Start, unseen: Iterable[MemberEnd]) -> Iterator[Objection]:
    """Yields that a canary had failed, and no person has resumed the rollout since. What failed in
    the turn of the resume says nothing."""
    since = start.progress.resumed_at
    certain = [each for each in unseen if not each.late and (since is None or each.at > since)]
    if certain and start.stopped_by_failures is not False:
        unknown = HELD if start.stopped_by_failures is None else ""
        has = "failed" if all(each.failed for each in certain) else "ended without success"
        words = f"after a canary has {has}: {named(each.cluster for each in certain)}"
        yield Objection("R50.11", words, unknown, events=[each.seq for each in certain])


def _too_early(canaries: Canaries, start: Start, names: Sequence[str]) -> Objection | None:
    """Returns that the start did not wait until all canaries were well; None: it did."""
    ends = start.progress.ends
    unfinished = [name for name in names if name not in ends]
    if unfinished:
        words = f"before its canaries have finished: {named(unfinished)}"
        return Objection("R50.11", words, events=[start.progress.step.opened])
    gone_back = {uid for each in start.progress.step.follow_ups for uid in each.uids}
    found = [ends[name] for name in names if ends[name].uid not in gone_back]
    well = [each for each in found if each.outcome == "succeeded"]
    soak, since = timedelta(minutes=canaries.soak_minutes), start.policy_facts.well_since
    if since is not None and start.at < since + soak:
        words = f"while its canaries soak until {utc(since + soak)}"
        return Objection("R50.11", words, events=[each.seq for each in well], until=since + soak)
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
    return Objection(unknown=AVAILABILITY) if well and since is None else None


# -- budgets -------------------------------------------------------------------------------


def _budget(spec: RolloutPolicySpec, start: Start) -> Iterator[Objection]:
    budget = spec.failure_budget
    if budget is None or start.stopped_by_failures is False:
        return
    allowed = _allowed(budget, start, of_all=not selection(spec))
    failures = [each for each in _counted(budget, start) if holds(spec, each.action)]
    counts = {each: _counts(spec, each, start) for each in failures}
    if spent := _spent(budget, [each for each in failures if counts[each]], allowed):
        count = len({each.cluster for each in spent})
        words = f"with {count} clusters failed, and failureBudget allows {allowed}"
        unknown = HELD if start.stopped_by_failures is None else ""
        yield Objection("R50.9", words, unknown, events=[each.seq for each in spent])
    elif _spent(budget, [each for each in failures if counts[each] is not False], allowed):
        yield Objection(unknown=CLUSTERS)


def _counts(spec: RolloutPolicySpec, failure: MemberEnd, start: Start) -> bool | None:
    """Returns whether the budget counts the failure; None: that is not known. Labels may have
    changed since they were recorded."""
    if not selection(spec):
        return True
    read = start.policy_facts
    if read.failed is None:
        return None
    if failure.cluster in read.failed:
        return True
    last = start.labels.get(failure.cluster) or {}
    return False if selects(spec.clusters, last) is False else None


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


def _allowed(budget: FailureBudget, start: Start, *, of_all: bool) -> int:
    """Returns how many clusters may fail. The least, where it is not known of how many clusters a
    share is. `of_all`: it is of all clusters, whatever their labels."""
    if isinstance(budget.maximum, int):
        return budget.maximum
    steps = start.progress.steps
    counted = steps[-1:] if budget.per is BudgetScope.STEP else steps
    all_names = {name for each in counted for name in each.members}
    count = len(all_names) if of_all else min(start.policy_facts.among or 0, len(all_names))
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
