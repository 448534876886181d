"""A scene that is played on both: what someone does to one work, and what has to come."""

from collections.abc import Callable

from msgspec import Struct

from ibgu.core.model.kinds import JsonObject
from ibgu.sim.cluster import SimulatedCluster
from tests.fidelity.trace import Fields
from tests.sim.cluster_simulation import PATHS, ROLE, config, ibu, stage_work

Until = Callable[[Fields, SimulatedCluster], bool]
Deed = Callable[[SimulatedCluster, float], None]


class Step(Struct, frozen=True):
    """One act, and what ends the wait for its outcome. Of the acts only one is given."""

    name: str
    until: Until
    spec: JsonObject | None = None
    """The work's spec from now on."""
    touch: str = ""
    """Value of an annotation that is written to the work."""
    remove: bool = False
    deed: Deed | None = None
    """What someone does on the cluster."""


class Scene(Struct, frozen=True):
    name: str
    steps: tuple[Step, ...]
    faults: tuple[str, ...] = ()
    poll: str = "10s"
    """How often the real agent reads by itself, as its flag."""
    defects: tuple[str, ...] = ()
    equipped: bool = False
    """Whether the real cluster has the objects that show its equipment; the model always has."""


IBU = "ImageBasedUpgrade/upgrade: "
CREATE_ONLY: JsonObject = {"type": "CreateOnly"}
READ_ONLY: JsonObject = {"type": "ReadOnly"}
SSA: JsonObject = {
    "type": "ServerSideApply",
    "serverSideApply": {"force": True, "fieldManager": "work-agent-ibgu"},
}

ONCE: JsonObject = {
    "type": "ServerSideApply",
    "serverSideApply": {
        "force": True,
        "ignoreFields": [{"condition": "OnSpokeChange", "jsonPaths": [PATHS["run"]]}],
    },
}


# -- what is waited for ------------------------------------------------------------------------


def shows(**wanted: object) -> Until:
    """`shows(Applied__status="True", ibu__stage="Prep")`: fields of the work, fed-back values."""
    names = {_name(name): value for name, value in wanted.items()}
    return lambda shown, _: all(shown.get(name) == value for name, value in names.items())


def _name(text: str) -> str:
    if text.startswith("ibu__"):
        return f"{IBU}feedback.{text.removeprefix('ibu__')}"
    if text.startswith("of_ibu__"):
        return IBU + text.removeprefix("of_ibu__").replace("__", ".")
    return text.replace("__", ".")


def applied(generation: int, **wanted: object) -> Until:
    return shows(Applied__status="True", Applied__observedGeneration=generation, **wanted)


def refused(generation: int) -> Until:
    return shows(Applied__status="False", Applied__observedGeneration=generation)


def ended(stage: str, outcome: str = "completed", **wanted: object) -> Until:
    """The stage has ended on the cluster, and the hub has heard of it."""

    def so(shown: Fields, cluster: SimulatedCluster) -> bool:
        runs = cluster.timeline.runs
        return (
            bool(runs)
            and (runs[-1].stage, runs[-1].outcome) == (stage, outcome)
            and shows(**wanted)(shown, cluster)
        )

    return so


def gone(shown: Fields, _: SimulatedCluster) -> bool:
    return "work" in shown


# -- works -------------------------------------------------------------------------------------


def disarmed(**more: str) -> JsonObject:
    """The work at rest; `more`: feedback paths beside the usual ones."""
    manifest = {**ibu("Disarmed"), "spec": {"stage": "Disarmed"}}
    feedback = config(CREATE_ONLY)
    rules = feedback["feedbackRules"][0]["jsonPaths"]
    rules += [{"name": name, "path": path} for name, path in more.items()]
    return {
        "workload": {"manifests": [ROLE, manifest]},
        "deleteOption": {"propagationPolicy": "Orphan"},
        "manifestConfigs": [feedback],
    }


def config_map(name: str, namespace: str, text: str = "kind: Backup") -> JsonObject:
    meta = {"name": name, "namespace": namespace}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": meta, "data": {"a": text}}


def payload(*manifests: JsonObject, orphan: bool = True) -> JsonObject:
    policy = "Orphan" if orphan else "Foreground"
    return {
        "workload": {"manifests": list(manifests)},
        "deleteOption": {"propagationPolicy": policy},
    }


def annotated(spec: JsonObject, annotations: dict[str, str]) -> JsonObject:
    """Returns the work's spec with more annotations on its ImageBasedUpgrade."""
    role, manifest = spec["workload"]["manifests"]
    meta = manifest["metadata"]
    meta = {**meta, "annotations": {**meta.get("annotations", {}), **annotations}}
    workload = {"manifests": [role, {**manifest, "metadata": meta}]}
    return {**spec, "workload": workload}


def by_hand(stage: str) -> Deed:
    return lambda cluster, now: cluster.set_stage(stage, now)


def removing(annotation: str) -> Deed:
    return lambda cluster, now: cluster.edit_ibu(now, annotations={annotation: None})


def deleting(*manifests: JsonObject) -> Deed:
    def deed(cluster: SimulatedCluster, now: float) -> None:
        for manifest in manifests:
            cluster.delete(manifest, now)

    return deed


PREP = Step("Prep", ended("Prep", ibu__PrepCompletedStatus="True"), spec=stage_work("Prep", "r1"))
