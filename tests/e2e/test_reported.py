"""A cluster's warning and its rollback deadline, from the Lifecycle Agent to the operator."""

from time import time

from ibgu.sim.clock import timestamp
from tests.e2e.harness import Scene
from tests.e2e.manifests import appended, ibgu, step

WARNING = "PerformanceProfile[1] - CRD not deployed on cluster"


async def test_a_warning_and_the_deadline_come_to_the_operator_and_go(scene: Scene) -> None:
    first = f"{scene.label}-1"
    await scene.fleet(count=2, faults=[f"validation-warning@{first}"])
    await scene.start()
    await scene.apply(ibgu("ran", step("Prep"), step("Upgrade"), fleet=scene.label))
    await scene.completed("ran")
    entry = await scene.entry("ran", first)
    assert entry["completedActions"] == [
        {"action": "Prep", "message": f"warning: {WARNING}"},
        {"action": "Upgrade"},
    ]
    warned = await scene.condition("ran", "ClustersWarned")
    assert warned["message"].startswith("1 cluster completed an action with a warning")
    open_ = await scene.condition("ran", "RollbackPossible")
    assert open_["message"].startswith("2 clusters can be rolled back: finalize or roll back by ")

    scene.act(first, lambda cluster, now: cluster.set_stage("Idle", now))
    await scene.seen_in_journal("RollbackDeadlineChanged", first)
    await scene.append("ran", appended("FinalizeUpgrade", 2, 10))
    await scene.completed("ran")

    async def closed() -> bool:
        conditions = (await scene.status("ran"))["conditions"]
        return "RollbackPossible" not in {each["type"] for each in conditions}

    await scene.until(closed, "the way back to be closed")


async def test_a_rollback_after_the_deadline_is_refused_with_that_reason(scene: Scene) -> None:
    """The certificates of the former release have expired: the node would not come back."""
    first = f"{scene.label}-1"
    await scene.fleet(count=1, faults=[f"certificates-expire:300s@{first}"])
    await scene.start()
    await scene.apply(ibgu("ran", step("Prep", "Upgrade"), fleet=scene.label))
    await scene.completed("ran")

    def expired() -> bool:
        ibu = scene.cluster(first).spoke.ibu
        return bool(ibu and ibu["status"]["rollbackAvailabilityExpiration"] < timestamp(time()))

    await scene.until(expired, "the deadline to pass")
    await scene.apply(ibgu("back", step("Rollback"), fleet=scene.label))
    await scene.completed("back")
    (failed,) = (await scene.entry("back", first))["failedActions"]
    assert failed["action"] == "Rollback"
    words = "WrongState (RollbackExpired): Rollback was possible until 20"
    assert failed["message"].startswith(words)
    assert scene.cluster(first).timeline.runs[-1].stage == "Upgrade"
    assert await scene.labels(first) == {"prep-completed": "", "upgrade-completed": ""}


async def test_a_cluster_that_has_warned_waits_for_a_person(scene: Scene) -> None:
    first, second = f"{scene.label}-1", f"{scene.label}-2"
    await scene.fleet(count=2, faults=[f"validation-warning@{first}"])
    await scene.start()
    hold = {"ibgu.dev/hold-on-warning": "yes"}
    plan = (step("Prep"), step("Upgrade", most=1))
    await scene.apply(ibgu("ran", *plan, fleet=scene.label, annotations=hold))
    await scene.seen_in_journal("MemberFinished", second, count=2)

    async def kept() -> bool:
        rows = await scene.journal(
            "SELECT reason->>'kind' AS kind, reason->>'message' AS told FROM members"
        )
        return ("WarningNotAccepted", WARNING) in {(row["kind"], row["told"]) for row in rows}

    await scene.until(kept, "the cluster to wait for a person")
    assert scene.stages(first) == ["Prep"]
    await scene.annotate("ran", "ibgu.dev/resume=1")
    await scene.completed("ran")
    assert scene.stages(first) == ["Prep", "Upgrade"]
    [told] = await scene.journal("SELECT why, kind FROM events WHERE kind = 'WarningAccepted'")
    assert told["why"].endswith(WARNING)
