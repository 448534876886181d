"""Counts the clusters in flight over all rollouts, for the limits of policies (R50).

A cluster is in flight while some rollout has its claim, whatever that rollout does there. One that
was left in the middle of a reboot counts without a claim while the hub can't reach it.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence, Set
from itertools import product
from typing import TypeVar

from msgspec import Struct

from ibgu.core.engine.gate import ActionFilter, every_action
from ibgu.core.engine.state.claims import Holder
from ibgu.core.engine.state.counted_labels import CountedLabels
from ibgu.core.model import ActionName, ClusterView, traits
from ibgu.core.model.rollout_policy import RolloutPolicySpec
from ibgu.core.model.start_facts import Labels, StartFacts
from ibgu.core.plan.policies import cluster_keys, selects_cluster

M = TypeVar("M")
P = TypeVar("P")
ClusterLookup = Callable[[str], ClusterView | None]
"""Returns a ManagedCluster by name; None: there is none."""


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


class PlaceShare(Struct, frozen=True, gc=False):
    """PlaceShare is what a rollout has of a policy's places."""

    clusters: int
    """How many of its clusters are in them."""
    served: int
    """When it took one last, as a number that grows; 0: never."""
    of_namespace: int
    """How many clusters of all rollouts of its namespace are in them."""
    namespace_served: int
    """When one of these took a place last; 0: never."""


class _Owner(Struct, frozen=True, gc=False):
    rollout: str
    namespace: str

    @property
    def keys(self) -> tuple[str, str]:
        """The keys by which a cluster counts: that of the rollout, and that of its namespace."""
        return (self.rollout, f"namespace/{self.namespace}")


class Occupancy:
    """Occupancy counts the claims at each place of the policies' limits.

    Which places a cluster takes follows from its labels as they are now. They are looked up when
    somebody asks, once after each change that was noted.
    """

    def __init__(
        self, claims: Mapping[str, Holder], namespace_of: Callable[[str], str] = lambda uid: ""
    ) -> None:
        """`claims` are those of the fleet, by ManagedCluster uid. `namespace_of` returns the
        namespace of a rollout by its uid."""
        self._claims = claims
        self._namespace_of = namespace_of
        self._limits: tuple[PolicyLimits, ...] = ()
        self._changed: dict[str, None] = {}
        self.left: dict[str, set[Holder]] = {}
        """The members that have left their cluster in the middle of a reboot, as far as their
        rollouts know, by ManagedCluster uid."""
        self._places: dict[str, tuple[Place, ...]] = {}
        """The places of each claim, and of each dark cluster that was left, by ManagedCluster
        uid."""
        self._names: dict[str, str] = {}
        """The names of the clusters that are claimed or were left, by the same."""
        self._uids: dict[str, set[str]] = {}
        """The other way round: two, where a cluster was created again."""
        self._taken: Counter[Place] = Counter()
        self._owners: dict[str, _Owner] = {}
        """The rollouts whose claims are counted, by ManagedCluster uid."""
        self._shares: Counter[tuple[str, str]] = Counter()
        """The clusters in places of a policy, by the policy and the rollout that has them, and by
        the policy and its namespace."""
        self._served: dict[tuple[str, str], int] = {}
        """When the rollout, or one of the namespace, took a place of the policy last, as a number
        that grows."""
        self._serving = 0
        self._takings: Counter[str] = Counter()
        """How many places of each policy all rollouts have taken."""
        self._freed = False
        self._labels = CountedLabels()

    def follow(self, limits: tuple[PolicyLimits, ...]) -> None:
        """Counts for these limits from now on."""
        self._limits = limits
        self._labels.follow({key for each in limits for key in each.keys})
        for counted in (self._places, self._taken, self._names, self._uids, self._changed):
            counted.clear()
        self._shares.clear()
        names = {each.name for each in limits}
        self._served = {key: at for key, at in self._served.items() if key[0] in names}
        if not limits:
            self._owners.clear()
            return
        for uid, members in self.left.items():
            self._know(uid, next(iter(members)).cluster)
        for uid, holder in self._claims.items():
            self._know(uid, holder.cluster)
        self._changed.update(dict.fromkeys(self._names))
        self._freed = True

    @property
    def limits(self) -> tuple[PolicyLimits, ...]:
        """The limits that count, of all policies."""
        return self._limits

    def note_change(self, uid: str) -> None:
        """Notes that the claim on a cluster was taken or released."""
        if self._limits:
            if (holder := self._claims.get(uid)) is not None:
                self._know(uid, holder.cluster)
            else:
                self._labels.release(self._names.get(uid, ""), uid)
            self._changed[uid] = None
            self._freed = True

    def note_reboot(self, uid: str, member: Holder, *, left: bool) -> None:
        """Notes whether the member has left its cluster in the middle of a reboot, as far as its
        rollout knows."""
        members = self.left.setdefault(uid, set())
        (members.add if left else members.discard)(member)
        if not members:
            del self.left[uid]
        if self._limits:
            self._know(uid, member.cluster)
        self.note_change(uid)

    def note_cluster(self, name: str) -> bool:
        """Notes that the hub shows a cluster differently, or not any more. It may be another one
        of its name by now. Returns whether that may free a place."""
        known = self._uids.get(name, ())
        for uid in known:
            self.note_change(uid)
        return bool(known)

    def note_left(self) -> None:
        """Notes that a member no longer waits for a place: another one may take it."""
        self._freed = self._freed or bool(self._limits)

    def take_freed(self) -> bool:
        """Returns whether a place may have become free since the last call."""
        freed, self._freed = self._freed, False
        return freed

    def free(self, limits: PolicyLimits, place: Place, cluster: ClusterLookup) -> int:
        """Returns how many more clusters may be in flight at the place; less than 0: there are too
        many, as after a limit was lowered."""
        self._count(cluster)
        return limits.room(place) - self._taken[place]

    def unrecorded(self, cluster: ClusterLookup) -> Mapping[str, Labels | None]:
        """Returns by which labels claimed clusters count, by name: those that the history does not
        have."""
        self._count(cluster)
        return self._labels.unrecorded()

    def record(self, name: str, uid: str, facts: StartFacts) -> Callable[[], None]:
        """Notes what the history has of a cluster that starts, and of those in flight beside it;
        returns the undo."""
        self._labels.record_start(name, uid, facts.labels)
        beside = facts.beside or {}
        self._labels.record(beside)
        return lambda: self._labels.reopen((name, *beside))

    def share(self, policy: str, rollout: str, cluster: ClusterLookup) -> PlaceShare:
        """Returns what the rollout, and its namespace, have of the policy's places."""
        self._count(cluster)
        own, tenant = ((policy, key) for key in self._owner(rollout).keys)
        return PlaceShare(
            clusters=self._shares[own],
            served=self._served.get(own, 0),
            of_namespace=self._shares[tenant],
            namespace_served=self._served.get(tenant, 0),
        )

    def _owner(self, rollout: str) -> _Owner:
        return _Owner(rollout, self._namespace_of(rollout))

    def taken(self, policy: str, cluster: ClusterLookup) -> int:
        """Returns how many places of the policy were taken so far, as a number that grows."""
        self._count(cluster)
        return self._takings[policy]

    def forget(self, rollout: str) -> None:
        """Forgets when the rollout took places."""
        for key in [key for key in self._served if key[1] == rollout]:
            del self._served[key]

    def _count(self, cluster: ClusterLookup) -> None:
        """Counts what has changed again. A claimed cluster that is no longer on the hub keeps its
        places until its claim is released."""
        while self._changed:
            uid, _ = self._changed.popitem()
            holder, name = self._claims.get(uid), self._forget(uid)
            found = cluster(name)
            found = found if found is not None and found.uid == uid else None
            before = self._places.pop(uid, ())
            self._taken.subtract(before)
            self._leave(uid, before)
            if holder is None and uid not in self.left:
                continue
            self._know(uid, name)
            if holder is None and (found is None or found.reachable):
                continue
            self._places[uid] = (
                self._of(found) if found is not None else before or self._unseen(name, uid)
            )
            self._taken.update(self._places[uid])
            if holder is not None:
                self._enter(uid, holder.rollout)
                self._labels.count(name, uid, found.labels if found is not None else None)

    def _leave(self, uid: str, places: Iterable[Place]) -> None:
        """Counts the cluster no longer for the rollout that had it."""
        owner = self._owners.get(uid)
        if owner is not None:
            policies = {each.policy for each in places}
            self._shares.subtract(product(policies, owner.keys))
            if self._claims.get(uid) is None:
                del self._owners[uid]

    def _enter(self, uid: str, rollout: str) -> None:
        """Counts the cluster for the rollout that has claimed it."""
        before, policies = self._owners.get(uid), {each.policy for each in self._places[uid]}
        same = before is not None and before.rollout == rollout
        owner = before if before is not None and same else self._owner(rollout)
        taken = list(product(policies, owner.keys))
        self._shares.update(taken)
        if not same:
            self._owners[uid] = owner
            self._serving += 1
            self._takings.update(policies)
            self._served.update(dict.fromkeys(taken, self._serving))

    def _know(self, uid: str, name: str) -> None:
        self._names[uid] = name
        self._uids.setdefault(name, set()).add(uid)

    def _forget(self, uid: str) -> str:
        """Returns the name of the cluster; empty: it was not known."""
        name = self._names.pop(uid, "")
        uids = self._uids.pop(name, set()) - {uid}
        if uids:
            self._uids[name] = uids
        return name

    def _of(self, cluster: ClusterView) -> tuple[Place, ...]:
        return tuple(place for each in self._limits for place in each.places(cluster))

    def _unseen(self, name: str, uid: str) -> tuple[Place, ...]:
        """Returns the places of a claimed cluster that the hub does not show, by the labels with
        which it has started, if they are known."""
        known = self._labels.of(name, uid)
        if known is None:
            return tuple(place for each in self._limits for place in each.places_unseen(name))
        labels = {key: value for key, value in known.items() if value is not None}
        return tuple(place for each in self._limits for place in each.places_of(name, labels))


def fewest_in_the_way(
    full: Set[P], holders: Sequence[M], places: Callable[[M], Iterable[P]]
) -> list[M] | None:
    """Returns the holders of these full places, as few as possible and the first ones first; None:
    none of them has one of the places. `places` returns those that a holder has."""
    left, found = set(full), list[M]()
    while left:
        freed = [left.intersection(places(each)) for each in holders]
        best = max(range(len(freed)), key=lambda number: len(freed[number]), default=None)
        if best is None or not freed[best]:
            return None
        found.append(holders[best])
        left -= freed[best]
    return found
