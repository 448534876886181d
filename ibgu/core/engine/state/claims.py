"""The claims on clusters: their holders, and those that cancel others there (R6)."""

from datetime import datetime

from msgspec import Struct

from ibgu.core.model import Rollout


class CancellingStep(Struct, frozen=True, order=True):
    """A step that begins with Abort or Rollback, seen from a cluster of it (R6.3)."""

    age: tuple[datetime, str]
    rollout: str
    name: str
    namespace: str
    across_namespaces: bool
    """Whether it cancels rollouts of other namespaces, too."""
    kind: str
    """Rollouts of another kind go on: the step's action takes back nothing of theirs (R6.8)."""

    def cancels(self, other: Rollout) -> bool:
        """Whether the step cancels `other`: older rollouts of its kind yield, in another namespace
        only where allowed."""
        older = self.age > other.age and self.rollout != other.uid
        alike = self.kind == other.kind
        return older and alike and (self.across_namespaces or self.namespace == other.namespace)


class Holder(Struct, frozen=True):
    rollout: str
    step: int
    cluster: str


class UnreadableRollout(Struct, frozen=True, kw_only=True):
    """A rollout whose records the journal has and can't read: nothing is decided for it, and what
    it has claimed stays claimed."""

    uid: str
    namespace: str
    name: str
    error: str
    claims: dict[str, Holder]
    """Claims keyed by ManagedCluster uid."""
    cancellers: dict[str, CancellingStep]
    """Keyed by ManagedCluster uid."""
    clusters: frozenset[str] = frozenset()
    """The names of all clusters that it has or had as members."""

    @property
    def full_name(self) -> str:
        return f"{self.namespace}/{self.name}"
