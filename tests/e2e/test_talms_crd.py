"""ibgu and the real TALM under the CRD of ImageBasedGroupUpgrade that TALM ships.

TALM's has neither `phase` nor `summary`, and the API server drops what it does not know.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest

from ibgu.sandbox.hub import SandboxHub
from ibgu.sandbox.kubectl import Kubectl
from ibgu.sandbox.waiting import wait_until
from tests.e2e.harness import Scene, actions
from tests.e2e.manifests import ibgu, step
from tests.e2e.real_talm import group_upgrade
from tests.e2e.test_beside_talm import (
    acted_on,
    audit_log,
    install_policy,
    of_ibgu,
    scene,
    soon,
    talm,
    talm_program,
)
from tests.neighbours.programs import crd

__all__ = ["audit_log", "scene", "soon", "talm", "talm_program"]

KIND = "imagebasedgroupupgrades.lcm.openshift.io"
SCHEMAS = "/openapi/v3/apis/lcm.openshift.io/v1alpha1"


@pytest.fixture(scope="module")
def hub(talm_program: Path, audit_log: Path) -> Iterator[SandboxHub]:
    """A hub on which TALM was first: its CRD is served in the place of the chart's."""
    theirs = crd("imagebasedgroupupgrades")
    with SandboxHub(audit_log=audit_log) as hub:
        kubectl = Kubectl(hub)
        kubectl("delete", "crd", KIND)
        kubectl("create", "-f", str(theirs))
        # ibgu reads the schemas when it starts; they follow the CRD after a moment.
        wait_until(
            lambda: (
                "completedActions" in (told := kubectl.run("get", "--raw", SCHEMAS).out)
                and '"summary"' not in told
            ),
            "the schema of TALM's CRD",
            lambda: None,
        )
        yield hub


async def test_ibgu_and_talm_work_side_by_side(scene: Scene) -> None:
    await install_policy(scene)
    await scene.fleet(count=2)
    await scene.start()
    plan = step("Prep"), step("Upgrade"), step("FinalizeUpgrade")
    await scene.apply(ibgu("both", *plan, fleet=scene.label))
    await scene.apply(group_upgrade("its-own", f"{scene.label}-1"))

    async def ended() -> bool:
        progressing = await scene.condition("both", "Progressing")
        return bool(
            progressing.get("status") == "False"
            and progressing["message"].startswith("All plan steps are completed")
        )

    await scene.until(ended, "the status to say that all steps are completed")
    await scene.at_rest()
    await scene.until(lambda: acted_on(scene, "its-own"), "TALM to act on its own")
    assert await of_ibgu(scene, "both") == []
    status = await scene.status("both")
    assert not {"phase", "summary"} & status.keys()
    whole = ["Prep", "Upgrade", "FinalizeUpgrade"]
    assert [actions(entry, "completed") for entry in status["clusters"]] == [whole, whole]
    for cluster in (f"{scene.label}-1", f"{scene.label}-2"):
        assert scene.stages(cluster) == ["Prep", "Upgrade", "Finalize"]
        assert await scene.labels(cluster) == {}
