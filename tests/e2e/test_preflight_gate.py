"""R46.8, R46.9: the controller evaluates preflight before the start, and holds what it may."""

import json
from datetime import timedelta

from msgspec.structs import replace

from ibgu.db.inspections import Inspections
from ibgu.sim.cluster import SimulatedCluster
from tests.e2e.harness import Scene
from tests.e2e.manifests import Object, config_map, ibgu, step
from tests.e2e.test_inspections import store

__all__ = ["store"]
ENFORCE = {"ibgu.dev/preflight": "enforce"}
REASONS = "SELECT cluster, reason->>'kind' AS kind, reason->>'message' AS why FROM members"
EVALUATED = "SELECT data->'preflight' AS found FROM events WHERE kind = $1 ORDER BY seq"


async def evaluated(scene: Scene) -> list[Object]:
    """Returns the evaluations that are in the history."""
    rows = await scene.journal(EVALUATED, "PreflightEvaluated")
    return [json.loads(row["found"]) for row in rows]


async def kept(scene: Scene, cluster: str) -> None:
    """Waits until the cluster waits for preflight."""

    async def waits() -> bool:
        rows = await scene.journal(REASONS)
        return any(row["cluster"] == cluster and row["kind"] == "PreflightError" for row in rows)

    await scene.until(waits, f"{cluster} to wait for preflight")


async def test_a_cluster_with_an_error_waits_and_starts_by_itself_once_it_heals(
    scene: Scene,
) -> None:
    first, second, third = (f"{scene.label}-{n}" for n in (1, 2, 3))
    await scene.fleet(count=3, version="4.16.3", defects=[f"topology-wrong@{first}"])
    await scene.start()
    await scene.apply(ibgu("ran", step("Prep", most=1), fleet=scene.label, annotations=ENFORCE))
    for name in (second, third):
        await scene.seen_in_journal("MemberFinished", name)
    await kept(scene, first)
    assert scene.stages(first) == []
    [found] = await evaluated(scene)
    [error] = [each for each in found["findings"] if each["severity"] == "error"]
    assert (error["rule"], error["clusters"]) == ("P10", [first])
    scene.act(first, lambda cluster, now: setattr(cluster.registration, "topology", SINGLE))
    await scene.completed("ran")
    assert scene.stages(first) == ["Prep"]


SINGLE = "SingleReplica"


async def test_clusters_are_inspected_before_an_enforced_step_and_on_request(
    scene: Scene, store: Inspections
) -> None:
    first, second = f"{scene.label}-1", f"{scene.label}-2"
    await scene.fleet(count=2, version="4.16.3", defects=[f"lca-stopped@{first}"])
    await scene.start(preflight_inspections=True)
    await scene.apply(ibgu("ran", step("Prep"), fleet=scene.label, annotations=ENFORCE))
    await scene.seen_in_journal("MemberFinished", second)
    await kept(scene, first)
    assert scene.stages(first) == []
    [found] = await evaluated(scene)
    errors = [each for each in found["findings"] if each["severity"] == "error"]
    assert [(each["rule"], each["clusters"]) for each in errors] == [("P6", [first])]
    scene.act(first, start_agent)
    await store.request([first], "again", timedelta())
    await scene.completed("ran")
    assert scene.stages(first) == ["Prep"]


def start_agent(cluster: SimulatedCluster, now: float) -> None:
    cluster.change_equipment(replace(cluster.spoke.equipment, lca_running=True), now)


async def test_a_cluster_that_can_not_be_inspected_holds_no_step(scene: Scene) -> None:
    first, second = f"{scene.label}-1", f"{scene.label}-2"
    await scene.fleet(count=2, version="4.16.3")
    scene.freeze(first)
    await scene.start(preflight_inspections=True, preflight_inspection_seconds=2)
    await scene.apply(ibgu("ran", step("Prep"), fleet=scene.label, annotations=ENFORCE))
    await scene.seen_in_journal("MemberFinished", second)
    scene.freeze(first, False)
    await scene.completed("ran")


async def test_nothing_is_inspected_where_preflight_only_warns(
    scene: Scene, store: Inspections
) -> None:
    first = f"{scene.label}-1"
    await scene.fleet(count=1, version="4.16.3")
    await scene.start(preflight_inspections=True)
    await scene.apply(ibgu("ran", step("Prep"), fleet=scene.label))
    await scene.completed("ran")
    assert await store.results([first], timedelta(hours=1)) == {}


async def test_a_person_lets_a_cluster_start_in_spite_of_its_error(scene: Scene) -> None:
    first = f"{scene.label}-1"
    await scene.fleet(count=1, version="4.16.3", defects=[f"topology-wrong@{first}"])
    await scene.start()
    await scene.apply(ibgu("ran", step("Prep"), fleet=scene.label, annotations=ENFORCE))
    await kept(scene, first)
    await scene.annotate("ran", "ibgu.dev/preflight=warn")
    await scene.completed("ran")


async def test_an_error_is_in_the_history_and_holds_nothing_by_default(scene: Scene) -> None:
    first = f"{scene.label}-1"
    await scene.fleet(count=1, version="4.16.3", defects=[f"topology-wrong@{first}"])
    await scene.start()
    await scene.apply(ibgu("ran", step("Prep"), fleet=scene.label))
    await scene.completed("ran")
    [found] = await evaluated(scene)
    assert "P10" in {each["rule"] for each in found["findings"]}


async def test_content_at_fault_holds_the_step_until_it_is_corrected_and_resumed(
    scene: Scene,
) -> None:
    """Other content than the step began with is accepted by a person (R25.4)."""
    place = ("openshift-lifecycle-agent", "extra")
    await scene.apply(config_map(*place, extra="kind: Backup"))
    await scene.fleet(count=1, version="4.16.3")
    await scene.start(payload_check_seconds=1)
    extra = [{"namespace": place[0], "name": place[1]}]
    manifest = ibgu(
        "ran", step("Prep"), fleet=scene.label, annotations=ENFORCE, extraManifests=extra
    )
    await scene.apply(manifest)
    await held(scene, "PlanPreflightError")
    await scene.apply(config_map(*place, extra=NAMESPACE))
    await held(scene, "PayloadChanged")
    await scene.annotate("ran", "ibgu.dev/resume=1")
    await scene.completed("ran")


NAMESPACE = """\
apiVersion: v1
kind: Namespace
metadata:
  name: extra
"""


async def held(scene: Scene, kind: str) -> None:
    async def shown() -> bool:
        rows = await scene.journal("SELECT hold->>'kind' AS kind FROM steps")
        return [row["kind"] for row in rows] == [kind]

    await scene.until(shown, f"the step to be held: {kind}")
