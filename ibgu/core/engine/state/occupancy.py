"""Counts the clusters in flight over all rollouts, for the limits of policies (R50).

A cluster is in flight while some rollout has its claim, whatever that rollout does there. One that
was left in the middle of a reboot counts without a claim while the hub can't reach it.
"""

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence, Set
from datetime import datetime
from typing import TypeVar

from ibgu.core.engine.state.claims import Holder
from ibgu.core.engine.state.counted_labels import CountedLabels
from ibgu.core.engine.state.policy_limits import Place, PolicyLimits
from ibgu.core.engine.timing.times import DARK_IN_FLIGHT
from ibgu.core.model import ClusterView
from ibgu.core.model.start_facts import Labels, StartFacts

M = TypeVar("M")
P = TypeVar("P")
ClusterLookup = Callable[[str], ClusterView | None]
"""Returns a ManagedCluster by name; None: there is none."""


class Occupancy:
    """Occupancy counts the claims at each place of the policies' limits.

    Which places a cluster takes follows from its labels as they are now. They are looked up when
    somebody asks, once after each change that was noted.
    """

    def __init__(self, claims: Mapping[str, Holder]) -> None:
        """`claims` are those of the fleet, by ManagedCluster uid."""
        self._claims = claims
        self._limits: tuple[PolicyLimits, ...] = ()
        self._changed: dict[str, None] = {}
        self.left: dict[str, dict[Holder, datetime]] = {}
        """The members that have left their cluster in the middle of a reboot, as far as their
        rollouts know, and when, by ManagedCluster uid."""
        self._outdated: set[str] = set()
        """Those of these clusters that count no longer: all left long ago."""
        self._dark: dict[Place, dict[str, str]] = {}
        """The names of the dark clusters that count without a claim, by ManagedCluster uid."""
        self._dark_changed: set[Place] = set()
        self._places: dict[str, tuple[Place, ...]] = {}
        """The places of each claim, and of each dark cluster that was left, by ManagedCluster
        uid."""
        self._names: dict[str, str] = {}
        """The names of the clusters that are claimed or were left, by the same."""
        self._uids: dict[str, set[str]] = {}
        """The other way round: two, where a cluster was created again."""
        self._taken: Counter[Place] = Counter()
        self._freed = False
        self._labels = CountedLabels()

    def follow(self, limits: tuple[PolicyLimits, ...]) -> None:
        """Counts for these limits from now on."""
        self._limits = limits
        self._labels.follow({key for each in limits for key in each.keys})
        for counted in (self._places, self._taken, self._names, self._uids, self._changed):
            counted.clear()
        self._dark.clear()
        self._dark_changed.clear()
        if not limits:
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

    def note_reboot(self, uid: str, member: Holder, since: datetime | None) -> None:
        """Notes when the member has left its cluster in the middle of a reboot, as far as its
        rollout knows; None: it has not."""
        self._outdated.discard(uid)
        members = self.left.setdefault(uid, {})
        if since is not None:
            members[member] = since
        else:
            members.pop(member, None)
        if not members:
            del self.left[uid]
        if self._limits:
            self._know(uid, member.cluster)
        self.note_change(uid)

    def drop_outdated(self, now: datetime) -> bool:
        """Counts no longer the clusters that were left so long ago that nothing of ibgu reboots
        them any more; returns whether that may free a place."""
        before, oldest = self._outdated, now - DARK_IN_FLIGHT
        self._outdated = {
            uid for uid, members in self.left.items() if max(members.values()) <= oldest
        }
        changed = before ^ self._outdated
        for uid in changed:
            self.note_change(uid)
        return bool(changed and self._limits)

    def may_reboot(self, uid: str) -> bool:
        """Whether the cluster counts without a claim while the hub can't reach it."""
        return uid in self.left and uid not in self._outdated

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

    def dark(self, place: Place) -> list[str]:
        """Returns the dark clusters that count at the place though nobody has their claim, as of
        the last count."""
        return sorted(self._dark.get(place, {}).values())

    def take_dark(self, cluster: ClusterLookup) -> Set[Place]:
        """Returns the places where other dark clusters count than at the last call."""
        self._count(cluster)
        changed, self._dark_changed = self._dark_changed, set()
        return changed

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

    def _count(self, cluster: ClusterLookup) -> None:
        """Counts what has changed again. A claimed cluster that is no longer on the hub keeps its
        places until its claim is released."""
        while self._changed:
            uid, _ = self._changed.popitem()
            before, name = self._places.pop(uid, ()), self._forget(uid)
            self._taken.subtract(before)
            if uid in self._claims or uid in self.left:
                self._know(uid, name)
                self._count_one(uid, name, before, cluster(name))
            dark = () if uid in self._claims else self._places.get(uid, ())
            self._note_dark(uid, name, before, dark)

    def _count_one(
        self, uid: str, name: str, before: tuple[Place, ...], shown: ClusterView | None
    ) -> None:
        """Counts a cluster that is claimed or was left. `before`: its places so far."""
        holder = self._claims.get(uid)
        found = shown if shown is not None and shown.uid == uid else None
        if holder is None and (found is None or found.reachable or uid in self._outdated):
            return
        places = self._of(found) if found is not None else before or self._unseen(name, uid)
        self._places[uid] = places
        self._taken.update(places)
        if holder is not None:
            self._labels.count(name, uid, found.labels if found is not None else None)

    def _note_dark(
        self, uid: str, name: str, before: Collection[Place], dark: Collection[Place]
    ) -> None:
        """Notes at which places the cluster counts because it is dark. `before`: where it counted
        so far."""
        for place in {*before, *dark}:
            names = self._dark.setdefault(place, {})
            if (uid in names) != (place in dark):
                self._dark_changed.add(place)
            if place in dark:
                names[uid] = name
            else:
                names.pop(uid, None)
            if not names:
                del self._dark[place]

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
