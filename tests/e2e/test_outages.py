"""The hub's API server and Postgres go away in the middle of a rollout, and come back."""

import asyncio
import json
from pathlib import Path

import pytest

from ibgu.controller.service import LEASE
from ibgu.sim.cluster import SimulatedCluster
from tests.e2e.clock import ScaledTime
from tests.e2e.gate import Gate
from tests.e2e.harness import NAMESPACE, Scene, actions
from tests.e2e.manifests import ibgu, step

ALL = step("Prep", "Upgrade", "FinalizeUpgrade", most=3)


async def untouched_by_it(scene: Scene, name: str, clusters: int) -> None:
    status = await scene.completed(name)
    assert status["summary"]["succeeded"] == clusters
    for number in range(1, clusters + 1):
        cluster = f"{scene.label}-{number}"
        assert scene.stages(cluster) == ["Prep", "Upgrade", "Finalize"]
        assert await scene.labels(cluster) == {}
        assert await scene.annotations(cluster) == {}


@pytest.mark.parametrize("lease", [20, 4], ids=["still leading", "leadership lost"])
async def test_the_api_server_restarts(scene: Scene, lease: int) -> None:
    await scene.fleet(count=6, durations="60s-120s")
    await scene.start(lease_seconds=lease, lease_renew_seconds=lease - 1)
    await scene.apply(ibgu("restart", ALL, fleet=scene.label))
    await scene.seen_in_journal("RunAccepted", count=3)
    await asyncio.to_thread(scene.hub.stop_apiserver)
    await scene.until(lambda: bool(scene.told_problems()), "readiness to say so")
    if lease < 10:
        await scene.until(lambda: not scene.leading(), "leadership to be given up")
    await asyncio.to_thread(scene.hub.start_apiserver)
    await untouched_by_it(scene, "restart", 6)


async def test_rights_that_are_taken_away_and_given_back(scene: Scene) -> None:
    """ibgu waits for them; it is no verdict on the clusters."""
    await scene.fleet(count=4, durations="60s-120s")
    await scene.start(clock=ScaledTime(15))
    await scene.apply(ibgu("rights", ALL, fleet=scene.label))
    await scene.seen_in_journal("RunAccepted", count=2)
    bindings = [
        name
        for name in (await scene.kubectl("get", "clusterrolebinding", "-o", "name")).split()
        if name.endswith("/ibgu-controller-ibgu")
    ]
    (binding,) = [json.loads(await scene.kubectl("get", name, "-o", "json")) for name in bindings]
    await scene.kubectl("delete", *bindings)
    await asyncio.sleep(2)  # long enough for every stage to end, and for writes to be refused
    for extra in ("resourceVersion", "uid", "creationTimestamp", "managedFields"):
        binding["metadata"].pop(extra, None)
    await scene.apply(binding)
    await untouched_by_it(scene, "rights", 4)


async def test_a_lead_that_is_had_again_at_once_withdraws_nothing(scene: Scene) -> None:
    """On a hub that was slow the Lease was lost again and again, and each time a site that had not
    been reached yet began from the start."""
    waits, other = f"{scene.label}-1", f"{scene.label}-2"
    await scene.kubectl(
        *("create", "configmap", scene.label, "-n", "openshift-adp", "--from-literal=a=b")
    )
    await scene.fleet(count=2, faults=[f"namespace-missing@{waits}"])
    await scene.start()
    oadp = [{"name": scene.label, "namespace": "openshift-adp"}]
    await scene.apply(ibgu("blips", step("Prep"), fleet=scene.label, oadpContent=oadp))
    await scene.seen_in_journal("RunIntended", waits)
    await scene.seen_in_journal("MemberFinished", other)
    for _ in range(2):
        await _takes_the_lease(scene)
        await scene.until(scene.leading, "the same controller to lead again")
    assert len(await scene.journal("SELECT epoch FROM leaders")) == 3
    # Whatever the last lead did first is done once it has decided about another rollout, too.
    await scene.apply(ibgu("later", step("AbortOnFailure"), fleet=scene.label))
    await scene.phase("later", "Completed")
    kinds = await scene.journal("SELECT kind FROM events WHERE cluster = $1 ORDER BY seq", waits)
    told = [row["kind"] for row in kinds]
    assert told.count("RunIntended") == 1
    assert "RunEnded" not in told


async def _takes_the_lease(scene: Scene) -> None:
    """Somebody whose next renewal never comes."""
    spec = {"holderIdentity": "a-stranger", "leaseDurationSeconds": 1, "leaseTransitions": 99}
    body = json.dumps({"spec": spec})
    lease = ("patch", "lease", LEASE, "-n", NAMESPACE, "--type=merge", "-p", body)
    await scene.kubectl(*lease)
    await scene.until(lambda: not scene.leading(), "the lead to be lost")


async def test_the_whole_hub_restarts(scene: Scene) -> None:
    await scene.fleet(count=3, durations="60s-120s")
    await scene.start()
    await scene.apply(ibgu("restart", ALL, fleet=scene.label))
    await scene.seen_in_journal("RunAccepted", count=1)
    await asyncio.to_thread(scene.hub.restart)
    await untouched_by_it(scene, "restart", 3)


async def test_a_controller_that_starts_while_the_journal_is_away(
    scene: Scene, tmp_path: Path
) -> None:
    gate = Gate(scene.database_url, tmp_path)
    await scene.fleet(count=1)
    await scene.start(database_url=gate.url, leads=False)
    await scene.apply(ibgu("early", ALL, fleet=scene.label))
    await scene.until(
        lambda: any("away" in problem for problem in scene.told_problems()), "readiness to say so"
    )
    await gate.open()
    await untouched_by_it(scene, "early", 1)
    await scene.stop()
    await gate.shut()


async def test_postgres_goes_away_for_a_while(scene: Scene, tmp_path: Path) -> None:
    """The clusters go on with what runs, an accepted run is disarmed, nothing new starts."""
    gate = Gate(scene.database_url, tmp_path)
    await gate.open()
    await scene.fleet(count=3, scale=0.06, durations="20s", faults=["blocked:60s"])
    await scene.start(database_url=gate.url)
    await scene.apply(ibgu("away", step("Prep", most=1), fleet=scene.label))
    first = await scene.accepted()
    scene.freeze(first)  # It keeps the only slot until the second one is dark.
    second, third = scene.others(first)

    await scene.ready(2)
    scene.act(second, lambda cluster, now: SimulatedCluster.go_dark(cluster))
    scene.freeze(first, False)
    await scene.seen_in_journal("RunArmed", second)
    assert await arming(scene, second) == "armed"
    await gate.shut()
    scene.act(second, lambda cluster, now: SimulatedCluster.come_back(cluster))

    async def disarmed() -> bool:
        return await arming(scene, second) == "disarmed"

    await scene.until(disarmed, "the accepted work to be disarmed")
    assert scene.stages(second) == ["Prep"]
    run = scene.cluster(second).timeline.runs[0]
    await scene.until(lambda: run.outcome == "completed", "Prep to go on to its end")
    await scene.until(
        lambda: any("away" in problem for problem in scene.told_problems()), "readiness to say so"
    )
    assert scene.stages(third) == []
    await gate.open()
    status = await scene.completed("away")
    assert [actions(entry, "completed") for entry in status["clusters"]] == [["Prep"]] * 3
    assert [scene.stages(name) for name in (first, second, third)] == [["Prep"]] * 3
    for name in (first, second, third):
        assert await scene.labels(name) == {"prep-completed": ""}
    await scene.stop()
    await gate.shut()


async def arming(scene: Scene, cluster: str) -> str:
    (work,) = await scene.works(cluster)
    return str(work["metadata"]["annotations"]["ibgu.dev/arming"])


async def test_a_deposed_controller_reloads_the_journal_and_leads_again(scene: Scene) -> None:
    """Another one has led meanwhile, without the Lease; the process goes on living."""
    await scene.fleet(count=3, durations="60s-120s")
    await scene.start()
    await scene.apply(ibgu("deposed", ALL, fleet=scene.label))
    await scene.seen_in_journal("RunAccepted", count=3)
    await scene.journal("UPDATE hubs SET epoch = epoch + 1, leader = 'another', turns = turns + 1")
    await scene.until(
        lambda: any("another leads in epoch 2" in told for told in scene.told_problems()),
        "readiness to say who leads",
    )
    assert not scene.leading()
    await scene.until(scene.leading, "the controller to lead again")
    await untouched_by_it(scene, "deposed", 3)
    (hub,) = await scene.journal("SELECT epoch FROM hubs")
    assert hub["epoch"] == 3
    assert scene.told_problems() == []
