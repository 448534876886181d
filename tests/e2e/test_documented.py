"""The documentation's procedures: an upgrade in several steps, and in one."""

from tests.e2e.harness import Scene, actions
from tests.e2e.manifests import SPOKES, appended, config_map, documented, pull_secret

FAULTS = ("prep.precache@spoke6", "upgrade.backup@spoke1")

IN_STEPS = """
    - actions: ["Prep"]
      rolloutStrategy:
        maxConcurrency: 2
        timeout: 2400
"""
IN_ONE = """
    - actions: ["Prep", "Upgrade", "FinalizeUpgrade"]
      rolloutStrategy:
        maxConcurrency: 200
        timeout: 2400
"""


async def sources(scene: Scene) -> None:
    """Creates what the documented IBGU refers to."""
    await scene.apply(config_map("openshift-adp", "oadp-cm", backup="kind: Backup"))
    await scene.apply(
        config_map("openshift-lifecycle-agent", "example-extra-manifests", a="kind: ConfigMap")
    )
    await scene.apply(pull_secret("default", "seed-pull-secret"))


async def test_an_upgrade_in_several_steps(scene: Scene) -> None:
    await sources(scene)
    await scene.fleet(names=SPOKES, faults=FAULTS)
    await scene.start()
    await scene.apply(documented("upgrade", IN_STEPS))
    status = await scene.completed("upgrade")
    assert [actions(entry, "completed") for entry in status["clusters"]] == [["Prep"], ["Prep"], []]
    assert [actions(entry, "failed") for entry in status["clusters"]] == [[], [], ["Prep"]]
    assert "precache job failed" in status["clusters"][2]["failedActions"][0]["message"]
    assert await scene.labels("spoke1") == {"prep-completed": ""}
    assert await scene.labels("spoke6") == {"prep-failed": ""}

    await scene.annotate("upgrade", "image-cleanup.lca.openshift.io/on-prep=Disabled")
    await scene.seen_in_journal("AnnotationsChanged")
    await scene.append("upgrade", appended("AbortOnFailure", 5, 10))
    await scene.completed("upgrade")
    assert await scene.labels("spoke6") == {}

    await scene.append("upgrade", appended("Upgrade", 2, 30))
    await scene.completed("upgrade")
    assert await scene.labels("spoke1") == {"prep-completed": "", "upgrade-failed": ""}
    assert await scene.labels("spoke4") == {"prep-completed": "", "upgrade-completed": ""}
    assert not any("auto-import" in key for key in await scene.annotations("spoke4"))

    await scene.append("upgrade", appended("AbortOnFailure", 5, 10))
    await scene.completed("upgrade")
    await scene.append("upgrade", appended("FinalizeUpgrade", 10, 3))
    status = await scene.completed("upgrade")

    shown = {
        entry["name"]: (actions(entry, "completed"), actions(entry, "failed"))
        for entry in status["clusters"]
    }
    assert shown == {
        "spoke1": (["Prep", "AbortOnFailure"], ["Upgrade"]),
        "spoke4": (["Prep", "Upgrade", "FinalizeUpgrade"], []),
        "spoke6": (["AbortOnFailure"], ["Prep"]),
    }
    for spoke in SPOKES:
        assert await scene.labels(spoke) == {}
        assert not any("auto-import" in key for key in await scene.annotations(spoke))
        await scene.works_gone(spoke)
    assert scene.stages("spoke1") == ["Prep", "Upgrade", "Abort"]
    assert scene.stages("spoke4") == ["Prep", "Upgrade", "Finalize"]
    assert scene.stages("spoke6") == ["Prep", "Abort"]


async def test_an_upgrade_in_one_step(scene: Scene) -> None:
    await sources(scene)
    await scene.fleet(names=SPOKES, faults=FAULTS)
    await scene.start()
    await scene.apply(documented("upgrade", IN_ONE))
    status = await scene.completed("upgrade")
    shown = {
        entry["name"]: (actions(entry, "completed"), actions(entry, "failed"))
        for entry in status["clusters"]
    }
    assert shown == {
        "spoke1": (["Prep"], ["Upgrade"]),
        "spoke4": (["Prep", "Upgrade", "FinalizeUpgrade"], []),
        "spoke6": ([], ["Prep"]),
    }
    assert "Failed backup CRs" in status["clusters"][0]["failedActions"][0]["message"]
    assert await scene.labels("spoke1") == {"prep-completed": "", "upgrade-failed": ""}
    assert await scene.labels("spoke4") == {}
    assert status["startedAt"] <= status["completedAt"]


ABORT = """
    - actions: ["Abort"]
      rolloutStrategy:
        maxConcurrency: 5
        timeout: 10
"""
ROLL_BACK = """
    - actions: ["Rollback", "FinalizeRollback"]
      rolloutStrategy:
        maxConcurrency: 200
        timeout: 2400
"""


async def test_prepared_clusters_are_cancelled_by_a_second_ibgu(scene: Scene) -> None:
    await sources(scene)
    await scene.fleet(names=SPOKES)
    await scene.start()
    await scene.apply(documented("upgrade", IN_STEPS))
    await scene.completed("upgrade")
    await scene.apply(documented("cancel", ABORT, ("spoke4",)))
    status = await scene.completed("cancel")
    assert status["clusters"] == [{"name": "spoke4", "completedActions": [{"action": "Abort"}]}]
    assert scene.stages("spoke4") == ["Prep", "Abort"]
    assert await scene.labels("spoke4") == {}
    assert await scene.labels("spoke1") == {"prep-completed": ""}
    # A later step of the older one leaves the cluster alone.
    await scene.append("upgrade", appended("Upgrade", 2, 30))
    await scene.completed("upgrade")
    assert scene.stages("spoke1") == ["Prep", "Upgrade"]
    assert scene.stages("spoke4") == ["Prep", "Abort"]


async def test_running_and_waiting_clusters_are_cancelled_by_a_second_ibgu(scene: Scene) -> None:
    await sources(scene)
    await scene.fleet(names=SPOKES, faults=["hangs"])
    await scene.start()
    one_by_one = IN_STEPS.replace("maxConcurrency: 2", "maxConcurrency: 1")
    await scene.apply(documented("upgrade", one_by_one))
    running = await scene.accepted()
    await scene.apply(documented("cancel", ABORT))
    status = await scene.completed("cancel")
    assert [actions(entry, "completed") for entry in status["clusters"]] == [["Abort"]] * 3
    status = await scene.completed("upgrade")
    for entry in status["clusters"]:
        cause = "Preempted" if entry["name"] == running else "Cancelled"
        message = f"{cause}: cancelled by default/cancel"
        assert entry["failedActions"] == [{"action": "Prep", "message": message}]
    assert scene.stages(running) == ["Prep", "Abort"]
    for spoke in scene.others(running):
        assert scene.stages(spoke) == []
    for spoke in SPOKES:
        assert await scene.labels(spoke) == {}


async def test_an_upgraded_cluster_is_rolled_back_by_a_second_ibgu(scene: Scene) -> None:
    await sources(scene)
    await scene.fleet(names=SPOKES)
    await scene.start()
    both = IN_ONE.replace(', "FinalizeUpgrade"', "")
    await scene.apply(documented("upgrade", both))
    await scene.completed("upgrade")
    await scene.apply(documented("roll-back", ROLL_BACK, ("spoke4",)))
    status = await scene.completed("roll-back")
    assert status["clusters"] == [
        {
            "name": "spoke4",
            "completedActions": [{"action": "Rollback"}, {"action": "FinalizeRollback"}],
        }
    ]
    assert scene.stages("spoke4") == ["Prep", "Upgrade", "Rollback", "Finalize"]
    assert await scene.labels("spoke4") == {}
    assert await scene.labels("spoke6") == {"prep-completed": "", "upgrade-completed": ""}
    # The older rollout goes on without the cluster that was taken from it.
    await scene.append("upgrade", appended("FinalizeUpgrade", 10, 3))
    await scene.completed("upgrade")
    assert scene.stages("spoke1") == ["Prep", "Upgrade", "Finalize"]
    assert scene.stages("spoke4") == ["Prep", "Upgrade", "Rollback", "Finalize"]
