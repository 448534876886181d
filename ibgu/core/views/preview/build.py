"""Plays a proposal through as if every action that has not ended succeeded."""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta

from msgspec.structs import replace

from ibgu.core.drivers import allowed, traits
from ibgu.core.engine.timing.durations import DurationsByAction
from ibgu.core.engine.timing.rate_limits import RateLimits
from ibgu.core.model import ClusterView
from ibgu.core.model.kinds import PlanItem
from ibgu.core.plan import (
    left_out,
    outside,
    problem,
    problem_of,
    select,
    why_nobody,
)
from ibgu.core.views.change import appendable, instead
from ibgu.core.views.forecast import makespan
from ibgu.core.views.preview.model import Excluded, Preview, Proposal, StepPreview
from ibgu.core.views.preview.starts import Kept, not_before, start_words, to_approve
from ibgu.core.views.preview.time import advice, measured
from ibgu.core.views.preview.warnings import kept_by_policies, warnings


def preview(
    proposal: Proposal,
    clusters: Sequence[ClusterView],
    duration_stats: DurationsByAction,
    now: datetime,
) -> Preview:
    """Returns the preview; `clusters` are all that the hub has."""
    spec = proposal.spec
    scope, selectors = proposal.scope, spec.cluster_label_selectors
    found_wrong = (_wrong_plan(proposal), proposal.driver.problem(spec), problem_of(selectors))
    wrong = (*found_wrong, scope.problem)
    if problems := tuple(filter(None, wrong)):
        return Preview(problems=problems)
    steps = tuple(_steps(proposal, clusters, duration_stats))
    fleet, found = {cluster.name: cluster for cluster in clusters}, Preview(steps=steps)
    if not steps:
        return found
    first = steps[0].actions[0]
    before = _played(proposal, clusters)
    out = left_out(before, selectors, first, proposal.barred, scope)
    said = list(warnings(proposal, steps, fleet, now))
    nobody = ""
    if not steps[0].clusters:
        nobody = why_nobody(before, selectors, first, {}, proposal.barred, scope)
    elif others := outside(before, selectors, scope):
        said.insert(0, others)
    likely, latest = _ends(proposal, steps, duration_stats, now)
    waits = proposal.running is not None
    kept = {} if waits else kept_by_policies(proposal, steps[0], fleet, now)
    # Nobody has approved anything of a rollout that does not exist yet.
    asked = () if proposal.begun else to_approve(proposal, steps[0], fleet)
    if standing := _standing(steps[0], {**kept, **dict.fromkeys(asked)}):
        said.append(standing)
    return replace(
        found,
        selected=steps[0].clusters,
        excluded=tuple(Excluded(why, tuple(names)) for why, names in out.items()),
        nobody=nobody,
        starts="" if waits else start_words(proposal, steps[0], fleet, kept),
        warnings=tuple(said),
        likely=None if standing else likely,
        latest=None if standing else latest,
    )


def _wrong_plan(proposal: Proposal) -> str | None:
    """Returns what is wrong with the plan, and the steps that are possible at that place."""
    found = problem(proposal.spec.plan, proposal.begun)
    plan = [item.actions for item in proposal.spec.plan]
    if found is None or allowed(plan):
        return found
    table = proposal.driver.actions
    longest = max(map(len, table.plans))
    good = next(
        plan[:count]
        for count in range(min(len(plan), longest), -1, -1)
        if appendable(plan[:count], table)
    )
    return f"{found}; {instead(good, table)}"


def _played(proposal: Proposal, clusters: Sequence[ClusterView]) -> list[ClusterView]:
    """Returns the clusters once the running step has succeeded wherever it has not ended
    otherwise."""
    fleet = list(clusters)
    if proposal.running is None:
        return fleet
    step = proposal.spec.plan[len(proposal.begun) - 1]
    members = _members(proposal, fleet, step)
    going = [member for member in members if member.name not in proposal.running.lost]
    return _after(fleet, going, step)


def _steps(
    proposal: Proposal, clusters: Sequence[ClusterView], duration_stats: DurationsByAction
) -> Iterator[StepPreview]:
    fleet = _played(proposal, clusters)
    for index in range(len(proposal.begun), len(proposal.spec.plan)):
        item = proposal.spec.plan[index]
        members = _members(proposal, fleet, item)
        yield _step(proposal, index, members, duration_stats)
        fleet = _after(fleet, members, item)


def _members(proposal: Proposal, fleet: Sequence[ClusterView], item: PlanItem) -> list[ClusterView]:
    selectors = proposal.spec.cluster_label_selectors
    return select(fleet, selectors, item.actions[0], {}, proposal.barred, proposal.scope)


def _after(
    fleet: Sequence[ClusterView], members: Sequence[ClusterView], item: PlanItem
) -> list[ClusterView]:
    """Returns the clusters with the labels of success (R13.3)."""
    taken = {member.name for member in members}
    return [_succeeded(cluster, item) if cluster.name in taken else cluster for cluster in fleet]


def _succeeded(cluster: ClusterView, item: PlanItem) -> ClusterView:
    labels = dict(cluster.labels)
    for known in map(traits, item.actions):
        if known.clears_labels:
            labels = {k: v for k, v in labels.items() if not k.startswith(known.label_prefix)}
        else:
            labels.pop(known.failed_label, None)
            labels[known.completed_label] = ""
    return replace(cluster, labels=labels)


def _step(
    proposal: Proposal,
    index: int,
    members: Sequence[ClusterView],
    duration_stats: DurationsByAction,
) -> StepPreview:
    item = proposal.spec.plan[index]
    strategy = item.rollout_strategy
    rate_limits = proposal.rate_limits_of(item.actions)
    waves = rate_limits.waves(len(members), strategy.max_concurrency) if members else 0
    timeout = timedelta(minutes=strategy.timeout)
    step = StepPreview(
        index=index,
        actions=tuple(item.actions),
        clusters=tuple(member.name for member in members),
        slots=strategy.max_concurrency,
        waves=waves,
        timeout=timeout,
        allowed=timeout / max(1, waves),
        measured=measured(item.actions, duration_stats),
        advice="",
        rate_limits=rate_limits,
    )
    return replace(step, advice=advice(step))


def _standing(step: StepPreview, kept: Kept) -> str:
    """Returns that no end is known, as policies keep all clusters of the step that comes next, and
    its clock stands meanwhile (R50.6); empty: they do not."""
    if not step.clusters or len(kept) < len(step.clusters):
        return ""
    return (
        f"the end is not known: policies keep all clusters of step {step.index + 1}, and its "
        f"timeout begins to count when one of them may start{not_before(step, kept)}"
    )


def _ends(
    proposal: Proposal,
    steps: Sequence[StepPreview],
    duration_stats: DurationsByAction,
    now: datetime,
) -> tuple[datetime | None, datetime]:
    """Returns the likely end, as if all slots were always taken, and the latest one, after all
    timeouts."""
    likely: datetime | None = now
    latest = now
    if proposal.running is not None:
        latest = max(now, proposal.running.deadline)
        likely = _running_ends(proposal, duration_stats, now)
    for step in steps:
        latest = _at_latest(latest, step.timeout if step.clusters else timedelta())
        usual = step.measured.p50 if step.measured else None
        if not step.clusters or likely is None:
            continue
        took = _takes(usual, len(step.clusters), step.slots, step.rate_limits) if usual else None
        likely = None if took is None else likely + min(took, step.timeout)
    return likely, latest


def _at_latest(moment: datetime, span: timedelta) -> datetime:
    """Returns the end of the span, or the calendar's last moment if that comes first."""
    last = datetime.max.replace(tzinfo=moment.tzinfo)
    return moment + span if span < last - moment else last


def _running_ends(
    proposal: Proposal, duration_stats: DurationsByAction, now: datetime
) -> datetime | None:
    assert proposal.running is not None
    item = proposal.spec.plan[len(proposal.begun) - 1]
    usual = measured(item.actions, duration_stats)
    if usual is None:
        return None
    slots = item.rollout_strategy.max_concurrency
    rate_limits = proposal.rate_limits_of(item.actions)
    likely = now + _takes(usual.p50, proposal.running.left, slots, rate_limits)
    return min(likely, max(now, proposal.running.deadline))


def _takes(usual: timedelta, members: int, slots: int, rate_limits: RateLimits) -> timedelta:
    return timedelta(seconds=makespan(slots, (), [usual.total_seconds()] * members, rate_limits))
