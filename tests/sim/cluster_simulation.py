"""One simulated cluster on a small hub in memory and in virtual time."""

from collections.abc import Callable
from typing import Any

import msgspec

from ibgu.core.model.kinds import JsonObject
from ibgu.sim.clock import timestamp
from ibgu.sim.cluster import SimulatedCluster
from ibgu.sim.durations import PhaseDurations
from ibgu.sim.faults import parse_fault
from ibgu.sim.lca.machine import Lca
from ibgu.sim.registration import managed_cluster
from ibgu.sim.spec import FleetSpec
from ibgu.sim.wire import FullWork, Patch

START = 1_800_000_000.0
ROUND_TRIP = 0.005

ROLE: JsonObject = {
    "apiVersion": "rbac.authorization.k8s.io/v1",
    "kind": "ClusterRole",
    "metadata": {
        "name": "open-cluster-management:klusterlet-work:ibu-role",
        "labels": {"open-cluster-management.io/aggregate-to-work": "true"},
    },
    "rules": [
        {
            "apiGroups": ["lca.openshift.io"],
            "resources": ["imagebasedupgrades"],
            "verbs": ["get", "list", "watch", "create", "update", "patch", "delete"],
        }
    ],
}
SEED = {"image": "quay.io/seed/image:4.16.5", "version": "4.16.5"}

PATHS = {
    "stage": ".spec.stage",
    "generation": ".metadata.generation",
    "observed": ".status.observedGeneration",
    "uid": ".metadata.uid",
    "run": r".metadata.annotations.ibgu\.dev/run",
    "expires": ".status.rollbackAvailabilityExpiration",
} | {
    f"{kind}{part.capitalize()}": f'.status.conditions[?(@.type=="{kind}")].{part}'
    for kind in (
        "Idle",
        "PrepInProgress",
        "PrepCompleted",
        "UpgradeInProgress",
        "UpgradeCompleted",
        "RollbackInProgress",
        "RollbackCompleted",
    )
    for part in ("status", "reason", "message")
}


def ibu(stage: str | None, run: str = "", **spec: object) -> JsonObject:
    meta: JsonObject = {"name": "upgrade"}
    if run:
        meta["annotations"] = {"ibgu.dev/run": run}
    content: JsonObject = {"seedImageRef": SEED, **spec}
    if stage is not None:
        content["stage"] = stage
    return {
        "apiVersion": "lca.openshift.io/v1",
        "kind": "ImageBasedUpgrade",
        "metadata": meta,
        "spec": content,
    }


def config(strategy: JsonObject, watch: bool = True, paths: dict[str, str] | None = None) -> Any:
    rules = [{"name": name, "path": path} for name, path in (paths or PATHS).items()]
    return {
        "resourceIdentifier": {
            "group": "lca.openshift.io",
            "resource": "imagebasedupgrades",
            "name": "upgrade",
        },
        "feedbackRules": [{"type": "JSONPaths", "jsonPaths": rules}],
        "updateStrategy": strategy,
        "feedbackScrapeType": "Watch" if watch else "Poll",
    }


def stage_work(
    stage: str,
    run: str = "",
    *,
    strategy: JsonObject | None = None,
    watch: bool = True,
    role: bool = True,
    paths: dict[str, str] | None = None,
    orphan: bool = True,
    **spec: object,
) -> JsonObject:
    """The spec of a work that sets a stage."""
    manifest = ibu(stage, run, **spec)
    manifests = [ROLE, manifest] if role else [manifest]
    return {
        "workload": {"manifests": manifests},
        "deleteOption": {"propagationPolicy": "Orphan" if orphan else "Foreground"},
        "manifestConfigs": [config(strategy or {"type": "Update"}, watch, paths)],
    }


class ClusterSimulation:
    """The hub's store of works, and a clock that jumps from one event to the next."""

    def __init__(self, *faults: str, name: str = "spoke1", **spec: Any) -> None:
        durations = PhaseDurations.parse(spec.pop("durations", "60s"))
        rules = tuple(parse_fault(text) for text in faults)
        self.spec = FleetSpec(count=0, names=(name,), durations=durations, faults=rules, **spec)
        given = self.spec.faults_by_cluster()[name]
        self.now = START
        self.cluster = SimulatedCluster(name, self.spec, given, self.now)
        self.cluster.registration.joined("mc-1")
        self.mc = managed_cluster(name, self.spec.version, {})
        self.works: dict[str, JsonObject] = {}
        self.patches: list[tuple[float, Patch]] = []
        self.history: list[tuple[float, JsonObject]] = []
        self.lose: Callable[[Patch], bool] = lambda _: False
        self.revision = 0

    @property
    def lca(self) -> Lca:
        assert isinstance(self.cluster.lca, Lca)
        return self.cluster.lca

    # -- the controller's hand -------------------------------------------------------------------

    def put(self, spec: JsonObject, name: str = "work", **meta: Any) -> JsonObject:
        """Creates the work, or replaces its spec."""
        old = self.works.get(name)
        if old is None:
            made = {"name": name, "namespace": self.cluster.name, "uid": f"{name}-uid"}
            return self._store(name, {"metadata": made | {"generation": 1} | meta, "spec": spec})
        bumped = old["metadata"]["generation"] + (spec != old["spec"])
        meta = {**old["metadata"], "generation": bumped, **meta}
        return self._store(name, {**old, "metadata": meta, "spec": spec})

    def touch(self, name: str = "work", **annotations: str) -> None:
        old = self.works[name]
        self._store(name, {**old, "metadata": {**old["metadata"], "annotations": annotations}})

    def remove(self, name: str = "work") -> None:
        old = self.works[name]
        if not old["metadata"].get("finalizers"):
            self._drop(name)
            return
        bumped = old["metadata"]["generation"] + 1
        meta = {**old["metadata"], "deletionTimestamp": timestamp(self.now), "generation": bumped}
        self._store(name, {**old, "metadata": meta})

    # -- time ------------------------------------------------------------------------------------

    def run(self, seconds: float) -> None:
        """Lets so much time pass."""
        self.until(lambda: False, seconds)

    def until(self, done: Callable[[], bool], seconds: float = 7200.0) -> bool:
        """True as soon as `done`; False when the time is over."""
        end = self.now + seconds
        while True:
            for patch in self.cluster.advance(self.now):
                self._answer(patch)
            if done():
                return True
            following = max(self.cluster.next_at, self.now)
            if following > end:
                self.now = end
                return False
            self.now = following

    def _answer(self, patch: Patch) -> None:
        self.now += ROUND_TRIP
        self.patches.append((self.now, patch))
        if not patch.name:
            self._patch_cluster(patch)
            return
        if self.lose(patch) or patch.name not in self.works:
            self.cluster.agent.refused(patch.name, self.now)
            return
        old = self.works[patch.name]
        meta = patch.body["metadata"]
        assert meta["uid"] == old["metadata"]["uid"]
        if meta["resourceVersion"] != old["metadata"]["resourceVersion"]:
            self._conflict(patch.name)
            return
        self._accept(patch, old)

    def _accept(self, patch: Patch, old: JsonObject) -> None:
        if patch.subresource == "status":
            new = self._store(patch.name, {**old, "status": patch.body["status"]})
        else:
            finalizers = patch.body["metadata"]["finalizers"]
            meta = {**old["metadata"], "finalizers": finalizers}
            new = self._store(patch.name, {**old, "metadata": meta})
            if meta.get("deletionTimestamp") and not finalizers:
                self._drop(patch.name)
                return
        self.cluster.observe(msgspec.convert(new, FullWork), self.now, answer=True)

    def _conflict(self, name: str) -> None:
        fresh = msgspec.convert(self.works[name], FullWork)
        self.cluster.observe(fresh, self.now, answer=True)
        self.cluster.agent.refused(name, self.now)

    def _patch_cluster(self, patch: Patch) -> None:
        for part in ("status", "spec"):
            self.mc[part] = {**self.mc.get(part, {}), **patch.body.get(part, {})}
        labels = patch.body["metadata"].get("labels", {})
        self.mc["metadata"] = {
            **self.mc["metadata"],
            "labels": {**self.mc["metadata"]["labels"], **labels},
        }
        self.cluster.registration.answered(patch, accepted=True)

    def _store(self, name: str, work: JsonObject) -> JsonObject:
        self.revision += 1
        meta = {**work["metadata"], "resourceVersion": str(self.revision)}
        stored = {**work, "metadata": meta}
        self.works[name] = stored
        self.history.append((self.now, stored))
        self.cluster.observe(msgspec.convert(stored, FullWork), self.now)
        return stored

    def _drop(self, name: str) -> None:
        gone = self.works.pop(name)
        self.cluster.forget(name, gone["metadata"]["uid"])

    # -- what the hub sees -----------------------------------------------------------------------

    def condition(self, kind: str, name: str = "work") -> JsonObject:
        return _named(self.works[name].get("status", {}).get("conditions", []), kind)

    def manifest(self, kind: str = "ImageBasedUpgrade", name: str = "work") -> JsonObject:
        manifests = self.works[name].get("status", {}).get("resourceStatus", {})
        for manifest in manifests.get("manifests", []):
            if manifest["resourceMeta"]["kind"] == kind:
                return dict(manifest)
        return {}

    def of_manifest(self, condition: str, kind: str = "ImageBasedUpgrade") -> JsonObject:
        return _named(self.manifest(kind).get("conditions", []), condition)

    @property
    def fed(self) -> dict[str, Any]:
        """The fed-back values by name."""
        return feedback_of(self.manifest())

    @property
    def applied(self) -> bool:
        """The work's current generation is applied."""
        applied = self.condition("Applied")
        generation = self.works["work"]["metadata"]["generation"]
        return bool(
            applied.get("status") == "True" and applied.get("observedGeneration") == generation
        )

    # -- what is so on the cluster ---------------------------------------------------------------

    @property
    def ibu(self) -> JsonObject:
        found = self.cluster.spoke.ibu
        assert found is not None
        return found

    @property
    def conditions(self) -> list[tuple[str, str, str]]:
        """Type, status and reason, in their order."""
        conditions = self.ibu["status"]["conditions"]
        return [(c["type"], c["status"], c["reason"]) for c in conditions]

    def text(self, kind: str) -> str:
        return str(_named(self.ibu["status"]["conditions"], kind).get("message", ""))

    @property
    def outcome(self) -> str:
        run = self.cluster.timeline.runs[-1]
        return f"{run.stage} {run.outcome}".strip()

    def finished(self, stage: str) -> bool:
        """The stage has run and ended."""
        runs = self.cluster.timeline.runs
        return bool(runs) and runs[-1].stage == stage and runs[-1].ended is not None

    def go(self, stage: str, run: str = "", seconds: float = 7200.0, **spec: object) -> bool:
        """Asks for a stage by hand and waits for its end."""
        before = len(self.cluster.timeline.runs)
        self.cluster.edit_ibu(self.now, stage=stage)
        runs = self.cluster.timeline.runs
        return self.until(
            lambda: len(runs) > before and runs[-1].ended is not None, seconds=seconds
        )


def feedback_of(manifest: JsonObject) -> dict[str, Any]:
    values = manifest.get("statusFeedback", {}).get("values", [])
    return {
        value["name"]: next(v for k, v in value["fieldValue"].items() if k != "type")
        for value in values
    }


def _named(conditions: list[JsonObject], kind: str) -> JsonObject:
    return next((c for c in conditions if c["type"] == kind), {})
