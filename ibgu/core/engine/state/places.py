"""Tracks where the clusters of a rollout stand, so that counting costs only what has changed."""

from collections import Counter
from collections.abc import Iterator, Sequence

from ibgu.core.engine.state.step import TrackedStep
from ibgu.core.model import Rollout
from ibgu.core.model.counts import (
    ClusterPosition,
    Counts,
    StepVisit,
    counts_of_places,
    course_of,
    places_of,
    progress_of,
)

_Places = tuple[ClusterPosition, ...]


class Places:
    def __init__(self) -> None:
        self._of: dict[str, _Places] = {}
        """Keyed by cluster name; several places where the cluster was re-created between two
        steps."""
        self._number: Counter[ClusterPosition] = Counter()
        self._same: dict[_Places, _Places] = {}
        """Equal tuples by value: thousands of clusters share one object."""
        self._changed: set[str] = set()

    def note_change(self, cluster: str) -> None:
        """Notes that the cluster's records have changed; the next count reads them again."""
        self._changed.add(cluster)

    def counts(self, rollout: Rollout, tracked_steps: Sequence[TrackedStep]) -> Counts:
        """Returns the current counts. They have all clusters of a step that thousands are just
        joining."""
        for cluster in self._changed:
            self._put(cluster, places_of(_visits(cluster, tracked_steps)))
        self._changed.clear()
        joined = [
            tracked.step for tracked in tracked_steps if len(tracked.members) >= tracked.step.total
        ]
        return counts_of_places(self._number, course_of(rollout, joined))

    def _put(self, cluster: str, places: _Places) -> None:
        self._number.subtract(self._of.pop(cluster, ()))
        self._number.update(places)
        if places:
            self._of[cluster] = self._same.setdefault(places, places)


def _visits(cluster: str, tracked_steps: Sequence[TrackedStep]) -> Iterator[StepVisit]:
    for tracked in tracked_steps:
        if (member := tracked.members.get(cluster)) is not None:
            progress = progress_of(member.state, member.outcome, member.late)
            yield StepVisit(
                member.uid, tracked.step.first, ClusterPosition(tracked.step.index, progress)
            )
