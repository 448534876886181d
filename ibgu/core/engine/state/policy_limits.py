"""The limits of a policy: which places a cluster takes, and for how many each has room (R50.3)."""

from collections.abc import Iterable, Iterator, Mapping, Sequence

from msgspec import Struct

from ibgu.core.engine.gate import ActionFilter, every_action
from ibgu.core.model import ActionName, ClusterView, traits
from ibgu.core.model.rollout_policy import RolloutPolicySpec
from ibgu.core.plan.policies import cluster_keys, selects_cluster


class Place(Struct, frozen=True, gc=False):
    """Place is what clusters share that a policy limits: they count together."""

    policy: str
    label: str = ""
    """The label whose value the clusters share; empty: they share no label."""
    value: str = ""
    group: int = 0
    """The number of a group of neighbours, from 1; 0: the place is not a group's."""


class PolicyLimits:
    """PolicyLimits has the limits of one policy: which places a cluster takes, and how many
    clusters each has room for."""

    def __init__(
        self, name: str, spec: RolloutPolicySpec, actions: ActionFilter = every_action
    ) -> None:
        """`actions` chooses those that the policy holds."""
        self.name = name
        self._actions = actions
        self._spec = spec
        self._share = _percent(spec.in_flight)
        self._most = spec.in_flight if isinstance(spec.in_flight, int) else 0
        self._limits_all = spec.in_flight != ""
        self.selected = 0
        """How many clusters the policy selects, where its limit is a share of them."""
        self._maximum = {each.label: each.maximum for each in spec.per_topology}
        self._groups: dict[str, list[int]] = {}
        for number, group in enumerate(spec.never_together, start=1):
            for cluster in group.clusters:
                self._groups.setdefault(cluster, []).append(number)

    @property
    def any(self) -> bool:
        return self._limits_all or bool(self._maximum) or bool(self._groups)

    @property
    def by_share(self) -> bool:
        """Whether the limit depends on how many clusters the policy selects."""
        return self._share > 0

    @property
    def keys(self) -> frozenset[str]:
        """The keys of the labels by which clusters count."""
        selection = cluster_keys(self._spec.clusters) if self._limits_all or self._maximum else ()
        return frozenset((*selection, *self._maximum))

    def hold(self, actions: Iterable[ActionName]) -> bool:
        """Returns whether the policy holds any of the actions."""
        return any(self._actions(traits(action)) for action in actions)

    def count(self, selected: int) -> bool:
        """Takes the share of so many clusters that the policy selects, of which it is at least
        one; returns whether that changes the limit."""
        self.selected = selected
        before, self._most = self._most, max(1, selected * self._share // 100)
        return self._most != before

    def selects(self, cluster: ClusterView) -> bool:
        return selects_cluster(self._spec.clusters, cluster.labels)

    def places(self, cluster: ClusterView) -> Iterator[Place]:
        """Yields the places that the cluster takes while it is in flight. Clusters without the
        label of a topology share a place, as those with one value of it do. Neighbours are named,
        so they need not be selected."""
        return self.places_of(cluster.name, cluster.labels)

    def places_of(self, name: str, labels: Mapping[str, str]) -> Iterator[Place]:
        """Yields the same, of a cluster with these labels."""
        yield from self._by_name(name)
        if not selects_cluster(self._spec.clusters, labels):
            return
        if self._limits_all:
            yield Place(self.name)
        for label in self._maximum:
            yield Place(self.name, label, labels.get(label, ""))

    def places_unseen(self, name: str) -> Iterator[Place]:
        """Yields the places of a claimed cluster that the hub does not show, so that its labels
        are not known."""
        yield from self._by_name(name)
        if self._limits_all:
            yield Place(self.name)

    def _by_name(self, name: str) -> Iterator[Place]:
        for number in self._groups.get(name, ()):
            yield Place(self.name, group=number)

    def room(self, place: Place) -> int:
        """Returns how many clusters may be in flight at the place at once."""
        if place.group:
            return 1
        return self._maximum[place.label] if place.label else self._most

    def neighbours(self, place: Place) -> Sequence[str]:
        """Returns the clusters of the place's group."""
        return self._spec.never_together[place.group - 1].clusters


def _percent(in_flight: int | str) -> int:
    return int(in_flight.removesuffix("%")) if isinstance(in_flight, str) and in_flight else 0
