"""Scenes of the Lifecycle Agent's stages: each ends as a rollout would see it."""

from ibgu.core.model.kinds import JsonObject
from ibgu.sim.lca.record import CLEANUP_DONE
from tests.fidelity.scene import (
    PREP,
    READ_ONLY,
    Scene,
    Step,
    annotated,
    applied,
    by_hand,
    disarmed,
    ended,
    gone,
    refused,
    shows,
)
from tests.sim.cluster_simulation import PATHS, stage_work

CONFIRMING: JsonObject = {
    "type": "ServerSideApply",
    "serverSideApply": {
        "force": True,
        "ignoreFields": [
            {
                "condition": "OnSpokeChange",
                "jsonPaths": [r".metadata.annotations.lca\.openshift\.io/manual-cleanup-done"],
            }
        ],
    },
}


def cleaned(run: str) -> JsonObject:
    """The way back to Idle once more, after a clean-up by hand that is confirmed once."""
    return annotated(stage_work("Idle", run, strategy=CONFIRMING), {CLEANUP_DONE: ""})


def warned(stage: str, run: str) -> JsonObject:
    path = r".metadata.annotations.extra-manifest\.lca\.openshift\.io/validation-warning"
    return stage_work(stage, run, paths={**PATHS, "warning": path})


def staying(stage: str, run: str) -> JsonObject:
    """A stage on a cluster whose Lifecycle Agent does not roll back by itself."""
    switch = "auto-rollback-on-failure.lca.openshift.io/"
    off = {f"{switch}upgrade-completion": "Disabled", f"{switch}init-monitor": "Disabled"}
    return annotated(stage_work(stage, run), off)


STAGES = (
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
            PREP,
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
            PREP,
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
        "a warning, and the deadline of the way back",
        (
            Step(
                "Prep",
                ended(
                    "Prep",
                    ibu__PrepCompletedStatus="True",
                    ibu__warning="PerformanceProfile[1] - CRD not deployed on cluster",
                ),
                spec=warned("Prep", "r1"),
            ),
            Step(
                "Upgrade",
                ended("Upgrade", ibu__UpgradeCompletedStatus="True", ibu__expires="a time"),
                spec=warned("Upgrade", "r2"),
            ),
            Step(
                "FinalizeUpgrade",
                ended("Finalize", ibu__run="r3", ibu__IdleStatus="True", ibu__expires=None),
                spec=warned("Idle", "r3"),
            ),
        ),
        faults=("validation-warning",),
    ),
    Scene(
        "a failure after the pivot that rolls nothing back",
        (
            Step(
                "Prep",
                ended("Prep", ibu__PrepCompletedStatus="True"),
                spec=staying("Prep", "r1"),
            ),
            Step(
                "Upgrade",
                ended("Upgrade", "failed", ibu__UpgradeCompletedStatus="False"),
                spec=staying("Upgrade", "r2"),
            ),
            Step("FinalizeUpgrade", refused(3), spec=staying("Idle", "r3")),
            Step(
                "Rollback",
                ended("Rollback", ibu__RollbackCompletedStatus="True"),
                spec=staying("Rollback", "r4"),
            ),
            Step(
                "FinalizeRollback",
                ended("Finalize", ibu__run="r5", ibu__IdleStatus="True"),
                spec=staying("Idle", "r5"),
            ),
        ),
        faults=("upgrade.restore",),
    ),
    Scene(
        "an abort that fails until someone cleans up",
        (
            PREP,
            Step(
                "Abort",
                ended("Abort", "failed", ibu__IdleReason="AbortFailed"),
                spec=stage_work("Idle", "r2"),
            ),
            Step(
                "cleaned up by hand",
                ended("Abort", ibu__run="r3", ibu__IdleStatus="True"),
                spec=cleaned("r3"),
            ),
            Step("at rest", applied(4), spec=disarmed()),
        ),
        faults=("idle.backups",),
    ),
    Scene(
        "a finalize that fails until someone cleans up",
        (
            PREP,
            Step(
                "Upgrade",
                ended("Upgrade", ibu__UpgradeCompletedStatus="True"),
                spec=stage_work("Upgrade", "r2"),
            ),
            Step(
                "FinalizeUpgrade",
                ended("Finalize", "failed", ibu__IdleReason="FinalizeFailed"),
                spec=stage_work("Idle", "r3"),
            ),
            Step(
                "cleaned up by hand",
                ended("Finalize", ibu__run="r4", ibu__IdleStatus="True"),
                spec=cleaned("r4"),
            ),
        ),
        faults=("idle.stateroots",),
    ),
    Scene(
        "the work edited and deleted by hand while Prep runs",
        (
            Step(
                "Prep",
                applied(1, ibu__run="r1", ibu__PrepInProgressStatus="True"),
                spec=stage_work("Prep", "r1"),
            ),
            Step(
                "edited by hand",
                applied(2, ibu__PrepInProgressStatus="True"),
                spec=stage_work("Prep", "r1", orphan=False),
            ),
            Step("and back", applied(3), spec=stage_work("Prep", "r1")),
            Step("deleted by hand", gone, remove=True),
        ),
        faults=("hangs",),
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
