"""TALM's objects for one IBGU that are on the hub."""

from collections.abc import Mapping, Sequence

from msgspec import Struct

from ibgu.core.model import ActionName
from ibgu.core.model.kinds import RolloutSpec
from ibgu.core.talm import TalmGroup, TalmWork


class DeletedGroup(Struct, frozen=True):
    """A ClusterGroupUpgrade that is being deleted."""

    name: str
    """namespace/name."""
    finalizers: tuple[str, ...]
    """Those that are still there: they keep it on the hub."""


class Traces(Struct, frozen=True, kw_only=True):
    groups: tuple[TalmGroup, ...] = ()
    """ClusterGroupUpgrades of the IBGU that carry out a step of the plan, in its order."""
    left: int = 0
    """The number of ClusterGroupUpgrades of this name on the hub, those of other IBGUs included."""
    deleting: tuple[DeletedGroup, ...] = ()
    """Those of them that are being deleted, by name."""
    templates: bool = False
    """ManifestWorkReplicaSets of the IBGU may be left, which ibgu has to remove."""
    works: Mapping[str, Sequence[TalmWork]] = {}
    """ManifestWorks of the IBGU's ClusterGroupUpgrades, by cluster."""
    labelled: frozenset[tuple[str, ActionName]] = frozenset()
    """(cluster, action) that TALM's status shows as ended: TALM had written the labels before."""

    @property
    def to_remove(self) -> bool:
        """Whether a takeover still has something to remove."""
        return bool(self.left) or self.templates

    @property
    def unfinished(self) -> bool:
        return any(not group.finished for group in self.groups)

    def complete(self, spec: RolloutSpec) -> bool:
        """Whether TALM has carried out the whole plan."""
        done = {group.index for group in self.groups if group.finished}
        return bool(spec.plan) and len(done) == len(spec.plan)

    @property
    def begun(self) -> tuple[TalmGroup, ...]:
        """Groups for which TALM has chosen the clusters, or that are over."""
        return tuple(group for group in self.groups if group.batches or group.finished)

    def work_of(self, group: TalmGroup, cluster: str) -> TalmWork | None:
        """Returns the group's work for the cluster; TALM has one at a time."""
        named = (group.namespace, group.name)
        found = [w for w in self.works.get(cluster, ()) if w.group == named and w.stage]
        return found[0] if found else None


NO_TRACES = Traces()
