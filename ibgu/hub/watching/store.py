"""Keeps a typed mirror of one kind on the hub, with indexes."""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from typing import Generic, TypeVar

from ibgu.core.model.kinds import ObjectMeta
from ibgu.hub.decode import HasMetadata

Key = tuple[str, str]
"""Namespace ("" for cluster-scoped kinds) and name."""

T = TypeVar("T", bound=HasMetadata)

Changed = Callable[[Key, T | None, T | None], None]
"""Called with key, old and new object, after the store has changed; None for absent."""

Index = Callable[[T], Iterable[str]]


def key_of(obj: HasMetadata) -> Key:
    return obj.metadata.namespace, obj.metadata.name


def version_of(obj: HasMetadata) -> int:
    """Returns the resourceVersion as a number, which is comparable within one kind; one that is no
    number counts as oldest."""
    return number(obj.metadata.resource_version)


def number(resource_version: str) -> int:
    return int(resource_version) if resource_version.isdecimal() else 0


class Store(Generic[T]):
    """Store is written by a reflector (`listing`, `replace`, `upsert`, `delete`, `echo`,
    `progress`) and with the responses to our own writes (`put_newer`), which are usually ahead of
    the watch.

    Invariant: everything that happened on the hub up to `seen` is in the store, and if a write's
    response was newer, that object is. An object that does not exist here and whose version is not
    beyond `seen` was therefore deleted, and is not put back.
    """

    def __init__(
        self,
        indexes: Mapping[str, Index[T]] | None = None,
        changed: Changed[T] | None = None,
        hub_restored: Callable[[str], None] | None = None,
        updated: Callable[[T, T], T] | None = None,
    ) -> None:
        """`hub_restored` is called with the proof when a list shows an older state of the hub than
        was seen before: it was restored from a backup. `updated` returns the object to keep, from
        the one that is here and the newer one; None: the newer one."""
        self._objects: dict[Key, T] = {}
        self._indexes = dict(indexes or {})
        self._indexed: dict[str, dict[str, dict[Key, None]]] = {name: {} for name in self._indexes}
        self._changed = changed
        self._hub_restored = hub_restored
        self._updated = updated
        # By the version that a response has brought and the watch has not shown yet.
        self._answers: dict[str, Key] = {}
        self._unread: set[Key] = set()
        self.seen = 0

    def __len__(self) -> int:
        return len(self._objects)

    def __iter__(self) -> Iterator[T]:
        return iter(self._objects.values())

    def __contains__(self, key: Key) -> bool:
        return key in self._objects

    def get(self, key: Key) -> T | None:
        return self._objects.get(key)

    def is_unread(self, key: Key) -> bool:
        """Returns whether the object is on the hub, and none of its versions could be decoded: it
        is not known here, and not deleted."""
        return key in self._unread

    @property
    def any_unread(self) -> bool:
        return bool(self._unread)

    def keys(self) -> Collection[Key]:
        return self._objects.keys()

    def keys_by(self, index: str, value: str) -> Collection[Key]:
        """Returns keys of the objects for which the index function yields `value`, oldest entry
        first."""
        return self._indexed[index].get(value, {}).keys()

    def by(self, index: str, value: str) -> list[T]:
        return [self._objects[key] for key in self.keys_by(index, value)]

    def values_of(self, index: str) -> Collection[str]:
        """Returns all values of an index that at least one object has."""
        return self._indexed[index].keys()

    def listing(self) -> None:
        """Marks the start of a list, which contains every write that was answered so far."""
        self._answers.clear()

    def replace(
        self, items: Iterable[T], resource_version: str, *, unread: Collection[Key] = ()
    ) -> None:
        """Replaces the whole content with that of `resource_version`, even if older than the
        present: a hub restored from a backup is the truth about itself.

        Objects of `unread` are on the hub but did not decode: the last good version stays.
        Responses to writes that were made during the list and are newer than it stay too.
        """
        listed = number(resource_version)
        fresh = {key_of(obj): obj for obj in items}
        kept = {key for key in self._answers.values() if self._version(key) > listed}
        proof = self._proof({key: obj for key, obj in fresh.items() if key not in kept}, listed)
        for key in [key for key in self._objects if key not in fresh]:
            if key not in kept and key not in unread:
                self._drop(key)
        for key, obj in fresh.items():
            if key not in kept:
                self._put(key, obj)
        self._unread = set(unread) - self._objects.keys()
        self._answers = {version: key for version, key in self._answers.items() if key in kept}
        self.seen = listed
        if proof and self._hub_restored is not None:
            self._hub_restored(proof)

    def _proof(self, fresh: Mapping[Key, T], listed: int) -> str:
        """Returns the proof of a restore: versions of one kind, and of one object, never go back on
        one hub."""
        if 0 < listed < self.seen:
            return f"a list is of version {listed}, and version {self.seen} was seen before"
        older = (key for key, obj in fresh.items() if _older(obj, self._objects.get(key)))
        if (key := next(older, None)) is None:
            return ""
        now, before = version_of(fresh[key]), self._version(key)
        name = "/".join(filter(None, key))
        return f"{name} is of version {now}, and version {before} of it was seen before"

    def upsert(self, obj: T) -> None:
        """Puts the object as the watch saw it, unless a write's response was newer."""
        key, seen = key_of(obj), version_of(obj)
        self.seen = max(self.seen, seen)
        self._answers.pop(obj.metadata.resource_version, None)
        if seen >= self._version(key):
            self._put(key, obj)

    def delete(self, obj: HasMetadata) -> None:
        """Removes the object, which the watch shows with the version of the deletion. Ignored if a
        write's response is newer: the object was created (or selected) again."""
        key, seen = key_of(obj), version_of(obj)
        self.seen = max(self.seen, seen)
        self._answers.pop(obj.metadata.resource_version, None)
        self._unread.discard(key)
        if key in self._objects and self._version(key) <= seen:
            self._drop(key)

    def answered(self, resource_version: str) -> Key | None:
        """Returns the object whose version a response brought (`put_newer`), if the watch has not
        shown it yet."""
        return self._answers.get(resource_version)

    def echo(self, metadata: ObjectMeta) -> None:
        """Acts like `upsert` of an object that is here in that version, or in a newer one."""
        self.progress(metadata.resource_version)
        self._answers.pop(metadata.resource_version, None)

    def progress(self, resource_version: str) -> None:
        """Records a bookmark: everything up to this version was delivered."""
        self.seen = max(self.seen, number(resource_version))

    def put_newer(self, obj: T) -> bool:
        """Puts the object of a write's response; returns True if it was newer than the present
        one."""
        key, written = key_of(obj), version_of(obj)
        if written <= (self._version(key) if key in self._objects else self.seen):
            return False
        self._answers[obj.metadata.resource_version] = key
        self._put(key, obj)
        return True

    def _version(self, key: Key) -> int:
        obj = self._objects.get(key)
        return version_of(obj) if obj is not None else 0

    def _put(self, key: Key, obj: T) -> None:
        old = self._objects.get(key)
        if old is not None and _same(old, obj):
            return
        if old is not None and self._updated is not None:
            obj = self._updated(old, obj)
        self._unread.discard(key)
        self._objects[key] = obj
        self._reindex(key, old, obj)

    def _drop(self, key: Key) -> None:
        self._reindex(key, self._objects.pop(key), None)

    def _reindex(self, key: Key, old: T | None, new: T | None) -> None:
        for name, index in self._indexes.items():
            before = set(index(old)) if old is not None else set()
            after = set(index(new)) if new is not None else set()
            if before != after:
                _move(self._indexed[name], key, before - after, after - before)
        if self._changed is not None:
            self._changed(key, old, new)


def _older(new: HasMetadata, known: HasMetadata | None) -> bool:
    same = known is not None and known.metadata.uid == new.metadata.uid
    return same and known is not None and 0 < version_of(new) < version_of(known)


def _same(old: HasMetadata, new: HasMetadata) -> bool:
    return (old.metadata.uid, old.metadata.resource_version) == (
        new.metadata.uid,
        new.metadata.resource_version,
    )


def _move(entries: dict[str, dict[Key, None]], key: Key, out: set[str], into: set[str]) -> None:
    for value in out:
        entries[value].pop(key, None)
        if not entries[value]:
            del entries[value]
    for value in into:
        entries.setdefault(value, {})[key] = None
