"""Stores the objects of one managed cluster and applies the rules of its API server."""

from random import Random
from typing import NamedTuple
from uuid import UUID

from ibgu.core.model.kinds import JsonObject
from ibgu.sim.clock import timestamp
from ibgu.sim.spoke import refusal
from ibgu.sim.spoke.admission import admit, check_schema
from ibgu.sim.spoke.equipment import SOUND, Equipment, EquipmentObjects
from ibgu.sim.spoke.objects import IBU, Key, key_of
from ibgu.sim.spoke.openshift import check_openshift
from ibgu.sim.spoke.rbac import Aggregation
from ibgu.sim.spoke.size import check_size

Fields = dict[str, frozenset[str]]
"""Field path -> the managers that own it."""


class _Stateroot(NamedTuple):
    """_Stateroot is what the etcd of one stateroot holds."""

    objects: dict[Key, JsonObject]
    owners: dict[Key, frozenset[str]]
    managers: dict[Key, Fields]
    deleted: frozenset[Key]
    """Objects of the equipment that somebody has deleted."""
    number: int


class Spoke:
    """Spoke replaces objects and never changes them in place, so a shallow copy is a snapshot.
    `version` changes with every write; comparing it is a cheap check for changes.

    `objects` holds what somebody has written. The objects of the cluster's equipment are made when
    they are read, until somebody writes or deletes them.
    """

    def __init__(self, rng: Random) -> None:
        self._rng = rng
        self._revision = 1000
        self._saved: _Stateroot | None = None
        self._equipped: EquipmentObjects | None = None
        self._deleted: frozenset[Key] = frozenset()
        self._stateroots = 0
        self.objects: dict[Key, JsonObject] = {}
        self.owners: dict[Key, frozenset[str]] = {}
        self.managers: dict[Key, Fields] = {}
        self.missing_kinds: set[str] = set()
        self.missing_namespaces: set[str] = set()
        self.rights = Aggregation()
        self.version = 0
        self.boots = 0
        """Number of boots into another stateroot."""
        self.connected = True
        """Whether the klusterlet reaches the hub."""

    # -- reading ---------------------------------------------------------------------------------

    def get(self, key: Key) -> JsonObject | None:
        found = self.objects.get(key)
        if found is not None or self._equipped is None or key in self._deleted:
            return found
        return self._equipped.get(key)

    def named(self, kind: tuple[str, str]) -> list[JsonObject]:
        """Returns the cluster-scoped objects of the group and kind that somebody has written."""
        return [obj for key, obj in self.objects.items() if (key.group, key.kind) == kind]

    @property
    def ibu(self) -> JsonObject | None:
        return self.objects.get(IBU)

    def serves(self, key: Key) -> bool:
        return key.kind not in self.missing_kinds and self.equipment.serves(key)

    @property
    def equipment(self) -> Equipment:
        """Returns what is installed on the cluster."""
        return SOUND if self._equipped is None else self._equipped.equipment

    def equipment_objects(self) -> list[JsonObject]:
        """Returns the objects that show the equipment, as they are before anybody writes them."""
        return [] if self._equipped is None else self._equipped.objects()

    def may(self, verb: str, key: Key, now: float) -> None:
        """Raises Refusal unless the work agent has that right."""
        self.settle(now)
        if not self.rights.allows(key, verb):
            raise refusal.forbidden(key, verb)

    def may_watch(self, key: Key) -> bool:
        """Returns whether the work agent may watch all objects of the kind: it watches no single
        one."""
        every = key._replace(name="*")
        return all(self.rights.allows(every, verb) for verb in ("list", "watch"))

    def settle(self, now: float) -> None:
        """Lets a pending role aggregation take effect."""
        if self.rights.settle(now):
            self.version += 1

    # -- equipment -------------------------------------------------------------------------------

    def equip(self, cluster: str, equipment: Equipment, now: float) -> None:
        """Gives a new cluster its equipment."""
        self._equipped = EquipmentObjects(cluster, equipment, self._revision, now)

    def change_equipment(self, equipment: Equipment) -> None:
        """Changes what is installed, and the objects that show it: new versions of all of them."""
        if self._equipped is not None and equipment != self._equipped.equipment:
            self._revision += 1
            self._equipped.change(equipment, self._revision)
            self.version += 1

    # -- writing ---------------------------------------------------------------------------------

    def create(self, manifest: JsonObject, now: float) -> JsonObject:
        key = key_of(manifest)
        self._check(key, manifest)
        meta = dict(manifest.get("metadata") or {})
        meta |= {"uid": self._uid(), "creationTimestamp": timestamp(now), "generation": 1}
        return self._put(key, {**manifest, "metadata": meta}, now)

    def update(self, key: Key, wanted: JsonObject, now: float) -> JsonObject:
        """Writes metadata and spec; an equal object is not written. Raises Refusal."""
        old = self.get(key)
        if old is None:
            raise refusal.not_found(key)
        if wanted == old:
            return old
        self._check(key, wanted)
        if key == IBU and (errors := admit(old, wanted)):
            raise refusal.invalid(key, errors)
        if _content(wanted) == _content(old):
            return self._put(key, wanted, now)
        meta = wanted["metadata"]
        bumped = {**meta, "generation": int(meta.get("generation", 0)) + 1}
        return self._put(key, {**wanted, "metadata": bumped}, now)

    def write_status(self, key: Key, status: JsonObject, now: float) -> None:
        """Writes the status of an object. Raises KeyError if there is none."""
        old = self.get(key)
        if old is None:
            raise KeyError(key)
        if old.get("status") != status:
            self._put(key, {**old, "status": status}, now)

    def delete(self, key: Key, now: float) -> None:
        if self.get(key) is None:
            return
        self.objects.pop(key, None)
        if self._equipped is not None and self._equipped.get(key) is not None:
            self._deleted |= {key}
        self.owners.pop(key, None)
        self.managers.pop(key, None)
        self._changed(key, now)

    def restore(self, saved: JsonObject, now: float) -> JsonObject:
        """Brings a saved object back as a new one: new uid, generation 1, its status kept.

        Raises Refusal where its kind is no longer served.
        """
        key = key_of(saved)
        if not self.serves(key):
            raise refusal.unknown_kind(key)
        meta = {**saved["metadata"], "uid": self._uid(), "generation": 1}
        meta["creationTimestamp"] = timestamp(now)
        return self._put(key, {**saved, "metadata": meta}, now)

    # -- stateroots ------------------------------------------------------------------------------

    def leave_stateroot(self, now: float) -> None:
        """Boots into a new stateroot: its etcd has no objects of works, the old one is kept aside.
        The seed brings the same equipment, in objects of its own."""
        self._saved = self._stateroot()
        self._stateroots += 1
        self._swap(_Stateroot({}, {}, {}, frozenset(), self._stateroots), now)

    def return_to_stateroot(self, now: float) -> None:
        """Boots back into the original stateroot, with everything as it was left."""
        self._swap(self._saved or self._stateroot(), now)

    def _stateroot(self) -> _Stateroot:
        number = 0 if self._equipped is None else self._equipped.stateroot
        etcd = (dict(self.objects), dict(self.owners), dict(self.managers))
        return _Stateroot(*etcd, self._deleted, number)

    def _swap(self, to: _Stateroot, now: float) -> None:
        self.objects, self.owners = dict(to.objects), dict(to.owners)
        self.managers = dict(to.managers)
        self._deleted = to.deleted
        if self._equipped is not None:
            self._equipped.stateroot = to.number
        self.version += 1
        self.boots += 1
        self.rights.reset()
        self._roles_changed(now)

    # -- inside ----------------------------------------------------------------------------------

    def _check(self, key: Key, manifest: JsonObject) -> None:
        if not self.serves(key):
            raise refusal.unknown_kind(key)
        if key.namespace and key.namespace in self.missing_namespaces:
            raise refusal.namespace_missing(key)
        if errors := check_size(manifest):
            raise refusal.invalid(key, errors)
        if key.kind == IBU.kind and (errors := check_schema(manifest)):
            raise refusal.invalid(key, errors)
        if errors := check_openshift(key, manifest):
            raise refusal.invalid(key, errors)

    def _put(self, key: Key, obj: JsonObject, now: float) -> JsonObject:
        self._revision += 1
        meta = {**obj["metadata"], "resourceVersion": str(self._revision)}
        stored = {**obj, "metadata": meta}
        self.objects[key] = stored
        self._changed(key, now)
        return stored

    def _changed(self, key: Key, now: float) -> None:
        self.version += 1
        if key.kind == "ClusterRole":
            self._roles_changed(now)

    def _roles_changed(self, now: float) -> None:
        roles = [obj for key, obj in self.objects.items() if key.kind == "ClusterRole"]
        self.rights.roles_changed(roles, now)

    def _uid(self) -> str:
        return str(UUID(int=self._rng.getrandbits(128), version=4))


def _content(obj: JsonObject) -> JsonObject:
    return {name: value for name, value in obj.items() if name not in ("metadata", "status")}
