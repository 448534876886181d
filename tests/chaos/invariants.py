"""Invariants that the oracle can't see in the event log: that the clusters and the hub agree
with it.

Every check answers sentences, one for each breach.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from heapq import merge
from typing import Any

from msgspec import Struct

from ibgu.sim.timeline import StageRun

STAGES = {
    "Prep": "Prep",
    "Upgrade": "Upgrade",
    "Rollback": "Rollback",
    "Abort": "Abort",
    "AbortOnFailure": "Abort",
    "FinalizeUpgrade": "Finalize",
    "FinalizeRollback": "Finalize",
}
"""What an action makes of a cluster, as its own record names it."""
_CLEARS = frozenset({"Abort", "AbortOnFailure", "FinalizeUpgrade", "FinalizeRollback"})
_FAILURES = frozenset({"failed", "limit"})


class Event(Struct, frozen=True):
    kind: str
    cluster: str | None
    run: str | None
    data: dict[str, Any]


class Record(Struct, frozen=True):
    """One hub's whole history, and what its clusters and the hub say for themselves."""

    events: Sequence[Event]
    clusters: Mapping[str, Sequence[StageRun]]
    """What really happened to each cluster."""
    labels: Mapping[str, Mapping[str, str]]
    """The labels of each ManagedCluster, ibgu's own without their prefix."""


def breaches(record: Record) -> list[str]:
    return [*done_as_told(record), *never_too_many(record), *labelled(record)]


def done_as_told(record: Record) -> Iterator[str]:
    """Checks that what the history says was done to a cluster is what was done to it, in that
    order: nothing twice, nothing that the history does not know."""
    told: dict[str, dict[str, str]] = defaultdict(dict)
    for event in record.events:
        if event.cluster and event.run and _took(event):
            told[event.cluster][event.run] = STAGES[event.data["action"]]
    for cluster, happened in record.clusters.items():
        stages, known = [run.stage for run in happened], list(told[cluster].values())
        if stages != known:
            yield f"{cluster} went through {stages}, the history has {known}"


def _took(event: Event) -> bool:
    """The event shows that the cluster has taken the run's stage."""
    result = event.data.get("result")
    armed = event.kind == "RunEnded" and result in ("succeeded", *_FAILURES)
    return event.kind == "RunAccepted" or armed


def never_too_many(record: Record) -> Iterator[str]:
    """maxConcurrency holds by the clusters' own clocks."""
    bounds: dict[str, int] = {}
    for event in record.events:
        if event.kind == "StepStarted":
            for stage in {STAGES[action] for action in event.data["actions"]}:
                bounds[stage] = bounds.get(stage, 0) + event.data["max_concurrency"]
    for stage, bound in bounds.items():
        of_it = [r for happened in record.clusters.values() for r in happened if r.stage == stage]
        most = _overlap(of_it)
        if most > bound:
            yield f"{most} clusters were in {stage} at the same time, {bound} are allowed"


def _overlap(of_it: Iterable[StageRun]) -> int:
    begun = list(of_it)
    ends = sorted((run.ended, -1) for run in begun if run.ended is not None)
    now = most = 0
    for _, change in merge(ends, sorted((run.requested, 1) for run in begun)):
        now += change
        most = max(most, now)
    return most


def labelled(record: Record) -> Iterator[str]:
    """The labels are what the outcomes make of them."""
    expected: dict[str, dict[str, str]] = defaultdict(dict)
    for event in record.events:
        if event.kind == "RunEnded" and event.cluster is not None:
            _label(expected[event.cluster], event.data["action"], event.data.get("result"))
    for cluster, found in record.labels.items():
        if dict(found) != expected[cluster]:
            yield f"{cluster} has the labels {dict(found)}, its outcomes make {expected[cluster]}"


def _label(labels: dict[str, str], action: str, result: str | None) -> None:
    name = action.lower()
    if result == "succeeded" and action in _CLEARS:
        labels.clear()
    elif result == "succeeded":
        labels.pop(f"{name}-failed", None)
        labels[f"{name}-completed"] = ""
    elif result in (*_FAILURES, "refused"):
        labels[f"{name}-failed"] = ""
