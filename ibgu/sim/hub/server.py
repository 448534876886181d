"""Simulates the API server: requests in, responses out, one at a time."""

from collections.abc import Callable, Iterable, Mapping
from random import Random
from typing import Any
from weakref import WeakSet

from msgspec import DecodeError, Struct, json

from ibgu.core.model.kinds import JsonObject
from ibgu.hub import paths
from ibgu.sim.hub import documents, selectors
from ibgu.sim.hub.answers import (
    STALE,
    RefusedRequest,
    already_exists,
    bad_request,
    conflict,
    details,
    not_allowed,
    not_found,
    not_served,
    other_uid,
    unfit,
)
from ibgu.sim.hub.kinds import Resource, ResourcePath, resources, served, target_of
from ibgu.sim.hub.lists import Lists
from ibgu.sim.hub.merge import DoesNotFit, merged, patched
from ibgu.sim.hub.objects import changed, created, leaving, managed
from ibgu.sim.hub.store import HubBackup, Key, VersionedStore
from ibgu.sim.hub.watch import Watch

_REVIEWS = (paths.SELF_SUBJECT_ACCESS_REVIEWS, paths.SUBJECT_ACCESS_REVIEWS)
"""Reviews, which this hub always allows."""


class ServedRequest(Struct, frozen=True):
    method: str
    path: str
    query: Mapping[str, str] = {}
    body: bytes | None = None
    content_type: str = paths.JSON
    who: str = "ibgu"
    """The User-Agent: the field manager is what comes before the slash."""


class MemoryHub:
    """MemoryHub serves requests from memory.

    `now`: seconds since the epoch. Everything that is drawn comes from `seed`. `more`: kinds that
    it serves besides those that ibgu needs. `listed`, `watched`: see `resources`. `audit` is called
    after every write that changed something, with the request and the object before and after it.
    """

    def __init__(
        self,
        *,
        now: Callable[[], float],
        seed: int = 0,
        url: str = "memory://hub",
        more: Iterable[Resource] = (),
        listed: bool = True,
        watched: bool = True,
    ) -> None:
        self.now = now
        self.url = url
        self.resources = (*resources(listed=listed, watched=watched), *more)
        self._served = served(self.resources)
        self._namespaces = next(r for r in self.resources if r.kind == "Namespace")
        self.versions = VersionedStore(self.resources)
        self.audit: Callable[[ServedRequest, JsonObject | None, JsonObject | None], None] = _unread
        self._rng = Random(f"{seed}/hub")
        self._lists = Lists(self.versions)
        self._watches: WeakSet[Watch] = WeakSet()
        for name in ("kube-system", "default", "ibgu-system"):
            self.handle(_namespace(name))

    def compact(self, until: int | None = None) -> None:
        """Forgets history up to that version, None: all; what continues from there gets a 410."""
        forgotten = self.versions.version if until is None else until
        self.versions.compact(forgotten)
        self._lists.forget(forgotten)

    def back_up(self) -> HubBackup:
        return self.versions.back_up()

    def restore(self, saved: HubBackup) -> None:
        """Restores etcd from a snapshot: the server starts again, every connection breaks."""
        self._lists.forget(self.versions.version)
        self.versions.restore(saved)
        for watch in list(self._watches):
            watch.break_off()

    # -- one request -----------------------------------------------------------------------------

    def handle(self, asked: ServedRequest) -> bytes:
        """Returns the body of the response. Raises RefusedRequest."""
        document = documents.of(asked.path, self.resources)
        if document is not None:
            return json.encode(document)
        if asked.path in _REVIEWS:
            return json.encode({**_decoded(asked), "status": {"allowed": True}})
        target = target_of(asked.path, self._served)
        if target is None:
            raise not_served()
        return self.versions.encoded(self._answer(asked, target))

    def watch(self, path: str, query: Mapping[str, str]) -> Watch:
        target = target_of(path, self._served)
        if target is None:
            raise not_served()
        match = selectors.parse(query.get("labelSelector", ""))
        watch = Watch(self.versions, selectors.narrowed(target, query), match)
        self._watches.add(watch)
        initial = query.get("sendInitialEvents") == "true"
        if initial and query.get("resourceVersionMatch") != "NotOlderThan":
            words = "sendInitialEvents requires setting resourceVersionMatch to NotOlderThan"
            raise RefusedRequest(422, "Invalid", f"resourceVersionMatch: Forbidden: {words}")
        watch.begin(query.get("resourceVersion", ""), initial=initial)
        return watch

    def _answer(self, asked: ServedRequest, target: ResourcePath) -> JsonObject:
        match asked.method, bool(target.name):
            case "GET", True:
                return self._found(target)
            case "GET", False:
                return self._lists.page(selectors.narrowed(target, asked.query), asked.query)
            case "POST", False:
                return self._create(asked, target)
            case "PATCH", True:
                return self._patch(asked, target)
            case "PUT", True:
                return self._put(asked, target)
            case "DELETE", True:
                return self._delete(asked, target)
        raise not_allowed()

    def _found(self, target: ResourcePath) -> JsonObject:
        found = self.versions.get(target.resource, key_of(target))
        if found is None:
            raise not_found(target.resource, target.name)
        return found

    # -- writes ----------------------------------------------------------------------------------

    def _create(self, asked: ServedRequest, target: ResourcePath) -> JsonObject:
        body = _decoded(asked)
        self._check_namespace(target, body)
        obj = created(target, body, self._rng, self.now())
        name = obj["metadata"]["name"]
        key = (target.namespace, name)
        if (found := self.versions.get(target.resource, key)) is not None:
            leaving_ = "deletionTimestamp" in found["metadata"]
            raise already_exists(target.resource, name, leaving=leaving_)
        return self._store(asked, target, key, obj)

    def _check_namespace(self, target: ResourcePath, body: JsonObject) -> None:
        if not target.resource.namespaced:
            return
        given = (body.get("metadata") or {}).get("namespace", target.namespace)
        if given != target.namespace:
            words = "the namespace of the provided object does not match the namespace sent on the"
            raise bad_request(f"{words} request")
        if self.versions.get(self._namespaces, ("", target.namespace)) is None:
            raise not_found(self._namespaces, target.namespace)

    def _patch(self, asked: ServedRequest, target: ResourcePath) -> JsonObject:
        change = _PATCHES.get(asked.content_type)
        if change is None:
            raise not_allowed()
        old = self._found(target)
        try:
            new = change(old, _decoded(asked))
        except DoesNotFit:
            raise unfit() from None
        return self._replace(asked, target, old, new)

    def _put(self, asked: ServedRequest, target: ResourcePath) -> JsonObject:
        if target.subresource == "finalize":
            return self._finalize(asked, target)
        old, new = self._found(target), _decoded(asked)
        if not new["metadata"].get("resourceVersion"):
            words = "metadata.resourceVersion: Invalid value: 0: must be specified for an update"
            name = target.resource.qualified
            raise RefusedRequest(422, "Invalid", f'{name} "{target.name}" is invalid: {words}')
        return self._replace(asked, target, old, new)

    def _replace(
        self, asked: ServedRequest, target: ResourcePath, old: JsonObject, new: JsonObject
    ) -> JsonObject:
        if new["metadata"]["resourceVersion"] != old["metadata"]["resourceVersion"]:
            raise conflict(target.resource, target.name, STALE)
        if new["metadata"].get("name") != target.name and not target.subresource:
            given = new["metadata"].get("name")
            words = f"the name of the object ({given}) does not match the name on the URL"
            raise bad_request(f"{words} ({target.name})")
        obj = changed(target, old, new)
        if obj == old:
            return old
        if obj["metadata"].get("deletionTimestamp") and not obj["metadata"].get("finalizers"):
            self.versions.remove(target.resource, key_of(target))
            self.audit(asked, old, None)
            return obj
        return self._store(asked, target, key_of(target), obj)

    def _store(
        self, asked: ServedRequest, target: ResourcePath, key: Key, obj: JsonObject
    ) -> JsonObject:
        before = self.versions.get(target.resource, key)
        # The real server records managers only where there are some already.
        if before is None or "managedFields" in obj["metadata"]:
            obj = managed(obj, asked.who, target.subresource, self.now())
        stored = self.versions.put(target.resource, key, obj)
        self.audit(asked, before, stored)
        return stored

    def _delete(self, asked: ServedRequest, target: ResourcePath) -> JsonObject:
        old = self._found(target)
        wanted = (_decoded(asked) if asked.body else {}).get("preconditions") or {}
        uid = old["metadata"]["uid"]
        if wanted.get("uid", uid) != uid:
            raise other_uid(target, wanted["uid"], uid)
        if old["metadata"].get("deletionTimestamp"):
            return old
        if old["metadata"].get("finalizers"):
            obj = leaving(target.resource, old, self.now())
            stored = self.versions.put(target.resource, key_of(target), obj)
            self.audit(asked, old, stored)
            return stored
        self.versions.remove(target.resource, key_of(target))
        self.audit(asked, old, None)
        return _success(target, uid)

    def _finalize(self, asked: ServedRequest, target: ResourcePath) -> JsonObject:
        """Finalizes a namespace: there is no controller that would empty it first."""
        old = self._found(target)
        self.versions.remove(target.resource, key_of(target))
        self.audit(asked, old, None)
        return old


_PATCHES = {paths.MERGE_PATCH: merged, paths.JSON_PATCH: patched}


def key_of(target: ResourcePath) -> Key:
    return (target.namespace, target.name)


def _decoded(asked: ServedRequest) -> Any:
    try:
        return json.decode(asked.body or b"{}")
    except DecodeError as error:
        raise bad_request(f"error decoding patch: {error}") from error


def _success(target: ResourcePath, uid: str) -> JsonObject:
    about = {**details(target.resource, target.name), "uid": uid}
    status: JsonObject = {"kind": "Status", "apiVersion": "v1", "metadata": {}}
    return status | {"status": "Success", "details": about}


def _namespace(name: str) -> ServedRequest:
    body = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}
    return ServedRequest("POST", "/api/v1/namespaces", body=json.encode(body))


def _unread(asked: ServedRequest, before: JsonObject | None, after: JsonObject | None) -> None:
    return
