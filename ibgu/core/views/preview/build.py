"""Plays a proposal through as if every action that has not ended succeeded."""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta

from msgspec.structs import replace

from ibgu.core.drivers import allowed, traits
from ibgu.core.engine.gates import in_order
from ibgu.core.engine.timing.durations import DurationsByAction
from ibgu.core.model import ClusterView, PolicyRule
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
from ibgu.core.views.forecast import (
    Forecast,
    PlannedStep,
    PlanRules,
    forecast,
    later,
    makespan,
)
from ibgu.core.views.preview.model import Excluded, Preview, Proposal, StepPreview
from ibgu.core.views.preview.starts import Kept, not_before, start_words, to_approve
from ibgu.core.views.preview.time import advice, measured
from ibgu.core.views.preview.warnings import askable, kept_by_policies, warnings


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
    latest = _latest(proposal, steps, now)
    course = _forecast(proposal, steps, clusters, duration_stats, now)
    waits = proposal.running is not None
    kept = {} if waits else kept_by_policies(proposal, steps[0], fleet, now)
    # Nobody has approved anything of a rollout that does not exist yet.
    asked = () if proposal.begun else to_approve(proposal, steps[0], fleet)
    if standing := _standing(steps[0], {**kept, **dict.fromkeys(asked)}, course):
        said.append(standing)
    return replace(
        found,
        selected=steps[0].clusters,
        excluded=tuple(Excluded(why, tuple(names)) for why, names in out.items()),
        nobody=nobody,
        starts="" if waits else start_words(proposal, steps[0], fleet, kept),
        warnings=tuple(said),
        forecast=course,
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


def _standing(step: StepPreview, kept: Kept, course: Forecast) -> str:
    """Returns that no latest end is known, as policies keep all clusters of the step that comes
    next, and its clock stands meanwhile (R50.6); empty: they do not."""
    if not step.clusters or len(kept) < len(step.clusters):
        return ""
    which = "end" if course.likely is None else "latest end"
    return (
        f"the {which} is not known: policies keep all clusters of step {step.index + 1}, and its "
        f"timeout begins to count when one of them may start{not_before(step, kept)}"
    )


def _latest(proposal: Proposal, steps: Sequence[StepPreview], now: datetime) -> datetime:
    """Returns the end after all timeouts."""
    latest = now if proposal.running is None else max(now, proposal.running.deadline)
    for step in steps:
        latest = later(latest, step.timeout if step.clusters else timedelta())
    return latest


def _forecast(
    proposal: Proposal,
    steps: Sequence[StepPreview],
    clusters: Sequence[ClusterView],
    duration_stats: DurationsByAction,
    now: datetime,
) -> Forecast:
    for limits in proposal.limits:
        if limits.by_share:
            limits.count(sum(map(limits.selects, clusters)))
    fleet = {cluster.name: cluster for cluster in clusters}
    planned = [
        PlannedStep(
            step.index + 1,
            step.actions,
            [fleet[name] for name in step.clusters],
            step.slots,
            step.timeout,
            step.rate_limits,
        )
        for step in steps
    ]
    gates = [known for gate in in_order(proposal.policies) if (known := askable(gate)) is not None]
    rules = PlanRules(
        proposal.candidate,
        gates,
        proposal.limits,
        proposal.canaries,
        proposal.budgets,
        proposal.failures,
        fleet,
        [gate.name for gate in proposal.policies if gate.rule == PolicyRule.APPROVAL],
    )
    found = forecast(planned, rules, _begins(proposal, duration_stats, now), duration_stats)
    if proposal.running is None:
        return found
    words = f"step {len(proposal.begun)} is under way: of its limits, slots and rates count"
    return replace(found, basis=(*found.basis, words))


def _begins(
    proposal: Proposal, duration_stats: DurationsByAction, now: datetime
) -> tuple[datetime | None, datetime | None]:
    """Returns when the step that runs now ends, likely and if its clusters are slow; None: that is
    not known. Policies are not counted there."""
    running = proposal.running
    if running is None:
        return now, now
    item = proposal.spec.plan[len(proposal.begun) - 1]
    usual = measured(item.actions, duration_stats)
    if usual is None:
        return None, None
    slots, left = item.rollout_strategy.max_concurrency, running.left
    rate_limits = proposal.rate_limits_of(item.actions)

    def end(site: timedelta) -> datetime:
        took = makespan(slots, (), [site.total_seconds()] * left, rate_limits)
        return min(now + timedelta(seconds=took), max(now, running.deadline))

    return end(usual.p50), end(usual.p95)
