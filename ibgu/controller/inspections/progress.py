"""The progress of one inspection, and what follows from it. Without I/O."""

from datetime import UTC, datetime
from enum import Enum, auto

from msgspec import Struct

from ibgu.core.drivers.ibu.preflight.inspection import (
    INSPECTION,
    InspectedFacts,
    inspected,
    node_named,
)
from ibgu.core.model.kinds import ManifestWork
from ibgu.db.inspections import FinishedInspection, OpenInspection

AGGREGATION = 2.0
"""Seconds that the cluster's role aggregation gets before the agent is asked to read again."""
SETTLED = 10.0
"""Seconds after that request in which a right that is still missing may come."""
_PATCHES = 2


class InspectionStep(Enum):
    """InspectionStep is what has to be done next for a cluster."""

    WAIT = auto()
    CREATE = auto()
    PATCH = auto()
    FINISH = auto()


class InspectionProgress(Struct):
    """InspectionProgress is that of one inspection. Times are the loop's, in seconds."""

    request: OpenInspection
    until: float
    """When the cluster has not answered in time."""
    asked: bool = False
    """Whether the work was written, or has been found on the hub."""
    create_from: float = 0.0
    """When the work may be created again: another one of its name may be in the way."""
    patches: int = 0
    forbidden_since: float = 0.0
    """When the cluster first said that a right is missing; 0: it has not."""
    patched: float = 0.0
    node: str = ""
    seen: str = ""
    """The resourceVersion of the work that was read last."""
    generation: int = 0
    """The generation that our last patch gives the work."""
    uid: str = ""
    problem: str = ""
    facts: InspectedFacts | None = None

    def next(self, work: ManifestWork | None, now: float) -> InspectionStep:
        """Returns the next step; `work`: the one that the hub shows now."""
        if self.problem:
            return InspectionStep.FINISH
        step = self._next(work, now)
        if step in (InspectionStep.WAIT, InspectionStep.CREATE) and now >= self.until:
            self.problem = self._late(work)
            return InspectionStep.FINISH
        return step

    @property
    def finished(self) -> FinishedInspection:
        cluster, id_ = self.request.cluster, self.request.id
        return FinishedInspection(cluster, id_, self.facts, self.problem)

    def is_own(self, work: ManifestWork) -> bool:
        """Returns whether the work is this inspection's, and not one from before."""
        meta = work.metadata
        return meta.labels.get(INSPECTION) == self.request.id and meta.deletion_timestamp is None

    def _next(self, work: ManifestWork | None, now: float) -> InspectionStep:
        if work is None:
            waits = self.asked or now < self.create_from
            return InspectionStep.WAIT if waits else InspectionStep.CREATE
        if not self.is_own(work) or not self._must_read(work):
            return InspectionStep.WAIT
        self.asked, self.uid, self.seen = True, work.metadata.uid, work.metadata.resource_version
        facts = inspected(work, datetime.now(UTC), self.request.failure)
        return InspectionStep.WAIT if facts is None else self._answered(facts, work, now)

    def _must_read(self, work: ManifestWork) -> bool:
        """Returns whether the work has to be read. Our last patch must show in it. Where a right is
        missing, time alone can make a difference."""
        meta = work.metadata
        changed = meta.resource_version != self.seen or self.forbidden_since > 0
        return changed and meta.generation >= self.generation

    def _answered(self, facts: InspectedFacts, work: ManifestWork, now: float) -> InspectionStep:
        if facts.forbidden:
            self.forbidden_since = self.forbidden_since or now
            if self.patches == 0:
                due = now - self.forbidden_since >= AGGREGATION
                return self._patch(facts, work) if due else InspectionStep.WAIT
            if now - self.patched < SETTLED:
                return InspectionStep.WAIT
        elif node_named(facts) and not facts.has_node and self.patches < _PATCHES:
            return self._patch(facts, work)
        self.facts = facts
        return InspectionStep.FINISH

    def _patch(self, facts: InspectedFacts, work: ManifestWork) -> InspectionStep:
        self.node = node_named(facts)
        # Without a node only an annotation changes.
        self.generation = work.metadata.generation + bool(self.node)
        return InspectionStep.PATCH

    def patch_sent(self, now: float) -> None:
        self.patches += 1
        self.patched = now

    def _late(self, work: ManifestWork | None) -> str:
        if work is not None and not self.is_own(work):
            return "an earlier inspection is still being removed: the work agent does not answer"
        return "the work agent did not answer in time"
