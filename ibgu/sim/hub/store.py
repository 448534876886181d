"""Objects and their history: one counter of versions for everything, as etcd has it."""

from bisect import bisect_right
from collections.abc import Callable, Iterable
from operator import attrgetter

from msgspec import Struct, json

from ibgu.core.kinds import JsonObject
from ibgu.sim.hub.kinds import Resource
from ibgu.sim.hub.selectors import Match

Key = tuple[str, str]
"""Namespace ("" for cluster-scoped kinds) and name; lists are in this order."""

ADDED, MODIFIED, DELETED = "ADDED", "MODIFIED", "DELETED"


class Change(Struct, frozen=True):
    """One version of the store. `obj` of a deletion is the last state with the new version."""

    version: int
    type: str
    key: Key
    obj: JsonObject
    before: JsonObject | None


Listener = Callable[[Change], None]
_version = attrgetter("version")


class Collection:
    def __init__(self, resource: Resource) -> None:
        self.resource = resource
        self.objects: dict[Key, JsonObject] = {}
        self.log: list[Change] = []
        self.listeners: list[Listener] = []

    def select(self, namespace: str, match: Match) -> list[JsonObject]:
        return [
            obj
            for key, obj in sorted(self.objects.items())
            if (not namespace or key[0] == namespace) and match(labels_of(obj))
        ]


class Backup(Struct, frozen=True):
    """What a snapshot of etcd holds."""

    version: int
    objects: dict[Resource, dict[Key, JsonObject]]


class Versions:
    """Objects are never changed in place: a version that somebody holds stays as it is."""

    def __init__(self, resources: Iterable[Resource]) -> None:
        self.version = 1
        self.oldest = 0
        """Changes up to this version are forgotten."""
        self.collections = {resource: Collection(resource) for resource in resources}

    def get(self, resource: Resource, key: Key) -> JsonObject | None:
        return self.collections[resource].objects.get(key)

    def put(self, resource: Resource, key: Key, obj: JsonObject) -> JsonObject:
        """Store it under the next version, and answer it with that."""
        collection = self.collections[resource]
        before = collection.objects.get(key)
        obj = self._numbered(obj)
        collection.objects[key] = obj
        self._tell(
            collection, Change(self.version, MODIFIED if before else ADDED, key, obj, before)
        )
        return obj

    def remove(self, resource: Resource, key: Key) -> None:
        """Who watches is told of the last state before it."""
        collection = self.collections[resource]
        before = collection.objects.pop(key)
        gone = self._numbered(before)
        self._tell(collection, Change(self.version, DELETED, key, gone, before))

    def _numbered(self, obj: JsonObject) -> JsonObject:
        self.version += 1
        return {**obj, "metadata": {**obj["metadata"], "resourceVersion": str(self.version)}}

    def _tell(self, collection: Collection, change: Change) -> None:
        collection.log.append(change)
        for listener in list(collection.listeners):
            listener(change)

    def back_up(self) -> Backup:
        kept = {resource: dict(each.objects) for resource, each in self.collections.items()}
        return Backup(self.version, kept)

    def restore(self, saved: Backup) -> None:
        """Versions go back with the objects, and will be given out once more."""
        self.version = self.oldest = saved.version
        for resource, collection in self.collections.items():
            collection.objects = dict(saved.objects[resource])
            collection.log.clear()

    def compact(self, until: int | None = None) -> None:
        """Forget history up to this version, as etcd does every few minutes; None: all."""
        self.oldest = self.version if until is None else until
        for collection in self.collections.values():
            first = bisect_right(collection.log, self.oldest, key=_version)
            del collection.log[:first]


def labels_of(obj: JsonObject | None) -> dict[str, str]:
    if obj is None:
        return {}
    return obj["metadata"].get("labels") or {}


def line(type_: str, obj: JsonObject) -> bytes:
    return json.encode({"type": type_, "object": obj})
