"""Counts the clusters of a rollout, or of one of its steps, by state: one meaning on every surface.

A rollout is counted over all steps that were opened, by distinct cluster (name and ManagedCluster
uid). `places_of` finds for each cluster the step that decides its state, from its members only;
`counts_of_places` makes the counts from how many clusters have which place, and from what the plan
still has for them. TrackedRollout updates its places as members change, reads count them in
Postgres, and both count alike.
"""

from collections.abc import Hashable, Iterable, Mapping
from datetime import datetime
from enum import IntEnum
from typing import NamedTuple

from msgspec import Struct

from ibgu.core.model import (
    MemberState,
    Outcome,
    Rollout,
    Step,
    StepState,
    declared,
    traits,
)


class Counts(Struct, frozen=True):
    """Clusters of a rollout, or members of one step, each counted once.

    Invariant: total = waiting + running + succeeded + failed + skipped + cancelled.
    """

    total: int = 0
    waiting: int = 0
    """Neither in flight nor at an end: waits in the open step, or for steps that are to come."""
    running: int = 0
    """Members in flight: they have a slot."""
    succeeded: int = 0
    """Done: all of the plan that was for it has succeeded."""
    failed: int = 0
    """Failed in an action, and has not completed it late. A cluster stays failed while a later
    Abort or AbortOnFailure cleans it up, and after it."""
    skipped: int = 0
    """Taken out by a person, or left out of a later step after success in an earlier one."""
    cancelled: int = 0
    """Taken over by another rollout, or released because this one was deleted."""


class ReportCounts(Struct, frozen=True):
    """The reports of a rollout's clusters beside how their actions go."""

    warned: int = 0
    """Clusters that completed an action with a warning."""
    rollback: int = 0
    """Clusters that can be rolled back until a time that they report."""
    rollback_until: datetime | None = None
    """The earliest of these times; None: there is no such cluster."""
    paused: int = 0
    """Clusters of which parts may be paused for the rollout."""
    paused_since: datetime | None = None
    """Since when, at the longest."""


class Progress(IntEnum):
    """One member's progress in its step. Postgres counts by these numbers (`db.reads.totals`)."""

    WAITING = 0
    RUNNING = 1
    SUCCEEDED = 2
    LATE = 3
    """Failed in its step, and completed the action later (R28.2)."""
    FAILED = 4
    SKIPPED = 5
    CANCELLED = 6


class ClusterPosition(NamedTuple):
    """The step (from 0) that decides where a cluster stands, and how far it is in that step."""

    step: int
    progress: Progress


class RolloutSteps(Struct, frozen=True):
    """A rollout's steps, each by its first action."""

    plan: tuple[str, ...]
    begun: tuple[str, ...]
    """Steps that have taken their members, in order."""
    deleted: bool = False

    @property
    def last(self) -> int:
        """Returns the newest step (from 0) that took, or left out, clusters without a failure."""
        taking = (
            index for index, first in enumerate(self.begun) if not traits(first).after_failure
        )
        return max(taking, default=-1)

    @property
    def more(self) -> bool:
        """Whether the plan has a step to come for clusters without a failure. A plan of the hub may
        name actions that no kind has: it is held as invalid."""
        later = self.plan[len(self.begun) :]
        return any(not declared(first) or not traits(first).after_failure for first in later)


_OUTCOMES = {
    Outcome.SUCCEEDED: Progress.SUCCEEDED,
    Outcome.FAILED: Progress.FAILED,
    Outcome.SKIPPED: Progress.SKIPPED,
    Outcome.CANCELLED: Progress.CANCELLED,
}
_FIELDS = {
    Progress.WAITING: "waiting",
    Progress.RUNNING: "running",
    Progress.FAILED: "failed",
    Progress.SKIPPED: "skipped",
    Progress.CANCELLED: "cancelled",
}
COMPLETED = frozenset({Progress.SUCCEEDED, Progress.LATE})
"""The cluster is where the step's actions bring it: the plan's next step is for it."""
NO_SUCCESS = frozenset({Progress.FAILED, Progress.SKIPPED, Progress.CANCELLED})
"""The member has ended in its step without success."""


def progress_of(state: str, outcome: str | None, late: str) -> Progress:
    """Returns the progress from the plain values of a member's record."""
    if outcome is None:
        return Progress.RUNNING if state == MemberState.IN_FLIGHT else Progress.WAITING
    if outcome == Outcome.FAILED and late:
        return Progress.LATE
    return _OUTCOMES[Outcome(outcome)]


class StepVisit(NamedTuple):
    """One step that a cluster was in."""

    cluster: Hashable
    """Identifies the cluster, also by the uid of its ManagedCluster."""
    first: str
    """The step's first action."""
    place: ClusterPosition


def places_of(visits: Iterable[StepVisit]) -> tuple[ClusterPosition, ...]:
    """Returns the place of each visited cluster; the visits come in the steps' order."""
    found: dict[Hashable, list[StepVisit]] = {}
    for visit in visits:
        found.setdefault(visit.cluster, []).append(visit)
    return tuple(map(_place_of, found.values()))


def _place_of(visits: Iterable[StepVisit]) -> ClusterPosition:
    """Returns the place of one cluster: in its newest step, except that Abort and AbortOnFailure
    only clean up. Where the cluster had not succeeded before, they change nothing. Neither does one
    for failed clusters that had no success at one that has completed late."""
    acted: ClusterPosition | None = None
    cleaned: ClusterPosition | None = None
    tried = False
    for _, first, place in visits:
        if traits(first).aborts:
            cleaned = place
            tried = traits(first).after_failure and place.progress in NO_SUCCESS
        else:
            acted, cleaned, tried = place, None, False
    if tried and acted is not None and acted.progress is Progress.LATE:
        return acted
    if cleaned is not None and (acted is None or acted.progress in COMPLETED):
        return cleaned
    assert acted is not None
    return acted


def counts_of_places(places: Mapping[ClusterPosition, int], course: RolloutSteps) -> Counts:
    """Returns the counts of a rollout from how many of its clusters have which place."""
    found = dict.fromkeys(Counts.__struct_fields__, 0)
    last, success = course.last, _success(course)
    for place, clusters in places.items():
        field = _FIELDS.get(place.progress) or _completed(place, last, success)
        found[field] += clusters
        found["total"] += clusters
    return Counts(**found)


def _completed(place: ClusterPosition, last: int, success: str) -> str:
    """Returns the field for a completed place. A cluster that a later step has left out completed
    too late, or was no longer selected."""
    if place.step >= last:
        return success
    return "failed" if place.progress is Progress.LATE else "skipped"


def _success(course: RolloutSteps) -> str:
    if not course.more:
        return "succeeded"
    return "cancelled" if course.deleted else "waiting"


def course_of(rollout: Rollout, steps: Iterable[Step]) -> RolloutSteps:
    return RolloutSteps(
        plan=tuple(action for item in rollout.spec.plan for action in item.actions[:1]),
        begun=tuple(step.first for step in steps if step.state is not StepState.OPENING),
        deleted=rollout.deleted_at is not None,
    )
