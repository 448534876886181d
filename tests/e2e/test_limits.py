"""Clusters that take too long, stay dark, or come late."""

from ibgu.hub import paths
from ibgu.sim.cluster import SimulatedCluster
from tests.e2e.clock import ScaledTime
from tests.e2e.harness import Scene, actions
from tests.e2e.manifests import ibgu, step

TIMEOUT = "TimedOut: Action did not successfully complete before the timeout specified"


async def test_a_hanging_cluster_fails_at_the_deadline_with_its_last_words(scene: Scene) -> None:
    first, second = f"{scene.label}-1", f"{scene.label}-2"
    clock = ScaledTime(1)
    await scene.fleet(count=2, faults=[f"hangs@{first}"])
    await scene.start(clock=clock)
    await scene.apply(ibgu("hang", step("Prep", timeout=2), fleet=scene.label))
    await scene.seen_in_journal("MemberFinished", second)
    await scene.says("hang", first, "Waiting for system to stabilize")
    clock.speed = 30
    await scene.completed("hang")
    (failed,) = (await scene.entry("hang", first))["failedActions"]
    assert failed["message"].startswith(TIMEOUT.replace(":", " (ClusterNotStable):", 1))
    assert "Waiting for system to stabilize" in failed["message"]
    assert await scene.labels(first) == {"prep-failed": ""}
    assert await scene.labels(second) == {"prep-completed": ""}


async def test_a_slot_is_taken_from_a_member_past_its_limit(scene: Scene) -> None:
    """With one slot and two clusters, a share is half of the timeout."""
    first, second = f"{scene.label}-1", f"{scene.label}-2"
    clock = ScaledTime(1)
    await scene.fleet(count=2, faults=[f"hangs@{first}"])
    await scene.start(clock=clock)
    await scene.apply(ibgu("slots", step("Prep", most=1, timeout=4), fleet=scene.label))
    await scene.seen_in_journal("RunAccepted", first)
    clock.speed = 30
    await scene.seen_in_journal("RunIntended", second)
    clock.speed = 1
    await scene.seen_in_journal("MemberFinished", second)
    clock.speed = 30
    await scene.completed("slots")
    assert actions(await scene.entry("slots", first), "failed") == ["Prep"]
    assert actions(await scene.entry("slots", second), "completed") == ["Prep"]


async def test_a_cluster_that_never_returns_from_its_reboot(scene: Scene) -> None:
    first, second = f"{scene.label}-1", f"{scene.label}-2"
    clock = ScaledTime(1)
    # Seconds until it is dark: nobody knows of a reboot whose beginning was never told.
    await scene.fleet(count=2, durations="900s", faults=[f"never-returns@{first}"])
    await scene.start(clock=clock)
    await scene.apply(ibgu("dark", step("Prep", "Upgrade", timeout=5), fleet=scene.label))
    await scene.says("dark", first, "while it reboots")
    await scene.seen_in_journal("MemberFinished", second)
    clock.speed = 30
    await scene.completed("dark")
    (failed,) = (await scene.entry("dark", first))["failedActions"]
    assert failed["action"] == "Upgrade"
    assert failed["message"].startswith(TIMEOUT)
    assert "upgrade-failed" in await scene.labels(first)
    # Nobody knows where it is: automatic import stays off.
    assert any("disable-auto-import" in key for key in await scene.annotations(first))
    assert not any("auto-import" in key for key in await scene.annotations(second))


async def test_an_upgrade_that_completes_late(scene: Scene) -> None:
    first = f"{scene.label}-1"
    clock = ScaledTime(1)
    await scene.fleet(count=1, faults=[f"late-success:2400s@{first}"])
    await scene.start(clock=clock)
    await scene.apply(ibgu("late", step("Prep", "Upgrade", timeout=2), fleet=scene.label))
    await scene.seen_in_journal("RunAccepted", first, count=2)
    clock.speed = 30
    await scene.completed("late")
    assert "upgrade-failed" in await scene.labels(first)
    await scene.seen_in_journal("CompletedLate", first)

    async def moved() -> bool:
        entry = await scene.entry("late", first)
        return actions(entry, "completed") == ["Prep", "Upgrade"]

    await scene.until(moved, "the upgrade to count as completed")
    entry = await scene.entry("late", first)
    assert "failedActions" not in entry
    assert entry["completedActions"][1]["message"].startswith("completed late, after")
    await scene.at_rest()
    assert await scene.labels(first) == {"prep-completed": "", "upgrade-completed": ""}
    assert not any("auto-import" in key for key in await scene.annotations(first))
    await scene.told("late", "completed late", "Normal")


async def test_dark_clusters_wait_without_a_slot_and_join_later(scene: Scene) -> None:
    first, second = f"{scene.label}-1", f"{scene.label}-2"
    await scene.fleet(count=2, faults=[f"offline:100h@{first}"])

    async def dark() -> bool:
        found = await scene.get(paths.managed_cluster(first))
        conditions = found.get("status", {}).get("conditions", [])
        return any(c["status"] == "Unknown" for c in conditions)

    await scene.until(dark, "the hub to miss the cluster")
    await scene.start()
    await scene.apply(ibgu("join", step("Prep", most=1), fleet=scene.label))
    await scene.seen_in_journal("MemberFinished", second)
    assert await scene.works(first) == []

    async def waits() -> bool:
        summary = (await scene.status("join")).get("summary", {})
        return (summary.get("succeeded"), summary.get("waiting")) == (1, 1)

    await scene.until(waits, "the status to show who waits")
    scene.act(first, lambda cluster, now: SimulatedCluster.come_back(cluster))
    await scene.completed("join")
    assert scene.stages(first) == ["Prep"]


async def test_members_that_never_started_fail_at_the_deadline_without_a_label(
    scene: Scene,
) -> None:
    first = f"{scene.label}-1"
    await scene.fleet(count=1)
    await scene.start(clock=ScaledTime(30))
    scene.act(first, lambda cluster, now: SimulatedCluster.go_dark(cluster))
    await scene.apply(ibgu("never", step("Prep", timeout=4), fleet=scene.label))
    await scene.completed("never")
    (failed,) = (await scene.entry("never", first))["failedActions"]
    assert failed["message"].startswith("NeverStarted: ")
    assert await scene.labels(first) == {}
    assert scene.stages(first) == []


async def test_a_run_that_never_reached_its_cluster_is_withdrawn(scene: Scene) -> None:
    """No failure and no label: the cluster waits like one that was never started."""
    await scene.fleet(count=2, scale=0.06, durations="20s", faults=["blocked:60s"])
    await scene.start(clock=ScaledTime(20))
    await scene.apply(ibgu("withdrawn", step("Prep", most=1), fleet=scene.label))
    first = await scene.accepted()
    scene.freeze(first)  # It keeps the only slot until the second one is dark.
    (second,) = scene.others(first)
    await scene.ready(1)
    scene.act(second, lambda cluster, now: SimulatedCluster.go_dark(cluster))
    scene.freeze(first, False)
    await scene.seen_in_journal("RunArmed", second)
    await scene.seen_in_journal("RunEnded", second)
    rows = await scene.journal("SELECT result FROM runs WHERE cluster = $1", second)
    assert [row["result"] for row in rows] == ["withdrawn"]
    await scene.at_rest()
    assert scene.stages(second) == []
    assert await scene.labels(second) == {}
    scene.act(second, lambda cluster, now: SimulatedCluster.come_back(cluster))
    await scene.completed("withdrawn")
    assert scene.stages(second) == ["Prep"]
    assert await scene.labels(second) == {"prep-completed": ""}
