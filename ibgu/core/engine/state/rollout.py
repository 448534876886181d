"""One rollout in memory: its record and its steps."""

from collections.abc import Iterator

from ibgu.core.engine.state.places import Places
from ibgu.core.engine.state.step import TrackedStep
from ibgu.core.model import Finished, Member, Rollout, Step, StepState, Unfinished
from ibgu.core.model.counts import Counts, ReportCounts
from ibgu.core.model.seed_image import identity


class TrackedRollout:
    """TrackedRollout holds one rollout's record and its steps, each with its members."""

    def __init__(self, rollout: Rollout) -> None:
        self.rollout = rollout
        self.steps: list[TrackedStep] = []
        self._places = Places()

    def open(self, step: Step) -> TrackedStep:
        """Adds the next step."""
        tracked = TrackedStep(step, changed=self._places.note_change)
        self.steps.append(tracked)
        return tracked

    @property
    def counts(self) -> Counts:
        """Returns the counts over the clusters of all steps; only what has changed is counted
        again."""
        return self._places.counts(self.rollout, self.steps)

    @property
    def reports(self) -> ReportCounts:
        """Returns what the clusters of all steps report. Several steps may report one cluster."""
        warned = {cluster for step in self.steps for cluster in step.warned}
        until = {cluster for step in self.steps for cluster in step.rollback_until}
        times = (at for step in self.steps for at in step.rollback_until.values())
        paused = {cluster for step in self.steps for cluster in step.paused}
        since = (at for step in self.steps for at in step.paused.values())
        return ReportCounts(
            warned=len(warned),
            rollback=len(until),
            rollback_until=min(times, default=None),
            paused=len(paused),
            paused_since=min(since, default=None),
        )

    @property
    def image(self) -> str:
        """The image that the rollout brings: its digest, or its name where a tag names it."""
        return identity(self.rollout.spec.release.image)

    @property
    def newest(self) -> Step | None:
        return self.steps[-1].step if self.steps else None

    @property
    def current(self) -> TrackedStep | None:
        """Returns the step that runs or opens; None before the first and after the last one."""
        if self.steps and self.steps[-1].step.state is not StepState.FINISHED:
            return self.steps[-1]
        return None

    @property
    def plans_more(self) -> bool:
        """Whether a policy has clusters of the rollout tried again later."""
        return any(each.planned for step in self.steps for each in step.step.follow_ups.made)

    def latest(self, cluster: str) -> Member | None:
        """Returns the cluster's member in the newest step that has it."""
        for step in reversed(self.steps):
            if (member := step.members.get(cluster)) is not None:
                return member
        return None

    def paused(self, cluster: str) -> bool:
        """Returns whether parts of the cluster may be paused for this rollout (R48)."""
        return any(cluster in step.paused for step in self.steps)

    def is_followed(self, cluster: str) -> bool:
        """Returns whether a step in which the cluster has ended waits for a late completion, or for
        parts of the cluster that may be paused."""
        return any(cluster in step.paused or cluster in step.watched for step in self.steps)

    def resuming(self, cluster: str) -> bool:
        """Returns whether they are to be resumed now."""
        found = (step.members[cluster] for step in self.steps if cluster in step.paused)
        return any(member.resuming for member in found)

    def unfinished(self) -> Iterator[Unfinished]:
        for step in self.steps:
            if step.unfinished:
                yield from (m for m in step.members.values() if not isinstance(m, Finished))

    def watched(self) -> Iterator[Finished]:
        for step in self.steps:
            yield from step.watched.values()
