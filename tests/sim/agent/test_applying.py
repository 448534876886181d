"""The work agent's work on the cluster, and its reports (measured on the real one)."""

import pytest

from ibgu.sim.agent import AgentTiming
from ibgu.sim.wire import WORK_FINALIZER
from tests.sim.agent.works import (
    applied,
    disarmed,
    quiet,
    settled,
)
from tests.sim.cluster_simulation import START, stage_work


def test_finalizer_comes_first() -> None:
    world = quiet()
    world.put(stage_work("Prep"))
    world.run(0.01)
    assert world.works["work"]["metadata"]["finalizers"] == [WORK_FINALIZER]
    assert "status" not in world.works["work"]
    world.run(0.2)
    assert world.ibu["spec"]["stage"] == "Idle"


def test_a_role_of_its_own_is_forbidden_first_and_heals() -> None:
    world = quiet()
    world.put(stage_work("Prep"))
    assert world.until(lambda: applied(world) != "", 5)
    assert world.now - START == pytest.approx(0.36, abs=0.05)
    assert applied(world) == (
        'Failed to apply manifest: imagebasedupgrades.lca.openshift.io "upgrade" is forbidden: '
        'User "system:serviceaccount:open-cluster-management-agent:klusterlet-work-sa" cannot get '
        'resource "imagebasedupgrades" in API group "lca.openshift.io" at the cluster scope'
    )
    assert world.condition("Applied")["status"] == "False"
    assert world.condition("Applied")["reason"] == "AppliedManifestWorkFailed"
    refused = world.now
    assert world.until(lambda: world.applied, 5)
    assert world.now - refused < 0.15
    assert world.condition("Applied")["message"] == "Apply manifest work complete"


def test_available_is_unknown_while_forbidden() -> None:
    world = quiet()
    world.put(stage_work("Prep"))
    assert world.until(lambda: bool(world.of_manifest("Available")), 5)
    available = world.of_manifest("Available")
    assert (available["status"], available["reason"]) == ("Unknown", "FetchingResourceFailed")
    assert available["message"].startswith("Failed to fetch resource: imagebasedupgrades")
    assert world.condition("Available")["message"] == "1 of 2 resources have unknown status"


def test_applied_and_feedback_are_two_patches() -> None:
    world = settled(disarmed(), quiet())
    world.run(1)
    before = len(world.history)
    world.put(stage_work("Prep", "r1"))
    world.run(0.05)
    _, applied, read = (work for _, work in world.history[before : before + 3])
    conditions = {c["type"]: c for c in applied["status"]["conditions"]}
    assert conditions["Applied"]["observedGeneration"] == 2
    assert conditions["Available"]["observedGeneration"] == 1
    assert "run" not in str(applied["status"]["resourceStatus"])
    conditions = {c["type"]: c for c in read["status"]["conditions"]}
    assert conditions["Available"]["observedGeneration"] == 2
    assert world.fed["run"] == "r1"


def test_first_feedback_of_a_stage_is_from_before_lca_saw_it() -> None:
    world = settled(disarmed(), quiet())
    world.put(stage_work("Prep"))
    assert world.until(lambda: world.fed["stage"] == "Prep", 5)
    assert world.fed["generation"] == world.fed["observed"] + 1
    assert world.fed["IdleStatus"] == "True"
    assert world.until(lambda: world.fed["generation"] == world.fed["observed"], 5)
    assert world.fed["IdleStatus"] == "False"


def test_manifest_conditions_have_a_generation_only_where_the_agent_sets_one() -> None:
    world = settled(disarmed())
    assert world.of_manifest("Applied")["observedGeneration"] == 1
    assert "observedGeneration" not in world.of_manifest("Available")
    assert "observedGeneration" not in world.of_manifest("StatusFeedbackSynced")
    assert world.manifest()["resourceMeta"] == {
        "ordinal": 1,
        "group": "lca.openshift.io",
        "version": "v1",
        "kind": "ImageBasedUpgrade",
        "resource": "imagebasedupgrades",
        "name": "upgrade",
        "namespace": "",
    }


@pytest.mark.parametrize("chance", ["early_read", "late_report"])
def test_the_races_of_the_real_agent_happen(chance: str) -> None:
    world = settled(disarmed())
    always = AgentTiming(
        early_read=float(chance == "early_read"), late_report=float(chance == "late_report")
    )
    world.cluster.agent.timing = world.cluster.agent.works["work"].timing = always
    world.run(1)
    world.put(stage_work("Prep"))
    seen = len(world.history)
    world.run(0.1)
    _, first = world.history[seen]
    conditions = {c["type"]: c["observedGeneration"] for c in first["status"]["conditions"]}
    assert conditions == {"Applied": 1, "Available": 2}
    assert ("Prep" in str(first["status"])) == (chance == "late_report")
