"""A managed cluster's real API server under the player of the Lifecycle Agent."""

from random import Random

from ibgu.core.model.kinds import JsonObject
from ibgu.hub.paths import JSON_PATCH
from ibgu.sim.lca.record import CLEANUP_DONE
from ibgu.sim.spoke import IBU, Key, Refusal, Spoke, key_of
from tests.neighbours.equipment import collection
from tests.neighbours.server import IBUS, ManagedClusterServer, Stored


class RealSpoke(Spoke):
    """RealSpoke keeps a copy of the one ImageBasedUpgrade, which `observe` brings up to date; every
    write is the real API server's, which has the last word on it."""

    def __init__(self, server: ManagedClusterServer, rng: Random) -> None:
        super().__init__(rng)
        self.server = server
        self._seen = 0
        self._left: Stored = []
        """What the original stateroot had."""
        self.confirmations = 0
        """How often someone has said on the ImageBasedUpgrade that it was cleaned up by hand."""

    # -- reading ---------------------------------------------------------------------------------

    def observe(self, kind: str, obj: JsonObject) -> bool:
        """Takes an event of the watch; returns whether it is news."""
        if int(obj["metadata"]["resourceVersion"]) <= self._seen:
            return False
        if kind == "DELETED":
            self._seen = int(obj["metadata"]["resourceVersion"])
            self.objects.pop(IBU, None)
            self.version += 1
        else:
            self._take(obj)
        return True

    def _take(self, obj: JsonObject) -> JsonObject:
        self._seen = int(obj["metadata"]["resourceVersion"])
        self.confirmations += confirmed(obj) and not confirmed(self.ibu)
        self.objects[IBU] = obj
        self.version += 1
        return obj

    def get(self, key: Key) -> JsonObject | None:
        if key == IBU:
            return self.ibu
        return self.server.api.found(f"{_collection(key)}/{key.name}")

    def named(self, kind: tuple[str, str]) -> list[JsonObject]:
        """Returns the cluster-scoped objects of the group and kind."""
        if kind[1] in self.missing_kinds:
            return []
        return list(self.server.api.request("GET", _collection(Key(*kind, "", "")))["items"])

    # -- writing ---------------------------------------------------------------------------------

    def create(self, manifest: JsonObject, now: float) -> JsonObject:
        key = key_of(manifest)
        made = self.server.api.request("POST", _collection(key), manifest)
        return self._take(made) if key == IBU else made

    def update(self, key: Key, wanted: JsonObject, now: float) -> JsonObject:
        """Writes spec and annotations of the ImageBasedUpgrade, or another object whole. Raises
        Refusal."""
        if key != IBU:
            return self.server.api.request("PUT", f"{_collection(key)}/{key.name}", wanted)
        annotations = wanted["metadata"].get("annotations") or {}
        return self._patch(spec=wanted.get("spec") or {}, metadata__annotations=annotations)

    def write_status(self, key: Key, status: JsonObject, now: float) -> None:
        """Ignores an ImageBasedUpgrade that someone has deleted: the watch tells in a moment."""
        if key != IBU:
            self._write_status(key, status)
            return
        if self.objects[key].get("status") == status:
            return
        try:
            self._patch("/status", status=status)
        except Refusal as refusal:
            if refusal.reason != "NotFound":
                raise

    def _write_status(self, key: Key, status: JsonObject) -> None:
        """Writes whole: a patch would drop the nulls that schemas require. What someone else writes
        at the same time is met by another try."""
        path = f"{_collection(key)}/{key.name}"
        for _ in range(5):
            found = self.server.api.request("GET", path)
            try:
                self.server.api.request("PUT", f"{path}/status", {**found, "status": status})
            except Refusal as refusal:
                if refusal.reason != "Conflict":
                    raise
            else:
                return

    def _patch(self, subresource: str = "", **fields: JsonObject) -> JsonObject:
        operations = [
            {"op": "add", "path": f"/{name.replace('__', '/')}", "value": value}
            for name, value in fields.items()
        ]
        path = f"{IBUS}/{IBU.name}{subresource}"
        return self._take(self.server.api.request("PATCH", path, operations, JSON_PATCH))

    def delete(self, key: Key, now: float) -> None:
        self.server.api.remove(f"{_collection(key)}/{key.name}")
        if self.objects.pop(key, None) is not None:
            self.version += 1

    def restore(self, saved: JsonObject, now: float) -> JsonObject:
        self.delete(IBU, now)
        self.create(_bare(saved), now)
        self.write_status(IBU, saved.get("status") or {}, now)
        return self.objects[IBU]

    # -- stateroots ------------------------------------------------------------------------------

    def leave_stateroot(self, now: float) -> None:
        self.server.agent.kill()
        self._left = self.server.contents()
        self._boot()

    def return_to_stateroot(self, now: float) -> None:
        """Objects are as they were left; only their uids are new, which no etcd would change."""
        self.server.agent.kill()
        self._boot()
        for path, each in self._left:
            if path == IBUS:
                self.restore(each, now)
            else:
                self.server.api.request("POST", path.partition("?")[0], _bare(each))
        self.server.aggregate()

    def _boot(self) -> None:
        self.server.wipe()
        self.objects.clear()
        self.version += 1
        self.boots += 1


def confirmed(ibu: JsonObject | None) -> bool:
    """Whether someone has said, and nobody has heard yet, that it was cleaned up by hand."""
    return CLEANUP_DONE in ((ibu or {}).get("metadata", {}).get("annotations") or {})


def _bare(obj: JsonObject) -> JsonObject:
    """Returns the object as it was created, with what has been written to it since."""
    kept = ("name", "namespace", "labels", "annotations", "finalizers")
    meta = {name: obj["metadata"][name] for name in kept if obj["metadata"].get(name)}
    return {name: value for name, value in obj.items() if name != "status"} | {"metadata": meta}


def _collection(key: Key) -> str:
    return IBUS if key == IBU else collection(key)
