"""Stores objects and their history: one counter of versions for everything, as in etcd."""

from bisect import bisect_right
from collections.abc import Callable, Iterable
from operator import attrgetter

from msgspec import Struct, json

from ibgu.core.model.kinds import JsonObject
from ibgu.sim.hub.kinds import Resource, ResourcePath
from ibgu.sim.hub.selectors import Match

Key = tuple[str, str]
"""Namespace ("" for cluster-scoped kinds) and name; lists are in this order."""

ADDED, MODIFIED, DELETED = "ADDED", "MODIFIED", "DELETED"


class StoreChange(Struct, frozen=True):
    """StoreChange is one version of the store.

    `raw` is the object as JSON, of a deletion the last state with the new version; a history of
    decoded objects would take five times the memory. `before`: the labels that it had, None if it
    was not there. `left`: where its labels have changed, its state before, under this version.
    """

    version: int
    type: str
    key: Key
    raw: bytes
    labels: dict[str, str]
    before: dict[str, str] | None
    left: bytes = b""


Listener = Callable[[StoreChange], None]
_version = attrgetter("version")


class Collection:
    def __init__(self, resource: Resource) -> None:
        self.resource = resource
        self.objects: dict[Key, JsonObject] = {}
        self.log: list[StoreChange] = []
        self.listeners: list[Listener] = []

    def after(self, version: int) -> int:
        """Returns where in the log the changes after that version begin."""
        return bisect_right(self.log, version, key=_version)

    def select(self, target: ResourcePath, match: Match) -> list[JsonObject]:
        return [
            obj
            for key, obj in sorted(self.objects.items())
            if target.holds(*key) and match(labels_of(obj))
        ]


class HubBackup(Struct, frozen=True):
    """HubBackup is what a snapshot of etcd holds."""

    version: int
    objects: dict[Resource, dict[Key, JsonObject]]


class VersionedStore:
    """VersionedStore never changes objects in place: a version that someone holds stays as it
    is."""

    def __init__(self, resources: Iterable[Resource]) -> None:
        self.version = 1
        self.oldest = 0
        """Changes up to this version are forgotten."""
        self.collections = {resource: Collection(resource) for resource in resources}
        self._last: tuple[JsonObject, bytes] = ({}, b"{}")

    def get(self, resource: Resource, key: Key) -> JsonObject | None:
        return self.collections[resource].objects.get(key)

    def put(self, resource: Resource, key: Key, obj: JsonObject) -> JsonObject:
        """Stores the object under the next version, and returns it with that."""
        collection = self.collections[resource]
        before = collection.objects.get(key)
        obj = self._numbered(obj)
        collection.objects[key] = obj
        raw = json.encode(obj)
        self._last = (obj, raw)
        type_, labels, had = MODIFIED if before else ADDED, labels_of(obj), None
        left = b""
        if before is not None:
            had = labels_of(before)
            left = b"" if had == labels else json.encode(_under(self.version, before))
        self._notify(collection, StoreChange(self.version, type_, key, raw, labels, had, left))
        return obj

    def remove(self, resource: Resource, key: Key) -> None:
        """Removes the object; watches get its last state."""
        collection = self.collections[resource]
        gone = self._numbered(collection.objects.pop(key))
        labels = labels_of(gone)
        raw = json.encode(gone)
        self._notify(collection, StoreChange(self.version, DELETED, key, raw, labels, labels))

    def encoded(self, obj: JsonObject) -> bytes:
        """Returns the object as JSON, which is cached for what was stored last."""
        known, raw = self._last
        return raw if obj is known else json.encode(obj)

    def _numbered(self, obj: JsonObject) -> JsonObject:
        self.version += 1
        return _under(self.version, obj)

    def _notify(self, collection: Collection, change: StoreChange) -> None:
        collection.log.append(change)
        for listener in list(collection.listeners):
            listener(change)

    def back_up(self) -> HubBackup:
        kept = {resource: dict(each.objects) for resource, each in self.collections.items()}
        return HubBackup(self.version, kept)

    def restore(self, saved: HubBackup) -> None:
        """Restores the objects; versions go back too, and are given out once more."""
        self.version = self.oldest = saved.version
        for resource, collection in self.collections.items():
            collection.objects = dict(saved.objects[resource])
            collection.log.clear()

    def compact(self, until: int) -> None:
        """Forgets history up to this version, as etcd does every few minutes."""
        self.oldest = until
        for collection in self.collections.values():
            del collection.log[: collection.after(until)]


def labels_of(obj: JsonObject | None) -> dict[str, str]:
    if obj is None:
        return {}
    return obj["metadata"].get("labels") or {}


def _under(version: int, obj: JsonObject) -> JsonObject:
    return {**obj, "metadata": {**obj["metadata"], "resourceVersion": str(version)}}


def line(type_: str, raw: bytes) -> bytes:
    return b'{"type":"%b","object":%b}' % (type_.encode(), raw)
