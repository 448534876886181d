"""What must hold of a rollout whatever has happened to it, from its events and at its clusters.

Every check answers sentences, one for each breach, with the events that show it.
"""

from collections import Counter, defaultdict
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

MemberKey = tuple[str, int, str]


class Event(Struct, frozen=True):
    seq: int
    at: float
    kind: str
    rollout: str
    step: int | None
    cluster: str | None
    run: str | None
    data: dict[str, Any]

    @property
    def member(self) -> MemberKey:
        return (self.rollout, self.step or 0, self.cluster or "")

    def __str__(self) -> str:
        return f"event {self.seq} ({self.kind} {self.cluster or ''} {self.run or ''})"


class Record(Struct, frozen=True):
    """One hub's whole history, and what its clusters and the hub say for themselves."""

    events: Sequence[Event]
    clusters: Mapping[str, Sequence[StageRun]]
    """Of each cluster, what really happened to it."""
    labels: Mapping[str, Mapping[str, str]]
    """Of each ManagedCluster, ibgu's own without their prefix."""


def breaches(record: Record) -> list[str]:
    checks = (
        numbered(record.events),
        slots(record.events),
        runs(record.events),
        endings(record.events),
        once_each(record.events),
        as_at_the_clusters(record),
        in_flight_at_the_clusters(record),
        labelled(record),
    )
    return [breach for check in checks for breach in check]


# -- from the events alone -----------------------------------------------------------------------


def numbered(events: Iterable[Event]) -> Iterator[str]:
    """No event is missing, none is there twice."""
    for expected, event in enumerate(events, 1):
        if event.seq != expected:
            yield f"{event} stands where event {expected} should"
            return


def slots(events: Iterable[Event]) -> Iterator[str]:
    """Never more than maxConcurrency at a time, no slot twice, one rollout's hand on a cluster."""
    bounds: dict[tuple[str, int], int] = {}
    taken: dict[tuple[str, int], dict[int, str]] = defaultdict(dict)
    claims: dict[str, str] = {}
    for turn in _turns(events):
        members = [event for event in turn if event.cluster and "state" in event.data]
        bounds |= {
            (event.rollout, event.step or 0): event.data["max_concurrency"]
            for event in turn
            if "max_concurrency" in event.data
        }
        last = {event.member: event for event in members}
        for event in last.values():
            holders = taken[event.rollout, event.step or 0]
            for slot in [slot for slot, who in holders.items() if who == event.cluster]:
                del holders[slot]
            if claims.get(event.cluster or "") == event.rollout:
                del claims[event.cluster or ""]
        for event in last.values():
            yield from _take(event, bounds, taken[event.rollout, event.step or 0], claims)


def _turns(events: Iterable[Event]) -> Iterator[list[Event]]:
    """What was decided at one moment: a slot that is freed in a turn may be taken in it."""
    turn: list[Event] = []
    for event in events:
        if turn and event.at != turn[-1].at:
            yield turn
            turn = []
        turn.append(event)
    yield turn


def _take(
    event: Event,
    bounds: Mapping[tuple[str, int], int],
    holders: dict[int, str],
    claims: dict[str, str],
) -> Iterator[str]:
    slot, cluster = event.data.get("slot"), event.cluster or ""
    if slot is None or _given_back(event):
        return
    if slot in holders:
        yield f"{event}: slot {slot} is held by {holders[slot]}"
    if not 1 <= slot <= bounds[event.rollout, event.step or 0]:
        yield f"{event}: slot {slot} is beyond {bounds[event.rollout, event.step or 0]}"
    if claims.get(cluster, event.rollout) != event.rollout:
        yield f"{event}: {cluster} is held by rollout {claims[cluster]}"
    holders[slot] = cluster
    claims[cluster] = event.rollout


def _given_back(event: Event) -> bool:
    """The hold of a withdrawn run goes without an event of its own."""
    return event.data.get("result") == "withdrawn" and event.data["disarmed"]


_ORDER = ("RunIntended", "RunArmed", "RunAccepted", "RunEnded", "RunDisarmed")


def runs(events: Iterable[Event]) -> Iterator[str]:
    """Each run is intended, armed, accepted and ended at most once, in that order."""
    reached: dict[str, int] = {}
    for event in events:
        if event.run is None or event.kind not in _ORDER:
            if event.run is not None and event.kind == "RunReopened":
                reached[event.run] = _ORDER.index("RunArmed")
            continue
        place = _ORDER.index(event.kind)
        if event.run not in reached and place > 0:
            yield f"{event} has no intent before it"
        if place <= reached.get(event.run, -1):
            yield f"{event} comes after {_ORDER[reached[event.run]]}"
        reached[event.run] = place


def endings(events: Sequence[Event]) -> Iterator[str]:
    """Every member has ended, once; every step and every rollout has."""
    ended = Counter(event.member for event in events if event.kind == "MemberFinished")
    for member, times in ended.items():
        if times > 1:
            yield f"member {member} has ended {times} times"
    per_step = Counter((rollout, step) for rollout, step, _ in ended)
    for event in events:
        if event.kind == "StepStarted":
            total, found = event.data["total"], per_step[event.rollout, event.step or 0]
            if total != found:
                yield f"step {event.step} has {total} members, and {found} have ended"
    seen = {event.rollout for event in events if event.kind == "RolloutSeen"}
    done = {e.rollout for e in events if e.kind in ("RolloutCompleted", "RolloutDeleted")}
    for rollout in seen - done:
        yield f"rollout {rollout} has not come to its end"


def once_each(events: Iterable[Event]) -> Iterator[str]:
    """An action that a cluster has taken is not started there again in the same step."""
    taken: dict[tuple[MemberKey, str], str] = {}
    for event in events:
        if event.run is None or not _took(event):
            continue
        key = (event.member, event.data["action"])
        if taken.setdefault(key, event.run) != event.run:
            yield f"{event}: {event.data['action']} was taken in run {taken[key]} before"


def _took(event: Event) -> bool:
    """The event shows that the cluster has taken the run's stage."""
    result = event.data.get("result")
    armed = event.kind == "RunEnded" and result in ("succeeded", *_FAILURES)
    return event.kind == "RunAccepted" or armed


# -- at the clusters -----------------------------------------------------------------------------


def as_at_the_clusters(record: Record) -> Iterator[str]:
    """What the history says was done to a cluster is what was done to it, in that order."""
    told: dict[str, dict[str, str]] = defaultdict(dict)
    for event in record.events:
        if event.cluster and event.run and _took(event):
            told[event.cluster][event.run] = STAGES[event.data["action"]]
    for cluster, happened in record.clusters.items():
        stages = [run.stage for run in happened]
        if stages != list(told[cluster].values()):
            yield f"{cluster} went through {stages}, the history has {list(told[cluster].values())}"


def in_flight_at_the_clusters(record: Record) -> Iterator[str]:
    """As `slots`, by the clusters' own clocks: stages of one action that ran at the same time."""
    bounds: dict[str, int] = {}
    for event in record.events:
        if event.kind == "StepStarted":
            for action in event.data["actions"]:
                stage = STAGES[action]
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
