"""Describes the make-up of a managed cluster: operators, node, storage, and the objects that show
them.

The objects are made when they are read: a fleet holds one small description for all clusters that
are alike.
"""

from enum import StrEnum
from hashlib import sha256
from uuid import UUID

from msgspec import Struct

from ibgu.core.model.kinds import JsonObject
from ibgu.sim.clock import timestamp
from ibgu.sim.spoke import equipment_objects as made
from ibgu.sim.spoke.objects import IBU, Key


class Dpa(StrEnum):
    """Dpa is the state of the DataProtectionApplication."""

    MISSING = "missing"
    FAILED = "failed"
    RECONCILED = "reconciled"


class Equipment(Struct, frozen=True, kw_only=True):
    """Equipment is what is installed on a cluster, and what its node is like. An operator without
    a release is not installed."""

    lca: str = "4.17.1"
    lca_serves_v1: bool = True
    """Whether the Lifecycle Agent has the API lca.openshift.io/v1: the first 4.15 had v1alpha1."""
    lca_running: bool = True
    oadp: str = "1.4.1"
    dpa: Dpa = Dpa.RECONCILED
    backup_storage_available: bool = True
    lso: str = ""
    lvms: str = "4.17.3"
    topology: str = "SingleReplica"
    partition: bool = True
    """Whether /var/lib/containers has a partition of its own."""
    disk_full: bool = False

    def serves(self, key: Key) -> bool:
        """Returns whether the kind is served, as far as that depends on the equipment."""
        if (key.group, key.kind) == (IBU.group, IBU.kind):
            return bool(self.lca) and self.lca_serves_v1
        return bool(self.oadp) or (key.group, key.kind) not in _OF_OADP

    def unhealthy(self) -> str:
        """Returns what keeps the Lifecycle Agent's health check from passing; empty if nothing
        does."""
        if not self.oadp or self.dpa is Dpa.MISSING:
            return ""
        if self.dpa is Dpa.FAILED:
            return "dataProtectionApplication not reconciled"
        if not self.backup_storage_available:
            return f"backupStorageLocation {made.BSL.name} not available"
        return ""


_OF_OADP = {
    *((key.group, key.kind) for key in (made.DPA, made.BSL)),
    *((made.BSL.group, kind) for kind in ("Backup", "Restore")),
}
SOUND = Equipment()
"""A cluster that lacks nothing."""


class EquipmentObjects:
    """EquipmentObjects makes the objects of one cluster's equipment.

    An object's uid follows from cluster, stateroot and name, and its resourceVersion is that of the
    last change of the equipment: each read of an unchanged object returns an equal one.
    """

    __slots__ = ("_born", "_cluster", "_revision", "equipment", "stateroot")

    def __init__(self, cluster: str, equipment: Equipment, revision: int, now: float) -> None:
        self.equipment = equipment
        self._cluster = cluster
        self._revision = revision
        self._born = now
        self.stateroot = 0
        """The stateroot whose objects are shown: they are alike, with uids of their own."""

    def change(self, equipment: Equipment, revision: int) -> None:
        self.equipment = equipment
        self._revision = revision

    def objects(self) -> list[JsonObject]:
        nodes = [made.node_key(name) for name in self._nodes]
        found = (self.get(key) for key in (*_MAKERS, *nodes))
        return [obj for obj in found if obj is not None]

    def get(self, key: Key) -> JsonObject | None:
        if not self.equipment.serves(key):
            return None
        if key.kind == "Node" and not key.group:
            there = key.name in self._nodes
            found = made.node(key.name, self.equipment.disk_full) if there else None
        else:
            maker = _MAKERS.get(key)
            found = maker(self) if maker is not None else None
        return None if found is None else self._stored(key, found)

    @property
    def _nodes(self) -> list[str]:
        if self.equipment.topology == SOUND.topology:
            return [self._cluster]
        return [f"{self._cluster}-{number}" for number in range(3)]

    def _stored(self, key: Key, content: JsonObject) -> JsonObject:
        """Returns the object with what the API server adds to its metadata."""
        digest = sha256(f"{self._cluster}/{self.stateroot}/{key}".encode()).digest()
        meta = {
            **content["metadata"],
            "uid": str(UUID(bytes=digest[:16], version=4)),
            "resourceVersion": str(self._revision),
            "generation": 1,
            "creationTimestamp": timestamp(self._born),
        }
        return {**content, "metadata": meta}

    # -- the objects -----------------------------------------------------------------------------

    def _agent_deployment(self) -> JsonObject | None:
        equipment = self.equipment
        return (
            made.agent_deployment(equipment.lca, equipment.lca_running) if equipment.lca else None
        )

    def _lca(self) -> JsonObject | None:
        return made.operator(made.LCA_OPERATOR, "lifecycle-agent", self.equipment.lca)

    def _oadp(self) -> JsonObject | None:
        return made.operator(made.OADP_OPERATOR, "oadp-operator", self.equipment.oadp)

    def _lso(self) -> JsonObject | None:
        return made.operator(made.LSO_OPERATOR, "local-storage-operator", self.equipment.lso)

    def _lvms(self) -> JsonObject | None:
        return made.operator(made.LVMS_OPERATOR, "lvms-operator", self.equipment.lvms)

    def _infrastructure(self) -> JsonObject:
        return made.infrastructure(self._cluster, self.equipment.topology)

    def _dpa(self) -> JsonObject | None:
        dpa = self.equipment.dpa
        return None if dpa is Dpa.MISSING else made.dpa(self._cluster, dpa is Dpa.RECONCILED)

    def _bsl(self) -> JsonObject | None:
        """OADP makes the storage location of a DataProtectionApplication that it reconciles."""
        if self.equipment.dpa is not Dpa.RECONCILED:
            return None
        return made.bsl(self._cluster, self.equipment.backup_storage_available)

    def _velero(self) -> JsonObject | None:
        backs_up = self.equipment.oadp and self.equipment.dpa is Dpa.RECONCILED
        return made.velero() if backs_up else None

    def _network(self) -> JsonObject:
        return made.network()

    def _proxy(self) -> JsonObject:
        return made.proxy()

    def _partition(self) -> JsonObject | None:
        return made.partition() if self.equipment.partition else None

    def _etcd(self) -> JsonObject:
        return made.etcd(self._nodes)


_MAKERS = {
    made.LCA_DEPLOYMENT: EquipmentObjects._agent_deployment,
    made.VELERO: EquipmentObjects._velero,
    made.LCA_OPERATOR: EquipmentObjects._lca,
    made.OADP_OPERATOR: EquipmentObjects._oadp,
    made.LSO_OPERATOR: EquipmentObjects._lso,
    made.LVMS_OPERATOR: EquipmentObjects._lvms,
    made.INFRASTRUCTURE: EquipmentObjects._infrastructure,
    made.NETWORK: EquipmentObjects._network,
    made.PROXY: EquipmentObjects._proxy,
    made.DPA: EquipmentObjects._dpa,
    made.BSL: EquipmentObjects._bsl,
    made.PARTITION: EquipmentObjects._partition,
    made.ETCD: EquipmentObjects._etcd,
}
