"""A ManifestWork and its cluster, field by field, without what can't be equal."""

from collections.abc import Iterator
from typing import Any

from msgspec import Struct, field

from ibgu.core.model.kinds import JsonObject
from ibgu.sim.agent.strategies import HASH
from ibgu.sim.cluster import SimulatedCluster
from ibgu.sim.spoke import Key

Fields = dict[str, object]
GONE: Fields = {"work": "gone"}
UID = "ImageBasedUpgrade/upgrade: feedback.uid"
_CONDITION = ("status", "reason", "message", "observedGeneration")
_WATCHED = (
    Key(
        "rbac.authorization.k8s.io",
        "ClusterRole",
        "",
        "open-cluster-management:klusterlet-work:ibu-role",
    ),
    Key("", "ConfigMap", "openshift-adp", "oadp-cm"),
    Key("", "ConfigMap", "openshift-lifecycle-agent", "extra"),
)


class Trace(Struct):
    """Every state that a work has shown, by the step of the scene in which it came. Times are left
    out, and a uid is the number of its first appearance."""

    steps: list[list[Fields]] = field(default_factory=list)
    ends: list[Fields] = field(default_factory=list)
    """What the hub and the cluster show at the end of each step."""
    last: Fields = {}
    uids: dict[str, str] = field(default_factory=dict)

    def begin(self) -> None:
        self.steps.append([])

    def add(self, work: JsonObject | None) -> None:
        shown = GONE if work is None else dict(_work(work))
        if (uid := shown.get(UID)) is not None:
            shown[UID] = self.uids.setdefault(str(uid), f"uid {len(self.uids) + 1}")
        if shown != self.last:
            self.steps[-1].append(shown)
            self.last = shown

    def end(self, cluster: Fields) -> None:
        """Ends the step; `cluster`: what the cluster itself shows."""
        self.ends.append(self.last | cluster)


def _work(work: JsonObject) -> Iterator[tuple[str, object]]:
    yield "generation", work["metadata"].get("generation")
    yield "finalizers", tuple(work["metadata"].get("finalizers") or ())
    yield "deleting", "deletionTimestamp" in work["metadata"]
    status = work.get("status") or {}
    yield from _conditions("", status.get("conditions") or [])
    for manifest in (status.get("resourceStatus") or {}).get("manifests") or []:
        meta = manifest["resourceMeta"]
        name = f"{meta.get('kind', '')}/{meta.get('name', '')}: "
        for part in ("ordinal", "group", "version", "resource", "namespace"):
            yield f"{name}{part}", meta.get(part, "")
        yield from _conditions(name, manifest.get("conditions") or [])
        yield from _feedback(name, manifest.get("statusFeedback") or {})


def _conditions(name: str, conditions: list[JsonObject]) -> Iterator[tuple[str, object]]:
    yield f"{name}conditions", tuple(sorted(condition["type"] for condition in conditions))
    for condition in conditions:
        for part in _CONDITION:
            yield f"{name}{condition['type']}.{part}", condition.get(part, "")


def _feedback(name: str, feedback: JsonObject) -> Iterator[tuple[str, object]]:
    values = feedback.get("values") or []
    yield f"{name}values", tuple(value["name"] for value in values)
    for value in values:
        told = dict(value["fieldValue"])
        if value["name"] == "expires":
            told["string"] = "a time"
        content = next((v for k, v in told.items() if k != "type"), None)
        yield f"{name}feedback.{value['name']}", content
        yield f"{name}feedback.{value['name']}.type", told["type"]


def on_the_cluster(cluster: SimulatedCluster) -> Fields:
    """Returns what is on the cluster itself, without uids and times."""
    shown: Fields = {
        f"on the cluster: {k.kind}/{k.name}": bool(cluster.spoke.get(k)) for k in _WATCHED
    }
    ibu = cluster.spoke.ibu
    shown["on the cluster: ImageBasedUpgrade"] = ibu is not None
    if ibu is not None:
        meta = ibu["metadata"]
        shown["on the cluster: ibu.generation"] = meta["generation"]
        shown["on the cluster: ibu.annotations"] = _annotations(meta)
        shown["on the cluster: ibu.spec"] = ibu.get("spec") or {}
        shown |= dict(_ibu_status(ibu.get("status") or {}))
    return shown


def _annotations(meta: JsonObject) -> JsonObject:
    """Each agent has its own way to compute a hash; that there is one is what counts."""
    found = meta.get("annotations") or {}
    return {name: "a hash" if name == HASH else value for name, value in found.items()}


def _ibu_status(status: dict[str, Any]) -> Iterator[tuple[str, object]]:
    for name in ("observedGeneration", "validNextStages"):
        yield f"on the cluster: ibu.{name}", status.get(name)
    for condition in status.get("conditions") or []:
        for part in ("status", "reason", "message"):
            yield f"on the cluster: ibu.{condition['type']}.{part}", condition.get(part, "")
