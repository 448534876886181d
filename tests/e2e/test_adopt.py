"""Taking over what TALM has begun: mid-plan, mid-batch, nothing twice and nothing lost."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from ibgu.controller.lookups import talm as watching
from ibgu.core.drivers.ibu.actions import Action
from ibgu.hub import paths
from ibgu.sandbox.hub import SandboxHub
from tests.e2e.conftest import scene_on
from tests.e2e.harness import Scene, actions
from tests.e2e.manifests import Object, step
from tests.e2e.talm import Talm, a_rollout

IMPORT_OFF = "import.open-cluster-management.io/disable-auto-import"


@pytest.fixture
async def scene(talms_hub: SandboxHub, database_url: str) -> AsyncIterator[Scene]:
    async with scene_on(talms_hub, database_url) as made:
        yield made


@pytest.fixture(autouse=True)
def often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watching, "INTERVAL", 0.3)


async def prepares(made: Talm, *clusters: str) -> None:
    """TALM's first step, from its beginning to its end."""
    await made.opens(0, clusters)
    await made.begins(0, Action.PREP, *clusters)
    for cluster in clusters:
        await made.sees(cluster, Action.PREP, "True")
        await made.ends(0, cluster)
    await made.finishes(0, *clusters)


async def upgrades(made: Talm, first: tuple[str, str], *later: str) -> None:
    """TALM's second step, until its first batch is under way."""
    for cluster in (*first, *later):
        await made.scene.kubectl("annotate", "managedcluster", cluster, f"{IMPORT_OFF}=true")
    await made.opens(1, first, later)
    await made.begins(1, Action.UPGRADE, *first)


def names_of(scene: Scene, count: int) -> list[str]:
    return [f"{scene.label}-{number}" for number in range(1, count + 1)]


PLAN = (step("Prep", most=4), step("Upgrade", "FinalizeUpgrade", most=2))


async def check_everybody(scene: Scene, status: Object, clusters: list[str]) -> None:
    """Every action was executed once, and everything is as after a rollout of our own."""
    assert [entry["name"] for entry in status["clusters"]] == clusters
    for entry in status["clusters"]:
        assert actions(entry, "completed") == ["Prep", "Upgrade", "FinalizeUpgrade"]
        assert scene.stages(entry["name"]) == ["Prep", "Upgrade", "Finalize"]
        assert await scene.labels(entry["name"]) == {}
        assert await scene.annotations(entry["name"]) == {}
        assert await scene.works(entry["name"]) == []


async def test_a_rollout_is_taken_over_in_mid_plan(scene: Scene) -> None:
    await scene.fleet(count=4, durations="30s-60s")
    one, two, three, four = clusters = names_of(scene, 4)
    made = await a_rollout(scene, "mid", *PLAN)
    try:
        await made.lives()
        await scene.start()
        await prepares(made, *clusters)
        await upgrades(made, (one, two), three, four)
        await scene.until(lambda: scene.stages(one)[-1:] == ["Upgrade"], "the upgrade to begin")
        await made.dies()
        await scene.seen_in_journal("RolloutHeld", count=2)

        async def asks() -> bool:
            held = await scene.condition("mid", "Held")
            return "ibgu.dev/adopt" in held.get("message", "")

        await scene.until(asks, "the status to ask for a person's word")
        assert scene.stages(three) == ["Prep"]
        await scene.annotate("mid", "ibgu.dev/adopt=yes")
        status = await scene.completed("mid")
        assert await made.left() == []
        await check_everybody(scene, status, clusters)
        told = [event["note"] for event in await scene.events("mid")]
        assert any("taken over from TALM in step 2" in note for note in told)
    finally:
        await made.cleans_up()


REMOVALS = ["removed::1"] * 3
"""ClusterGroupUpgrades, ManifestWorks, TALM's finalizers: a slow hub has done all writes of a kind
by the time at which the first one is answered."""
DEATHS = (
    "before:RolloutAdopted",
    "after:RolloutAdopted",  # taken over in the journal, and nothing was done about it
    *REMOVALS,  # some of what TALM has left is gone, some is not
    "after:RunEnded",
)


async def test_a_controller_killed_in_every_phase_of_it(scene: Scene) -> None:
    await scene.fleet(count=3, durations="60s-90s")
    one, two, three = clusters = names_of(scene, 3)
    made = await a_rollout(scene, "killed", *PLAN)
    try:
        await prepares(made, *clusters)
        await upgrades(made, (one, two), three)
        await scene.annotate("killed", "ibgu.dev/adopt=yes")
        for death in DEATHS:
            await scene.killed(await scene.victim(death))
        await scene.start()
        status = await scene.completed("killed")
        assert await made.left() == []
        await check_everybody(scene, status, clusters)
        (row,) = await scene.journal(
            "SELECT count(*) AS count FROM events WHERE kind = 'RolloutAdopted'"
        )
        assert row["count"] == 1
    finally:
        await made.cleans_up()


async def test_a_failure_that_talm_did_not_see(scene: Scene) -> None:
    """The failure shows at once, with the cluster's own words, and the plan goes on from there."""
    await scene.fleet(count=2, faults=[f"prep.precache@{scene.label}-1"])
    bad, good = names_of(scene, 2)
    made = await a_rollout(scene, "failed", step("Prep"), step("AbortOnFailure"))
    try:
        await made.opens(0, [bad, good])
        await made.begins(0, Action.PREP, bad, good)
        await made.sees(bad, Action.PREP, "False")
        await scene.annotate("failed", "ibgu.dev/adopt=yes")
        await scene.start()
        status = await scene.completed("failed")
        entry = next(entry for entry in status["clusters"] if entry["name"] == bad)
        (failure,) = entry["failedActions"]
        assert failure["message"].startswith("PrepFailed (PrecacheFailed): precache job failed")
        assert actions(entry, "completed") == ["AbortOnFailure"]
        assert [scene.stages(name) for name in (bad, good)] == [["Prep", "Abort"], ["Prep"]]
        assert await scene.labels(good) == {"prep-completed": ""}
        assert await made.left() == []
    finally:
        await made.cleans_up()


async def test_a_work_that_does_not_orphan_is_removed_without_harm(scene: Scene) -> None:
    await scene.fleet(count=1, durations="100s")
    (only,) = names_of(scene, 1)
    made = await a_rollout(scene, "orphan", step("Prep"))
    try:
        await made.opens(0, [only])
        await made.begins(0, Action.PREP, only, orphan=False)
        await scene.until(lambda: scene.stages(only) == ["Prep"], "Prep to begin")
        await scene.annotate("orphan", "ibgu.dev/adopt=yes")
        await scene.start()
        await scene.completed("orphan")
        assert await made.left() == []
        assert scene.stages(only) == ["Prep"]
        assert await scene.labels(only) == {"prep-completed": ""}
    finally:
        await made.cleans_up()


async def test_another_rollout_keeps_its_hands_off(scene: Scene) -> None:
    """Nobody else acts on a cluster as long as a work of TALM's does."""
    await scene.fleet(count=1)
    (only,) = names_of(scene, 1)
    made = await a_rollout(scene, "talms", step("Prep"))
    try:
        await made.opens(0, [only])
        await made.begins(0, Action.PREP, only)
        await made.sees(only, Action.PREP, "True")
        await scene.start()
        other = await a_rollout(scene, "other", step("Abort"))

        async def waits() -> bool:
            rows = await scene.journal("SELECT reason->>'kind' AS kind FROM members")
            return [row["kind"] for row in rows] == ["TalmWorkPresent"]

        await scene.until(waits, "the other rollout to wait")
        await asyncio.sleep(0.5)  # about what must not happen
        assert scene.stages(only) == ["Prep"]
        await scene.annotate("talms", "ibgu.dev/adopt=yes")
        await scene.completed("talms")
        await scene.completed("other")
        assert scene.stages(only) == ["Prep", "Abort"]
        assert other.name == "other"
        assert await made.left() == []
    finally:
        await made.cleans_up()


async def test_a_rollout_that_talm_finished_is_not_touched(scene: Scene) -> None:
    await scene.fleet(count=1)
    (only,) = names_of(scene, 1)
    made = await a_rollout(scene, "old", step("Prep"), step("AbortOnFailure"))
    try:
        await prepares(made, only)
        await made.opens(1)
        await made.finishes(1)
        left = await made.left()
        await scene.start()
        status = await scene.completed("old")
        assert [actions(entry, "completed") for entry in status["clusters"]] == [["Prep"]]
        assert scene.stages(only) == ["Prep"]
        assert await made.left() == left
        found = await scene.get(paths.managed_cluster(only))
        assert found["metadata"]["labels"]["lcm.openshift.io/ibgu-prep-completed"] == ""
    finally:
        await made.cleans_up()
