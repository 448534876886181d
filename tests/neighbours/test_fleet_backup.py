"""Backups before an update, on real work agents: what an agent makes of the work of a Job."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

from ibgu.core.model import names
from ibgu.hub import paths
from tests.e2e.clock import ScaledTime
from tests.e2e.test_fleet_backup import BACKUP
from tests.e2e.test_fleet_update import ended, fleet_update
from tests.neighbours.backup_player import JOBS, SPACE, BackupPlayer
from tests.neighbours.scene import RealScene
from tests.neighbours.test_fleet_update import QUICK, version_on

NO_SPACE = (
    "PodFailurePolicy",
    "Container job for pod openshift-ibgu-backup/b failed with exit code 3 "
    "matching FailJob rule at index 0",
)


@asynccontextmanager
async def good_and_bad(scene: RealScene) -> AsyncIterator[dict[str, BackupPlayer]]:
    """Two clusters whose Jobs run, by name: that of the first one succeeds, the other's fails."""
    await scene.fleet(count=2, version="4.16.3", updates=QUICK)
    good, bad = (f"{scene.label}-{number}" for number in (1, 2))
    players = {
        good: BackupPlayer(scene.real(good).server),
        bad: BackupPlayer(scene.real(bad).server, NO_SPACE),
    }
    async with AsyncExitStack() as stack:
        for player in players.values():
            await stack.enter_async_context(player.playing())
        yield players


async def job_works(scene: RealScene, cluster: str) -> list[dict[str, Any]]:
    return await scene.items(paths.works(cluster), f"{names.PART}={names.JOB}")


async def test_a_backup_is_gone_before_the_update_and_one_that_fails_prevents_it(
    scene: RealScene,
) -> None:
    async with good_and_bad(scene) as players:
        good, bad = players
        running = version_on(scene, bad)["status"]["desired"]["image"]
        await scene.start(clock=ScaledTime(60))
        plan = ("Check Mirror Backup Update", "RetractOnFailure")
        await scene.apply(fleet_update("saved", scene.label, *plan, backup=BACKUP))
        found = await ended(scene, "saved", "CompletedWithFailures")
        failed = next(each for each in found["clusters"] if each["name"] == bad)
        assert "too little free space" in failed["failedActions"][0]["message"]
        assert version_on(scene, good)["status"]["history"][0]["state"] == "Completed"
        assert version_on(scene, bad)["status"]["desired"]["image"] == running
        for name, player in players.items():
            assert len(player.made) == 1
            assert await job_works(scene, name) == []
            assert player.of(JOBS) == []
            assert "ownerReferences" not in version_on(scene, name)["metadata"]


async def test_nothing_follows_while_the_cluster_still_has_the_job(scene: RealScene) -> None:
    await scene.fleet(count=1, version="4.16.3", updates=QUICK)
    name = f"{scene.label}-1"
    player = BackupPlayer(scene.real(name).server)
    player.holding = True
    running = version_on(scene, name)["status"]["desired"]["image"]
    async with player.playing():
        await scene.start(clock=ScaledTime(5))
        await scene.apply(fleet_update("held", scene.label, "Backup Update", backup=BACKUP))

        async def removing() -> bool:
            works = await job_works(scene, name)
            return bool(works and works[0]["metadata"].get("deletionTimestamp"))

        await scene.until(removing, "the work of the Job to be deleted")

        async def said() -> bool:
            rows = await scene.journal("SELECT reason->>'message' AS words FROM members")
            return [row["words"] for row in rows] == ["removes what the run has brought"]

        await scene.until(said, "the record to say what the cluster waits for")
        assert version_on(scene, name)["status"]["desired"]["image"] == running
        assert "desiredUpdate" not in version_on(scene, name)["spec"]
        player.holding = False

        async def gone() -> bool:
            return await job_works(scene, name) == []

        await scene.until(gone, "the work of the Job to be gone")
        assert len(player.made) == 1
        assert scene.real(name).server.api.found(SPACE) is None

        async def asked() -> bool:
            return "desiredUpdate" in version_on(scene, name)["spec"]

        await scene.until(asked, "the update to be asked for")
