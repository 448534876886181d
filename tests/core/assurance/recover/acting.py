"""The newest rollout that acted on each cluster, as the journal knows it."""

from collections.abc import Iterable

from ibgu.core.engine.state import TrackedRollout


def newest_to_act(tracked_rollouts: Iterable[TrackedRollout]) -> dict[tuple[str, str], str]:
    """Returns what the journal's method of that name does."""
    return {
        (member.cluster, tracked.rollout.kind): tracked.rollout.uid
        for tracked in sorted(tracked_rollouts, key=lambda each: each.rollout.age)
        for step in tracked.steps
        for member in step.members.values()
        if member.run or member.completed
    }
