"""The rollout as its clusters saw it, beside the best that could have been."""

from collections.abc import Callable, Iterable, Iterator
from itertools import pairwise

from msgspec import Struct

from ibgu.sim.player.player import Player
from ibgu.sim.timeline import StageRun
from tests.benchmarks.audit import Moments
from tests.benchmarks.bound import handovers, list_schedule
from tests.benchmarks.case import Case, Step


class Run(Struct, frozen=True):
    """One action of one cluster. Seconds since the epoch."""

    cluster: str
    requested: float
    """When the cluster was asked for it, and..."""
    ended: float
    armed: float
    """When the hub got the write that asked for it, and..."""
    fed_back: float
    """...had the feedback of its end."""


class Work(Struct, frozen=True):
    actions: int
    span: tuple[float, float]
    """The first arming that the hub got, and the last feedback: seconds since the epoch."""
    makespan: float
    """Seconds, from the first arming that the hub got to the last feedback that it got."""
    bound: float
    """List scheduling of what the hub saw of each member, from its arming to its feedback."""
    at_clusters: tuple[float, float]
    """Makespan and bound of what the clusters saw, from the first start to the last end. What an
    agent needs to pass on both counts as waiting here, which no controller can avoid."""
    taking: list[float]
    """Seconds from an arming that the hub got to the cluster's start, and..."""
    reporting: list[float]
    """...from the cluster's end to the feedback that proves it: what the agents took."""
    by_step: list[list[float]]
    """Seconds from the feedback that frees a slot to the arming that takes it, seen by the hub."""
    next_actions: list[float]
    """The same times from one action to the next of the same cluster in the same step."""

    @property
    def handovers(self) -> list[float]:
        return [delay for delays in self.by_step for delay in delays]


Taken = list[list[Run]]
"""The runs of the members of a step, in their order."""


def work(case: Case, player: Player, moments: Moments) -> Work:
    """The bound takes clusters in the order of the members, which is that of their numbers."""
    steps = [list(_taken(player, moments, step)) for step in case.plan]
    runs = [run for taken in steps for member in taken for run in member]
    span = min(run.armed for run in runs), max(run.fed_back for run in runs)
    return Work(
        actions=len(runs),
        span=span,
        makespan=span[1] - span[0],
        bound=_bound(steps, case.slots, _seconds),
        at_clusters=(
            max(run.ended for run in runs) - min(run.requested for run in runs),
            _bound(steps, case.slots, _seconds_at_cluster),
        ),
        taking=[run.requested - run.armed for run in runs],
        reporting=[run.fed_back - run.ended for run in runs],
        by_step=[_handovers(taken, case.slots) for taken in steps],
        next_actions=[
            later.armed - run.fed_back
            for taken in steps
            for member in taken
            for run, later in pairwise(member)
        ],
    )


def _taken(player: Player, moments: Moments, step: Step) -> Iterator[list[Run]]:
    for name in sorted(player.clusters):
        stages = player.clusters[name].timeline.runs
        if runs := list(_runs(name, (run for run in stages if run.stage in step), moments)):
            yield runs


def _runs(cluster: str, stages: Iterable[StageRun], moments: Moments) -> Iterator[Run]:
    for run in stages:
        if run.ended is not None:
            armed = moments.armed(cluster, run.requested)
            fed_back = moments.fed_back(cluster, run.ended)
            yield Run(cluster, run.requested, run.ended, armed, fed_back)


def _bound(steps: Iterable[Taken], slots: int, seconds: Callable[[list[Run]], float]) -> float:
    return sum(list_schedule(map(seconds, taken), slots) for taken in steps)


def _seconds(member: list[Run]) -> float:
    """Returns the seconds of the member's actions: what passes between two of them is for ibgu to
    avoid."""
    return sum(run.fed_back - run.armed for run in member)


def _seconds_at_cluster(member: list[Run]) -> float:
    return sum(run.ended - run.requested for run in member)


def _handovers(taken: Taken, slots: int) -> list[float]:
    armed, fed_back = [m[0].armed for m in taken], [m[-1].fed_back for m in taken]
    return handovers(armed, fed_back, slots)
