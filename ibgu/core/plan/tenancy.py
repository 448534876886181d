"""The clusters that the IBGUs of a namespace may use, by Open Cluster Management's cluster sets.

The rule is Placement's: clusters of the ManagedClusterSets that a ManagedClusterSetBinding binds to
the namespace.
"""

from collections.abc import Callable, Iterable, Mapping

from msgspec import Struct

from ibgu.core.model.kinds import LabelSelector, ManagedClusterSet, ManagedClusterSetBinding
from ibgu.core.plan.selectors import matcher, matches, problem_of

CLUSTER_SET_LABEL = "cluster.open-cluster-management.io/clusterset"
GLOBAL_SET = "global"
"""The set that Open Cluster Management makes, and in which every cluster is."""


class Scope(Struct, frozen=True):
    """The clusters that one namespace's IBGUs may use; none where there is a `problem`."""

    namespace: str = ""
    sets: tuple[LabelSelector, ...] | None = None
    """The clusters of each cluster set that is bound to the namespace; None: the whole fleet."""
    problem: str = ""

    @property
    def bounded(self) -> bool:
        """Whether tenancy is on."""
        return self.sets is not None

    @property
    def outside(self) -> str:
        """Returns what excludes a cluster that is outside."""
        return f"in no cluster set that is bound to namespace {self.namespace}"

    @property
    def bind(self) -> str:
        return f"clusteradm clusterset bind SET --namespace {self.namespace}"

    def includes(self, labels: Mapping[str, str]) -> bool:
        """Whether one cluster is inside, by its labels on the hub; for many see `matcher`."""
        return self.sets is None or any(matches(each, labels) for each in self.sets)

    def matcher(self) -> Callable[[Mapping[str, str]], bool]:
        return matcher(self.sets) if self.sets is not None else lambda labels: True


EVERYWHERE = Scope()
"""The scope with tenancy off."""


class Tenancy(Struct, frozen=True):
    """The cluster sets that are bound to each namespace, as read from the hub at one moment."""

    bound: Mapping[str, Scope] = {}
    problem: str = ""
    """Why the bindings are unknown: no cluster is selected then."""

    def scope(self, namespace: str) -> Scope:
        if self.problem:
            return Scope(namespace, (), self.problem)
        return self.bound.get(namespace) or _unbound(namespace)


def tenancy_of(
    sets: Iterable[ManagedClusterSet], bindings: Iterable[ManagedClusterSetBinding]
) -> Tenancy:
    known = {each.metadata.name: found for each in sets if (found := _selector(each)) is not None}
    bound: dict[str, list[LabelSelector]] = {}
    for binding in bindings:
        name = binding.spec.cluster_set
        if _counts(binding) and name in known:
            bound.setdefault(binding.metadata.namespace, []).append(known[name])
    return Tenancy({name: Scope(name, tuple(found)) for name, found in bound.items()})


def _unbound(namespace: str) -> Scope:
    found = Scope(namespace, ())
    words = (
        f"no ManagedClusterSet is bound to namespace {namespace}, so its ImageBasedGroupUpgrades "
        f"may take no cluster; bind one with: {found.bind}"
    )
    return Scope(namespace, (), words)


def _selector(found: ManagedClusterSet) -> LabelSelector | None:
    """Returns the set's selector; None: it has no clusters, or none that ibgu can tell."""
    spec = found.spec.cluster_selector
    if found.metadata.deletion_timestamp is not None:
        return None
    if is_exclusive(found):
        return LabelSelector({CLUSTER_SET_LABEL: found.metadata.name})
    chosen = spec.label_selector if spec.selector_type == "LabelSelector" else None
    return chosen if chosen is not None and problem_of([chosen]) is None else None


def is_exclusive(found: ManagedClusterSet) -> bool:
    """Whether the set's clusters are those with its name as CLUSTER_SET_LABEL."""
    return found.spec.cluster_selector.selector_type in ("", "ExclusiveClusterSetLabel")


def _counts(binding: ManagedClusterSetBinding) -> bool:
    """Whether the binding counts: OCM's webhook, which checks the right to bind a set, requires
    that its name is the set's."""
    meta = binding.metadata
    bound = next((c.status for c in binding.status.conditions if c.type == "Bound"), "True")
    same = meta.name == binding.spec.cluster_set
    return same and meta.deletion_timestamp is None and bound == "True"
