"""The hub in memory, and what it shows about one cluster of one rollout."""

from collections.abc import Callable

from ibgu.controller.denials import Denials
from ibgu.core.kinds import ClusterGroupUpgrade, Ibgu, ManagedCluster, ManifestWork
from ibgu.core.model import ClusterView, Observation, Rollout, WorkView
from ibgu.core.observe import proven, view_cluster, view_work
from ibgu.core.recover import Versions, versions_of
from ibgu.core.works import names, payload_name, stage_name
from ibgu.hub.store import Key, Store

WorkKey = tuple[str, str]
"""Namespace (the cluster's name) and name."""


class Mirror:
    """Stores of the four kinds; digests each object once per version.

    `touched(rollout, cluster)` is called for every change that may matter to a rollout;
    a ManagedCluster's change comes with rollout "" and concerns all rollouts that have it.
    `status_changed(rollout)` is called when an IBGU's status is another one, whoever wrote it.
    """

    def __init__(
        self,
        touched: Callable[[str, str], None],
        status_changed: Callable[[str], None] = lambda rollout: None,
    ) -> None:
        self._touched = touched
        self._status_changed = status_changed
        self.went_back = ""
        """What proves that the hub was restored from a backup, seen since this was cleared."""
        self.ibgus: Store[Ibgu] = Store({"uid": _uid}, self._ibgu_changed, self._restored)
        self.clusters: Store[ManagedCluster] = Store({}, self._cluster_changed, self._restored)
        self.works: Store[ManifestWork] = Store(
            {"rollout": _rollout}, self._work_changed, self._restored
        )
        self.cgus: Store[ClusterGroupUpgrade] = Store({"ibgu": _ibgu}, self._cgu_changed)
        self.refusals: dict[WorkKey, str] = {}
        """The hub's words for our newest write of a work, where it refused it for good."""
        self.denials = Denials()
        self._clusters: dict[str, tuple[ManagedCluster, ClusterView]] = {}
        self._works: dict[WorkKey, tuple[ManifestWork, WorkView]] = {}

    def cluster(self, name: str) -> ClusterView | None:
        found = self.clusters.get(("", name))
        if found is None:
            self._clusters.pop(name, None)
            return None
        known = self._clusters.get(name)
        if known is None or known[0] is not found:
            known = self._clusters[name] = (found, view_cluster(found))
        return known[1]

    def work(self, key: WorkKey) -> WorkView | None:
        found = self.works.get(key)
        if found is None:
            self._works.pop(key, None)
            return None
        known = self._works.get(key)
        if known is None or known[0] is not found:
            known = self._works[key] = (found, view_work(found))
        return known[1]

    def ibgu(self, uid: str) -> Ibgu | None:
        found = self.ibgus.by("uid", uid)
        return found[0] if found else None

    def works_of(self, rollout: str) -> list[ManifestWork]:
        """The rollout's stage works."""
        found = self.works.by("rollout", rollout)
        return [work for work in found if work.metadata.labels.get(names.PART) == names.STAGE]

    def versions(self) -> Versions:
        """How far the hub has been seen to get."""
        lists = {"imagebasedgroupupgrades": self.ibgus.seen, "manifestworks": self.works.seen}
        return versions_of(self.ibgus, {**lists, "managedclusters": self.clusters.seen})

    def unfinished_cgus(self, rollout: Rollout) -> bool:
        """ClusterGroupUpgrades that TALM made for this IBGU and has not finished (R20)."""
        owned = self.cgus.by("ibgu", f"{rollout.namespace}/{rollout.name}")
        return any(not _succeeded(cgu) for cgu in owned)

    def observe(
        self, rollout: Rollout, pending: Callable[[WorkKey], bool]
    ) -> Callable[[str], Observation]:
        """The observation of a cluster by its name; `pending`: a write of that work is."""
        stage = stage_name(rollout.uid, rollout.name)
        payload = payload_name(rollout.uid, rollout.name)
        words = self.denials.words
        restore = rollout.restore

        def of(cluster: str) -> Observation:
            return Observation(
                cluster=self.cluster(cluster),
                stage=proven(self.work((cluster, stage)), restore),
                payload=self.work((cluster, payload)),
                writing=pending((cluster, stage)),
                refusal=self.refusals.get((cluster, stage), ""),
                payload_refusal=self.refusals.get((cluster, payload), ""),
                denied=words("work", cluster, stage) or words("work", cluster, payload),
                labels_denied=words("cluster", cluster),
            )

        return of

    def _restored(self, proof: str) -> None:
        self.went_back = self.went_back or proof

    # -- changes ---------------------------------------------------------------------------

    def _ibgu_changed(self, key: Key, old: Ibgu | None, new: Ibgu | None) -> None:
        if old is None or new is None or _wish(old) != _wish(new):
            for uid in {obj.metadata.uid for obj in (old, new) if obj is not None}:
                self._touched(uid, "")
        elif old.status != new.status:
            self._status_changed(new.metadata.uid)

    def _cluster_changed(
        self, key: Key, old: ManagedCluster | None, new: ManagedCluster | None
    ) -> None:
        self._touched("", key[1])

    def _work_changed(self, key: Key, old: ManifestWork | None, new: ManifestWork | None) -> None:
        found = new or old
        assert found is not None
        self._touched(found.metadata.labels.get(names.ROLLOUT, ""), key[0])

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


def _wish(obj: Ibgu) -> object:
    """What of an IBGU a person changes; our own status writes touch nothing."""
    meta = obj.metadata
    return (meta.uid, meta.generation, meta.annotations, meta.deletion_timestamp)


def _uid(obj: Ibgu) -> list[str]:
    return [obj.metadata.uid]


def _rollout(obj: ManifestWork) -> list[str]:
    return [obj.metadata.labels.get(names.ROLLOUT, "")]


def _ibgu(obj: ClusterGroupUpgrade) -> list[str]:
    """TALM labels a ClusterGroupUpgrade with the name of its IBGU (facts: talm.md section 2)."""
    name = obj.metadata.labels.get("ibgu")
    return [f"{obj.metadata.namespace}/{name}"] if name else []


def _succeeded(cgu: ClusterGroupUpgrade) -> bool:
    """`Succeeded` stands, True or False, once TALM is through with it."""
    return any(
        c.type == "Succeeded" and c.status in ("True", "False") for c in cgu.status.conditions
    )
