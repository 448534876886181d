"""IBGUs and ManagedClusters that go away, come back, or compete for the same clusters."""

import asyncio

from ibgu.hub import paths
from tests.e2e.harness import Scene, actions
from tests.e2e.manifests import ibgu, step


async def test_an_ibgu_deleted_in_mid_flight_lets_everything_go(scene: Scene) -> None:
    await scene.fleet(count=2, faults=["hangs"])
    await scene.start()
    await scene.apply(ibgu("gone", step("Prep", most=1), fleet=scene.label))
    first = await scene.accepted()
    (second,) = scene.others(first)
    await scene.kubectl("delete", "ibgu", "gone")
    await scene.seen_in_journal("RolloutDeleted")
    await scene.at_rest()

    async def no_works() -> bool:
        return await scene.items(paths.works()) == []

    await scene.until(no_works, "the works to go")
    await scene.until(lambda: not scene.remembered(), "the rollout to be forgotten")
    assert scene.stages(first) == ["Prep"]
    assert scene.cluster(first).spoke.ibu is not None  # Orphan: the cluster keeps what it has
    assert scene.stages(second) == []
    rows = await scene.journal("SELECT outcome, cause FROM members")
    assert {(row["outcome"], row["cause"]) for row in rows} == {("cancelled", "RolloutDeleted")}
    for name in (first, second):
        assert await scene.labels(name) == {}
    # Another one of that name is another rollout.
    await scene.apply(ibgu("gone", step("Abort"), fleet=scene.label))
    await scene.completed("gone")
    assert scene.stages(first) == ["Prep", "Abort"]


async def test_an_ibgu_deleted_during_a_reboot_watches_until_it_is_over(scene: Scene) -> None:
    first = f"{scene.label}-1"
    await scene.fleet(count=1, faults=["returns-late:300s"])
    await scene.start()
    await scene.apply(ibgu("gone", step("Prep", "Upgrade"), fleet=scene.label))
    await scene.until(lambda: not scene.cluster(first).connected, "the reboot")
    await scene.seen_in_journal("RunAccepted", first, count=2)
    await scene.kubectl("delete", "ibgu", "gone")
    await scene.seen_in_journal("RolloutDeleted")
    await scene.until(lambda: scene.cluster(first).connected, "the cluster to be back")

    async def no_works() -> bool:
        return await scene.works(first) == []

    await scene.until(no_works, "the watch to end")
    assert scene.stages(first) == ["Prep", "Upgrade"]
    assert not any("auto-import" in key for key in await scene.annotations(first))


async def test_a_completed_ibgu_that_is_deleted_leaves_no_works(scene: Scene) -> None:
    """Until then they are kept: the next step, or late truth, may need them."""
    await scene.fleet(count=2)
    await scene.start()
    await scene.apply(ibgu("gone", step("Prep"), fleet=scene.label))
    await scene.completed("gone")
    assert len(await scene.items(paths.works())) == 2
    await scene.kubectl("delete", "ibgu", "gone")

    async def no_works() -> bool:
        return await scene.items(paths.works()) == []

    await scene.until(no_works, "the works to go")


async def test_an_ibgu_deleted_while_ibgu_is_away(scene: Scene) -> None:
    first = f"{scene.label}-1"
    await scene.fleet(count=1, faults=[f"hangs@{first}"])
    await scene.start()
    await scene.apply(ibgu("gone", step("Prep"), fleet=scene.label))
    await scene.seen_in_journal("RunAccepted", first)
    await scene.stop()
    await scene.kubectl("delete", "ibgu", "gone")
    await scene.start()
    await scene.seen_in_journal("RolloutDeleted")
    await scene.at_rest()


async def test_a_cluster_deleted_in_mid_flight_ends_its_member_only(scene: Scene) -> None:
    first, second, third = (f"{scene.label}-{number}" for number in (1, 2, 3))
    player = await scene.fleet(count=3, faults=[f"hangs@{first}", f"hangs@{second}"])
    await scene.start()
    await scene.apply(ibgu("less", step("Prep", most=2), step("Upgrade"), fleet=scene.label))
    await scene.seen_in_journal("RunAccepted", first)
    await scene.seen_in_journal("RunAccepted", second)
    await player.delete_managed_cluster(first)
    await scene.seen_in_journal("MemberFinished", first)
    await player.delete_managed_cluster(second)
    await player.recreate_managed_cluster(second)
    await scene.completed("less")
    (gone,) = (await scene.entry("less", first))["failedActions"]
    (again,) = (await scene.entry("less", second))["failedActions"]
    assert gone["message"].startswith("ClusterGone: ")
    # Whichever of the two events ibgu saw first, the new cluster is not the member.
    assert again["message"].startswith(("ClusterGone: ", "ClusterRecreated: "))
    assert actions(await scene.entry("less", third), "completed") == ["Prep", "Upgrade"]
    assert await scene.labels(second) == {}
    assert scene.stages(second) == ["Prep"]
    await player.delete_managed_cluster(second)


async def test_a_cluster_re_created_while_ibgu_is_away(scene: Scene) -> None:
    first = f"{scene.label}-1"
    player = await scene.fleet(count=1, faults=[f"hangs@{first}"])
    await scene.start()
    await scene.apply(ibgu("other", step("Prep"), fleet=scene.label))
    await scene.seen_in_journal("RunAccepted", first)
    await scene.stop()
    await player.delete_managed_cluster(first)
    await player.recreate_managed_cluster(first)
    await scene.start()
    await scene.completed("other")
    (failed,) = (await scene.entry("other", first))["failedActions"]
    assert failed["message"].startswith("ClusterRecreated: ")
    assert await scene.labels(first) == {}


async def test_two_ibgus_on_the_same_clusters(scene: Scene) -> None:
    """Never two hands on one cluster; the second one finds everything done."""
    await scene.fleet(count=6, durations="60s-100s")
    await scene.start()
    plan = step("Prep", "Upgrade", most=3)
    manifests = [ibgu(name, plan, fleet=scene.label) for name in ("one", "two")]
    await asyncio.gather(*(scene.apply(manifest) for manifest in manifests))
    for name in ("one", "two"):
        status = await scene.completed(name)
        assert status["summary"]["succeeded"] == 6
    for number in range(1, 7):
        cluster = f"{scene.label}-{number}"
        assert scene.stages(cluster) == ["Prep", "Upgrade"]
        assert await scene.labels(cluster) == {"prep-completed": "", "upgrade-completed": ""}


async def test_selectors_that_match_nobody_finish_with_a_warning(scene: Scene) -> None:
    await scene.start()
    await scene.apply(ibgu("nobody", step("Prep"), fleet="no-such-fleet"))
    without = ibgu("absent", step("Prep"), fleet="any")
    del without["spec"]["clusterLabelSelectors"]
    await scene.apply(without)
    for name, words in (
        ("nobody", "no ManagedCluster matches spec.clusterLabelSelectors"),
        ("absent", "spec.clusterLabelSelectors is absent or empty"),
    ):
        status = await scene.completed(name)
        assert status["summary"]["total"] == 0
        condition = await scene.condition(name, "ClustersSelected")
        assert (condition["status"], condition["reason"]) == ("False", "NobodyMatches")
        await scene.told(name, words)


async def test_invalid_annotations_are_reported_on_the_ibgu(scene: Scene) -> None:
    """The first look finds them, and each change by a person; once they are right, it is silent."""
    await scene.fleet(count=1, durations="600s-601s")
    await scene.start()
    marks = {"ibgu.dev/rampup": "true"}
    await scene.apply(ibgu("typed", step("Prep"), fleet=scene.label, annotations=marks))
    await scene.told("typed", "ibgu.dev/rampup does nothing; do you mean ibgu.dev/ramp-up?")
    await scene.annotate("typed", "ibgu.dev/rampup-")
    await scene.annotate("typed", "ibgu.dev/circuit-breaker=sometimes")
    await scene.told("typed", 'ibgu.dev/circuit-breaker is "sometimes"; expected: off')

    async def shown() -> bool:
        return "circuit-breaker" in str(await scene.condition("typed", "AnnotationsValid"))

    async def gone() -> bool:
        return await scene.condition("typed", "AnnotationsValid") == {}

    await scene.until(shown, "the condition to name the circuit breaker")
    await scene.annotate("typed", "ibgu.dev/circuit-breaker=off")
    await scene.until(gone, "the condition to go")
