"""The outlook of a rollout: what many runs of its rehearsal have in common."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from statistics import fmean

from msgspec import Struct

from ibgu.core.model import ActionName
from ibgu.core.rehearsal.assumptions import assumed, endless
from ibgu.core.rehearsal.model import RehearsedPlan
from ibgu.core.rehearsal.run import Rehearsal, Run
from ibgu.core.rehearsal.spread import NONE, Percentiles, spread, thinned
from ibgu.core.rehearsal.step_end import Held, StepEnd, Trip
from ibgu.core.rehearsal.timeline import LoadPoint, timeline

MAX_ENDS = 100
"""The ends of runs that an outlook keeps."""


class StepOutlook(Struct, frozen=True):
    """StepOutlook is how one step goes; counts of clusters are means over the runs."""

    actions: tuple[ActionName, ...]
    begun: float
    """The share of the runs in which the step begins, from 0 to 1."""
    end: Percentiles | None
    """Seconds from the beginning of the rollout; None: it begins in no run."""
    succeeded: float
    failed: float
    never_started: float
    timed_out: float
    """The share of the runs in which its timeout ends the step."""
    over: bool = False
    """Whether the step had ended when the rehearsal begins: its end is at a time below 0."""


class PolicyOutlook(Struct, frozen=True):
    """PolicyOutlook is what one policy keeps waiting."""

    name: str
    clusters: Percentiles
    hours: Percentiles
    """Hours of all these clusters together."""
    missed: Percentiles = NONE
    """Clusters on which a window of the policy closes while they wait for their start."""
    missed_windows: Percentiles = NONE
    """The windows that close so, over all these clusters."""


class TripOutlook(Struct, frozen=True):
    """TripOutlook is a rule that stops a step after failures: how often, and how early."""

    rule: str
    policy: str
    """Empty: the step's own circuit breaker."""
    step: int
    """The first one is 1."""
    share: float
    """The share of the runs in which it holds the step, from 0 to 1."""
    failed: Percentiles
    """The clusters that had failed when the rule was broken."""
    started: Percentiles
    """The clusters of the step that had started until everything stood."""


class ApprovalOutlook(Struct, frozen=True):
    """ApprovalOutlook is an approval that a policy asks for: how often, and from when on."""

    policy: str
    step: int
    """The first one is 1."""
    before: str
    """Step, Rest, or an action, as `ibgu approve` names it."""
    share: float
    """The share of the runs in which it is asked for, from 0 to 1."""
    asked: Percentiles
    """When the first cluster has to wait for it."""


class Outlook(Struct, frozen=True):
    """Outlook is how a rollout is likely to go; times are in seconds from its beginning."""

    runs: int
    clusters: int
    end: Percentiles
    """The end, or the time at which a person has to act."""
    held: Mapping[str, float]
    """The holds in which runs end, with the share of the runs."""
    trips: tuple[TripOutlook, ...]
    """The rules that failures break, in order of the steps."""
    steps: tuple[StepOutlook, ...]
    policies: tuple[PolicyOutlook, ...]
    slots: int
    """The most slots in use at once, in any run."""
    pulls: Percentiles
    """The most starts within a minute that load the registry."""
    regions: Mapping[str, Percentiles]
    """The end for the clusters with each value of a label."""
    ends: tuple[float, ...]
    """The ends of at most MAX_ENDS of the runs, in order."""
    load: tuple[LoadPoint, ...]
    approvals: tuple[ApprovalOutlook, ...] = ()
    """Those that policies ask for, in order of the steps."""
    endless: tuple[str, ...] = ()
    """What keeps clusters for ever, as sentences: a demand that nobody meets."""
    assumed: tuple[str, ...] = ()
    """What the rehearsal takes for granted, as sentences."""


def outlook(
    rehearsal: Rehearsal, runs: Sequence[Run], region: Callable[[int], str] | None = None
) -> Outlook:
    """Returns the outlook; `runs` has at least one. `region` returns the value of the label for a
    cluster, by its number; None: regions are not told apart."""
    holds = [run.held for run in runs]
    return Outlook(
        runs=len(runs),
        clusters=len(rehearsal.clusters),
        end=spread(run.end for run in runs),
        held={str(held): holds.count(held) / len(runs) for held in Held if held in holds and held},
        trips=tuple(_trips(rehearsal, runs)),
        steps=tuple(
            _step(rehearsal.plan, place, runs) for place in range(len(rehearsal.plan.steps))
        ),
        policies=tuple(
            PolicyOutlook(
                policy.metadata.name,
                spread(len(run.record.held[place]) for run in runs),
                spread(run.record.held_seconds[place] / 3600 for run in runs),
                spread(len(run.record.missed[place]) for run in runs),
                spread(run.record.missed_windows[place] for run in runs),
            )
            for place, policy in enumerate(rehearsal.plan.policies)
        ),
        slots=max(run.record.peak for run in runs),
        pulls=spread(max(run.record.pulls.values(), default=0) for run in runs),
        regions=_regions(runs, region) if region is not None else {},
        ends=thinned((run.end for run in runs), MAX_ENDS),
        load=timeline(runs),
        approvals=tuple(_approvals(rehearsal, runs)),
        endless=tuple(endless(rehearsal.plan)),
        assumed=tuple(assumed(rehearsal.plan)),
    )


def _step(plan: RehearsedPlan, place: int, runs: Sequence[Run]) -> StepOutlook:
    ends = [run.steps[place] for run in runs if place < len(run.steps)]

    def mean(counts: Iterable[int]) -> float:
        return fmean(counts) if ends else 0.0

    return StepOutlook(
        actions=plan.steps[place].actions,
        begun=len(ends) / len(runs),
        end=spread(each.at for each in ends) if ends else None,
        succeeded=mean(each.succeeded for each in ends),
        failed=mean(each.failed for each in ends),
        never_started=mean(each.never_started for each in ends),
        timed_out=sum(each.timed_out for each in ends) / len(runs),
        over=place < len(plan.begun) and plan.begun[place].ended is not None,
    )


def _trips(rehearsal: Rehearsal, runs: Sequence[Run]) -> Iterator[TripOutlook]:
    found: dict[tuple[int, int, str], list[tuple[Trip, StepEnd]]] = {}
    for run in runs:
        if run.steps and (trip := run.steps[-1].trip) is not None:
            policy = -1 if trip.policy is None else trip.policy
            key = (len(run.steps), policy, str(trip.held))
            found.setdefault(key, []).append((trip, run.steps[-1]))
    for (step, policy, rule), trips in sorted(found.items()):
        yield TripOutlook(
            rule,
            rehearsal.plan.policies[policy].metadata.name if policy >= 0 else "",
            step,
            len(trips) / len(runs),
            spread(trip.failed for trip, _ in trips),
            spread(end.started for _, end in trips),
        )


def _approvals(rehearsal: Rehearsal, runs: Sequence[Run]) -> Iterator[ApprovalOutlook]:
    found: dict[tuple[int, int, str], list[float]] = {}
    for run in runs:
        for key, at in run.record.asked.items():
            found.setdefault(key, []).append(at)
    for (step, policy, before), times in sorted(found.items()):
        name = rehearsal.plan.policies[policy].metadata.name
        yield ApprovalOutlook(name, step + 1, before, len(times) / len(runs), spread(times))


def _regions(runs: Sequence[Run], region: Callable[[int], str]) -> dict[str, Percentiles]:
    found: dict[str, list[float]] = {}
    for run in runs:
        last: dict[str, float] = {}
        for step in run.steps:
            for cluster, at in step.ended.items():
                name = region(cluster)
                last[name] = max(at, last.get(name, 0.0))
        for name, at in last.items():
            found.setdefault(name, []).append(at)
    return {name: spread(ends) for name, ends in sorted(found.items())}
