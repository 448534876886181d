"""A real controller keeps clusters' labels for who asks by them."""

from ibgu.core.plan import parse_selector
from ibgu.db.engine import engine
from ibgu.db.reads import Reads
from tests.e2e.clock import ScaledTime
from tests.e2e.harness import Scene
from tests.e2e.manifests import ibgu, step


async def test_clusters_are_found_by_the_labels_that_they_have_now(scene: Scene) -> None:
    first, second = f"{scene.label}-1", f"{scene.label}-2"
    await scene.fleet(count=2)
    await scene.start(clock=ScaledTime(40))
    await scene.apply(ibgu("labels", step("Prep"), fleet=scene.label))
    await scene.completed("labels")
    pool = engine(scene.database_url)
    (row,) = await scene.journal("SELECT hub FROM rollouts")
    reads = Reads(pool, row["hub"])

    async def found(text: str, *wanted: str) -> bool:
        return (await reads.clusters(label=parse_selector(text))).items == wanted

    fleet = f"fleet={scene.label}"
    await scene.until(lambda: found(fleet, first, second), "both to be found")
    await scene.kubectl("label", "managedcluster", second, "region=north", "fleet-")
    await scene.until(lambda: found(fleet, first), "only the first one to be found")
    await scene.until(lambda: found("region=north,!fleet", second), "the second by its new label")
    await pool.dispose()
