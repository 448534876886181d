"""A hub that ibgu has worked on for years: old rollouts go, and the work goes on."""

from ibgu import telemetry
from tests.e2e.harness import Scene
from tests.e2e.manifests import ibgu, step

AGED = """
    UPDATE rollouts SET deleted_at = deleted_at - interval '401 days' WHERE deleted_at IS NOT NULL
"""


async def test_an_old_rollout_goes_and_its_clusters_are_rolled_back(scene: Scene) -> None:
    """The old etcd, which comes back with that, still has a run that is long forgotten (R9.7)."""
    await scene.fleet(count=2)
    await scene.start()
    await scene.apply(ibgu("old", step("Prep"), step("Upgrade"), fleet=scene.label))
    await scene.completed("old")
    await scene.kubectl("delete", "ibgu", "old")
    await scene.seen_in_journal("RolloutDeleted")
    await scene.until(lambda: scene.remembered() == [], "the rollout to be over")
    await scene.stop()
    await scene.journal(AGED)
    await scene.journal("SELECT ibgu_forget_events(id, now() + interval '1 day') FROM hubs")
    before = _counted()
    await scene.start()
    await scene.until(lambda: _none_left(scene), "the old rollout to go")
    await scene.until(lambda: _counted() == before + 4, "its members to be counted")
    await scene.apply(ibgu("back", step("Rollback"), fleet=scene.label))
    await scene.completed("back")
    found = await scene.journal("SELECT result FROM runs")
    assert [row["result"] for row in found] == ["succeeded"] * 2


def _counted() -> float:
    return float(telemetry.FORGOTTEN.labels("members")._value.get())


async def _none_left(scene: Scene) -> bool:
    tables = ("rollouts", "steps", "members", "runs")
    counts = " + ".join(f"(SELECT count(*) FROM {table})" for table in tables)
    (row,) = await scene.journal(f"SELECT {counts} AS left")
    return bool(row["left"] == 0)
