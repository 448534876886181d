"""Holds the hub in memory."""

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime

from ibgu.controller.mirror.objects import RolloutObjects
from ibgu.core.drivers import declared
from ibgu.core.model import ClusterView, Rollout, WorkView, names
from ibgu.core.model.kinds import ClusterGroupUpgrade, OwnerReference, RolloutObject
from ibgu.core.model.shown import HubObject, with_seen_times
from ibgu.core.recover import FoundRollout, Versions, find, versions_of
from ibgu.core.talm import TalmGroup, TalmWork, groups_of, status_of
from ibgu.core.talm import names as talm
from ibgu.core.talm.adopt import DeletedGroup, Traces
from ibgu.core.talm.beside import ForeignStatus, foreign_status
from ibgu.core.talm.group import finished
from ibgu.hub.watching.store import Key, Store

WorkKey = tuple[str, str]
"""Namespace (the cluster's name) and name."""


class Mirror:
    """Mirror holds a store for each kind that matters; of numerous objects it keeps only what is
    read.

    `touched(rollout, cluster)` is called for every change that may matter to a rollout; a change of
    a ManagedCluster comes with rollout "" and concerns all rollouts that have it.
    `status_changed(rollout)` is called when its object's status has changed, no matter who wrote
    it; `changed_by_person(rollout)` after `touched`, when a person has changed the object. `now()`
    is the time at which changes of clusters are seen; None: it is not known.
    """

    def __init__(
        self,
        touched: Callable[[str, str], None],
        status_changed: Callable[[str], None] = lambda rollout: None,
        changed_by_person: Callable[[str], None] = lambda rollout: None,
        now: Callable[[], datetime | None] = lambda: None,
    ) -> None:
        self._touched = touched
        self._status_changed = status_changed
        self._changed_by_person = changed_by_person
        self._hub_restored = ""
        self.objects = RolloutObjects(self._object_changed, self.note_restored)
        self.clusters: Store[HubObject[ClusterView]] = Store(
            {"misnamed": _misnamed},
            self._cluster_changed,
            self.note_restored,
            self._with_seen_times,
        )
        self._now = now
        self.works: Store[HubObject[WorkView]] = Store(
            {"rollout": _rollout}, self._work_changed, self.note_restored
        )
        self.cgus: Store[ClusterGroupUpgrade] = Store({"ibgu": _ibgu}, self._cgu_changed)
        self.talm: Store[HubObject[TalmWork]] = Store(
            {"cluster": _cluster, "group": _group}, self._talm_changed
        )
        """TALM's ManifestWorks."""
        self._foreign_statuses: dict[str, ForeignStatus] = {}

    def cluster(self, name: str) -> ClusterView | None:
        found = self.clusters.get(("", name))
        return None if found is None else found.view

    def is_unread(self, cluster: str, works: Iterable[str] = ()) -> bool:
        """Returns whether the ManagedCluster, or one of its works of these names, is on the hub and
        was never read."""
        keys = ((cluster, name) for name in works)
        return self.clusters.is_unread(("", cluster)) or any(map(self.works.is_unread, keys))

    def labels(self, cluster: str) -> Mapping[str, str] | None:
        """Returns the cluster's labels; None if there is no such ManagedCluster."""
        found = self.clusters.get(("", cluster))
        return None if found is None else found.view.labels

    def named_alike(self, cluster: str) -> list[ClusterView]:
        """Returns the other ManagedClusters that carry the label of the cluster's name."""
        return [found.view for found in self.clusters.by("misnamed", cluster)]

    def work(self, key: WorkKey) -> WorkView | None:
        found = self.works.get(key)
        return None if found is None else found.view

    @property
    def ibgus(self) -> Store[RolloutObject]:
        return self.objects.stores[names.IBGU]

    def rollout_object(self, uid: str) -> RolloutObject | None:
        """Returns the object that asks for the rollout."""
        return self.objects.by_uid(uid)

    def annotations(self, uid: str) -> Mapping[str, str]:
        found = self.rollout_object(uid)
        return found.metadata.annotations if found else {}

    def works_of(self, rollout: str) -> list[HubObject[WorkView]]:
        """Returns the rollout's stage works."""
        found = self.works.by("rollout", rollout)
        return [work for work in found if work.metadata.labels.get(names.PART) == names.STAGE]

    def stage_works(self, rollout: str) -> dict[str, HubObject[WorkView]]:
        """Returns the rollout's stage works by cluster, by the rollout's uid alone."""
        return {work.metadata.namespace: work for work in self.works_of(rollout)}

    def found(self, obj: RolloutObject) -> FoundRollout:
        """Returns all that the hub shows of the IBGU's rollout."""
        return find(obj, self.works.by("rollout", obj.metadata.uid), self.cluster)

    def runs(self) -> set[str]:
        """Returns the ids of the runs that works carry."""
        return {work.view.run for work in self.works if work.view.run}

    def versions(self) -> Versions:
        """Returns the newest resourceVersions seen of the hub."""
        lists = {"manifestworks": self.works.seen, "managedclusters": self.clusters.seen}
        return versions_of(self.objects, {**self.objects.seen(), **lists})

    def unfinished_cgus(self, rollout: Rollout) -> bool:
        """Returns whether TALM made ClusterGroupUpgrades for this IBGU that are not finished
        (R20.2)."""
        return any(not finished(cgu) for cgu in self._cgus_of(rollout))

    # -- TALM ------------------------------------------------------------------------------

    def cgus_of(self, ibgu: str) -> list[ClusterGroupUpgrade]:
        """Returns the ClusterGroupUpgrades with the label of the IBGU (namespace/name)."""
        return self.cgus.by("ibgu", ibgu)

    def _cgus_of(self, rollout: Rollout) -> list[ClusterGroupUpgrade]:
        """Returns TALM's objects for the rollout; it has none for another kind of the same name."""
        return self.cgus_of(rollout.full_name) if rollout.kind == names.IBGU else []

    def cgus_left(self, rollout: Rollout) -> list[ClusterGroupUpgrade]:
        """Returns the ClusterGroupUpgrades that ibgu has to remove; once the IBGU is deleted, only
        those that it owns, because a new IBGU may have its name."""
        found = self._cgus_of(rollout)
        if rollout.deleted_at is None:
            return found
        return [cgu for cgu in found if rollout.uid in {o.uid for o in _owners(cgu)}]

    def _groups(self, found: RolloutObject) -> tuple[TalmGroup, ...]:
        """Returns what TALM made of this IBGU, not of an earlier one of the same name."""
        meta = found.metadata
        groups = groups_of(meta.name, found.spec, self.cgus_of(f"{meta.namespace}/{meta.name}"))
        return tuple(g for g in groups if not g.owners or meta.uid in g.owners)

    def traces(self, rollout: Rollout) -> Traces:
        """Returns what TALM has left of the rollout's IBGU."""
        cgus = self.cgus_left(rollout)
        obj = self.rollout_object(rollout.uid)
        deleting = _deleting(cgus)
        if not cgus or obj is None:
            return Traces(left=len(cgus), deleting=deleting, works=self._works_of(cgus))
        return Traces(
            groups=self._groups(obj),
            left=len(cgus),
            deleting=deleting,
            works=self._works_of(cgus),
            labelled=frozenset(end for end in status_of(obj).ended() if declared(end[1])),
        )

    def _works_of(self, cgus: Iterable[ClusterGroupUpgrade]) -> dict[str, list[TalmWork]]:
        works: dict[str, list[TalmWork]] = {}
        for cgu in cgus:
            group = f"{cgu.metadata.namespace}/{cgu.metadata.name}"
            for work in self.talm.by("group", group):
                works.setdefault(work.view.cluster, []).append(work.view)
        return works

    @property
    def foreign_statuses(self) -> list[ForeignStatus]:
        """Returns the newest status of each IBGU that someone else wrote, also one that ibgu has
        overwritten since."""
        return [*self._foreign_statuses.values()]

    def acting(self, cluster: str) -> str:
        """Returns TALM's ManifestWork that acts on the cluster; empty if there is none."""
        for found in self.talm.by("cluster", cluster):
            if found.view.stage is not None:
                return f"{found.view.cluster}/{found.view.name}"
        return ""

    # -- a restored hub --------------------------------------------------------------------

    @property
    def hub_restored(self) -> str:
        """The proof that the hub was restored from a backup; empty if there is none."""
        return self._hub_restored

    def note_restored(self, proof: str) -> None:
        """Records a proof that the hub was restored; the first one counts."""
        self._hub_restored = self._hub_restored or proof

    def restore_handled(self) -> None:
        """Forgets the proof: what followed from it is done."""
        self._hub_restored = ""

    # -- changes ---------------------------------------------------------------------------

    def _object_changed(
        self, key: Key, old: RolloutObject | None, new: RolloutObject | None
    ) -> None:
        """Queues the rollout if a person created, changed or deleted the object; reports a change
        of the status alone, which ibgu may have written itself."""
        self._note_foreign(old, new)
        if old is None or new is None or _requested(old) != _requested(new):
            changed = {obj.metadata.uid for obj in (old, new) if obj is not None}
            for uid in changed:
                self._touched(uid, "")
                self._changed_by_person(uid)
            for uid in self.objects.named(key) - changed:
                self._touched(uid, "")
        elif old.status != new.status:
            self._status_changed(new.metadata.uid)

    def _note_foreign(self, old: RolloutObject | None, new: RolloutObject | None) -> None:
        """Keeps what TALM has written of an IBGU, until that one is deleted: a list may show
        another object of its name at once."""
        if old is not None and (new is None or new.metadata.uid != old.metadata.uid):
            self._foreign_statuses.pop(old.metadata.uid, None)
        if new is None or new.kind != names.IBGU:
            return
        if (found := foreign_status(new.metadata)) is not None:
            self._foreign_statuses[new.metadata.uid] = found

    def _with_seen_times(
        self, old: HubObject[ClusterView], new: HubObject[ClusterView]
    ) -> HubObject[ClusterView]:
        now = self._now()
        view = with_seen_times(old.view, new.view, now) if now is not None else new.view
        return new if view is new.view else HubObject(new.metadata, view)

    def _cluster_changed(self, key: Key, old: object, new: object) -> None:
        self._touched("", key[1])

    def _work_changed(
        self, key: Key, old: HubObject[WorkView] | None, new: HubObject[WorkView] | None
    ) -> None:
        found = new or old
        assert found is not None
        rollout = found.metadata.labels.get(names.ROLLOUT, "")
        self._touched(rollout, key[0])

    def _cgu_changed(
        self, key: Key, old: ClusterGroupUpgrade | None, new: ClusterGroupUpgrade | None
    ) -> None:
        found = new or old
        assert found is not None
        for namespaced in _ibgu(found):
            namespace, _, name = namespaced.partition("/")
            owner = self.ibgus.get((namespace, name))
            if owner is not None:
                self._touched(owner.metadata.uid, "")
        for reference in found.metadata.owner_references:
            self._touched(reference.uid, "")

    def _talm_changed(
        self, key: Key, old: HubObject[TalmWork] | None, new: HubObject[TalmWork] | None
    ) -> None:
        """Reports the change to all rollouts that have the cluster, and to the one whose IBGU it
        is."""
        self._touched("", key[0])
        for named in _group(new or old):
            namespace, _, name = named.partition("/")
            cgu = self.cgus.get((namespace, name))
            if cgu is not None:
                self._cgu_changed((namespace, name), None, cgu)


def _deleting(cgus: Iterable[ClusterGroupUpgrade]) -> tuple[DeletedGroup, ...]:
    metas = [cgu.metadata for cgu in cgus if cgu.metadata.deletion_timestamp is not None]
    found = [DeletedGroup(f"{m.namespace}/{m.name}", tuple(m.finalizers)) for m in metas]
    return tuple(sorted(found, key=lambda group: group.name))


def _owners(obj: ClusterGroupUpgrade) -> list[OwnerReference]:
    return obj.metadata.owner_references


def _requested(obj: RolloutObject) -> object:
    """Returns the parts of an IBGU that a person changes; our own status writes don't count."""
    meta = obj.metadata
    return (meta.uid, meta.generation, meta.annotations, meta.labels, meta.deletion_timestamp)


def _misnamed(obj: HubObject[ClusterView]) -> list[str]:
    """Returns the value of the label of names, if it is not the cluster's own."""
    value = obj.view.labels.get(names.NAME_LABEL)
    return [value] if value and value != obj.view.name else []


def _rollout(obj: HubObject[WorkView]) -> list[str]:
    return [obj.metadata.labels.get(names.ROLLOUT, "")]


def _ibgu(obj: ClusterGroupUpgrade) -> list[str]:
    """Returns the IBGU that TALM's label names."""
    name = obj.metadata.labels.get("ibgu")
    return [f"{obj.metadata.namespace}/{name}"] if name else []


def _cluster(obj: HubObject[TalmWork]) -> list[str]:
    return [obj.metadata.namespace]


def _group(obj: HubObject[TalmWork] | None) -> list[str]:
    labels = obj.metadata.labels if obj is not None else {}
    return [f"{labels.get(talm.CGU_NAMESPACE, '')}/{labels.get(talm.CGU, '')}"]
