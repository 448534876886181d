"""Scenes of the work agent: what it applies, refuses, reads and deletes."""

from ibgu.sim.cluster import SimulatedCluster
from ibgu.sim.spoke import key_of
from tests.fidelity.scene import (
    ONCE,
    PREP,
    READ_ONLY,
    SSA,
    Scene,
    Step,
    applied,
    by_hand,
    config_map,
    deleting,
    disarmed,
    ended,
    gone,
    payload,
    refused,
    removing,
    shows,
)
from tests.fidelity.trace import Fields
from tests.sim.cluster_simulation import PATHS, ROLE, SEED, stage_work

_CONTENT = (
    config_map("oadp-cm", "openshift-adp"),
    config_map("extra", "openshift-lifecycle-agent"),
)
_CHANGED = (_CONTENT[0], config_map("extra", "openshift-lifecycle-agent", "kind: Namespace"))


_LARGE = config_map("oadp-cm", "openshift-adp", "x" * 1_050_000)
"""More than an API server takes as a ConfigMap, and less than the hub's takes as a work."""


def _filled(_: Fields, cluster: SimulatedCluster) -> bool:
    return all(cluster.spoke.get(key_of(each)) is not None for each in _CONTENT)


def _emptied(_: Fields, cluster: SimulatedCluster) -> bool:
    return all(cluster.spoke.get(key_of(each)) is None for each in _CONTENT)


WORKS = (
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
            Step("an unknown stage", refused(6), spec=stage_work("Sideways")),
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
                "a change by hand that no poll sees",
                lambda _, cluster: bool(cluster.timeline.runs),
                deed=by_hand("Prep"),
            ),
            Step("a touch", shows(ibu__stage="Prep"), touch="1"),
        ),
        poll="10m",
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
            PREP,
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
        poll="10m",
    ),
    Scene(
        "a payload that drifts",
        (
            Step("brought", applied(1, Available__status="True"), spec=payload(*_CONTENT)),
            Step("deleted by hand", _emptied, deed=deleting(*_CONTENT)),
            Step("changed", applied(2, Available__status="True"), spec=payload(*_CHANGED)),
        ),
        poll="10m",
    ),
    Scene(
        "a payload that is missing when the agent starts again",
        (
            Step("brought", applied(1, Available__status="True"), spec=payload(*_CONTENT)),
            Step("dark", lambda _, cluster: not cluster.connected, deed=lambda c, _: c.go_dark()),
            Step("deleted by hand", _emptied, deed=deleting(*_CONTENT)),
            Step("back", _filled, deed=lambda cluster, _: cluster.come_back()),
        ),
        poll="10m",
    ),
    Scene(
        "a payload that is too large",
        (
            Step("both", refused(1), spec=payload(_LARGE, _CONTENT[1])),
            Step("a smaller one", applied(2, Available__status="True"), spec=payload(*_CONTENT)),
        ),
    ),
)
