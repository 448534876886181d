"""The scenes that are played on both: what somebody does to one work, and what has to come."""

from collections.abc import Callable

from msgspec import Struct

from ibgu.core.model.kinds import JsonObject
from ibgu.sim.cluster import SimulatedCluster
from ibgu.sim.spoke import key_of
from tests.fidelity.trace import Fields
from tests.sim.cluster_simulation import PATHS, ROLE, SEED, config, ibu, stage_work

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
    """What somebody does on the cluster."""


class Scene(Struct, frozen=True):
    name: str
    steps: tuple[Step, ...]
    faults: tuple[str, ...] = ()
    poll: str = "10s"
    """How often the real agent reads by itself, as its flag."""


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


def by_hand(stage: str) -> Deed:
    return lambda cluster, now: cluster.set_stage(stage, now)


def removing(annotation: str) -> Deed:
    return lambda cluster, now: cluster.edit_ibu(now, annotations={annotation: None})


def deleting(*manifests: JsonObject) -> Deed:
    def deed(cluster: SimulatedCluster, now: float) -> None:
        for manifest in manifests:
            cluster.delete(manifest, now)

    return deed


_CONTENT = (
    config_map("oadp-cm", "openshift-adp"),
    config_map("extra", "openshift-lifecycle-agent"),
)
_CHANGED = (_CONTENT[0], config_map("extra", "openshift-lifecycle-agent", "kind: Namespace"))


def _emptied(_: Fields, cluster: SimulatedCluster) -> bool:
    return all(cluster.spoke.get(key_of(each)) is None for each in _CONTENT)


_PREP = Step("Prep", ended("Prep", ibu__PrepCompletedStatus="True"), spec=stage_work("Prep", "r1"))


SCENES = (
    Scene(
        "a rollout as ibgu carries it out",
        (
            Step("a probe", applied(1, ibu__stage="Idle"), spec=disarmed()),
            Step(
                "another probe", applied(2, ibu__probe="Idle"), spec=disarmed(probe=".spec.stage")
            ),
            Step("Prep", applied(3, ibu__run="r1"), spec=stage_work("Prep", "r1")),
            Step("disarmed", ended("Prep", ibu__PrepCompletedStatus="True"), spec=disarmed()),
            Step(
                "Upgrade, with the pivot",
                ended("Upgrade", ibu__UpgradeCompletedStatus="True"),
                spec=stage_work("Upgrade", "r2"),
            ),
            Step("disarmed again", applied(6), spec=disarmed()),
            Step(
                "FinalizeUpgrade",
                ended("Finalize", ibu__run="r3", ibu__IdleStatus="True"),
                spec=stage_work("Idle", "r3"),
            ),
            Step("the work removed", gone, remove=True),
        ),
    ),
    Scene(
        "a rollback",
        (
            _PREP,
            Step(
                "Upgrade",
                ended("Upgrade", ibu__UpgradeCompletedStatus="True"),
                spec=stage_work("Upgrade", "r2"),
            ),
            Step(
                "Rollback",
                ended("Rollback", ibu__RollbackCompletedStatus="True"),
                spec=stage_work("Rollback", "r3"),
            ),
            Step(
                "FinalizeRollback",
                ended("Finalize", ibu__run="r4", ibu__IdleStatus="True"),
                spec=stage_work("Idle", "r4"),
            ),
        ),
    ),
    Scene(
        "an automatic rollback, and an abort",
        (
            _PREP,
            Step(
                "Upgrade",
                ended("Upgrade", "failed", ibu__UpgradeCompletedStatus="False"),
                spec=stage_work("Upgrade", "r2"),
            ),
            Step(
                "Abort",
                ended("Abort", ibu__run="r3", ibu__IdleStatus="True"),
                spec=stage_work("Idle", "r3"),
            ),
        ),
        faults=("upgrade.service-unit",),
    ),
    Scene(
        "a failure of Prep",
        (
            Step(
                "Prep",
                ended("Prep", "failed", ibu__PrepCompletedStatus="False"),
                spec=stage_work("Prep", "r1"),
            ),
        ),
        faults=("prep.precache",),
    ),
    Scene(
        "refusals of the API server",
        (
            Step("at rest", applied(1, ibu__stage="Idle"), spec=disarmed()),
            Step("a stage that is not next", refused(2), spec=stage_work("Upgrade")),
            Step("Prep", ended("Prep", ibu__PrepCompletedStatus="True"), spec=stage_work("Prep")),
            Step(
                "another seed",
                refused(4),
                spec=stage_work("Prep", seedImageRef={**SEED, "version": "4.17.0"}),
            ),
            Step(
                "a stage and a field",
                refused(5),
                spec=stage_work("Rollback", seedImageRef={**SEED, "version": "4.17.0"}),
            ),
            Step("a stage that nobody knows", refused(6), spec=stage_work("Sideways")),
            Step("as it was", applied(7, ibu__stage="Prep"), spec=stage_work("Prep")),
        ),
    ),
    Scene(
        "server-side apply",
        (
            Step(
                "Prep",
                ended("Prep", ibu__PrepCompletedStatus="True"),
                spec=stage_work("Prep", "r1", strategy=SSA),
            ),
            Step(
                "Upgrade",
                ended("Upgrade", ibu__UpgradeCompletedStatus="True"),
                spec=stage_work("Upgrade", "r2", strategy=SSA),
            ),
            Step("Update", applied(3, ibu__stage="Upgrade"), spec=stage_work("Upgrade", "r2")),
        ),
    ),
    Scene(
        "a field that the cluster takes away",
        (
            Step(
                "brought", applied(1, ibu__run="r1"), spec=stage_work("Idle", "r1", strategy=ONCE)
            ),
            Step("taken away", shows(ibu__run=None), deed=removing("ibgu.dev/run")),
            Step(
                "applied again",
                applied(2),
                spec=stage_work("Idle", "r1", strategy=ONCE, paths={**PATHS, "kind": ".kind"}),
            ),
            Step(
                "another run",
                applied(3, ibu__run="r2"),
                spec=stage_work("Idle", "r2", strategy=ONCE),
            ),
            Step("at rest", applied(4), spec=disarmed()),
        ),
    ),
    Scene(
        "feedback rules that can't be read",
        (
            Step(
                "an index past the end",
                applied(1, ibu__stage="Idle"),
                spec=stage_work(
                    "Idle", paths={"next1": ".status.validNextStages[1]", "stage": ".spec.stage"}
                ),
            ),
            Step(
                "a list, and no JSONPath",
                applied(2, ibu__stage="Idle"),
                spec=stage_work(
                    "Idle",
                    paths={"list": ".status.conditions", "stage": ".spec.stage", "odd": "l"},
                ),
            ),
            Step(
                "TALM's stray quote",
                applied(3, ibu__idle="True"),
                spec=stage_work(
                    "Idle",
                    paths={
                        "words": '.status.conditions[?(@.type=="Idle")].reason\'',
                        "idle": '.status.conditions[?(@.type=="Idle")].status',
                    },
                ),
            ),
            Step(
                "what is absent, and what a filter selects",
                applied(4, ibu__next="Prep"),
                spec=stage_work(
                    "Idle",
                    paths={
                        "next": '.status.validNextStages[?(@=="Prep")]',
                        "other": '.status.validNextStages[?(@=="Upgrade")]',
                        "expires": ".status.rollbackAvailabilityExpiration",
                        "whole": ".status.validNextStages[*]",
                        "number": ".metadata.generation",
                    },
                ),
            ),
        ),
    ),
    Scene(
        "feedback that is polled",
        (
            Step("at rest", applied(1, ibu__stage="Idle"), spec=stage_work("Idle", watch=False)),
            Step(
                "a hand that nobody sees",
                lambda _, cluster: bool(cluster.timeline.runs),
                deed=by_hand("Prep"),
            ),
            Step("a touch", shows(ibu__stage="Prep"), touch="1"),
        ),
        poll="60s",
    ),
    Scene(
        "a hand on the cluster",
        (
            Step("Prep", ended("Prep", ibu__PrepCompletedStatus="True"), spec=stage_work("Prep")),
            Step("at rest", applied(2), spec=disarmed()),
            Step(
                "back to Idle by hand", ended("Abort", ibu__IdleStatus="True"), deed=by_hand("Idle")
            ),
            Step(
                "Prep by hand", ended("Prep", ibu__PrepCompletedStatus="True"), deed=by_hand("Prep")
            ),
            Step("ReadOnly", applied(3), spec=stage_work("Idle", strategy=READ_ONLY)),
        ),
    ),
    Scene(
        "an ImageBasedUpgrade that is not there",
        (
            Step("at rest", refused(1), spec=disarmed()),
            Step("ReadOnly", applied(2), spec=stage_work("Prep", strategy=READ_ONLY)),
            Step("Update", applied(3, ibu__stage="Prep"), spec=stage_work("Prep")),
            Step("at rest again", applied(4), spec=disarmed()),
            Step(
                "deleted by hand",
                shows(Available__status="False"),
                deed=lambda cluster, now: cluster.delete_ibu(now),
            ),
        ),
        faults=("ibu-missing",),
    ),
    Scene(
        "no Lifecycle Agent at all",
        (Step("Prep", shows(Available__status="Unknown"), spec=stage_work("Prep")),),
        faults=("crd-missing",),
    ),
    Scene(
        "rights that are missing",
        (Step("Prep", shows(Available__status="Unknown"), spec=stage_work("Prep")),),
        faults=("agent-without-rbac",),
    ),
    Scene(
        "a payload that is refused in part",
        (
            Step(
                "both",
                refused(1),
                spec=payload(
                    config_map("oadp-cm", "openshift-adp"),
                    config_map("extra", "openshift-lifecycle-agent"),
                ),
            ),
            Step(
                "one",
                applied(2),
                spec=payload(config_map("extra", "openshift-lifecycle-agent", "other")),
            ),
        ),
        faults=("namespace-missing",),
    ),
    Scene(
        "a payload that goes with its work",
        (
            Step(
                "brought",
                applied(1, Available__status="True"),
                spec=payload(config_map("oadp-cm", "openshift-adp"), orphan=False),
            ),
            Step("removed", gone, remove=True),
        ),
    ),
    Scene(
        "a payload that stays",
        (
            Step(
                "brought",
                applied(1, Available__status="True"),
                spec=payload(
                    config_map("oadp-cm", "openshift-adp"),
                    config_map("extra", "openshift-lifecycle-agent"),
                ),
            ),
            Step(
                "one less",
                applied(2, Available__status="True"),
                spec=payload(config_map("oadp-cm", "openshift-adp")),
            ),
            Step("removed", gone, remove=True),
        ),
    ),
    Scene(
        "a role that drifts",
        (
            _PREP,
            Step(
                "the ClusterRole deleted by hand",
                lambda _, cluster: cluster.spoke.get(key_of(ROLE)) is None,
                deed=deleting(ROLE),
            ),
            Step(
                "Abort",
                ended("Abort", ibu__run="r2", ibu__IdleStatus="True"),
                spec=stage_work("Idle", "r2"),
            ),
        ),
        poll="60s",
    ),
    Scene(
        "a payload that drifts",
        (
            Step("brought", applied(1, Available__status="True"), spec=payload(*_CONTENT)),
            Step("deleted by hand", _emptied, deed=deleting(*_CONTENT)),
            Step("changed", applied(2, Available__status="True"), spec=payload(*_CHANGED)),
        ),
        poll="60s",
    ),
    Scene(
        "changes while the cluster is dark",
        (
            Step("Prep", ended("Prep", ibu__PrepCompletedStatus="True"), spec=stage_work("Prep")),
            Step("dark", lambda _, cluster: not cluster.connected, deed=lambda c, _: c.go_dark()),
            Step("Upgrade", shows(generation=2), spec=stage_work("Upgrade")),
            Step("Idle", shows(generation=3), spec=stage_work("Idle")),
            Step(
                "back",
                ended("Abort", ibu__IdleStatus="True"),
                deed=lambda cluster, _: cluster.come_back(),
            ),
            Step("dark again", lambda _, c: not c.connected, deed=lambda c, _: c.go_dark()),
            Step("removed", shows(deleting=True), remove=True),
            Step("Prep is lost", shows(generation=5), spec=stage_work("Prep")),
            Step("back again", gone, deed=lambda cluster, _: cluster.come_back()),
        ),
    ),
)
