"""The course of a rollout, as the clusters themselves know it, and as the journal does."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from itertools import pairwise
from math import inf

from msgspec import Struct

from ibgu.sim.player import Player
from tests.e2e.harness import Scene

_RUNS = """SELECT cluster, action, intended_at, ended_at, result FROM runs
ORDER BY intended_at, cluster"""


class Span(Struct, frozen=True, order=True):
    """Span is one action of a cluster, from its beginning to its end."""

    begin: float
    end: float
    cluster: str
    stage: str


class Run(Struct, frozen=True):
    """Run is one action of a cluster as the journal has it."""

    cluster: str
    action: str
    begun: datetime
    ended: datetime | None
    result: str | None


def spans_of(player: Player) -> list[Span]:
    """Returns what the clusters have done, as they know it."""
    return [
        Span(run.started, inf if run.ended is None else run.ended, name, run.stage)
        for name, cluster in player.clusters.items()
        for run in cluster.timeline.runs
    ]


async def runs_of(scene: Scene, action: str = "") -> list[Run]:
    """Returns the runs of the hub in the order of their beginnings."""
    found = [
        Run(row["cluster"], row["action"], row["intended_at"], row["ended_at"], row["result"])
        for row in await scene.journal(_RUNS)
    ]
    return [run for run in found if not action or run.action == action]


def in_flight(runs: Iterable[Run]) -> list[Span]:
    """Returns the same as the journal has it: an action is in flight before the cluster knows."""
    return [
        Span(
            run.begun.timestamp(),
            inf if run.ended is None else run.ended.timestamp(),
            run.cluster,
            run.action,
        )
        for run in runs
    ]


def most_at_once(spans: Iterable[Span]) -> int:
    moments = [(span.begin, 1) for span in spans]
    moments += [(span.end, -1) for span in spans]
    most = now = 0
    for _, change in sorted(moments):  # an end before a beginning at the same time
        now += change
        most = max(most, now)
    return most


def met(spans: Sequence[Span], groups: Collection[Collection[str]]) -> list[tuple[str, str]]:
    """Returns pairs of one group that did something at the same time."""
    found = []
    for group in groups:
        own = sorted(span for span in spans if span.cluster in group)
        found += [
            (former.cluster, latter.cluster)
            for former, latter in pairwise(own)
            if latter.begin < former.end and former.cluster != latter.cluster
        ]
    return found


def grouped(names: Mapping[str, str]) -> list[list[str]]:
    """Returns the clusters of each value."""
    found: dict[str, list[str]] = {}
    for cluster, value in names.items():
        found.setdefault(value, []).append(cluster)
    return list(found.values())
